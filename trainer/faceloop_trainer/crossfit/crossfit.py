"""Cross-fitting: the faces of each fold are fitted by experts that were trained without them.

How far responses may be trusted, how strong corrections should be and how good a fit is are learned
from these out-of-fold fits; beside them, from the same faces, how heads are turned and how they are
found. They are most of the work of a training and hardly change with a few
corrected faces: so they are made on a project's reference snapshot
(`faceloop_trainer.data.reference_snapshot`) and cached.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.model import FaceModel
from faceloop_runtime.model.arrays import from_arrays, to_arrays
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.quality.error import ErrorPredictor
from faceloop_runtime.quality.validator import VALIDATOR_SCALE, FaceValidator
from faceloop_runtime.regressor import ShapeRegressor
from faceloop_runtime.responses.experts import crop_size
from faceloop_runtime.start_network import network_key
from faceloop_trainer.cache import key_of
from faceloop_trainer.data.completion import ReferenceFrame
from faceloop_trainer.experts.calibration import calibration_faces
from faceloop_trainer.experts.training import CrossFittedExperts
from faceloop_trainer.parallel import parallel_map

from .correction_targets import LOST, are_found, correction_regression
from .fit_store import FitStore, OutOfFoldFit
from .looks import Looks
from .searcher import Searcher
from .start_training import OutOfFoldStarts, StartTraining
from .training_set import FOLDS, TrainingSet, folds_follow_names
from .variants import FaceVariant, variants

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

    from faceloop_datasets import Scheme
    from faceloop_runtime.start_network.start_map import Start
    from faceloop_trainer.cache import Cache
    from faceloop_trainer.config import TrainingConfig
    from faceloop_trainer.correction_regression import CorrectionRegression
    from faceloop_trainer.data.faces import TrainingFace
    from faceloop_trainer.experts.training import ScaleTraining
    from faceloop_trainer.parallel import StepCounter

T = TypeVar("T")

_KIND = "crossfit"
_FAR = 1.5
"""A fit that ends further off than this, in usual errors of its start, has found nothing."""
_MOST_FITTED = 2000
"""Of more faces than this some are fitted: the time of the corrections grows with their square,
and a thousand faces take a quarter of a gigabyte."""


@dataclass(frozen=True, eq=False)
class SearchParts:
    """What a search needs of a model.

    Parameters
    ----------
    pdm : PointDistributionModel
        The shapes that are searched for.
    experts : tuple of CrossFittedExperts
        By scale, the initialiser's last.
    """

    pdm: PointDistributionModel
    experts: tuple[CrossFittedExperts, ...]


class CrossFit:
    """Experts of each fold, the out-of-fold fits they make, and the corrections these need.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    faces : sequence of TrainingFace
        The faces to cross-fit.
    config : TrainingConfig
        Settings.
    cache : Cache
        What earlier trainings left.
    steps : StepCounter
        Counts the steps; what was cached takes none.
    """

    def __init__(
        self,
        scheme: Scheme,
        faces: Sequence[TrainingFace],
        config: TrainingConfig,
        cache: Cache,
        steps: StepCounter,
    ) -> None:
        self.scheme, self.config, self.steps = scheme, config, steps
        self._faces, self._cache = faces, cache
        self._parts = self.load("experts", SearchParts)
        self._fits = FitStore(cache, self._key)
        self._own_corrections: CorrectionRegression | None = None
        self._training_set: TrainingSet | None = None

    @classmethod
    def of(
        cls,
        training_set: TrainingSet,
        faces: Sequence[TrainingFace],
        cache: Cache,
        steps: StepCounter,
    ) -> Self:
        """Cross-fit faces whose training set is there already."""
        made = cls(training_set.scheme, faces, training_set.config, cache, steps)
        made._training_set = training_set
        return made

    @property
    def training_set(self) -> TrainingSet:
        """The faces that are cross-fitted; made when first asked for, since a cache needs none."""
        if self._training_set is None:
            self._training_set = TrainingSet.of(self.scheme, self._faces, self.config, self._cache)
        return self._training_set

    @property
    def labels(self) -> list[tuple[str, str]]:
        """What the cross-fitted faces express, by their keys; empty where nobody has said."""
        return [(face.key, face.expression) for face in self._faces]

    def is_of(self, training_set: TrainingSet) -> bool:
        """Whether these are the faces that are cross-fitted."""
        return self._training_set is training_set

    @property
    def pdm(self) -> PointDistributionModel:
        """The shapes that are searched for."""
        return self.training_set.pdm if self._parts is None else self._parts.pdm

    def applies_to(self, current: TrainingSet) -> bool:
        """Whether crop size, number of modes and folds agree with the current training set."""
        faces = [face.original for face in current.faces]
        if not all(folds_follow_names(some, self.config.seed) for some in (self._faces, faces)):
            return False
        try:
            models = self.pdm, current.pdm
        except TrainingError:  # there were too few faces then
            return False
        sizes = {crop_size(pdm.extent, VALIDATOR_SCALE, 1) for pdm in models}
        return len(sizes) == len({len(pdm.variances) for pdm in models}) == 1

    @property
    def experts_cached(self) -> bool:
        """Whether no experts have to be trained here."""
        return self._parts is not None

    @cached_property
    def _key(self) -> str:
        config = replace(self.config, limit=None, holdout=0.0)
        parts: list[object] = [asdict(config), self.scheme.to_toml(), network_key()]
        for face in self._faces:
            parts += [face.subject, face.key, face.measured, face.turn, *face.backgrounds]
        return key_of(*parts)

    def load(self, name: str, kind: type[T]) -> T | None:
        """Return a value that was cached for these faces and settings, or None.

        Parameters
        ----------
        name : str
            Of the value.
        kind : type
            The dataclass that it is.
        """
        arrays = self._cache.load(_KIND, f"{self._key}-{name}")
        return None if arrays is None else from_arrays(kind, arrays)

    def save(self, name: str, value: object) -> None:
        """Cache a value for these faces and settings."""
        self._cache.save(_KIND, f"{self._key}-{name}", to_arrays(value))

    def step_count(self, current: TrainingSet, fitted: Iterable[TrainingSet]) -> int:
        """Return how many steps the experts and the fits of some training sets take."""
        names = {one.name for some in fitted for one in variants(some, _MOST_FITTED)}
        return self.expert_step_count(current) + len(self._fits.missing(list(names)))

    def expert_step_count(self, current: TrainingSet) -> int:
        """Return how many of them the experts take."""
        if self._parts is not None:
            return 0
        own = self.training_set
        each = len(calibration_faces(own.faces)) + (0 if self.is_of(current) else len(own.faces))
        return (len(own.config.scales) + 1) * each

    # Experts

    def experts(
        self, trainings: Sequence[ScaleTraining] | None = None
    ) -> tuple[CrossFittedExperts, ...]:
        """Return the experts of each scale, the initialiser's last.

        Parameters
        ----------
        trainings : sequence of ScaleTraining, optional
            What `TrainingSet.experts` of the cross-fitted faces returned, if it was asked already.
        """
        if self._parts is None:
            own = trainings or self.training_set.experts(self._cache, self.steps)
            experts = tuple(parallel_map(lambda one: one.cross_fitted(), own))
            self._parts = SearchParts(self.pdm, experts)
            self.save("experts", self._parts)
        return self._parts.experts

    @cached_property
    def searcher(self) -> Searcher:
        """What searches for faces with experts that never saw the person."""
        *scales, initialiser = self.experts()
        pdm, none = self.pdm, np.zeros(0, np.float32)
        models = (
            FaceModel(
                scheme=self.scheme,
                pdm=pdm,
                channels=self.config.channels,
                experts=tuple(scale.without[fold] for scale in scales),
                regressor=ShapeRegressor(none, none),
                initialiser=initialiser.without[fold],
                validator=FaceValidator(none, 0.0),
                error_predictor=ErrorPredictor.blank(len(pdm), len(pdm.variances)),
            )
            for fold in range(FOLDS)
        )
        return Searcher(tuple(models), self.config.seed)

    # Fits

    @cached_property
    def start_training(self) -> StartTraining:
        """What the start network says of the faces that are cross-fitted."""
        return StartTraining(self.training_set, self._cache, self.steps)

    @cached_property
    def out_of_fold_starts(self) -> OutOfFoldStarts:
        """Where searches start, by fold."""
        known = self.load("starts", OutOfFoldStarts)
        if known is None:
            known = self.start_training.out_of_fold()
            self.save("starts", known)
        return known

    def search_starts(self, shown: Sequence[FaceVariant]) -> list[Start]:
        """Return where searches for faces start, by maps that never saw their subjects.

        The faces need not be among those that are cross-fitted.
        """
        known = self.out_of_fold_starts
        reference, seed = ReferenceFrame.of(self.pdm), self.config.seed
        looks = Looks.at(reference, known.frames, seed, self._cache, self.steps)
        return known.starts(shown, looks.descriptions(shown))

    def starts_of(self, current: TrainingSet) -> StartTraining:
        """Return what the start network says of the faces of a training set."""
        if self.is_of(current):
            return self.start_training
        return StartTraining(current, self._cache, self.steps)

    def fits(self, training_set: TrainingSet) -> tuple[list[FaceVariant], list[OutOfFoldFit]]:
        """Return the out-of-fold fits of a training set; those that are missing are made."""
        wanted = {one.name: one for one in variants(training_set, _MOST_FITTED)}
        missing = self._fits.missing(list(wanted))

        shown = [wanted[name] for name in missing]
        # Where a search starts is found out here: what the start network says of a face is kept.
        starts = self.search_starts(shown) if shown else []
        jobs = [(one.lean(), start) for one, start in zip(shown, starts, strict=True)]
        made = self.steps.map(
            self.searcher, jobs, done=lambda fit: self.steps.tick(error=float(fit.error))
        )
        self._fits.add(dict(zip(missing, made, strict=True)))
        return list(wanted.values()), self._fits.take(list(wanted))

    def corrections(self, training_set: TrainingSet) -> CorrectionRegression:
        """Return the regression of the corrections that a training set's fits need."""
        own = self.is_of(training_set)
        if own and self._own_corrections is not None:
            return self._own_corrections
        shown, fits = self.fits(training_set)
        folds = np.array([variant.fold for variant in shown])
        points = [variant.points() for variant in shown]
        # Of points that lie close to each other the unit is small, and starts are far off in it.
        lost = LOST if are_found(fits, LOST) else max(LOST, _FAR * self.out_of_fold_starts.error)
        found = correction_regression(training_set.pdm, points, fits, folds, lost)
        if own:
            self._own_corrections = found
        return found
