"""Training of the quality models, from good and bad out-of-fold fits of annotated faces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_negatives
from faceloop_runtime.fit.steps import correct, describe
from faceloop_runtime.quality.thresholds import FAILURE
from faceloop_runtime.quality.validator import FaceValidator
from faceloop_trainer.crossfit.searcher import Searcher
from faceloop_trainer.crossfit.training_set import FOLDS
from faceloop_trainer.crossfit.variants import FaceVariant, few_variants
from faceloop_trainer.data.negatives import background_features, misplaced_face_features
from faceloop_trainer.data.occlusion import occlude
from faceloop_trainer.data.perturbation import Jitter
from faceloop_trainer.parallel import parallel_map

from .estimators import (
    QualityEstimators,
    QualityExample,
    train_estimators,
    train_validator,
    typical_cells,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_runtime.regressor import ShapeRegressor
    from faceloop_trainer.crossfit.crossfit import CrossFit

    Rows = NDArray[np.float32]

_NAME = "quality"
_MOST_FITTED = 300
"""Variants of faces that are fitted for examples, and half as many with something before them."""
_IN_PLACE = 0.05
"""Searches that end this close show the validator a face in its place."""
_FEWEST = 10
_PLAIN, _OCCLUDED, _REACH, _MISPLACED = 1, 2, 3, 4
"""What random numbers of a variant are drawn for."""


@dataclass(frozen=True, eq=False)
class QualityModels:
    """What is learned from out-of-fold fits.

    Parameters
    ----------
    strength : float
        Ridge strength of the corrections.
    validator : FaceValidator
        Tells faces from everything else.
    estimators : QualityEstimators
        Estimate how good a fit is.
    """

    strength: float
    validator: FaceValidator
    estimators: QualityEstimators


class QualityTraining:
    """Trains the quality models of a cross-fit, or takes them from its cache.

    Parameters
    ----------
    crossfit : CrossFit
        Makes the fits.
    """

    def __init__(self, crossfit: CrossFit) -> None:
        self._crossfit = crossfit
        self._models: QualityModels | None = crossfit.load(_NAME, QualityModels)

    @property
    def cached(self) -> bool:
        """Whether nothing has to be trained."""
        return self._models is not None

    @property
    def step_count(self) -> int:
        """How many steps of the cross-fit's the examples take."""
        return 0 if self.cached else len(self._plan())

    def models(self) -> QualityModels:
        """Return the quality models."""
        if self._models is None:
            self._models = self._train()
            self._crossfit.save(_NAME, self._models)
        return self._models

    def _plan(self) -> list[tuple[FaceVariant, bool]]:
        """Return the faces to fit, each as it is, and every second one occluded too."""
        every = few_variants(self._crossfit.training_set, _MOST_FITTED)
        return [*((one, False) for one in every), *((one, True) for one in every[::2])]

    def _train(self) -> QualityModels:
        crossfit, own = self._crossfit, self._crossfit.training_set
        corrections = crossfit.corrections(own)
        shown, searches = crossfit.fits(own)
        crossfit.steps.what = "learning to judge fits"
        in_place = np.array([one.error < _IN_PLACE for one in searches])
        seen = [
            one.cells
            for one, good in zip(searches, in_place, strict=True)
            if good or not in_place.any()
        ]
        typical = typical_cells(seen, len(own.pdm))
        regressors = [corrections.without(fold, corrections.strength) for fold in range(FOLDS)]
        fitter = _ExampleFitter(crossfit.searcher, tuple(regressors), typical)
        plan = self._plan()
        examples = crossfit.steps.map(
            fitter,
            [(variant.lean(), occluded) for variant, occluded in plan],
            done=lambda one: crossfit.steps.tick(error=one.error),
        )
        folds = np.array([variant.fold for variant, _ in plan])
        far = np.array([not one.occluded and one.error > FAILURE for one in examples])
        drifted = np.array([one.features.whole_face for one in examples])[far], folds[far]
        enough = in_place if in_place.sum() >= _FEWEST else in_place | True
        whole = np.array([one.whole_face for one in searches])
        faces = whole[enough], np.array([variant.fold for variant in shown])[enough]
        validator, *without = _validators(crossfit, faces, drifted)
        estimators = train_estimators(
            examples, folds, without, own.pdm.mean, typical, own.config.seed
        )
        return QualityModels(corrections.strength, validator, estimators)


@dataclass(frozen=True, eq=False)
class _ExampleFitter:
    """Fits faces whose truth is known, partly occluded if asked for, and measures the fits."""

    searcher: Searcher
    regressors: tuple[ShapeRegressor, ...]
    typical: Rows

    def __call__(self, job: tuple[FaceVariant, bool]) -> QualityExample:
        (variant, occluded), searcher = job, self.searcher
        face = variant.face()
        rng = variant.rng(searcher.seed, _REACH, int(occluded))
        # An occluded face is not searched from far off too.
        reach = float(rng.uniform(0.0, 1.5) if occluded else rng.uniform(0.5, 3.0))
        hidden = face.measured & ~face.trains_patches
        if occluded:
            assert face.picture is not None  # noqa: S101 - completed faces have one
            iod = searcher.models[0].scheme.frontal_iod(face.points)
            picture, under = occlude(face.picture, face.points, iod, _textures(), rng)
            face, hidden = replace(face, picture=picture), hidden | under
        purpose = _OCCLUDED if occluded else _PLAIN
        found = searcher.search(variant, Jitter().times(reach), purpose, face=face)
        fit = correct(searcher.pdm, self.regressors[variant.fold], found)
        errors = searcher.point_errors(face, fit)
        error = float(np.nanmean(errors[face.measured]))
        return QualityExample(
            features=describe(searcher.pdm, fit, self.typical)[0],
            error=error,
            point_errors=np.where(face.measured, errors, np.nan),
            hidden=hidden,
            occluded=occluded,
        )


@lru_cache(maxsize=1)
def _textures() -> list[NDArray[np.uint8]]:
    """Return what hides parts of faces."""
    return [read_image(path, "gray") for path in sample_negatives()]


_Examples = tuple["Rows", "NDArray[np.intp]"]
"""Whole-face features, and the fold of each."""


@dataclass(frozen=True, eq=False)
class _Misplaced:
    """Looks at a face from wrong places; returns what is seen there, (M, W)."""

    pdm: PointDistributionModel
    channels: tuple[str, ...]
    seed: int

    def __call__(self, one: FaceVariant) -> Rows:
        rng = one.rng(self.seed, _MISPLACED)
        return misplaced_face_features(self.pdm, self.channels, one.face(), rng)


def _validators(crossfit: CrossFit, faces: _Examples, drifted: _Examples) -> list[FaceValidator]:
    """Train the face validator, and for each fold one that never saw it."""
    pdm, channels, seed = crossfit.pdm, crossfit.config.channels, crossfit.config.seed
    shown = few_variants(crossfit.training_set, _MOST_FITTED)
    misplaced = _Misplaced(pdm, tuple(channels), seed)
    wrong = crossfit.steps.map(misplaced, [one.lean() for one in shown])
    wrong_folds = np.repeat([one.fold for one in shown], [len(rows) for rows in wrong])
    originals = {one.completed.key: one for one in shown}.values()
    general, own = background_features(
        pdm,
        channels,
        [one.completed.original for one in originals],
        np.array([one.fold for one in originals]),
    )

    def one(fold: int | None) -> FaceValidator:
        others = [general, np.concatenate(wrong)[wrong_folds != fold]]
        others += [rows for f, rows in enumerate(own) if f != fold]
        others.append(drifted[0][drifted[1] != fold])
        return train_validator(faces[0][faces[1] != fold], np.concatenate(others))

    return parallel_map(one, [None, *range(FOLDS)])
