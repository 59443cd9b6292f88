"""Cells of gradients, of a picture at many scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.channels import channel_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CELL = 4
"""Width of a cell, in pixels of the level."""
PYRAMID_STEP = 1.15
"""Ratio of the scales of neighbouring levels."""
_MARGIN = 4
"""Cells round the picture, in which its last pixels repeat: faces may reach beyond the edge."""
_WIDEST = 1.3
"""Most that a window may be of the picture's smaller side, in its own."""
_LARGEST = 2.0
"""Pictures are enlarged by no more than this."""


@dataclass(frozen=True, eq=False)
class Level:
    """A picture at one scale.

    Parameters
    ----------
    cells : ndarray of float32, shape (H, W, C)
        From `cell_map`.
    to_picture : Similarity
        From cells, the corner of the first at (0, 0), to pixels of the picture.
    """

    cells: NDArray[np.float32]
    to_picture: Similarity


def cell_map(gray: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the gradient channels over cells (as in Dalal & Triggs, CVPR 2005).

    Parameters
    ----------
    gray : ndarray of float32, shape (H, W)
        Gray values 0..255, at least one cell wide and high.

    Returns
    -------
    ndarray of float32, shape (H // CELL, W // CELL, C)
        The first cell begins in the picture's first corner.
    """
    height, width = (n // CELL for n in gray.shape)
    channels = channel_stack(gray, ("gradient",))[:, : height * CELL, : width * CELL]
    size = (width, height)
    pooled = [cv2.resize(c, size, interpolation=cv2.INTER_AREA) for c in channels]
    return np.stack(pooled, axis=-1, dtype=np.float32)


def pyramid(
    gray: NDArray[np.uint8], window: float, smallest: float, step: float = PYRAMID_STEP
) -> Iterator[Level]:
    """Reduce a picture step by step, and describe each level by its cells.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The picture.
    window : float
        Size of what is looked for, in cells.
    smallest : float
        Its least size in the picture, in pixels.
    step : float
        From one level to the next.

    Yields
    ------
    Level
        From that size up to one that fills the picture, each ``step`` further.
    """
    size, side = window * CELL, min(gray.shape)
    factor = min(_LARGEST, size / smallest)
    base = gray
    while factor * side * _WIDEST >= size:
        reduced = _resized(base, gray.shape, factor)
        base = reduced if base is gray and factor < 1 else base
        # The factor that the rounded size has, of the longer side, where it is truest.
        own = max(reduced.shape) / max(gray.shape)
        edge = _MARGIN * CELL
        padded = cv2.copyMakeBorder(reduced, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        # Pixel centres are whole numbers: x = (x' + 0.5) / factor - 0.5.
        start = -edge / own - 0.5
        yield Level(cell_map(padded.astype(np.float32)), Similarity(CELL / own, 0.0, start, start))
        factor /= step


def _resized(base: NDArray[np.uint8], shape: tuple[int, ...], factor: float) -> NDArray[np.uint8]:
    """Bring a copy of a picture of some shape to a share of that."""
    size = [max(1, round(n * factor)) for n in shape[::-1]]
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(base, size, interpolation=how), dtype=np.uint8)
