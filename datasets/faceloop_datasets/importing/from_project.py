"""Faces of another project: brought in, or paired with those here that show the same."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.formats import FaceRecord, ImageRef, Skip
from faceloop_datasets.schemes.learning import PairedFaces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets.face import Face
    from faceloop_datasets.schemes.scheme import Scheme

FORMAT = "project"
"""Format that they are imported as."""

_NEAR = 0.3
"""Farthest that the middles of one face may lie apart, in lengths of its bounding box's diagonal:
schemes cover other parts of it, but two faces of a picture are farther apart."""


def project_entries(
    faces: Sequence[Face], root: Path, here: Iterable[Face]
) -> Iterator[FaceRecord | Skip]:
    """Yield the faces of the project in a folder as a format's reader would.

    Parameters
    ----------
    faces : sequence of Face
        The faces.
    root : Path
        The folder.
    here : iterable of Face
        Faces that need not come again: those in their places are left out.
    """
    known = {other.item_id for other, _ in _pairs(faces, here)}
    for face in faces:
        if face.item_id in known:
            yield Skip(root, 0, "the face is here already")
            continue
        yield FaceRecord(
            name=face.name,
            subject=face.subject,
            image=None if face.media is None else ImageRef(face.media),
            image_name=face.name if face.media is None else face.media.name,
            annotation=_without_guesses(face.annotation),
            origin=f"{root}: face {face.item_id}",
            frame=face.frame,
            subject_source=face.subject_source,
            root=str(root),
            path=f"face {face.item_id}",
            expression=face.expression,
        )


def _without_guesses(annotation: Annotation) -> Annotation:
    """Leave out what only a fit says: nobody would know later where it came from."""
    states = np.where(annotation.trains_shape, annotation.states, PointState.MISSING)
    return Annotation(annotation.scheme, annotation.points, states, annotation.source)


def paired_faces(
    theirs: Sequence[Face], source: Scheme, ours: Sequence[Face], target: Scheme
) -> PairedFaces:
    """Find the faces that two projects have: of one picture or frame, and in one place of it.

    Estimated points count as missing: they would teach a conversion what it was told by one.

    Parameters
    ----------
    theirs, ours : sequence of Face
        The faces of the two projects.
    source, target : Scheme
        Their schemes.
    """
    pairs = _pairs(theirs, ours)
    return PairedFaces(
        source,
        target,
        _stacked((known_points(other) for other, _ in pairs), len(source)),
        _stacked((known_points(face) for _, face in pairs), len(target)),
        [face.subject_key for _, face in pairs],
    )


def _pairs(theirs: Iterable[Face], ours: Iterable[Face]) -> list[tuple[Face, Face]]:
    at_place: dict[tuple[str, int | None], list[Face]] = defaultdict(list)
    for face in theirs:
        if face.media_sha256 is not None:
            at_place[face.media_sha256, face.frame].append(face)
    pairs = []
    for face in ours:
        there = at_place.get((face.media_sha256 or "", face.frame), [])
        other = _nearest(face, there)
        if other is not None:
            there.remove(other)
            pairs.append((other, face))
    return pairs


def known_points(face: Face) -> NDArray[np.float64]:
    """Points that a person placed, shape (N, 2); NaN where there is none."""
    known = np.isin(face.annotation.states, (PointState.VISIBLE, PointState.OCCLUDED))
    return np.where(known[:, None], face.annotation.points, np.nan)


def _nearest(face: Face, others: Sequence[Face]) -> Face | None:
    """Find the face in the same place; None if there is none."""
    here = _box(face)
    apart = [_apart(here, _box(other)) for other in others]
    best = int(np.argmin(apart)) if apart else -1
    return others[best] if best >= 0 and apart[best] < _NEAR else None


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """How far apart the middles of two boxes (2, 2) are, in diagonals of the larger box.

    Less than `_NEAR` where the middle of the smaller one is inside the other: a scheme may have an
    eye only, and it is near no middle of a face.
    """
    small, large = sorted((one, other), key=_diagonal)
    middle = small.mean(axis=0)
    apart = float(np.linalg.norm(middle - large.mean(axis=0))) / (_diagonal(large) or 1.0)
    inside = bool((large[0] <= middle).all() and (middle <= large[1]).all())
    return apart * _NEAR if inside else apart


def _box(face: Face) -> NDArray[np.float64]:
    """Lowest and highest coordinates of a face, shape (2, 2), in pixels."""
    points = face.annotation.points[face.annotation.present]
    return np.array([points.min(axis=0), points.max(axis=0)])


def _diagonal(box: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(box[1] - box[0]))


def _stacked(points: Iterable[NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    return np.array(list(points), dtype=np.float64).reshape(-1, count, 2)
