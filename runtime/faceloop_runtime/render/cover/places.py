"""Upright boxes that hold a head: (left, top, right, bottom), in pixels, shape (4,)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.detect.boxes import FaceBox

    Points = NDArray[np.float64]
    Place = NDArray[np.float64]

_HEAD = np.array([-0.15, -0.25, 1.15, 1.3])
"""A head in the box that detectors find, as shares of its side. The box is from mid-forehead to
below the mouth (see `FaceBox`), 2 IOD wide: the hairline lies .08 above it, the chin .12 below, and
the ears at its sides; the rest is margin, for a box that is a little off."""


def head_of_box(box: FaceBox) -> Place:
    """Return where the head of a found face is, however it is tilted."""
    left, top, right, bottom = _HEAD - 0.5
    corners = np.array([[x, y] for x in (left, right) for y in (top, bottom)])
    turn = Similarity.from_polar(1.0, np.deg2rad(box.roll), *box.centre)
    return place_of(turn.apply(corners * (box.width, box.height)))


def place_of(points: Points) -> Place:
    """Return the box of points (N, 2)."""
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def union(one: Place, other: Place) -> Place:
    """Return the box that holds two."""
    return np.concatenate([np.minimum(one[:2], other[:2]), np.maximum(one[2:], other[2:])])


def grown(place: Place, factor: float) -> Place:
    """Return a box of another size with the same middle."""
    half = (place[2:] - place[:2]) * factor / 2
    middle = centre(place)
    return np.concatenate([middle - half, middle + half])


def moved(place: Place, by: NDArray[np.float64]) -> Place:
    """Return a box shifted by (x, y)."""
    return place + np.tile(by, 2)


def centre(place: Place) -> NDArray[np.float64]:
    """Return the middle of a box, (2,)."""
    return (place[:2] + place[2:]) / 2


def size(place: Place) -> float:
    """Return the side of the square of a box's area."""
    return float(np.sqrt(np.prod(place[2:] - place[:2])))


def apart(one: Place, other: Place) -> float:
    """Return the distance of the middles of two boxes, in sizes of the smaller one."""
    between = np.linalg.norm(centre(one) - centre(other))
    return float(between) / max(min(size(one), size(other)), 1e-9)


def alike_in_size(one: Place, other: Place) -> bool:
    """Whether two boxes may be of one face, by their size."""
    return 0.5 < size(one) / max(size(other), 1e-9) < 2.0


def holds(place: Place, point: NDArray[np.float64]) -> bool:
    """Whether a point (2,) is in a box."""
    return bool((point >= place[:2]).all() and (point <= place[2:]).all())
