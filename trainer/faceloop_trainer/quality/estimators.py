"""Training of what estimates a fit's quality: validator, error predictor, point predictor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.quality.conformal import ConformalCalibration
from faceloop_runtime.quality.error import ErrorPredictor
from faceloop_runtime.quality.estimate import joint_log_error
from faceloop_runtime.quality.features import FitFeatures, fit_features
from faceloop_runtime.quality.points import POINT_INPUTS, PointNetwork, PointPredictor
from faceloop_runtime.quality.validator import FaceValidator
from faceloop_trainer.parallel import parallel_map

from .conformal import conformal_calibration
from .least_loss import logistic, network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.float32]
    Floats = NDArray[np.float64]

_HIDDEN = 16
_POINT_HIDDEN, _VISIBILITY_HIDDEN = 24, 16
"""Widths of the networks. Measured on MUCT's and the sample's training people, out of fold:
twice as wide ranks fits no better."""
_SMALLEST = 0.005
"""Errors below this are not told apart."""
_VALIDATOR = 0.01
"""Strength of the examples against the ridge of the validator."""
_MOST_POINTS = 14_000
"""Points that a point network is trained on; more rank no better."""
_LARGEST_LABELLED_ERROR = 0.15
"""Fits that are further off say nothing about which points are visible."""


@dataclass(frozen=True, eq=False)
class QualityExample:
    """A fit by a model that never saw the subject, and what is true of it.

    Parameters
    ----------
    features : FitFeatures
        What it looked like.
    error : float
        Its NME.
    point_errors : ndarray, shape (N,)
        Error of each point, in IOD; NaN where not measured.
    hidden : ndarray of bool, shape (N,)
        Points that are occluded or turned away.
    occluded : bool
        Whether the face was occluded on purpose.
    """

    features: FitFeatures
    error: float
    point_errors: Floats
    hidden: NDArray[np.bool_]
    occluded: bool


def train_validator(faces: Rows, others: Rows) -> FaceValidator:
    """Logistic regression: face in place, or not.

    Parameters
    ----------
    faces, others : ndarray, shape (M, W)
        Whole-face features of well placed faces; of backgrounds, misplaced faces, and what
        fits saw that ended far off.
    """
    rows = np.concatenate([faces, others]).astype(np.float32, copy=False)
    labels = np.arange(len(rows)) < len(faces)
    # Many negatives make the bias too pessimistic; a face and no face are equally likely
    # where the tracker asks.
    each = 0.5 * len(rows) / np.where(labels, len(faces), len(others))
    return FaceValidator(*logistic(rows, labels, _VALIDATOR * each, steps=300, tolerance=1e-3))


def train_error_predictor(features: Rows, errors: Floats, seed: int) -> ErrorPredictor:
    """Regress the logarithm of a fit's NME on what the fit looked like.

    Parameters
    ----------
    features : ndarray, shape (M, Q)
        Quality features of fits by models that never saw the subject.
    errors : ndarray, shape (M,)
        Their NME.
    seed : int
        Initial weights.
    """
    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    rows = np.clip((features - centre) / spread, -6, 6).astype(np.float32)
    goal = np.log(np.maximum(errors, _SMALLEST)).astype(np.float32)
    hidden, out = _trained(rows, goal, _HIDDEN, seed)
    return ErrorPredictor(centre.astype(np.float32), spread.astype(np.float32), hidden, out)


def typical_cells(cells: Sequence[Rows], landmarks: int) -> Rows:
    """Return how the surroundings of landmarks usually look.

    Parameters
    ----------
    cells : sequence of ndarray, shape (N * D,)
        Of well placed faces.
    landmarks : int
        How many there are, N.

    Returns
    -------
    ndarray of float32, shape (N, D)
        Rows of length 1; zero where there is nothing to see.
    """
    mean = np.zeros(len(cells[0]))  # of thousands of faces, too large to be laid out together
    for one in cells:
        mean += one
    mean = mean.reshape(landmarks, -1) / len(cells)
    return np.asarray(mean / (np.linalg.norm(mean, axis=1, keepdims=True) + 1e-6), np.float32)


@dataclass(frozen=True, eq=False)
class QualityEstimators:
    """What estimates the quality of a fit, but for the validator."""

    predictor: ErrorPredictor
    points: PointPredictor
    calibration: ConformalCalibration


def train_estimators(  # noqa: PLR0917 - all of what there is to learn from
    fits: Sequence[QualityExample],
    folds: NDArray[np.intp],
    validators: Sequence[FaceValidator],
    places: Floats,
    typical: Rows,
    seed: int,
) -> QualityEstimators:
    """Train what estimates the quality of fits.

    Parameters
    ----------
    fits : sequence of QualityExample
        Fits from good and from bad starts.
    folds : ndarray of int, shape (M,)
        Fold of each fit's subject.
    validators : sequence of FaceValidator
        For each fold the one that never saw it.
    places : ndarray, shape (N, 2)
        The mean shape.
    typical : ndarray, shape (N, D)
        From `typical_cells`.
    seed : int
        Initial weights.
    """
    training = _EstimatorTraining(fits, folds, validators, places, typical, seed)
    shown = [folds >= 0, *(folds != fold for fold in range(len(validators)))]
    visible = training.train_visibility()
    (predictor, error), *others = parallel_map(training.train_errors, shown)
    predicted = np.empty(len(fits))
    for fold, predictors in enumerate(others):
        predicted[folds == fold] = training.predictions(folds == fold, *predictors)
    ordinary = ~np.array([fit.occluded for fit in fits])
    return QualityEstimators(
        predictor=predictor,
        points=training.point_predictor(error, visible),
        calibration=conformal_calibration(predicted[ordinary], np.log(training.errors[ordinary])),
    )


class _EstimatorTraining:
    """Examples, as arrays."""

    def __init__(  # noqa: PLR0917 - as `train_estimators`
        self,
        fits: Sequence[QualityExample],
        folds: NDArray[np.intp],
        validators: Sequence[FaceValidator],
        places: Floats,
        typical: Rows,
        seed: int,
    ) -> None:
        self.fits, self.seed = fits, seed
        self.errors = np.maximum([fit.error for fit in fits], _SMALLEST)
        self.point_errors = np.array([fit.point_errors for fit in fits])
        points = np.array([fit.features.points for fit in fits])
        measured = np.isfinite(self.point_errors).mean(axis=0)
        known = measured > 0
        logs = np.log(np.maximum(self.point_errors, _SMALLEST))
        usual = np.zeros(len(places))
        usual[known] = np.nanmean(logs[:, known], axis=0)
        usual[~known] = usual[known].mean()
        self.usual, self.logs = usual, logs
        self.untrained = PointPredictor(
            places=places.astype(np.float32),
            typical=typical,
            centre=points.mean(axis=0),
            spread=points.std(axis=0) + np.float32(1e-3),
            weights=(measured / measured.sum()).astype(np.float32),
            error=_no_network(len(places)),
            visible=_no_network(len(places)),
        )
        logits = [
            validators[k].logit(f.features.whole_face) for f, k in zip(fits, folds, strict=True)
        ]
        self.features = np.array(
            [fit_features(f.features, z) for f, z in zip(fits, logits, strict=True)]
        )
        self.inputs = np.array(
            [self.untrained.inputs(f.features, z) for f, z in zip(fits, logits, strict=True)]
        )

    def train_errors(self, use: NDArray[np.bool_]) -> tuple[ErrorPredictor, PointNetwork]:
        """Train the predictors of the errors of faces and points on some of the fits."""
        predictor = train_error_predictor(self.features[use], self.errors[use], self.seed)
        target = np.where(use[:, None], self.logs - self.usual, np.nan)
        layers = _trained(*self._some_points(target), _POINT_HIDDEN, self.seed)
        return predictor, PointNetwork(*layers, self.usual.astype(np.float32))

    def train_visibility(self) -> PointNetwork:
        """Train which points are visible; if none was ever hidden, all are."""
        visible = ~np.array([fit.hidden for fit in self.fits])
        labelled = np.isfinite(self.point_errors) & (self.errors < _LARGEST_LABELLED_ERROR)[:, None]
        nothing = _no_network(visible.shape[1])
        if len(np.unique(visible[labelled])) < 2:
            return PointNetwork(nothing.hidden, np.array([0, 30], np.float32), nothing.usual)
        rows, target = self._some_points(np.where(labelled, visible, np.nan))
        layers = _trained(rows, target > 0, _VISIBILITY_HIDDEN, self.seed)
        return PointNetwork(*layers, nothing.usual)

    def predictions(
        self, of: NDArray[np.bool_], predictor: ErrorPredictor, error: PointNetwork
    ) -> Floats:
        """Return the predicted log NME of some of the fits, as a fit would ask for it."""
        points = self.point_predictor(error, self.untrained.visible)
        return np.array(
            [
                joint_log_error(predictor(self.features[i]), points.log_error(self.inputs[i]))
                for i in np.nonzero(of)[0]
            ]
        )

    def point_predictor(self, error: PointNetwork, visible: PointNetwork) -> PointPredictor:
        """Return the point predictor with these networks."""
        b = self.untrained
        return PointPredictor(b.places, b.typical, b.centre, b.spread, b.weights, error, visible)

    def _some_points(self, target: Floats) -> tuple[Rows, Rows]:
        """Return inputs and target of points that have one."""
        which = np.nonzero(np.isfinite(target.ravel()))[0]
        if len(which) > _MOST_POINTS:
            rng = np.random.default_rng(self.seed)
            which = np.sort(rng.choice(which, _MOST_POINTS, replace=False))
        rows = self.inputs.reshape(-1, POINT_INPUTS)[which]
        return rows, target.ravel()[which].astype(np.float32)


def _trained(
    rows: Rows, goal: NDArray[np.bool_] | Rows, hidden: int, seed: int
) -> tuple[Rows, Rows]:
    # Strong regularisation: a few hundred faces, some of them of the same people. That it stops
    # early is part of it.
    return network(rows, goal, hidden, alpha=100.0, seed=seed, steps=120)


def _no_network(landmarks: int) -> PointNetwork:
    return PointNetwork(
        np.zeros((POINT_INPUTS + 1, 1), np.float32),
        np.zeros(2, np.float32),
        np.zeros(landmarks, np.float32),
    )
