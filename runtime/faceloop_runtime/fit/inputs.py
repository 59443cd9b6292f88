"""What a fit is given: a picture, and where to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_datasets.media.images import to_gray
from faceloop_runtime.geometry import has_extent

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def as_gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take a gray (H, W) or RGB (H, W, 3) picture as gray, or say what is wrong with it."""
    if image.ndim == 2 and image.size and image.dtype == np.uint8:
        return image
    if image.ndim == 3 and image.shape[2] == 3 and image.size and image.dtype == np.uint8:
        return to_gray(image)
    raise FaceloopError(
        f"Cannot fit an image of shape {image.shape} and type {image.dtype}; expected uint8, "
        "(H, W) or (H, W, 3)."
    )


def as_start(init: ArrayLike, count: int) -> NDArray[np.float64]:
    """Take points (N, 2), NaN where unknown, or a box (4,) to start from, or refuse them.

    Parameters
    ----------
    init : array_like
        What a caller gave.
    count : int
        Landmarks of the model, N.

    Raises
    ------
    FaceloopError
        If it is neither.
    """
    start = np.array(init, dtype=np.float64)
    if start.shape == (4,) and np.isfinite(start).all() and (start[2:] > 0).all():
        return start
    if start.shape == (count, 2):
        start[~np.isfinite(start)] = np.nan
        if has_extent(start):
            return start
    raise FaceloopError(
        f"Cannot start a fit from an array of shape {start.shape}; expected "
        f"{(count, 2)} with at least two different known points, or a box "
        "(x, y, width, height) of positive size."
    )
