"""Where one shot of a video ends and the next begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]


class ShotCounter:
    """Number the shots of a video as its frames go by.

    A cut is a frame whose thumbnail shares little with the one before: the mean absolute
    difference is large and the correlation is low. A fast movement or a change of light fails
    one of the two.

    Parameters
    ----------
    difference : float
        Least mean absolute difference of a cut, in gray levels.
    correlation : float
        Greatest correlation of a cut.
    """

    _SIZE = (32, 24)

    def __init__(self, difference: float = 20.0, correlation: float = 0.5) -> None:
        self._difference = difference
        self._correlation = correlation
        self._last: NDArray[np.float32] | None = None
        self.shot = 0

    def update(self, gray: Image) -> int:
        """Return the number, from 0, of the shot that the next frame, gray (H, W), belongs to."""
        thumb = cv2.resize(gray, self._SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._last is not None and self._is_cut(self._last, thumb):
            self.shot += 1
        self._last = thumb
        return self.shot

    def _is_cut(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
        if float(np.abs(a - b).mean()) < self._difference:
            return False
        a, b = a - a.mean(), b - b.mean()
        norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
        return norm == 0 or float((a * b).sum()) / norm < self._correlation
