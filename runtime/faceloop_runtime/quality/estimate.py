"""The quality of a fit, from all of a model's quality models together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .features import fit_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .conformal import ConformalCalibration
    from .error import ErrorPredictor
    from .features import FitFeatures
    from .points import PointPredictor
    from .validator import FaceValidator

    Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class QualityEstimate:
    """How good a fit seems to be; see the fields of `faceloop_runtime.Fit`."""

    score: float
    error: float
    bound: float
    visibility: NDArray[np.float64]
    features: Rows


def estimate_quality(
    features: FitFeatures,
    validator: FaceValidator,
    error_predictor: ErrorPredictor,
    point_predictor: PointPredictor | None,
    calibration: ConformalCalibration | None,
) -> QualityEstimate:
    """Estimate how good a fit is by what it looked like.

    Parameters
    ----------
    features : FitFeatures
        What it looked like.
    validator : FaceValidator
        Tells a face from anything else.
    error_predictor : ErrorPredictor
        Predicts the error from the fit as a whole.
    point_predictor : PointPredictor or None
        Predicts error and visibility of each point.
    calibration : ConformalCalibration or None
        Says what the predicted error means. Without one of the last two the error is that of
        the error predictor, its bound and the visibility are NaN.
    """
    logit = validator.logit(features.whole_face)
    described = fit_features(features, logit)
    whole = error_predictor(described)
    if point_predictor is None or calibration is None:
        visibility = np.full(len(features.points), np.nan)
        error, bound = math.exp(min(whole, 3.0)), math.nan
    else:
        by_points, visibility = point_predictor(features, logit)
        error, bound = calibration(joint_log_error(whole, by_points))
    score = 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))
    return QualityEstimate(score, error, bound, visibility, described)


def joint_log_error(whole: float, by_points: float) -> float:
    """Return the mean of the log NME predicted from the whole fit and from its points."""
    return 0.5 * (whole + by_points)
