"""Geometry of the network's crops: a picture and its points, turned, sheared and bent together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.start_network.network import SIDE, frame_of_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.geometry import Similarity

    Rows = NDArray[np.float32]
    Floats = NDArray[np.float64]

_FINE = 2 * SIDE
"""A crop is sampled twice as fine and then averaged, as the runtime does, so nothing aliases."""
_STEPS = ((np.arange(_FINE, dtype=np.float32) + 0.5) / _FINE - 0.5).astype(np.float32)
_ACROSS, _DOWN = np.meshgrid(_STEPS, _STEPS)
_ROUNDS = 3
"""Of the fixed point that undoes a bend; the bends are so slight that it converges at once."""


@dataclass(frozen=True)
class CropRanges:
    """How far crops vary; the spreads are standard deviations.

    Parameters
    ----------
    turn, often, any_turn : float
        Spread of the angle in degrees of a share `often` of the crops; the others are turned by
        any angle up to `any_turn`.
    shift : float
        In sides of the crop, each way.
    zoom, stretch, shear : float
        Of the logarithm of the side, of the logarithm of width over the root of width times
        height, and of the horizontal shear.
    bent, bend : float
        Share of the crops that are bent, and the largest spread of a bend's nodes, in sides.
    nodes : tuple of int
        Least and most nodes each way of a bend.
    """

    turn: float = 18.0
    often: float = 0.85
    any_turn: float = 75.0
    shift: float = 0.07
    zoom: float = 0.14
    stretch: float = 0.06
    shear: float = 0.05
    bent: float = 0.7
    bend: float = 0.022
    nodes: tuple[int, int] = (3, 5)


@dataclass(frozen=True, eq=False)
class Crop:
    """Where a crop lies in a picture.

    A place ``t`` in the frame of the crop (origin in the middle, side 1) is the place
    ``linear @ t + middle + bend(t)`` of the picture.

    Parameters
    ----------
    linear : ndarray, shape (2, 2)
    middle : ndarray, shape (2,)
    angle : float
        By how many degrees the crop is turned in the picture, clockwise on the screen.
    bend : ndarray of float32, shape (n, n, 2), optional
        Displacements in pixels of the picture at nodes spread over the crop.
    """

    linear: Floats
    middle: Floats
    angle: float = 0.0
    bend: Rows | None = None

    @classmethod
    def plain(cls, points: Floats) -> Crop:
        """Return the upright crop round points, (N, 2), as the runtime cuts it."""
        return cls._of_frame(frame_of_points(points))

    @classmethod
    def varied(cls, points: Floats, ranges: CropRanges, rng: np.random.Generator) -> Crop:
        """Return a crop round points, (N, 2), that varies as crops of found faces do."""
        often = rng.random() < ranges.often
        reach = ranges.any_turn
        angle = -(rng.normal(0, ranges.turn) if often else rng.uniform(-reach, reach))
        frame = frame_of_points(points, float(np.deg2rad(angle)))
        shift = rng.normal(0, ranges.shift, 2)
        zoom = np.exp(rng.normal(0, ranges.zoom))
        stretch, shear = np.exp(rng.normal(0, ranges.stretch)), rng.normal(0, ranges.shear)
        inner = zoom * np.array([[stretch, shear], [0.0, 1.0 / stretch]])
        bend = _bend(ranges, frame.scale * zoom, rng) if rng.random() < ranges.bent else None
        return cls(_linear(frame) @ inner, frame.apply(shift), angle, bend)

    @classmethod
    def _of_frame(cls, frame: Similarity) -> Crop:
        return cls(_linear(frame), np.array([frame.tx, frame.ty]), float(np.rad2deg(frame.angle)))

    def cut(self, gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut the crop, (SIDE, SIDE), out of a gray picture, (H, W)."""
        (a, b), (c, d) = self.linear.tolist()
        x = a * _ACROSS + b * _DOWN + np.float32(self.middle[0])
        y = c * _ACROSS + d * _DOWN + np.float32(self.middle[1])
        if self.bend is not None:
            bend = cv2.resize(self.bend, (_FINE, _FINE), interpolation=cv2.INTER_CUBIC)
            x, y = x + bend[..., 0], y + bend[..., 1]
        fine = cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        small = cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)

    def inside(self, points: Floats) -> Floats:
        """Return where points (N, 2) of the picture are in the frame of the crop, (N, 2)."""
        back = np.linalg.inv(self.linear).T
        straight: Floats = (points - self.middle) @ back
        if self.bend is None:
            return straight
        bend = np.asarray(
            cv2.resize(self.bend, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float32
        )
        places = straight
        for _ in range(_ROUNDS):
            places = straight - _at(bend, pixels(places)) @ back
        return places


def pixels(places: Floats) -> Floats:
    """Return places (N, 2) in the frame of a crop in pixels of the crop, (N, 2)."""
    found: Floats = (places + 0.5) * SIDE - 0.5
    return found


def _linear(frame: Similarity) -> Floats:
    return np.array([[frame.a, -frame.b], [frame.b, frame.a]])


def _bend(ranges: CropRanges, side: float, rng: np.random.Generator) -> Rows:
    least, most = ranges.nodes
    nodes = int(rng.integers(least, most + 1))
    bend = rng.normal(0, 1, (nodes, nodes, 2)) * rng.uniform(0, ranges.bend) * side
    return bend.astype(np.float32)


def _at(field: Rows, places: Floats) -> Rows:
    """Values (N, 2) of a field of displacements at places (N, 2) in its pixels."""
    x, y = places[:, :1].astype(np.float32), places[:, 1:].astype(np.float32)
    found = cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found[:, 0], np.float32)
