"""Clips of rendered people who turn from one profile to the other, for `three_dimensions.py`.

Nobody has rendered such clips; they are made of three pictures of one person, by bringing the
points of two of them to places in between and fading from one to the other. What is between looks a
little blurred; where its points are is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.interpolate import RBFInterpolator

from faceloop_datasets.media.images import read_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceloop_trainer.start_network.rendered import RenderedTable

_ASIDE, _AHEAD = 60.0, 15.0
"""Of the pictures of a person the outer two are turned by more than the first, to both sides, the
middle one by less than the second."""
_DEGREES = 3.0
"""A frame."""
_GRID = 8
_SMOOTH = 0.5


@dataclass(frozen=True, eq=False)
class Frame:
    """A picture of a clip, and what is known of it: points, whether they are seen, and the yaw."""

    picture: np.ndarray
    points: np.ndarray
    seen: np.ndarray
    yaw: float


def turning_people(table: RenderedTable) -> list[list[int]]:
    """Return three rows of each person who can be turned, from left to right."""
    by_person: dict[str, list[int]] = {}
    for k, person in enumerate(table.people):
        by_person.setdefault(person, []).append(k)
    yaw = table.turns[:, 0]
    ordered = [sorted(rows, key=lambda k: yaw[k]) for rows in by_person.values()]
    return [
        rows
        for rows in ordered
        if len(rows) == 3
        and yaw[rows[0]] < -_ASIDE
        and abs(yaw[rows[1]]) < _AHEAD
        and yaw[rows[2]] > _ASIDE
    ]


def turning_clip(table: RenderedTable, rows: list[int]) -> list[Frame]:
    """Return the frames of a person who turns from one side to the other and back."""
    there = [frame for pair in pairwise(rows) for frame in _between(table, *pair)]
    return there + there[-2::-1]


def _between(table: RenderedTable, one: int, other: int) -> Iterator[Frame]:
    pictures = [read_image(table.files[k], "rgb") for k in (one, other)]
    points = [table.points[k].astype(np.float64) for k in (one, other)]
    seen = [table.seen[k] > 0 for k in (one, other)]
    yaw = [float(table.turns[k, 0]) for k in (one, other)]
    steps = round((yaw[1] - yaw[0]) / _DEGREES)
    for share in np.linspace(0.0, 1.0, steps, endpoint=False):
        at = (1 - share) * points[0] + share * points[1]
        moved = [
            _moved(picture, own[shown], at[shown])
            for picture, own, shown in zip(pictures, points, seen, strict=True)
        ]
        picture = cv2.addWeighted(moved[0], 1 - share, moved[1], share, 0.0)
        turned = (1 - share) * yaw[0] + share * yaw[1]
        yield Frame(picture, at, seen[round(share)], turned)


def _moved(picture: np.ndarray, points: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Bring points of a picture to other places, by a thin-plate spline; its border stays."""
    height, width = picture.shape[:2]
    edge = np.array([(x, y) for x in (0, width / 2, width) for y in (0, height / 2, height)])
    edge = np.delete(edge, 4, axis=0)
    back = RBFInterpolator(
        np.concatenate([to, edge]), np.concatenate([points, edge]), smoothing=_SMOOTH
    )
    x, y = np.meshgrid(np.arange(0, width + 1, _GRID), np.arange(0, height + 1, _GRID))
    coarse = back(np.column_stack([x.ravel(), y.ravel()])).reshape(*x.shape, 2)
    fine_x, fine_y = np.meshgrid(np.arange(width) / _GRID, np.arange(height) / _GRID)
    fine = cv2.remap(
        coarse.astype(np.float32),
        fine_x.astype(np.float32),
        fine_y.astype(np.float32),
        cv2.INTER_LINEAR,
    )
    x, y = fine[..., 0], fine[..., 1]
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
