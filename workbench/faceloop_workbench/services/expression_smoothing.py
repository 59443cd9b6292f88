"""Probabilities of expressions that tremble less: a low-pass filter over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HALF = 0.12
"""Seconds after which a step is half shown: at 25 frames a second about what clmtrackr's mean of
ten frames does to it, with half of the lag at its end."""
_GAP = 0.5
"""Seconds without a frame after which nothing of before is shown."""


class ExpressionSmoothing:
    """Smooths what one face expresses from frame to frame."""

    def __init__(self) -> None:
        self._face = -1
        self._time = 0.0
        self._shown: dict[str, float] = {}

    def __call__(
        self, face: int, time: float, probabilities: Mapping[str, float]
    ) -> dict[str, float]:
        """Return smoothed probabilities of the next frame.

        Parameters
        ----------
        face : int
            Identity of the face; of another one, and where time does not go on, it begins anew.
        time : float
            In seconds.
        probabilities : mapping of str to float
            As they were found in this frame.
        """
        seconds = time - self._time
        same = face == self._face and probabilities.keys() == self._shown.keys()
        # A still frame that is shown once more changes nothing.
        share = 1 - 0.5 ** (seconds / _HALF) if same and 0 <= seconds < _GAP else 1.0
        before = self._shown if share < 1.0 else probabilities
        self._shown = {
            name: before[name] + share * (value - before[name])
            for name, value in probabilities.items()
        }
        self._face, self._time = face, time
        return self._shown
