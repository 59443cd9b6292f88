"""The steps of a slider for the factor of a component's prior. Without Qt."""

from __future__ import annotations

import math

from faceloop_workbench.services.regularising import MOST

_A_DECADE = 10
_DECADES = 2
STEPS = (
    0.0,
    *(
        float(f"{MOST * 10 ** (k / _A_DECADE - _DECADES):.2g}")
        for k in range(_DECADES * _A_DECADE + 1)
    ),
)
"""0, which leaves a component free, then ten steps a decade up to the largest factor."""


def nearest_step(factor: float) -> int:
    """Return the number of the step that is nearest by ratio; 0 only for what is free."""
    if factor <= 0:
        return 0
    return min(range(1, len(STEPS)), key=lambda k: abs(math.log(STEPS[k] / factor)))


def factor_text(factor: float) -> str:
    """Say a factor in a few letters."""
    return "free" if factor == 0 else f"{factor:.3g} x"
