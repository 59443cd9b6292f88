"""Duplicates among faces: the same picture under several names, or the same points copied.

If one duplicate is in the training set and another in the held-out set, the measured error is
meaningless. So whoever counts people, or holds some out, calls `join_duplicate_subjects` first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Annotation
    from faceloop_datasets.face import Face

    Floats = NDArray[np.float64]

_Name = TypeVar("_Name", int, str)
_SAME_SHAPE = 0.002
"""Largest mean distance between the points of two equal shapes, as a share of the median distance
of a face's points from their centre: a fifth of a pixel in a face of 200. A person who places
points again is ten times as far off."""
_FEWEST_POINTS = 5
"""Shapes of fewer points are equal by chance."""


def picture_duplicates(faces: Sequence[Face]) -> list[list[int]]:
    """Group faces that are the same face of the same picture, by the picture's content.

    Several people in one picture are several faces.

    Parameters
    ----------
    faces : sequence of Face
        Of a project.

    Returns
    -------
    list of list of int
        Indices into ``faces``; only groups of two and more.
    """
    groups: dict[Hashable, list[list[int]]] = defaultdict(list)
    for index, face in enumerate(faces):
        if face.media_sha256 is None:
            continue
        shown = groups[face.media_sha256, face.frame]
        same = next((g for g in shown if _overlap(faces[g[0]], face)), None)
        if same is None:
            shown.append([index])
        else:
            same.append(index)
    return [group for shown in groups.values() for group in shown if len(group) > 1]


def shape_duplicates(faces: Sequence[Face]) -> list[list[int]]:
    """Group faces whose points are the same up to a similarity transform.

    Parameters
    ----------
    faces : sequence of Face
        Of a project.

    Returns
    -------
    list of list of int
        Indices into ``faces``; only groups of two and more.
    """
    return [list(group) for group in _equal_shapes(tuple(_Known(f.annotation) for f in faces))]


class _Known:
    """An annotation, which never changes: it is told by what it is, not by its points."""

    def __init__(self, annotation: Annotation) -> None:
        self.annotation = annotation

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and self.annotation is other.annotation

    def __hash__(self) -> int:
        return id(self.annotation)


@lru_cache(maxsize=8)
def _equal_shapes(known: tuple[_Known, ...]) -> list[list[int]]:
    """Group annotations of equal shapes; a training asks a dozen times of the same ones."""
    annotations = [one.annotation for one in known]
    patterns: dict[bytes, list[int]] = defaultdict(list)
    for index, annotation in enumerate(annotations):
        patterns[annotation.present.tobytes()].append(index)
    found: list[list[int]] = []
    for indices in patterns.values():
        present = annotations[indices[0]].present
        if len(indices) < 2 or present.sum() < _FEWEST_POINTS:
            continue
        points = np.array([annotations[index].points[present] for index in indices])
        found += [[indices[i] for i in group] for group in _similar_shapes(points)]
    return found


def without_known(
    groups: Sequence[Sequence[int]], known: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Return groups of duplicates of which those ``known`` already are counted as one."""
    first = {index: group[0] for group in known for index in group}
    left = (sorted({first.get(index, index) for index in group}) for group in groups)
    return [group for group in left if len(group) > 1]


def count_distinct(faces: Sequence[Face]) -> int:
    """Return the number of faces when duplicates count once."""
    indices = range(len(faces))
    groups = _representatives(
        (*picture_duplicates(faces), *shape_duplicates(faces)), {i: i for i in indices}
    )
    return len({groups.get(index, index) for index in indices})


def join_duplicate_subjects(faces: Sequence[Face]) -> list[Face]:
    """Return the faces with one subject instead of all subjects that share a duplicated face.

    It is the subject that came into the project first, so that it stays in its set of a split when
    duplicates are added. A face without a subject counts as a subject of its own.

    Parameters
    ----------
    faces : sequence of Face
        Of a project.
    """
    names = [face.subject_key for face in faces]
    first: dict[str, int] = {}
    for face, name in zip(faces, names, strict=True):
        first[name] = min(face.item_id, first.get(name, face.item_id))
    person = _representatives(
        (
            [names[i] for i in group]
            for group in (*picture_duplicates(faces), *shape_duplicates(faces))
        ),
        first,
    )
    return [
        face
        if face.subject == person.get(name, face.subject)
        else replace(face, subject=person[name])
        for face, name in zip(faces, names, strict=True)
    ]


def _representatives(
    groups: Iterable[Sequence[_Name]], first: Mapping[_Name, int]
) -> dict[_Name, _Name]:
    """Return the first name of each set of names connected by groups, by name (union-find)."""
    parent: dict[_Name, _Name] = {}

    def root(name: _Name) -> _Name:
        while (higher := parent.get(name, name)) != name:
            name = higher
        return name

    for group in groups:
        roots = sorted({root(name) for name in group}, key=first.__getitem__)
        parent.update(dict.fromkeys(roots, roots[0]) if len(roots) > 1 else {})
    return {name: root(name) for name in parent}


def _overlap(one: Face, other: Face) -> bool:
    """Whether two annotations of one picture overlap, so that they are of the same face."""
    (centre, size), (other_centre, other_size) = (_centre_and_size(face) for face in (one, other))
    return bool(np.linalg.norm(centre - other_centre) <= max(size, other_size))


def _centre_and_size(face: Face) -> tuple[Floats, float]:
    points = face.annotation.points[face.annotation.present]
    if not len(points):
        return np.zeros(2), np.inf
    centre = points.mean(axis=0)
    return centre, float(np.sqrt(((points - centre) ** 2).sum(axis=1).mean()))


def _similar_shapes(points: Floats) -> list[list[int]]:
    """Group shapes (F, N, 2) that are the same up to a similarity; groups of two and more."""
    shapes = np.ascontiguousarray(points, dtype=np.float64).view(np.complex128)[..., 0]
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    size = np.linalg.norm(shapes, axis=1)
    # Tolerances follow the median: one point far off makes a shape large, and hides the rest.
    face_size = np.median(
        np.abs(
            shapes
            - np.median(shapes.real, axis=1, keepdims=True)
            - 1j * np.median(shapes.imag, axis=1, keepdims=True)
        ),
        axis=1,
    )
    usable = np.nonzero((size > 0) & (face_size > 0))[0]
    if len(usable) < 2:
        return []
    shapes = shapes[usable] / size[usable, None]
    tolerance = _SAME_SHAPE * np.sqrt(shapes.shape[1]) * face_size[usable] / size[usable]
    inner = shapes @ shapes[0].conj()
    shapes *= np.exp(-1j * np.angle(inner))[:, None]
    places, reach = _leading_projections(shapes), 3 * tolerance
    # Who is near lies near along the last projection, in which shapes differ most.
    order = np.argsort(places[:, -1])
    along = places[order, -1]
    first = np.searchsorted(along, places[:, -1] - reach)
    end = np.searchsorted(along, places[:, -1] + reach, "right")
    free = np.ones(len(shapes), dtype=bool)
    groups = []
    for i in range(len(shapes)):
        if not free[i]:
            continue
        near = order[first[i] : end[i]]
        near = near[free[near]]
        near = near[((places[near] - places[i]) ** 2).sum(axis=1) <= reach[i] ** 2]
        free[i] = False
        if len(near) < 2:
            continue
        product = np.abs(shapes[near] @ shapes[i].conj())
        same = near[np.sqrt(np.clip(2 - 2 * product, 0, None)) < tolerance[i]]
        free[same] = False
        if len(same) > 1:
            groups.append([int(k) for k in usable[np.sort(same)]])
    return groups


def _leading_projections(shapes: NDArray[np.complex128]) -> Floats:
    """Project shapes on four principal components: distances become smaller, never larger."""
    rows = np.concatenate([shapes.real, shapes.imag], axis=1)
    _, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    return np.asarray(rows @ vectors[:, -4:])
