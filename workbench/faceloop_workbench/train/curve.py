"""The validation error of a training while it goes on. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_workbench.services.stage_times import begins_stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_workbench.services.messages import Step

# What each stage fits, always to people whom those experts have not seen. The trainer solves for
# its experts in one go, so that there is no error that falls from round to round; what there is
# is the error of each stage of the model.
STAGES = {
    "learning corrections": "patch experts alone",
    "learning to judge fits": "with corrections, from far off",
    "measuring fits": "people held out",
}


class ValidationCurve:
    """Mean error of the faces so far, for each stage that fits faces it has not learned from."""

    def __init__(self) -> None:
        self._errors: dict[str, list[float]] = {}
        self._what, self._done = "", 0
        self._closed: set[str] = set()

    def add_step(self, step: Step) -> None:
        """Take the next errors."""
        now = step.progress
        if begins_stage(now, self._what, self._done):
            # Held-out people are measured again to compare models: the curve is of the first time.
            self._closed |= {self._what} & set(self._errors)
        self._what, self._done = now.what, now.done
        if now.what in STAGES and now.what not in self._closed:
            self._errors.setdefault(now.what, []).extend(step.errors)

    def curves(self) -> list[tuple[str, NDArray[np.float64]]]:
        """Return the running mean of each stage that has begun, under its name for people."""
        return [
            (STAGES[what], np.cumsum(errors) / np.arange(1, len(errors) + 1))
            for what, errors in self._errors.items()
            if errors
        ]
