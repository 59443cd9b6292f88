"""What a fit is given to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_runtime.detect.boxes import FaceBox
from faceloop_runtime.geometry import has_extent

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


_FARTHEST = 1e9
"""Greatest number in a box: beyond, nothing can be computed of a picture."""


def as_start(init: ArrayLike | FaceBox, count: int) -> NDArray[np.float64] | FaceBox:
    """Take points (N, 2), NaN where unknown, or a box to start from, or refuse them.

    Parameters
    ----------
    init : array_like or FaceBox
        What a caller gave. A box may also be four numbers; then the face stands upright.
    count : int
        Landmarks of the model, N.

    Raises
    ------
    FaceloopError
        If it is neither.
    """
    if isinstance(init, FaceBox):
        if _is_usable(init):
            return init
        raise FaceloopError(
            f"Cannot start a fit from {init}; expected finite numbers, and a box of positive size."
        )
    start = np.array(init, dtype=np.float64)
    if start.shape == (4,) and _is_usable(box := FaceBox(*(float(v) for v in start))):
        return box
    if start.shape == (count, 2):
        start[~np.isfinite(start)] = np.nan
        if has_extent(start):
            return start
    raise FaceloopError(
        f"Cannot start a fit from an array of shape {start.shape}; expected "
        f"{(count, 2)} with at least two different known points, or a box "
        "(x, y, width, height) of positive size."
    )


def _is_usable(box: FaceBox) -> bool:
    numbers = np.array([*box.upright(), box.roll])
    bounded = bool((np.abs(numbers) <= _FARTHEST).all())  # NaN is not
    return bounded and min(box.width, box.height) >= 1 / _FARTHEST
