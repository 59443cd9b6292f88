"""The annotations of a project beside the starter model's fits to their pictures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_runtime.geometry import Similarity, has_extent
from faceloop_trainer.parallel import parallel_map

from .image_symmetries import IMAGE_SYMMETRIES
from .reference_fit import CLEAR_ERROR, ReferenceFitter
from .scheme_mapping import SchemeMapping
from .thresholds import SUSPECT_DISTANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_datasets.face import Face
    from faceloop_trainer.data.faces import TrainingFace
    from faceloop_trainer.parallel import StepCounter

    from .reference_fit import ReferenceFit

    Points = NDArray[np.float64]
    Values = NDArray[np.float64]
    Gray = NDArray[np.uint8]

_AGREES, _FEWEST = 0.1, 8
"""The annotators' bias is estimated from the faces whose points are nearer to the fit than this, in
IOD, if there are so many."""
_FEWEST_POINTS = 3
"""A face is compared if so many of its points are known, or all that the schemes share: any two can
be moved, turned and resized onto any others."""
_MOST_OTHER_STARTS = 60
"""So many annotations of other pictures serve as starts where no face was found."""


@dataclass(frozen=True, eq=False)
class ComparedFace:
    """An annotated face, and the starter model's fit to its picture.

    Parameters
    ----------
    face : Face
        From the project.
    points : ndarray, shape (N, 2)
        The annotation; NaN where missing, and everywhere where too few are known to compare.
    mapped : ndarray, shape (M, 2)
        The annotation in the starter model's scheme; NaN where unknown.
    size : (int, int)
        Width and height of the picture as it is shown; zeros where there is none.
    fit : ReferenceFit or None
        None where no face was found, or there is no picture.
    """

    face: Face
    points: Points
    mapped: Points
    size: tuple[int, int]
    fit: ReferenceFit | None = None

    @property
    def reliable_fit(self) -> ReferenceFit | None:
        """The fit if it is on a face."""
        return self.fit if self.fit is not None and self.fit.reliable else None


@dataclass(frozen=True, eq=False)
class ReferenceComparison:
    """All annotated faces of a project, each with the starter model's fit to its picture.

    Parameters
    ----------
    scheme : Scheme
        The project's.
    mapping : SchemeMapping
        From the project's scheme to the starter model's.
    fitter : ReferenceFitter
        Fits the starter model.
    entries : tuple of ComparedFace
        One a face.
    """

    scheme: Scheme
    mapping: SchemeMapping
    fitter: ReferenceFitter
    entries: tuple[ComparedFace, ...]

    @classmethod
    def of(
        cls,
        scheme: Scheme,
        faces: Sequence[Face],
        loaded: Mapping[int, TrainingFace],
        sizes: Mapping[str, tuple[int, int]],
        steps: StepCounter,
        *,
        without: Sequence[int] = (),
    ) -> ReferenceComparison:
        """Fit the starter model from each annotation, and search elsewhere if it finds no face.

        Parameters
        ----------
        scheme : Scheme
            The project's.
        faces : sequence of Face
            As the project gives them.
        loaded : mapping of int to TrainingFace
            The faces that were read successfully, with their reduced pictures, by item.
        sizes : mapping of str to (int, int)
            Width and height of the pictures, by the hash of their content.
        steps : StepCounter
            Counts the faces.
        without : sequence of int
            Points to ignore.
        """
        fitter = ReferenceFitter()
        mapping = SchemeMapping.between(scheme, fitter.model.scheme)

        def compared(face: Face) -> ComparedFace:
            present = face.annotation.trains_shape
            present[list(without)] = False
            points = np.where(present[:, None], face.annotation.points, np.nan)
            if not _comparable(mapping, points):
                points = np.full_like(points, np.nan)
            size = sizes.get(face.media_sha256 or "", (0, 0))
            entry = ComparedFace(face, points, mapping.apply(points), size)
            read = loaded.get(face.item_id)
            steps.tick()
            return entry if read is None else replace(entry, fit=_local_fit(entry, read, fitter))

        entries = tuple(parallel_map(compared, faces))
        return cls(scheme, mapping, fitter, entries)._searched_elsewhere(steps)

    @cached_property
    def annotator_bias(self) -> Points:
        """Median of annotation minus fit over the faces that agree, (M, 2), in the model frame.

        Annotators place some points where the starter model does not.
        """
        fitted = [(entry.mapped, fit) for entry in self.entries if (fit := entry.reliable_fit)]
        offsets = np.array([_offsets(mapped, fit) for mapped, fit in fitted])
        near = offsets[_mean_length(offsets) < _AGREES] if len(offsets) else offsets
        if len(near) < _FEWEST:
            return np.zeros_like(self.fitter.model.pdm.mean)
        return np.nan_to_num(_median(near))

    def own_distances(self) -> Values:
        """Mean distance of each annotation from the fit to its own picture, (F,), in IOD.

        Infinite where no face was found.
        """
        return np.array(
            [
                self.distance(entry.mapped, fit) if (fit := entry.reliable_fit) else np.inf
                for entry in self.entries
            ]
        )

    def offsets(self, entry: ComparedFace, points: Points) -> Points:
        """Return points (N, 2) of a face minus the fit to its picture, (N, 2), in IOD.

        In the model frame and without the annotators' bias; NaN where the starter model has no
        such point, or found no face.
        """
        offsets = np.full((len(self.scheme), 2), np.nan)
        if (fit := entry.reliable_fit) is not None:
            of_mapped = _offsets(self.mapping.apply(points), fit) - self.annotator_bias
            for row, weights in enumerate(self.mapping.weights):
                if np.count_nonzero(weights) == 1:
                    offsets[int(weights.argmax())] = of_mapped[row]
        return offsets

    def distance(self, mapped: Points, fit: ReferenceFit) -> float:
        """Mean distance of an annotation (M, 2) from a fit, less the annotators' bias, in IOD."""
        return float(_mean_length((_offsets(mapped, fit) - self.annotator_bias)[None])[0])

    def distances(self, mapped: Points, fit: ReferenceFit) -> Values:
        """`distance` of many annotations (F, M, 2) from one fit, shape (F,)."""
        inverse = fit.pose.inverse()
        normalised = inverse.apply(mapped.reshape(-1, 2)).reshape(mapped.shape)
        return _mean_length(normalised - inverse.apply(fit.points) - self.annotator_bias)

    def expected(self, fit: ReferenceFit) -> Points:
        """Where an annotator would place the points of a face that was fitted, (M, 2)."""
        return fit.pose.apply(fit.pose.inverse().apply(fit.points) + self.annotator_bias)

    def symmetries_undone(self, entry: ComparedFace) -> list[Points]:
        """Return a face's annotation (M, 2) with each of `IMAGE_SYMMETRIES` undone."""
        return [
            self.mapping.apply(symmetry.undo(entry.points, entry.size, self.scheme.mirror_or_self))
            for symmetry in IMAGE_SYMMETRIES
        ]

    def refitted(
        self, start: Callable[[Points], Points], steps: StepCounter
    ) -> ReferenceComparison:
        """Fit again where no face was found clearly, starting from ``start(mapped)`` (M, 2).

        The better of the two fits is kept.
        """
        return self._fitted_from(lambda entry: [start(entry.mapped)], self._unclear, steps)

    def _searched_elsewhere(self, steps: StepCounter) -> ReferenceComparison:
        """Fit again with symmetries undone, from the detector, and from other annotations."""
        found = self._fitted_from(
            self.symmetries_undone, lambda entry: entry.reliable_fit is None, steps
        )
        found = found._fitted_again(
            found._unclear, lambda _, gray: found.fitter.from_detector(gray), steps
        )
        distances = found.own_distances()
        order = np.argsort(-distances, kind="stable")
        suspect = [found.entries[i].mapped for i in order if distances[i] > SUSPECT_DISTANCE]
        starts = [mapped for mapped in suspect if has_extent(mapped)][:_MOST_OTHER_STARTS]
        return found._fitted_from(lambda _: starts, found._unclear, steps)

    def _unclear(self, entry: ComparedFace) -> bool:
        """Whether no face was found, or one with a large predicted error off the annotation."""
        if (fit := entry.reliable_fit) is None:
            return True
        return fit.error > CLEAR_ERROR and self.distance(entry.mapped, fit) > SUSPECT_DISTANCE

    def _fitted_from(
        self,
        starts: Callable[[ComparedFace], Sequence[Points]],
        chosen: Callable[[ComparedFace], bool],
        steps: StepCounter,
    ) -> ReferenceComparison:
        def fit(entry: ComparedFace, gray: Gray) -> ReferenceFit | None:
            return self.fitter.from_best_start(gray, starts(entry))

        return self._fitted_again(chosen, fit, steps)

    def _fitted_again(
        self,
        chosen: Callable[[ComparedFace], bool],
        fit: Callable[[ComparedFace, Gray], ReferenceFit | None],
        steps: StepCounter,
    ) -> ReferenceComparison:
        """Fit the chosen faces again, a step each, and keep the better fit of each."""
        again = [entry.face.has_image and chosen(entry) for entry in self.entries]
        steps.total += sum(again)

        def refit(pair: tuple[ComparedFace, bool]) -> ComparedFace:
            entry, wanted = pair
            if not wanted:
                return entry
            steps.tick()
            try:
                found = fit(entry, entry.face.read_gray())
            except FaceloopError:  # a damaged picture; the training reports it
                return entry
            better = found and (entry.fit is None or found.error < entry.fit.error)
            return replace(entry, fit=found) if better else entry

        pairs = list(zip(self.entries, again, strict=True))
        return replace(self, entries=tuple(parallel_map(refit, pairs)))


def _comparable(mapping: SchemeMapping, points: Points) -> bool:
    """Whether enough points (N, 2) of a face are known to tell whether it is wrong as a whole."""
    shared = int(mapping.weights.any(axis=1).sum())
    mapped = mapping.apply(points)
    known = int((~np.isnan(mapped).any(axis=1)).sum())
    return known >= min(_FEWEST_POINTS, shared) and has_extent(mapped)


def _local_fit(
    entry: ComparedFace, read: TrainingFace, fitter: ReferenceFitter
) -> ReferenceFit | None:
    """Fit from the annotation, in the reduced picture round it that was read already."""
    if read.picture is None or min(_extent(read.points), _extent(entry.points)) < 1.0:
        return None
    to_reduced = Similarity.between(entry.points, read.points)
    fit = fitter.from_points(read.picture, to_reduced.apply(entry.mapped))
    return None if fit is None else fit.transformed(to_reduced.inverse())


def _extent(points: Points) -> float:
    """Larger side of the box round the known points; 0 where none is known."""
    sides = np.fmax.reduce(points) - np.fmin.reduce(points)
    return float(np.nan_to_num(sides).max())


def _offsets(mapped: Points, fit: ReferenceFit) -> Points:
    """Annotation minus fit, (M, 2), in the model frame."""
    inverse = fit.pose.inverse()
    return np.asarray(inverse.apply(mapped) - inverse.apply(fit.points))


def _mean_length(offsets: Points) -> Values:
    """Mean length over the known points, (F, M, 2) to (F,); infinite where none is known."""
    lengths = np.linalg.norm(offsets, axis=2)
    known = ~np.isnan(lengths)
    total = np.where(known, lengths, 0.0).sum(axis=1)
    counts = known.sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.inf)


def _median(offsets: Points) -> Points:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN")
        return np.asarray(np.nanmedian(offsets, axis=0))
