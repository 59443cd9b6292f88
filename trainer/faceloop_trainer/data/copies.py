"""Faces that are copies of others: they tell nothing new, and no other person.

One picture comes under many names, or the points of one frame are copied to the next. Then one
copy trains and another measures, and the error says nothing. So whoever counts people, or keeps
some aside, asks `as_people` first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets.face import Face

    Floats = NDArray[np.float64]

_Name = TypeVar("_Name", int, str)
_SAME_SHAPE = 0.002
"""Mean distance of the points of two shapes that are the same, as a share of the median distance
of a face's points from their middle: a fifth of a pixel in a face of 200. Whoever places points
anew is ten times as far off."""
_FEWEST_POINTS = 5
"""Shapes of fewer points are alike by chance."""


def picture_copies(faces: Sequence[Face]) -> list[list[int]]:
    """Group faces that are the same face of the same picture, by the picture's content.

    Several people in one picture are several faces.

    Parameters
    ----------
    faces : sequence of Face
        Of a project.

    Returns
    -------
    list of list of int
        Places in ``faces``; only groups of two and more.
    """
    groups: dict[Hashable, list[list[int]]] = defaultdict(list)
    for place, face in enumerate(faces):
        if face.media_sha256 is None:
            continue
        shown = groups[face.media_sha256, face.frame]
        same = next((g for g in shown if _overlap(faces[g[0]], face)), None)
        if same is None:
            shown.append([place])
        else:
            same.append(place)
    return [group for shown in groups.values() for group in shown if len(group) > 1]


def shape_copies(faces: Sequence[Face]) -> list[list[int]]:
    """Group faces whose points are the same but for where, how large and how turned they are.

    Parameters
    ----------
    faces : sequence of Face
        Of a project.

    Returns
    -------
    list of list of int
        Places in ``faces``; only groups of two and more.
    """
    patterns: dict[bytes, list[int]] = defaultdict(list)
    for place, face in enumerate(faces):
        patterns[face.annotation.present.tobytes()].append(place)
    found: list[list[int]] = []
    for places in patterns.values():
        present = faces[places[0]].annotation.present
        if len(places) < 2 or present.sum() < _FEWEST_POINTS:
            continue
        points = np.array([faces[place].annotation.points[present] for place in places])
        found += [[places[i] for i in group] for group in _alike(points)]
    return found


def apart(groups: Sequence[Sequence[int]], known: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return one of each copy that is ``known`` already, in groups of two and more."""
    first = {place: group[0] for group in known for place in group}
    left = (sorted({first.get(place, place) for place in group}) for group in groups)
    return [group for group in left if len(group) > 1]


def different(faces: Sequence[Face]) -> int:
    """Return how many faces there are when copies count once."""
    places = range(len(faces))
    groups = _joined((*picture_copies(faces), *shape_copies(faces)), {i: i for i in places})
    return len({groups.get(place, place) for place in places})


def as_people(faces: Sequence[Face]) -> list[Face]:
    """Return the faces with one subject for all subjects that share a copied face.

    It is the subject that came into the project first, so that nobody changes sides when copies
    are added. A face without a subject counts as a subject of its own.

    Parameters
    ----------
    faces : sequence of Face
        Of a project.
    """
    names = [face.subject or face.name for face in faces]
    first: dict[str, int] = {}
    for face, name in zip(faces, names, strict=True):
        first[name] = min(face.item_id, first.get(name, face.item_id))
    person = _joined(
        ([names[i] for i in group] for group in (*picture_copies(faces), *shape_copies(faces))),
        first,
    )
    return [
        face if face.subject == person.get(name, face.subject) else _of(face, person[name])
        for face, name in zip(faces, names, strict=True)
    ]


def _of(face: Face, subject: str) -> Face:
    return replace(face, subject=subject)


def _joined(groups: Iterable[Sequence[_Name]], first: Mapping[_Name, int]) -> dict[_Name, _Name]:
    """Return the first of each set of names that groups join, by name; those joined only."""
    above: dict[_Name, _Name] = {}

    def top(name: _Name) -> _Name:
        while (higher := above.get(name, name)) != name:
            name = higher
        return name

    for group in groups:
        tops = sorted({top(name) for name in group}, key=first.__getitem__)
        above.update(dict.fromkeys(tops, tops[0]) if len(tops) > 1 else {})
    return {name: top(name) for name in above}


def _overlap(one: Face, other: Face) -> bool:
    """Whether two faces of one picture are at one place, so that they are the same face."""
    (centre, size), (beside, its_size) = (_place(face) for face in (one, other))
    return bool(np.linalg.norm(centre - beside) <= max(size, its_size))


def _place(face: Face) -> tuple[Floats, float]:
    points = face.annotation.points[face.annotation.present]
    if not len(points):
        return np.zeros(2), np.inf
    centre = points.mean(axis=0)
    return centre, float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean()))


def _alike(points: Floats) -> list[list[int]]:
    """Group shapes (F, N, 2) that are the same up to a similarity; groups of two and more."""
    shapes = np.ascontiguousarray(points, dtype=np.float64).view(np.complex128)[..., 0]
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    size = np.linalg.norm(shapes, axis=1)
    # A point far off makes a shape large, and all the rest of it look alike beside that.
    face = np.median(
        np.abs(
            shapes
            - np.median(shapes.real, axis=1, keepdims=True)
            - 1j * np.median(shapes.imag, axis=1, keepdims=True)
        ),
        axis=1,
    )
    usable = np.nonzero((size > 0) & (face > 0))[0]
    if len(usable) < 2:
        return []
    shapes = shapes[usable] / size[usable, None]
    most = _SAME_SHAPE * np.sqrt(shapes.shape[1]) * face[usable] / size[usable]
    turn = shapes @ shapes[0].conj()
    shapes *= np.exp(-1j * np.angle(turn))[:, None]
    tree = cKDTree(_in_short(shapes))
    free = np.ones(len(shapes), dtype=bool)
    groups = []
    for i in range(len(shapes)):
        if not free[i]:
            continue
        near = np.array(tree.query_ball_point(tree.data[i], 3 * most[i]))
        near = near[free[near]]
        product = np.abs(shapes[near] @ shapes[i].conj())
        same = near[np.sqrt(np.clip(2 - 2 * product, 0, None)) < most[i]]
        free[same] = False
        if len(same) > 1:
            groups.append([int(k) for k in usable[np.sort(same)]])
    return groups


def _in_short(shapes: NDArray[np.complex128]) -> Floats:
    """Return few numbers for each shape that differ by no more than the shapes do."""
    rows = np.concatenate([shapes.real, shapes.imag], axis=1)
    _, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    return np.asarray(rows @ vectors[:, -4:])
