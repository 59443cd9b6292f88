"""Searches by experts that never saw the person; what makes them can travel to workers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.fit.schedule import FROM_START, passes_from
from faceloop_runtime.fit.steps import SearchStart, search
from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_trainer.data.perturbation import Jitter, jittered_pose

from .fit_store import OutOfFoldFit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.fit.steps import CorrectedFit, SearchResult
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_runtime.start_network.start_map import Start
    from faceloop_trainer.data.faces import TrainingFace

    from .variants import FaceVariant


@dataclass(frozen=True, eq=False)
class Searcher:
    """The models of all folds.

    Parameters
    ----------
    models : tuple of FaceModel
        By fold, a model that has not seen it, and that neither corrects nor estimates its quality.
    seed : int
        Of perturbed starts.
    """

    models: tuple[FaceModel, ...]
    seed: int

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.models, self.seed)  # without backends, which are of one process

    @property
    def pdm(self) -> PointDistributionModel:
        """The shapes that are searched for."""
        return self.models[0].pdm

    @cached_property
    def _backends(self) -> list[CpuResponses]:
        return [CpuResponses(model.experts) for model in self.models]

    def search_from(self, variant: FaceVariant, start: Start) -> SearchResult:
        """Search for a face from where a map that never saw the person starts it.

        Parameters
        ----------
        variant : FaceVariant
            Which face.
        start : Start
            What the map says.
        """
        model, shown = self.models[variant.fold], variant.face()
        assert shown.picture is not None  # noqa: S101 - completed faces have one
        backend = self._backends[variant.fold]
        passes = passes_from(start.error)
        return search(model, backend, shown.picture, SearchStart.of(model.pdm, start), passes)

    def search(
        self,
        variant: FaceVariant,
        jitter: Jitter,
        purpose: int = 0,
        *,
        face: TrainingFace | None = None,
    ) -> SearchResult:
        """Search for a face from a perturbed start, with experts that never saw the person.

        Parameters
        ----------
        variant : FaceVariant
            Which face.
        jitter : Jitter
            How far the start is off.
        purpose : int
            Each starts elsewhere.
        face : TrainingFace, optional
            Another picture of it, to search in instead.
        """
        model, shown = self.models[variant.fold], face or variant.face()
        iod = model.scheme.frontal_iod(shown.points)
        rng = variant.rng(self.seed, purpose)
        pose = jittered_pose(model.pdm, shown.points, iod, jitter, rng)
        assert shown.picture is not None  # noqa: S101 - completed faces have one
        backend = self._backends[variant.fold]
        return search(model, backend, shown.picture, SearchStart.at(model.pdm, pose), FROM_START)

    def point_errors(
        self, face: TrainingFace, fit: SearchResult | CorrectedFit
    ) -> NDArray[np.float64]:
        """Return the distance of each point of a fit from the annotation, in frontal IOD, (N,)."""
        points = fit.pose.apply(self.pdm.shape(fit.b))
        iod = self.models[0].scheme.frontal_iod(face.points)
        return np.asarray(np.linalg.norm(points - face.points, axis=1) / iod)

    def __call__(self, job: tuple[FaceVariant, Start]) -> OutOfFoldFit:
        """Fit a face from a start; what cross-fitting asks of workers."""
        variant, start = job
        found, face = self.search_from(variant, start), variant.face()
        error = float(np.nanmean(self.point_errors(face, found)[face.measured]))
        return OutOfFoldFit.of(self.pdm, found, error)
