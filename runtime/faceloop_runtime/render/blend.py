"""How a drawn face is put into a picture: its colours, and its edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Mask = NDArray[np.bool_]
    Alpha = NDArray[np.float32]

_CONTRAST = 0.6, 1.6
"""Least and greatest change of the spread."""
_FEWEST = 16
"""Pixels that say something of the light."""


def matched_colours(drawn: Image, scene: Image, where: Mask) -> Image:
    """Give a drawn face the light of the scene: the mean of each channel, and the spread.

    After Reinhard, Ashikhmin, Gooch & Shirley, "Color transfer between images" (2001), but by
    factors of each channel, as light does: what is dark stays dark, and a gray eye gray.

    Parameters
    ----------
    drawn, scene : ndarray of uint8, shape (H, W, 3)
        The face, and the same part of the picture.
    where : ndarray of bool, shape (H, W)
        Pixels that are compared.
    """
    if int(where.sum()) < _FEWEST:
        return drawn
    own, other = drawn[where].astype(np.float32), scene[where].astype(np.float32)
    light = other.mean(axis=0) / np.maximum(own.mean(axis=0), 1.0)
    spread = float(np.mean(other.std(axis=0) / np.maximum(own.std(axis=0) * light, 1.0)))
    levels = np.arange(256, dtype=np.float32)[:, None] * light - other.mean(axis=0)
    table = levels * np.clip(spread, *_CONTRAST) + other.mean(axis=0)
    return np.asarray(cv2.LUT(drawn, np.rint(table.clip(0, 255)).astype(np.uint8)[None]), np.uint8)


def soft_edge(where: Mask, width: float) -> Alpha:
    """Return how opaque each pixel is: 1 inside, less and less over ``width`` pixels to the edge.

    The edge of the picture is none.
    """
    away = cv2.distanceTransform(where.astype(np.uint8), cv2.DIST_L2, 3)
    share = np.clip(away / max(width, 1e-6), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), np.float32)


def put_over(scene: Image, drawn: Image, alpha: Alpha) -> None:
    """Blend a drawn face into a part of a picture, in place."""
    share = alpha[..., None]
    mixed = drawn * share + scene * (1.0 - share)
    scene[:] = np.rint(mixed).astype(np.uint8)
