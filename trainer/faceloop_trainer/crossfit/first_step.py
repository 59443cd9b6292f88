"""Training the first step of a search: pose and shape, seen in the whole face.

Few patch experts do not lead a search home from a rough start: each sees the nearest thing that
looks like its landmark, and nobody outvotes it. The face as a whole tells where its points are even
if a scheme has three, so that schemes of few points begin their search there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from faceloop_runtime.fit.first_step import first_step_features
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.quality.validator import VALIDATOR_SCALE
from faceloop_runtime.regressor import ShapeRegressor
from faceloop_trainer.data.perturbation import Jitter, jittered_pose
from faceloop_trainer.parallel import parallel_map

from .correction_targets import required_updates
from .training_set import FOLDS, MOST_SPARSE_POINTS
from .variants import FaceVariant, variants

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .training_set import TrainingSet

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_MOST_ROWS, _MOST_STARTS = 3000, 8
_LEAST, _FARTHEST = 0.2, 2.0
"""How far off starts are, in multiples of what a detector is off by."""
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)
"""Ridge strengths tried, as shares of the mean squared length of the features times the number of
rows."""
_START = 5
"""What random numbers of a variant are drawn for."""


@dataclass(frozen=True, eq=False)
class FirstSteps:
    """First steps of searches.

    Parameters
    ----------
    whole : ShapeRegressor
        Learned from all faces.
    without : tuple of ShapeRegressor
        By fold, learned from the others.
    """

    whole: ShapeRegressor
    without: tuple[ShapeRegressor, ...]


def first_steps(training_set: TrainingSet) -> FirstSteps | None:
    """Learn the first steps of a training set; None if its scheme is not sparse."""
    if len(training_set.scheme) > MOST_SPARSE_POINTS:
        return None
    shown = variants(training_set, _MOST_ROWS // 2)
    count = max(1, min(_MOST_STARTS, _MOST_ROWS // len(shown)))
    pairs = parallel_map(lambda one: _starts(training_set, one, count), shown)
    features = np.concatenate([rows for rows, _ in pairs])
    targets = np.concatenate([rows for _, rows in pairs])
    folds = np.repeat([one.fold for one in shown], count)
    pdm = training_set.pdm
    # Errors are those of the points: a radian and a mode's unit do not compare.
    lengths = np.linalg.norm(pdm.tangent(np.zeros(len(pdm.variances))), axis=1)
    strength = _strength(features, targets * lengths, folds)
    without = tuple(_ridge(features, targets, folds != fold, strength) for fold in range(FOLDS))
    return FirstSteps(_ridge(features, targets, folds >= 0, strength), without)


def _starts(training_set: TrainingSet, variant: FaceVariant, count: int) -> tuple[Rows, Floats]:
    """Return what a face looks like from rough starts, and what each of them needs."""
    face, pdm = variant.face(), training_set.pdm
    assert face.picture is not None  # noqa: S101 - completed faces have one
    iod = training_set.scheme.inter_ocular_distance(face.points)
    rng = variant.rng(training_set.config.seed, _START)
    truth, rows = np.empty((count, len(pdm), 2)), []
    complete = pdm.complete(face.points)
    for goal in truth:
        jitter = Jitter().times(float(rng.uniform(_LEAST, _FARTHEST)))
        pose = jittered_pose(pdm, face.points, iod, jitter, rng)
        image = FaceImage(face.picture, pose, pdm.extent, VALIDATOR_SCALE)
        rows.append(first_step_features(image, pose, pdm, training_set.config.channels))
        goal[:] = pose.inverse().apply(complete)
    found = np.zeros((count, len(pdm.variances)))
    return np.array(rows), required_updates(pdm, found, truth)


def _strength(features: Rows, targets: Floats, folds: NDArray[np.intp]) -> float:
    """Return the strength that starts people best whom the map has not seen."""

    def wrong(strength: float) -> float:
        total = 0.0
        for fold in range(FOLDS):
            step = _ridge(features, targets, folds != fold, strength)
            other = folds == fold
            guess = features[other] @ step.weights + step.offset
            total += float(((guess - targets[other]) ** 2).sum())
        return total

    return min(_STRENGTHS, key=wrong)


def _ridge(
    features: Rows, targets: Floats, kept: NDArray[np.bool_], strength: float
) -> ShapeRegressor:
    """Ridge regression in its dual or its primal form, whichever is smaller."""
    rows, goals = features[kept].astype(np.float64), targets[kept]
    centre, offset = rows.mean(axis=0), goals.mean(axis=0)
    rows -= centre
    goals = goals - offset
    penalty = strength * max(float((rows**2).sum()), 1e-9)
    if len(rows) < rows.shape[1]:
        gram = rows @ rows.T
        gram[np.diag_indices_from(gram)] += penalty
        weights = rows.T @ cho_solve(cho_factor(gram), goals)
    else:
        gram = rows.T @ rows
        gram[np.diag_indices_from(gram)] += penalty
        weights = cho_solve(cho_factor(gram), rows.T @ goals)
    return ShapeRegressor(
        weights.astype(np.float32), (offset - centre @ weights).astype(np.float32)
    )
