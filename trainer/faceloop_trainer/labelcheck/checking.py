"""One call from a project to a list of doubts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Annotation, PointState, TrainingError
from faceloop_datasets.progress import Monitor
from faceloop_trainer.config import TrainingConfig
from faceloop_trainer.crossfit.points import out_of_fold_points
from faceloop_trainer.data.constant_points import constant_points
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.parallel import StepCounter

from .compare import compare
from .doubt import DOUBTFUL, Doubt
from .duplicates import with_duplicates
from .explain import explain
from .looks import Looks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Project, Scheme
    from faceloop_datasets.face import Face
    from faceloop_datasets.progress import ProgressLike
    from faceloop_trainer.data.faces import TrainingFace

    from .doubt import Finding, Mend

    Points = NDArray[np.float64]

_QUICK = TrainingConfig(channels=("gradient",), scales=(16.0, 24.0, 36.0))
"""Experts that see whether all points lie beside the face; finer ones add nothing to that."""

_STILL = 2 * DOUBTFUL
"""How doubtful a face is with a point that is at one pixel in all faces."""


def check_labels(
    project: Project,
    *,
    seed: int = 0,
    progress: ProgressLike = None,
) -> list[Doubt]:
    """Say of every annotation of a project whether it looks wrong, and how.

    First the starter model, which none of the annotations taught, says where it sees the face of
    each picture: so annotations are found that are turned, mirrored, shifted or of another
    picture, even if all are. Then the others, and those put right, are compared with each other.

    Parameters
    ----------
    project : Project
        The newest annotation of every item is looked at.
    seed : int
        Deals people to the two halves that judge each other.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    list of Doubt
        All annotated faces, the most doubtful first; `Doubt.doubtful` are worth a look.

    Raises
    ------
    TrainingError
        If there are too few faces to compare.
    Cancelled
        If the monitor stopped it.
    """
    faces = project.faces()
    check = _Check(project.scheme, faces, replace(_QUICK, seed=seed), Monitor.of(progress))
    sizes = {media.sha256: (media.width, media.height) for media in project.media()}
    explained = check.explained(sizes)
    found = check.compared(explained) | explained
    doubts = [
        _doubt(project.scheme, face, found[face.item_id], check.still_points(face), len(faces))
        for face in faces
        if face.item_id in found
    ]
    return sorted(with_duplicates(doubts, faces, project.scheme), key=_order)


class _Check:
    """One check under way; `explained` comes before `compared`."""

    def __init__(
        self,
        scheme: Scheme,
        faces: Sequence[Face],
        config: TrainingConfig,
        monitor: Monitor,
    ) -> None:
        self._scheme, self._faces, self._config = scheme, faces, config
        self._monitor = monitor
        points = np.array([face.annotation.points for face in faces])
        self.still = constant_points(points.reshape(len(faces), len(scheme), 2))
        self._off: dict[int, Points] = {}
        self._read = {f.item_id: f for f in self._load(faces) if f.item_id is not None}

    def explained(self, sizes: Mapping[str, tuple[int, int]]) -> dict[int, Finding]:
        """Say which items the starter model finds wrong as a whole."""
        work = StepCounter(self._monitor)
        work.total, work.what = len(self._faces), "looking for the faces"
        looks = Looks.of(self._scheme, self._faces, self._read, sizes, work, without=self.still)
        found = {self._faces[i].item_id: one for i, one in explain(looks, work).items()}
        for look in looks.every:
            one = found.get(look.face.item_id)
            points = one.mend.points if one is not None and one.mend is not None else look.points
            self._off[look.face.item_id] = looks.off(look, points)
        return found

    def compared(self, explained: Mapping[int, Finding]) -> dict[int, Finding]:
        """Say what each face looks like beside all others, those that can be put right included."""
        others = [face for face in self._faces if face.item_id not in explained]
        righted = [
            _righted(face, found.mend)
            for face in self._faces
            if (found := explained.get(face.item_id)) is not None and found.mend is not None
        ]
        read = [self._read[f.item_id] for f in others if f.item_id in self._read]
        read += self._load(righted)
        try:
            findings = self._compare(sorted(read, key=lambda face: face.item_id or 0))
        except TrainingError:
            if explained or self.still:  # there is something to say without
                return {}
            raise
        return findings

    def still_points(self, face: Face) -> list[int]:
        """Points of a face that are at one pixel in all faces."""
        return [k for k in self.still if face.annotation.present[k]]

    def _load(self, faces: Sequence[Face]) -> list[TrainingFace]:
        spared = [_spared(self._scheme, face, self.still) for face in faces]
        scale, seed = self._config.scales[-1], self._config.seed
        return load_faces(
            self._scheme,
            spared,
            scale,
            seed=seed,
            progress=self._monitor,
        )[0]

    def _compare(self, faces: Sequence[TrainingFace]) -> dict[int, Finding]:
        pictured = [
            i for i, f in enumerate(faces) if f.picture is not None and f.trains_patches.any()
        ]
        fits = out_of_fold_points(
            self._scheme,
            [faces[i] for i in pictured],
            self._config,
            progress=self._monitor,
        )
        points = np.array([face.points for face in faces])
        fitted = np.full_like(points, np.nan)
        fitted[pictured] = fits
        judged = np.array([face.trains_patches for face in faces])
        off = np.array([self._off[face.item_id or 0] for face in faces])
        findings = compare(self._scheme, points, judged, fitted, off)
        return {
            face.item_id: found
            for face, found in zip(faces, findings, strict=True)
            if face.item_id is not None
        }


def _righted(face: Face, mend: Mend) -> Face:
    """Return a face as it would be if it were mended."""
    source = face.annotation.source
    return replace(
        face, annotation=Annotation(face.annotation.scheme, mend.points, mend.states, source)
    )


def _spared(scheme: Scheme, face: Face, still: Sequence[int]) -> Face:
    """Return a face whose points that say nothing lie among the others of their part, hidden.

    A point that is missing in all faces cannot be compared; one that is far off in all would have
    all others look off.
    """
    old = face.annotation
    points, states = old.points.copy(), old.states.copy()
    for k in still:
        part = next(part for part in scheme.groups.values() if k in part)
        others = [i for i in part if i not in still and old.present[i]]
        if old.present[k] and others:
            points[k], states[k] = points[others].mean(axis=0), PointState.OCCLUDED
    return replace(face, annotation=Annotation(old.scheme, points, states, old.source))


def _doubt(scheme: Scheme, face: Face, found: Finding, still: Sequence[int], faces: int) -> Doubt:
    """Say of a face what was found, and that points of it are at one pixel in all faces."""
    doubt = Doubt(
        face.item_id, face.name, found.score, found.what, found.kind, found.points, found.mend
    )
    if not still:
        return doubt
    names = " and ".join(f"{k}, {scheme.names[k]}," for k in still)
    x, y = face.annotation.points[still[0]]
    verb = "Point {} is" if len(still) == 1 else "Points {} are"
    what = f"{verb.format(names)} at one pixel in all {faces} pictures: ({x:g}, {y:g})."
    also = replace(doubt, score=_STILL, what=what, kind="constant", points=tuple(still), mend=None)
    return doubt.with_first(also)


def _order(doubt: Doubt) -> tuple[float, int]:
    return -doubt.score, doubt.item_id
