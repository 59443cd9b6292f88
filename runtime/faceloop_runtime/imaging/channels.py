"""Image channels that patch experts look at."""

from __future__ import annotations

import ctypes
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from faceloop_runtime.kernels import kernel, reused

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


class Term(NamedTuple):
    """A plane's share in a channel: ``channel(y, x) += share * plane(y + dy, x + dx)``."""

    channel: int
    plane: int
    share: float
    dy: int = 0
    dx: int = 0


class CropChannels:
    """The channels of a crop, computed when somebody first looks at them.

    Who draws them on a graphics processor needs the gray crop only, and who applies linear
    filters needs the `planes` only.

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

    @cached_property
    def planes(self) -> NDArray[np.float32]:
        """Fewer maps, shape (B, H, W), that `terms` makes the channels from.

        Channels depend on each other: opposite directions of the gradient are the positive and
        the negative part of one number, and to the left neighbour a pixel compares as this one
        does to it, with the other sign.
        """
        return self._planes()

    def _planes(self) -> NDArray[np.float32]:
        crop = np.ascontiguousarray(self.crop, np.float32)
        out = reused((plane_count(self.families), *crop.shape))
        function = kernel("planes", "annpnpa")
        if function is not None:
            numbers, directions = _for_kernel(self.families)
            if function(crop, *crop.shape, numbers, len(self.families), directions, out):
                raise MemoryError
            return out
        start = 0
        for family in self.families:
            count = _PLANES[family]
            _FILL_PLANES[family](crop, out[start : start + count])
            start += count
        return out


@cache
def _for_kernel(families: tuple[str, ...]) -> tuple[ctypes.Array[Any], ctypes.Array[Any]]:
    """Return families and directions as ``kernels/planes.c`` takes them."""
    numbers = (ctypes.c_int64 * len(families))(*(tuple(CHANNELS).index(f) for f in families))
    flat = [part for direction in _directions() for part in direction]
    return numbers, (ctypes.c_double * len(flat))(*flat)


def plane_count(families: Sequence[str]) -> int:
    """Return how many planes (`CropChannels.planes`) these families have together."""
    return sum(_PLANES[family] for family in families)


def terms(families: Sequence[str]) -> list[Term]:
    """Return how the channels of these families are made of their planes.

    True everywhere but in the outermost pixels of a crop.
    """
    found: list[Term] = []
    channel = plane = 0
    for family in families:
        found += [
            t._replace(channel=t.channel + channel, plane=t.plane + plane) for t in _TERMS[family]
        ]
        channel, plane = channel + CHANNELS[family], plane + _PLANES[family]
    return found


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
    crop = np.ascontiguousarray(crop)
    out = np.empty((channel_count(families), *crop.shape), np.float32)
    start = 0
    for family in families:
        count = CHANNELS[family]
        _FILL[family](crop, out[start : start + count])
        start += count
    return out


def _raw(crop: Crop, out: NDArray[np.float32]) -> None:
    centred = crop - cv2.blur(crop, _BOX)
    deviation: Crop = np.asarray(cv2.blur(cv2.multiply(centred, centred), _BOX), np.float32)
    # The running sums of a box filter can come out a little below zero.
    np.maximum(deviation, 0.0, out=deviation)
    np.sqrt(deviation, out=deviation)
    # 4 gray levels: the noise of a camera; flat regions stay near 0.
    deviation += 4.0
    np.divide(centred, deviation, out=out[0])


def _gradient(crop: Crop, out: NDArray[np.float32]) -> None:
    half = ORIENTATIONS // 2
    gradient, along = np.empty((2, *crop.shape), np.float32), np.empty_like(out[:half])
    _unit_gradient(crop, gradient)
    _along_lines(gradient, along)
    np.maximum(along, 0.0, out=out[:half])
    np.subtract(out[:half], along, out=out[half:])


def _gradient_planes(crop: Crop, out: NDArray[np.float32]) -> None:
    """Write the gradient, and the size of its component along each line."""
    _unit_gradient(crop, out[:2])
    _along_lines(out[:2], out[2:])
    np.abs(out[2:], out=out[2:])


def _unit_gradient(crop: Crop, out: NDArray[np.float32]) -> None:
    """Write the gradient over its local magnitude, shape (2, H, W).

    Differences of two pixels are twice the gradient; halving both them and the 4 gray levels,
    which keep flat regions near 0, would not change a bit.
    """
    gx, gy = out
    _differences(crop, 2, gx)
    gx[:, 0] = gx[:, -1] = 0.0
    np.subtract(crop[2:], crop[:-2], out=gy[1:-1])
    gy[0] = gy[-1] = 0.0
    # Not cv2.magnitude: Intel's version rounds by how the array happens to lie in memory, and
    # two trainings would differ in the last bits.
    magnitude = cv2.sqrt(cv2.multiply(gx, gx) + cv2.multiply(gy, gy))
    norm = cv2.blur(magnitude, _BOX)
    norm += 4.0
    out /= norm


def _differences(crop: Crop, step: int, out: NDArray[np.float32]) -> None:
    """Subtract each pixel from the one ``step`` further on in its row, written between them.

    Rows are run through as one, which is twice as fast; the caller sets what lies at their ends.
    """
    flat, before = crop.reshape(-1), step // 2
    np.subtract(flat[step:], flat[:-step], out=out.reshape(-1)[before : len(flat) - step + before])


def _along_lines(gradient: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    for (x, y), along in zip(_directions(), out, strict=True):
        cv2.addWeighted(gradient[0], x, gradient[1], y, 0.0, dst=along)


@cache
def _directions() -> list[tuple[float, float]]:
    half = ORIENTATIONS // 2
    angles = [np.pi * k / half for k in range(half)]
    return [(float(np.cos(a)), float(np.sin(a))) for a in angles]


def _lbp(crop: Crop, out: NDArray[np.float32]) -> None:
    h, w = crop.shape
    padded = cv2.copyMakeBorder(crop, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    for (dy, dx), difference in zip(NEIGHBOURS, out, strict=True):
        np.subtract(padded[1 + dy : 1 + dy + h, 1 + dx : 1 + dx + w], crop, out=difference)
    _soften(out)


def _lbp_planes(crop: Crop, out: NDArray[np.float32]) -> None:
    """Write the comparisons with the neighbours below and to the right."""
    below, right = out
    np.subtract(crop[1:], crop[:-1], out=below[:-1])
    below[-1] = 0.0
    _differences(crop, 1, right)
    right[:, -1] = 0.0
    _soften(out)


def _soften(differences: NDArray[np.float32]) -> None:
    # A hard comparison flips with the camera's noise; +-4 levels are let through softly.
    differences *= 0.25
    np.clip(differences, -1.0, 1.0, out=differences)


_MIRROR = {
    "raw": (0,),
    # The direction t becomes 180 degrees - t.
    "gradient": tuple((ORIENTATIONS // 2 - k) % ORIENTATIONS for k in range(ORIENTATIONS)),
    "lbp": tuple(NEIGHBOURS.index((dy, -dx)) for dy, dx in NEIGHBOURS),
}
_FILL = {"raw": _raw, "gradient": _gradient, "lbp": _lbp}

_PLANES = {"raw": 1, "gradient": 2 + ORIENTATIONS // 2, "lbp": 2}
_FILL_PLANES = {"raw": _raw, "gradient": _gradient_planes, "lbp": _lbp_planes}
_TERMS = {
    "raw": [Term(0, 0, 1.0)],
    "gradient": [
        Term(k + side * ORIENTATIONS // 2, plane, share)
        for k, (x, y) in enumerate(_directions())
        for side, sign in enumerate((1, -1))
        for plane, share in ((0, sign * x / 2), (1, sign * y / 2), (2 + k, 0.5))
    ],
    "lbp": [
        Term(k, 1 if dx else 0, 1.0 if dx + dy > 0 else -1.0, min(dy, 0), min(dx, 0))
        for k, (dy, dx) in enumerate(NEIGHBOURS)
    ],
}
