"""Faces that are annotated twice, otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .doubt import DOUBTFUL, Doubt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from faceloop_datasets import Scheme
    from faceloop_datasets.face import Face

_SAME_PLACE, _DIFFERENT = 0.5, 0.04
"""Two annotations in one picture are of one face if their centres are nearer than the first, in
IOD, and disagree if their points are on average farther apart than the second."""


def with_duplicates(
    doubts: Sequence[Doubt], faces: Iterable[Face], scheme: Scheme
) -> Iterator[Doubt]:
    """Doubt faces too that another annotation of the same face in the same picture contradicts."""
    found: dict[int, Doubt] = {}
    same: dict[tuple[str | None, int | None], list[Face]] = {}
    for face in faces:
        for other in same.setdefault((face.media_sha256, face.frame), []):
            if face.media_sha256 is not None:
                found.update(_contradiction(scheme, face, other))
        same[face.media_sha256, face.frame].append(face)
    for doubt in doubts:
        also = found.get(doubt.item_id)
        yield doubt if also is None else doubt.with_first(also)


def _contradiction(scheme: Scheme, face: Face, other: Face) -> dict[int, Doubt]:
    first, second = face.annotation.points, other.annotation.points
    both = ~np.isnan(first + second).any(axis=1)
    iod = scheme.inter_ocular_distance(first)
    if not both.any() or np.isnan(iod):
        return {}
    between = np.linalg.norm((first[both] - second[both]).mean(axis=0)) / iod
    apart = float(np.linalg.norm(first[both] - second[both], axis=1).mean()) / iod
    if not (between < _SAME_PLACE and apart > _DIFFERENT):
        return {}
    score = DOUBTFUL + apart / _DIFFERENT
    return {
        one.item_id: Doubt(
            one.item_id,
            one.name,
            score,
            f"The same face is annotated as {_called(two, one)} too, "
            f"with points {apart:.2f} IOD away.",
            "duplicate",
        )
        for one, two in ((face, other), (other, face))
    }


def _called(face: Face, beside: Face) -> str:
    """Tell a face from another: copies of a picture often have one name."""
    return face.name if face.name != beside.name else f"{face.name} (item {face.item_id})"
