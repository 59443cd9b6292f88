"""Faces that are annotated twice in one picture, with different points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .faults import DOUBTFUL_SCORE, CheckedLabel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from faceloop_datasets import Scheme
    from faceloop_datasets.face import Face

_SAME_FACE = 0.5
"""Two annotations in one picture are of the same face if their centres are nearer than this, in
IOD."""
_DIFFERENT_POINTS = 0.04
"""They contradict each other if the mean distance of their points is larger than this, in IOD."""


def with_contradictions(
    checked: Sequence[CheckedLabel],
    faces: Iterable[Face],
    scheme: Scheme,
    without: Collection[int] = (),
) -> Iterator[CheckedLabel]:
    """Add to the results of a check where two annotations of the same face contradict each other.

    Parameters
    ----------
    checked : sequence of CheckedLabel
        Results so far.
    faces : iterable of Face
        All annotated faces of the project.
    scheme : Scheme
        The landmarks.
    without : collection of int
        Items that nothing is to be said of; of the other annotation of the face it is.
    """
    found: dict[int, CheckedLabel] = {}
    by_picture: dict[tuple[str | None, int | None], list[Face]] = {}
    for face in faces:
        others = by_picture.setdefault((face.media_sha256, face.frame), [])
        if face.media_sha256 is not None:
            for other in others:
                found.update(_contradiction(scheme, face, other))
        others.append(face)
    for label in checked:
        contradiction = None if label.item_id in without else found.get(label.item_id)
        yield label if contradiction is None else label.preceded_by(contradiction)


def _contradiction(scheme: Scheme, face: Face, other: Face) -> dict[int, CheckedLabel]:
    """Return a result for both faces, by item, if they are one face with different points."""
    first, second = face.annotation.points, other.annotation.points
    both = ~np.isnan(first + second).any(axis=1)
    iod = scheme.inter_ocular_distance(first)
    if not both.any() or not iod > 0:
        return {}
    of_centres = np.linalg.norm((first[both] - second[both]).mean(axis=0)) / iod
    of_points = float(np.linalg.norm(first[both] - second[both], axis=1).mean()) / iod
    if not (of_centres < _SAME_FACE and of_points > _DIFFERENT_POINTS):
        return {}
    score = DOUBTFUL_SCORE + of_points / _DIFFERENT_POINTS
    return {
        one.item_id: CheckedLabel(
            one.item_id,
            one.name,
            score,
            f"The same face is annotated as {_distinct_name(two, one)} too, "
            f"with points {of_points:.2f} IOD away.",
            "duplicate",
        )
        for one, two in ((face, other), (other, face))
    }


def _distinct_name(face: Face, other: Face) -> str:
    """Return the face's name, with its item where the other has the same name."""
    return face.name if face.name != other.name else f"{face.name} (item {face.item_id})"
