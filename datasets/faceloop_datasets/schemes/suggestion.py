"""What a scheme under construction probably means: mirror partners, and what measures a face."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}
_WORD = re.compile(r"[A-Za-z]+")

_LEAN = 60
"""Degrees that the axis of a face may lean in a picture."""

_NEAR = 0.12
"""Farthest that partners may miss each other's reflection, in root mean square radii of the face:
a hand places points of a face that looks ahead with a third of that."""

_EVEN = 0.02
"""What a degree of leaning costs, in the same unit and in thirds of a point: of two axes that fit
about alike the more upright one is a face's."""


@dataclass(frozen=True, eq=False)
class MirrorSuggestion:
    """Which points probably change places in a mirror.

    Parameters
    ----------
    mirror : tuple of int
        ``mirror[i]`` is the partner of ``i``, itself if it is in the middle of the face.
    unsure : tuple of int
        Points that neither lie in the middle nor have a partner opposite: they are their own.
    axis : ndarray, shape (2, 2)
        A point of the axis of the face, and its direction, downwards.
    """

    mirror: tuple[int, ...]
    unsure: tuple[int, ...]
    axis: Floats


def suggest_mirror(names: Sequence[str], points: Floats) -> MirrorSuggestion:
    """Suggest mirror partners, by names and by where the points are reflected to.

    Names that differ in left and right only are partners. The others are reflected about the best
    axis: points that come to lie on each other are partners, and one that comes to lie on itself is
    in the middle of the face.

    Parameters
    ----------
    names : sequence of str
        Of the points.
    points : ndarray, shape (N, 2)
        Where they are on a face that looks ahead, x to the right and y down, in any unit.
    """
    mirror = list(range(len(names)))
    for a, b in named_pairs(names):
        mirror[a], mirror[b] = b, a
    paired = [k for k, other in enumerate(mirror) if k != other]
    axis = _best_axis(points, [(k, mirror[k]) for k in paired if k < mirror[k]])
    free = np.array([k for k in range(len(names)) if k not in paired], dtype=int)
    distance = _reflected_distance(points[free], axis)
    unsure = []
    nearest = distance.argmin(axis=1) if len(free) else free
    for k, other in enumerate(nearest.tolist()):
        # A point misses the axis by half of what it misses its own reflection by.
        allowed = _NEAR * _radius(points) * (2 if other == k else 1)
        if distance[k, other] > allowed or nearest[other] != k:
            unsure.append(int(free[k]))
        else:
            mirror[free[k]] = int(free[other])
    return MirrorSuggestion(tuple(mirror), tuple(unsure), axis)


def named_pairs(names: Sequence[str]) -> list[tuple[int, int]]:
    """Points whose names differ in left and right only: ``left eye`` and ``right eye``."""
    place = {name.casefold(): k for k, name in enumerate(names)}
    pairs = []
    for k, name in enumerate(names):
        other = place.get(_other_side(name.casefold()))
        if other is not None and k < other:
            pairs.append((k, other))
    return pairs


def suggest_size(names: Sequence[str], points: Floats, mirror: Sequence[int]) -> tuple[int, int]:
    """Suggest the two points whose distance measures a face, the picture's left one first.

    Outer corners of the eyes if names say so, else other points of the eyes, else the mirrored pair
    that is farthest apart, else the two points that are.

    Parameters
    ----------
    names, points
        As for `suggest_mirror`; two points at least.
    mirror : sequence of int
        Partners; empty if they are not known.
    """
    pairs = [(k, other) for k, other in enumerate(mirror) if k < other]
    for word in (("eye", "outer"), ("eye", "corner"), ("eye",), ("pupil",)):
        named = [
            (a, b)
            for a, b in pairs
            if all(w in names[a].casefold() and "brow" not in names[a].casefold() for w in word)
        ]
        if named:
            return _left_first(_widest(named, points), points)
    count = len(names)
    every = pairs or [(a, b) for a in range(count) for b in range(a + 1, count)]
    return _left_first(_widest(every, points), points)


def _other_side(name: str) -> str:
    return _WORD.sub(lambda word: _SIDES.get(word[0], word[0]), name)


def _widest(pairs: Sequence[tuple[int, int]], points: Floats) -> tuple[int, int]:
    return max(pairs, key=lambda pair: float(np.linalg.norm(points[pair[0]] - points[pair[1]])))


def _left_first(pair: tuple[int, int], points: Floats) -> tuple[int, int]:
    a, b = pair
    return (a, b) if points[a, 0] <= points[b, 0] else (b, a)


def _radius(points: Floats) -> float:
    """Root mean square distance of the points from their middle; 1 if they are in one place."""
    spread = points - points.mean(axis=0)
    return float(np.sqrt((spread**2).sum(axis=1).mean())) or 1.0


def _best_axis(points: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Axis (2, 2) of the pairs that are known, else the one that reflects the points best."""
    if pairs:
        return _axis_of_pairs(points, pairs)
    axes = [_axis_at(points, degrees) for degrees in range(-_LEAN, _LEAN + 1, 2)]
    best = _refined(points, axes)
    for _ in range(3):  # points without a partner have drawn the middle to their side
        matched = _mutual_pairs(points, best)
        if not matched:
            break
        best = _axis_of_pairs(points, matched)
    return best


def _refined(points: Floats, axes: Sequence[Floats]) -> Floats:
    """Return the best of some axes, after each of the few best was turned to fit."""
    radius = _radius(points)

    def cost(axis: Floats) -> float:
        # a point that has no partner costs as much as one that misses it by far, and no more
        missed = np.minimum(_reflected_distance(points, axis).min(axis=1), 2 * _NEAR * radius)
        lean = np.degrees(abs(np.arctan2(axis[1, 0], axis[1, 1])))
        return float(missed.sum() / radius + _EVEN / 3 * lean)

    few = sorted(axes, key=cost)[:6]
    turned = []
    for axis in few:
        middle = np.degrees(np.arctan2(axis[1, 0], axis[1, 1]))
        turned += [_axis_at(points, middle + step) for step in np.arange(-2, 2.01, 0.2)]
    for axis in list(few):
        matched = _mutual_pairs(points, axis)
        turned += [_axis_of_pairs(points, matched)] if matched else []
    return min(turned, key=cost)


def _axis_at(points: Floats, degrees: float) -> Floats:
    angle = np.radians(degrees)
    return np.array([points.mean(axis=0), [np.sin(angle), np.cos(angle)]])


def _mutual_pairs(points: Floats, axis: Floats) -> list[tuple[int, int]]:
    distance = _reflected_distance(points, axis)
    nearest = distance.argmin(axis=1)
    near = _NEAR * 2 * _radius(points)
    return [
        (k, int(other))
        for k, other in enumerate(nearest)
        if k < other and nearest[other] == k and distance[k, other] < near
    ]


def _axis_of_pairs(points: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Line through the middles of pairs, at right angles to what joins them (least squares)."""
    first, second = (points[[pair[side] for pair in pairs]] for side in (0, 1))
    across = second - first
    across *= np.where(across @ across[np.argmax((across**2).sum(axis=1))] < 0, -1.0, 1.0)[:, None]
    normal = across.sum(axis=0)
    length = float(np.linalg.norm(normal))
    normal = normal / length if length > 0 else np.array([1.0, 0.0])
    down = np.array([-normal[1], normal[0]])
    down = down if down[1] >= 0 else -down
    return np.array([((first + second) / 2).mean(axis=0), down])


def _reflected_distance(points: Floats, axis: Floats) -> Floats:
    """Distance (N, N) of each point's reflection about an axis from each point."""
    middle, along = axis
    off = points - middle
    reflected = middle + 2 * (off @ along)[:, None] * along - off
    return np.asarray(np.linalg.norm(reflected[:, None] - points, axis=2))
