"""What is taken for a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_datasets.media.images import to_gray

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]


def as_picture(image: Image) -> Image:
    """Take a gray (H, W) or RGB (H, W, 3) picture as it is, or say what is wrong with it.

    Raises
    ------
    FaceloopError
        If it is neither, empty, or not uint8.
    """
    shape, kind = np.shape(image), getattr(image, "dtype", type(image).__name__)
    colours = shape[2:] in ((), (3,))
    if len(shape) in (2, 3) and colours and 0 not in shape and kind == np.uint8:
        return image
    raise FaceloopError(
        f"Cannot use a picture of shape {shape} and type {kind}; expected uint8, "
        "(H, W) or (H, W, 3)."
    )


def as_gray(image: Image) -> Image:
    """Take a picture as `as_picture` does, as gray (H, W)."""
    image = as_picture(image)
    return image if image.ndim == 2 else to_gray(image)
