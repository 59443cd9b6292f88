"""Image channels that patch experts look at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Crop = NDArray[np.float32]

ORIENTATIONS = 6
"""Gradient channels: directions 0, 60, ... 300 degrees."""
NEIGHBOURS = ((0, 1), (1, 0), (0, -1), (-1, 0))
"""``(dy, dx)`` of each map of local binary patterns."""
WINDOW = 15
"""Width of the local normalisation's neighbourhood, in pixels of the crop."""
_BOX = (WINDOW, WINDOW)

CHANNELS = {"raw": 1, "gradient": ORIENTATIONS, "lbp": len(NEIGHBOURS)}
"""Channel families by name, and how many maps each has."""


class CropChannels:
    """The channel maps of a crop, computed when somebody first looks at them.

    Who draws the maps on a graphics processor needs the gray crop only.

    Parameters
    ----------
    crop : ndarray of float32, shape (H, W)
        Gray values 0..255.
    families : sequence of str
        See `channel_stack`.
    """

    def __init__(self, crop: Crop, families: Sequence[str]) -> None:
        self.crop, self.families = crop, tuple(families)

    def __len__(self) -> int:
        """Return how many maps there are."""
        return channel_count(self.families)

    @cached_property
    def maps(self) -> NDArray[np.float32]:
        """The maps, shape (C, H, W)."""
        return channel_stack(self.crop, self.families)


def channel_count(families: Sequence[str]) -> int:
    """Return how many maps these families have together."""
    return sum(CHANNELS[family] for family in families)


def mirrored_channels(families: Sequence[str]) -> list[int]:
    """Return where each channel's mirror image comes from.

    Channel ``i`` of a mirrored crop is channel ``mirrored_channels(...)[i]`` of the crop,
    mirrored.
    """
    order: list[int] = []
    for family in families:
        start = len(order)
        order += [start + k for k in _MIRROR[family]]
    return order


def channel_stack(crop: Crop, families: Sequence[str]) -> NDArray[np.float32]:
    """Compute the channel maps of a crop.

    All are normalised by their surroundings, so that a linear filter on them does not
    depend on brightness or contrast.

    Parameters
    ----------
    crop : ndarray of float32, shape (H, W)
        Gray values 0..255.
    families : sequence of {"raw", "gradient", "lbp"}
        ``raw``: gray minus its local mean, over its local deviation. ``gradient``: the
        derivative along six directions, negative parts cut off, over the local gradient
        magnitude (the oriented channels of Dollar et al., "Integral channel features",
        BMVC 2009). ``lbp``: the comparisons of local binary patterns (Ojala et al., 2002)
        with the four nearest neighbours, as -1..1.

    Returns
    -------
    ndarray of float32, shape (C, H, W)
    """
    out = np.empty((channel_count(families), *crop.shape), np.float32)
    start = 0
    for family in families:
        count = CHANNELS[family]
        _FILL[family](crop, out[start : start + count])
        start += count
    return out


def _raw(crop: Crop, out: NDArray[np.float32]) -> None:
    centred = crop - cv2.blur(crop, _BOX)
    # The running sums of a box filter can come out a little below zero.
    variance = np.maximum(cv2.blur(cv2.multiply(centred, centred), _BOX), 0.0)
    deviation = cv2.sqrt(variance)
    # 4 gray levels: the noise of a camera; flat regions stay near 0.
    cv2.divide(centred, deviation + 4.0, dst=out[0])


def _gradient(crop: Crop, out: NDArray[np.float32]) -> None:
    gx = cv2.Sobel(crop, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    gy = cv2.Sobel(crop, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    # Not cv2.magnitude: Intel's version rounds by how the array happens to lie in memory, and
    # two trainings would differ in the last bits.
    magnitude = cv2.sqrt(cv2.multiply(gx, gx) + cv2.multiply(gy, gy))
    norm = cv2.blur(magnitude, _BOX) + 2.0
    cv2.divide(gx, norm, dst=gx)
    cv2.divide(gy, norm, dst=gy)
    half = ORIENTATIONS // 2
    for k in range(half):
        angle = np.pi * k / half
        along = cv2.addWeighted(gx, float(np.cos(angle)), gy, float(np.sin(angle)), 0.0)
        np.maximum(along, 0.0, out=out[k])
        np.subtract(out[k], along, out=out[k + half])


def _lbp(crop: Crop, out: NDArray[np.float32]) -> None:
    h, w = crop.shape
    padded = cv2.copyMakeBorder(crop, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    for k, (dy, dx) in enumerate(NEIGHBOURS):
        difference = padded[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w] - crop
        # A hard comparison flips with the camera's noise; +-4 levels are let through softly.
        np.clip(difference * 0.25, -1.0, 1.0, out=out[k])


_MIRROR = {
    "raw": (0,),
    # The direction t becomes 180 degrees - t.
    "gradient": tuple((ORIENTATIONS // 2 - k) % ORIENTATIONS for k in range(ORIENTATIONS)),
    "lbp": tuple(NEIGHBOURS.index((dy, -dx)) for dy, dx in NEIGHBOURS),
}
_FILL = {"raw": _raw, "gradient": _gradient, "lbp": _lbp}
