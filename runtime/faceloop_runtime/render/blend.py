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
    mask = where.astype(np.uint8)
    (own, own_spread), (mean, spread) = (_moments(image, mask) for image in (drawn, scene))
    light = mean / np.maximum(own, 1.0)
    contrast = float(np.mean(spread / np.maximum(own_spread * light, 1.0)))
    levels = np.arange(256, dtype=np.float32)[:, None] * light - mean
    table = levels * np.clip(contrast, *_CONTRAST) + mean
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
    scene[:] = cv2.blendLinear(drawn, np.ascontiguousarray(scene), alpha, 1 - alpha)


def _moments(image: Image, mask: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each channel, (3,), where the mask is not 0."""
    mean, deviation = cv2.meanStdDev(image, mask=mask)
    return np.asarray(mean[:, 0]), np.asarray(deviation[:, 0])
