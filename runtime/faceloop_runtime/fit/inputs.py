"""What a fit is given to start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_runtime.detect.boxes import FaceBox
from faceloop_runtime.geometry import has_extent

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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
        return init
    start = np.array(init, dtype=np.float64)
    if start.shape == (4,) and np.isfinite(start).all() and (start[2:] > 0).all():
        return FaceBox(*(float(v) for v in start))
    if start.shape == (count, 2):
        start[~np.isfinite(start)] = np.nan
        if has_extent(start):
            return start
    raise FaceloopError(
        f"Cannot start a fit from an array of shape {start.shape}; expected "
        f"{(count, 2)} with at least two different known points, or a box "
        "(x, y, width, height) of positive size."
    )
