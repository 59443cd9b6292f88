"""Which numbered pictures are frames of one clip or burst: the same scene, and the same face.

Names alone say nothing: ``img_1`` to ``img_12`` may be twelve people, and ``talk_000`` to
``talk_047`` one. Nor does the scene: a studio has one background for everybody. So a face is turned
and scaled to one place by its points, freed of its shading, and compared as an image; the whole
picture, reduced, counts half as much.

Measured (correlations; 1 is equal), for two different people: at most .83 in 140,324 pairs of
MUCT's pictures of one camera, .85 in 6,840 of IMM, .77 in 79,200 of the sample's stills. Of
consecutive frames of the sample's clip and of FGNET's talking face at 25, 12 and 5 frames a second
nearly all are over .85, and the clips come out as one subject each. At 2.5 frames a second of a
head that turns fast they fall apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_datasets.errors import FaceloopError
from faceloop_datasets.media.images import read_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_NEIGHBOUR = 0.85  # pictures near each other in the order of their numbers are of one burst
_SEAM = 0.78  # and so are two bursts that follow each other
_ANYWHERE = 0.87  # and those farther apart, if one of them is of a burst already: more pairs
_FACE, _SCENE = 0.92, 0.40  # or by the face alone, where a head is before another part of the scene
_BETWEEN = 0.65  # and a few between two frames of a burst: chance gives 1.5 % of others as much
_REACH = 3  # pictures in order: one of closed eyes does not cut a burst
_FEWEST = 3  # frames of a burst that others are compared with, wherever they are
_SAMPLES = 32  # of them are compared

_FACE_SIZE, _SCENE_SIZE = 40, 48  # pixels
_FACE_REACH = 1.7  # half width of the face's image, in root mean square radii of its points
_SHADING = 5.0  # standard deviation of the shading that is taken off, in pixels of the face's image

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, eq=False)
class PicturedFace:
    """A face in a picture.

    Parameters
    ----------
    folder : str
        Where the picture is, as its folder tells it from other folders.
    stem : str
        Its name, without suffix.
    path : Path
        The file to read.
    points : ndarray, shape (N, 2)
        In pixels of the picture, all faces in one scheme; NaN where missing.
    new : bool
        Whether nobody has compared it yet.
    """

    folder: str
    stem: str
    path: Path
    points: Floats
    new: bool = True


@dataclass(frozen=True, eq=False)
class _Appearance:
    """What is compared: two vectors of length 1, stored in half precision since there are many."""

    face: NDArray[np.float16]
    scene: NDArray[np.float16]


class DisjointSets:
    """Disjoint sets (union-find); sets of different given names are never joined.

    Parameters
    ----------
    names : sequence of str or None
        One an element: whom it is said to show; None if nobody said so.
    """

    def __init__(self, names: Sequence[str | None]) -> None:
        self._above = list(range(len(names)))
        self._name = list(names)

    def representative(self, element: int) -> int:
        """Return the element that stands for a set."""
        while self._above[element] != element:
            self._above[element] = self._above[self._above[element]]
            element = self._above[element]
        return element

    def name(self, element: int) -> str | None:
        """Name of the subject that the set is said to show."""
        return self._name[self.representative(element)]

    def join(self, one: int, other: int) -> bool:
        """Make two sets one; returns False, and does not, if they show different given people."""
        first, second = sorted((self.representative(one), self.representative(other)))
        names = {self._name[first], self._name[second]} - {None}
        if len(names) > 1:
            return False
        self._above[second] = first
        self._name[first] = next(iter(names), None)
        return True


def join_bursts(
    shown: Mapping[int, PicturedFace],
    groups: DisjointSets,
    tick: Callable[[int, int], object] = lambda _d, _t: None,
) -> None:
    """Join the faces that are frames of one clip or burst; at least one of each pair is new.

    Parameters
    ----------
    shown : mapping of int to PicturedFace
        Faces by their element of ``groups``, those that are known among them.
    groups : Groups
        What is joined.
    tick : callable
        Told how many runs of numbers were looked at, of how many; may raise.
    """
    every = [run for run in _runs(shown) if any(shown[k].new for k in run)]
    for done, run in enumerate(every):
        tick(done, len(every))
        appearances = _appearances(shown, run, _wanted(shown, run))
        by_size: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for element in run:
            if element in appearances:
                by_size[appearances[element][0]].append(element)
        for same in by_size.values():
            _join(same, [appearances[element][1] for element in same], groups)


def _runs(shown: Mapping[int, PicturedFace]) -> list[list[int]]:
    """Pictures of one folder whose names differ in numbers only, in the order of the numbers."""
    found: dict[tuple[str, str], list[tuple[tuple[int, ...], int]]] = defaultdict(list)
    for element, one in shown.items():
        numbers = tuple(int(digits) for digits in _NUMBER.findall(one.stem))
        if numbers:
            found[one.folder, _NUMBER.sub("#", one.stem)].append((numbers, element))
    return [[element for _, element in sorted(run)] for run in found.values() if len(run) > 1]


def _wanted(shown: Mapping[int, PicturedFace], run: Sequence[int]) -> set[int]:
    """Those of a run to look at: the new ones, what is near them, and some of the others."""
    near = {
        other
        for place, element in enumerate(run)
        if shown[element].new
        for other in run[max(0, place - _REACH) : place + _REACH + 1]
    }
    return near | set(_some(run))


def _some(elements: Sequence[int]) -> list[int]:
    """At most so many, spread evenly."""
    places = np.linspace(0, len(elements) - 1, min(len(elements), _SAMPLES)).round().astype(int)
    return [elements[place] for place in places]


def _appearances(
    shown: Mapping[int, PicturedFace], run: Sequence[int], wanted: Iterable[int]
) -> dict[int, tuple[tuple[int, ...], _Appearance]]:
    reference = _reference(shown[element].points for element in run)
    found = {}
    for element in wanted:
        one = shown[element]
        try:
            gray = read_image(one.path, "gray")
        except FaceloopError:
            continue  # who needs the picture says what is wrong with it
        appearance = None if reference is None else _face_and_scene(gray, one.points, reference)
        if appearance is not None:
            found[element] = (gray.shape, appearance)
    return found


def _reference(shapes: Iterable[Floats]) -> Floats | None:
    """Points of the face that has most, centred, for an image of `_FACE_SIZE`."""
    best = max(shapes, key=lambda points: int(np.isfinite(points).all(axis=1).sum()))
    if not np.isfinite(best).all(axis=1).any():
        return None
    centred = best - np.nanmean(best, axis=0)
    size = float(np.sqrt(np.nanmean((centred**2).sum(axis=1))))
    return centred * (_FACE_SIZE / 2 / _FACE_REACH / size) if size > 0 else None


def _face_and_scene(
    gray: NDArray[np.uint8], points: Floats, reference: Floats
) -> _Appearance | None:
    """Cut out a face and its scene; None if the points are too few or in one place.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The picture.
    points : ndarray, shape (N, 2)
        The face in it; NaN where missing.
    reference : ndarray, shape (N, 2)
        Where the points shall be, in pixels from the middle of the face's image.
    """
    known = np.isfinite(points).all(axis=1) & np.isfinite(reference).all(axis=1)
    if known.sum() < 3:
        return None
    centre, goal = points[known].mean(axis=0), reference[known].mean(axis=0)
    here, there = _complex(points[known] - centre), _complex(reference[known] - goal)
    extent = float(np.vdot(here, here).real)
    turn = complex(np.vdot(here, there) / extent) if extent > 0 else 0j
    if abs(turn) == 0 or not np.isfinite(turn):
        return None
    scene = cv2.resize(gray, (_SCENE_SIZE, _SCENE_SIZE), interpolation=cv2.INTER_AREA)
    face = _face(gray, centre, goal, turn).astype(np.float32)
    face -= cv2.GaussianBlur(face, (0, 0), _SHADING)
    return _Appearance(_unit(face[_ROUND]), _unit(np.asarray(scene, dtype=np.float32).ravel()))


def _face(
    gray: NDArray[np.uint8], centre: Floats, goal: Floats, turn: complex
) -> NDArray[np.uint8]:
    """Face turned and scaled by a complex factor, its ``centre`` at ``goal`` from the middle."""
    factor = min(1.0, abs(turn))
    if factor < 1:
        size = [max(1, round(factor * length)) for length in gray.shape[::-1]]
        small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    else:
        small = gray
    at, by = (centre + 0.5) * factor - 0.5, turn / factor
    matrix = np.array([[by.real, -by.imag], [by.imag, by.real]])
    shift = (_FACE_SIZE - 1) / 2 + goal - matrix @ at
    move = np.column_stack([matrix, shift])
    side = (_FACE_SIZE, _FACE_SIZE)
    made = cv2.warpAffine(small, move, side, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made, dtype=np.uint8)


def _complex(points: Floats) -> NDArray[np.complex128]:
    return np.ascontiguousarray(points).view(np.complex128)[:, 0]


def _unit(values: NDArray[np.float32]) -> NDArray[np.float16]:
    centred = values - values.mean()
    length = float(np.linalg.norm(centred))
    made = centred / length if length > 0 else 0 * centred
    return np.asarray(made, dtype=np.float16)


_GRID = np.arange(_FACE_SIZE) - (_FACE_SIZE - 1) / 2
_ROUND = _GRID[:, None] ** 2 + _GRID**2 < (_FACE_SIZE / 2) ** 2


def correlations(
    some: Sequence[_Appearance], others: Sequence[_Appearance]
) -> tuple[Floats, NDArray[np.bool_]]:
    """Compare all with all.

    Returns
    -------
    correlations : ndarray, shape (S, O)
        1 for the same picture; about 0 for any two.
    by_face : ndarray of bool, shape (S, O)
        Whether the faces are so alike that the scene hardly matters.
    """
    face, scene = (
        np.array([getattr(one, part) for one in some], np.float32)
        @ np.array([getattr(one, part) for one in others], np.float32).T
        for part in ("face", "scene")
    )
    return (2 * face + scene) / 3, (face >= _FACE) & (scene >= _SCENE)


def _join(run: Sequence[int], appearances: Sequence[_Appearance], groups: DisjointSets) -> None:
    near = list(_near(appearances))
    for place, other, alike, by_face in near:
        if alike >= _NEIGHBOUR or by_face:
            groups.join(run[place], run[other])
    count = len(run) + 1
    while (left := len({groups.representative(element) for element in run})) < count:
        count = left
        _join_again(run, appearances, groups)
        _join_between(run, appearances, groups)
        in_burst = {place for places in _bursts(run, groups) for place in places}
        for place, other, alike, _ in near:
            if alike >= _SEAM and place in in_burst and other in in_burst:
                groups.join(run[place], run[other])


def _near(appearances: Sequence[_Appearance]) -> Iterator[tuple[int, int, float, bool]]:
    """Compare each with the next few: places, correlation, and whether by the faces."""
    for place in range(len(appearances) - 1):
        alike, by_face = correlations(
            [appearances[place]], appearances[place + 1 : place + 1 + _REACH]
        )
        for k, (value, face) in enumerate(zip(alike[0], by_face[0], strict=True), place + 1):
            yield place, k, float(value), bool(face)


def _bursts(run: Sequence[int], groups: DisjointSets) -> list[list[int]]:
    """Places in a run of those that are a burst already."""
    found: dict[int, list[int]] = defaultdict(list)
    for place, element in enumerate(run):
        found[groups.representative(element)].append(place)
    return [places for places in found.values() if len(places) >= _FEWEST]


def _join_again(
    run: Sequence[int], appearances: Sequence[_Appearance], groups: DisjointSets
) -> None:
    """Join what shows the scene and face of a burst again, after a pause or a movement."""
    for places in _bursts(run, groups):
        alike, by_face = correlations([appearances[place] for place in _some(places)], appearances)
        for other in np.flatnonzero(((alike >= _ANYWHERE) | by_face).any(axis=0)).tolist():
            groups.join(run[places[0]], run[other])


def _join_between(
    run: Sequence[int], appearances: Sequence[_Appearance], groups: DisjointSets
) -> None:
    """Join the few pictures between two frames of a burst if they are somewhat alike."""
    for places in _bursts(run, groups):
        for before, after in pairwise(places):
            if not 1 < after - before <= _REACH:
                continue
            alike, _ = correlations(
                appearances[before + 1 : after], [appearances[before], appearances[after]]
            )
            for other in np.flatnonzero(alike.max(axis=1) >= _BETWEEN).tolist():
                groups.join(run[before], run[before + 1 + other])
