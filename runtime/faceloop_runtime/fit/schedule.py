"""In which passes a fit is searched, from rough and from close starts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pass:
    """One evaluation of the responses, and the mean-shift updates made on it.

    Parameters
    ----------
    level : int
        Which scale, 0 for the coarsest.
    variances : tuple of float
        Variance of the kernel in each update, in pixels of the crop squared.
    """

    level: int
    variances: tuple[float, ...]


FROM_START = (
    Pass(0, (20.0, 10.0, 5.0)),
    Pass(0, (10.0, 5.0)),
    Pass(1, (20.0, 10.0, 5.0, 2.5)),
    Pass(2, (20.0, 10.0, 5.0, 2.5)),
)
"""From a rough start: twice at the coarsest scale, then once at each finer one. Once there would
be a fifth faster, and worse (MUCT, 300 training faces: NME .0256 against .0244)."""
FROM_CLOSE = (Pass(2, (20.0, 10.0, 5.0, 2.5)),)
"""From the last frame of a face that moves little: the finest scale only. Three updates would save
a fiftieth of the time for errors of .0349 instead of .0347 (Talking Face, all points)."""
FROM_NEAR = (Pass(1, (20.0, 10.0, 5.0)), Pass(2, (20.0, 10.0, 5.0, 2.5)))
"""From the last frame: the two finer scales."""
FROM_NETWORK = (
    Pass(0, (10.0, 5.0)),
    Pass(1, (20.0, 10.0, 5.0, 2.5)),
    Pass(2, (20.0, 10.0, 5.0, 2.5)),
)
"""From where the start network and a `StartMap` have it ..."""
_NEAR_ENOUGH = 0.1
"""... if that is usually nearer than this, in IOD."""


def passes_from(error: float) -> tuple[Pass, ...]:
    """Return the passes for starts that are usually this far off, in IOD."""
    return FROM_NETWORK if error < _NEAR_ENOUGH else FROM_START
