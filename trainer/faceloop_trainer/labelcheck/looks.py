"""What the starter model sees in each picture, and how far the annotation is from it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.parallel import parallel_map

from .marks import Marks
from .misfits import WRONG
from .sight import CLEAR, Sight
from .turns import TURNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.face import Face
    from faceloop_trainer.data.faces import TrainingFace
    from faceloop_trainer.parallel import StepCounter

    from .sight import Seen

    Points = NDArray[np.float64]
    Gray = NDArray[np.uint8]

_AGREES, _FEWEST = 0.1, 8
"""What annotators do differently from the starter model is learned from the faces whose points are
nearer to it than this, in IOD, if there are so many."""
_STRANGERS = 60
"""Annotations of other pictures that are tried in one where no face was seen."""


@dataclass(frozen=True, eq=False)
class Look:
    """An annotated face, and the face that was seen in its picture.

    Parameters
    ----------
    face : Face
        From the project.
    points : ndarray, shape (N, 2)
        The annotation; NaN where missing.
    marks : ndarray, shape (M, 2)
        The same as the starter model's points.
    size : (int, int)
        Width and height of the picture as it is shown; zeros where there is none.
    seen : Seen or None
        None where no face was seen, or nobody looked.
    """

    face: Face
    points: Points
    marks: Points
    size: tuple[int, int]
    seen: Seen | None = None

    @property
    def sure(self) -> bool:
        """Whether a face was seen."""
        return self.seen is not None and self.seen.sure


@dataclass(frozen=True, eq=False)
class Looks:
    """All faces of a project, as the starter model sees them.

    Parameters
    ----------
    scheme : Scheme
        The project's.
    reader : Marks
        Reads its points as the starter model's.
    sight : Sight
        Who looked.
    every : tuple of Look
        One a face.
    """

    scheme: Scheme
    reader: Marks
    sight: Sight
    every: tuple[Look, ...]

    @classmethod
    def of(
        cls,
        scheme: Scheme,
        faces: Sequence[Face],
        ready: Mapping[int, TrainingFace],
        sizes: Mapping[str, tuple[int, int]],
        work: StepCounter,
        *,
        without: Sequence[int] = (),
    ) -> Looks:
        """Look at all pictures: where the annotation is, and if there is no face, elsewhere.

        Parameters
        ----------
        scheme : Scheme
            The project's.
        faces : sequence of Face
            As the project gives them.
        ready : mapping of int to TrainingFace
            What was read of them already, by item.
        sizes : mapping of str to (int, int)
            Width and height of the pictures, by the hash of their content.
        work : StepCounter
            Counts the faces.
        without : sequence of int
            Points that say nothing.
        """
        sight = Sight()
        reader = Marks.between(scheme, sight.model.scheme)

        def look(face: Face) -> Look:
            present = face.annotation.trains_shape
            present[list(without)] = False
            points = np.where(present[:, None], face.annotation.points, np.nan)
            size = sizes.get(face.media_sha256 or "", (0, 0))
            found = Look(face, points, reader.of(points), size)
            read = ready.get(face.item_id)
            work.tick()
            return found if read is None else replace(found, seen=_where_it_is(found, read, sight))

        return cls(scheme, reader, sight, tuple(parallel_map(look, faces)))._elsewhere(work)

    @cached_property
    def habit(self) -> Points:
        """What annotators do differently: mark minus the starter's point, (M, 2), model frame."""
        away = np.array([_away(look.marks, look.seen) for look in self.every if look.sure])
        none = np.zeros_like(self.sight.model.pdm.mean)
        near = away[_mean(away) < _AGREES] if len(away) else away
        return np.nan_to_num(_median(near)) if len(near) >= _FEWEST else none

    def errors(self) -> Points:
        """Mean distance of each annotation from the face in its picture, (F,), in IOD.

        Infinite where no face was seen.
        """
        return np.array(
            [
                self.distance(look.marks, look.seen) if look.seen and look.sure else np.inf
                for look in self.every
            ]
        )

    def off(self, look: Look, points: Points) -> Points:
        """Return how far points (N, 2) of a face are from where they are seen, (N, 2), in IOD.

        In the model frame; NaN where the starter model does not know the point, or saw no face.
        """
        off = np.full((len(self.scheme), 2), np.nan)
        if look.sure:
            away = _away(self.reader.of(points), look.seen) - self.habit
            for mark, weights in enumerate(self.reader.weights):
                if np.count_nonzero(weights) == 1:
                    off[int(weights.argmax())] = away[mark]
        return off

    def distance(self, marks: Points, seen: Seen) -> float:
        """Mean distance of marks (M, 2) from where an annotator would place them, in IOD."""
        return float(_mean((_away(marks, seen) - self.habit)[None])[0])

    def distances(self, marks: Points, seen: Seen) -> Points:
        """`distance` of many annotations (F, M, 2) in one picture, shape (F,)."""
        flat = seen.pose.inverse().apply(marks.reshape(-1, 2)).reshape(marks.shape)
        return _mean(flat - seen.pose.inverse().apply(seen.points) - self.habit)

    def wanted(self, seen: Seen) -> Points:
        """Where an annotator would place the marks of a face that was seen, (M, 2)."""
        return seen.pose.apply(seen.pose.inverse().apply(seen.points) + self.habit)

    def undone(self, look: Look) -> list[Points]:
        """Return the marks of a face with each of `TURNS` undone."""
        return [
            self.reader.of(turn.undone(look.points, look.size, self.scheme.mirror))
            for turn in TURNS
        ]

    def tried(self, start: Callable[[Points], Points], work: StepCounter) -> Looks:
        """Look again where no face is seen clearly, from where ``start`` brings the marks (M, 2).

        A face that is seen better than before counts.
        """
        return self._from(lambda look: [start(look.marks)], self._in_doubt, work)

    def _elsewhere(self, work: StepCounter) -> Looks:
        """Look again: as if the face were turned, for any upright face, and where others are."""
        looks = self._from(self.undone, lambda look: not look.sure, work)
        looks = looks._again(looks._in_doubt, lambda _, gray: looks.sight.anywhere(gray), work)
        own = looks.errors()
        wrong = [i for i in np.argsort(-own, kind="stable") if own[i] > WRONG][:_STRANGERS]
        strangers = [looks.every[i].marks for i in wrong]
        return looks._from(lambda _: strangers, looks._in_doubt, work)

    def _in_doubt(self, look: Look) -> bool:
        """Whether no face was seen, or hardly one, and not where the annotation is."""
        if look.seen is None or not look.sure:
            return True
        return look.seen.error > CLEAR and self.distance(look.marks, look.seen) > WRONG

    def _from(
        self,
        starts: Callable[[Look], Sequence[Points]],
        wanted: Callable[[Look], bool],
        work: StepCounter,
    ) -> Looks:
        def see(look: Look, gray: Gray) -> Seen | None:
            return self.sight.first_of(gray, starts(look))

        return self._again(wanted, see, work)

    def _again(
        self,
        wanted: Callable[[Look], bool],
        see: Callable[[Look, Gray], Seen | None],
        work: StepCounter,
    ) -> Looks:
        """Look again in some pictures; what is seen better than before counts."""

        def again(look: Look) -> Look:
            work.tick(0)
            if not (look.face.has_image and wanted(look)):
                return look
            try:
                found = see(look, look.face.read_gray())
            except FaceloopError:  # a damaged picture; the training says so
                return look
            better = found and (look.seen is None or found.error < look.seen.error)
            return replace(look, seen=found) if better else look

        return replace(self, every=tuple(parallel_map(again, self.every)))


def _where_it_is(look: Look, read: TrainingFace, sight: Sight) -> Seen | None:
    """Look where the annotation is, in the reduced picture that was read already."""
    if read.picture is None or _size_of(read.points) < 1.0 or _size_of(look.points) < 1.0:
        return None
    to_reduced = Similarity.between(look.points, read.points)
    seen = sight.at(read.picture, to_reduced.apply(look.marks))
    return None if seen is None else seen.moved(to_reduced.inverse())


def _size_of(points: Points) -> float:
    return float((np.nanmax(points, axis=0) - np.nanmin(points, axis=0)).max())


def _away(marks: Points, seen: Seen | None) -> Points:
    assert seen is not None  # noqa: S101 - asked of faces that were seen only
    back = seen.pose.inverse()
    return np.asarray(back.apply(marks) - back.apply(seen.points))


def _mean(away: Points) -> Points:
    """Mean length over the marks that are known, (F, M, 2) to (F,); infinite where none is."""
    lengths = np.linalg.norm(away, axis=2)
    known = ~np.isnan(lengths)
    total = np.where(known, lengths, 0.0).sum(axis=1)
    counts = known.sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.inf)


def _median(away: Points) -> Points:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN")
        return np.asarray(np.nanmedian(away, axis=0))
