"""The quality of a fit, from all of a model's quality models together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.kernels import kernel

from .features import PLACES, fit_features

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
        inputs = point_predictor.inputs(features, logit)
        error, bound = calibration(joint_log_error(whole, point_predictor.log_error(inputs)))
        visibility = point_predictor.visibility(inputs)
    return QualityEstimate(_share(logit), error, bound, visibility, described)


@dataclass(frozen=True, eq=False)
class Looks:
    """What the quality of a fit is told by, before anything is computed of it.

    Parameters
    ----------
    maps, responses : ndarray of float32, shape (S * S, N)
        Of the search windows.
    offsets : ndarray of complex, shape (N,)
        Of the points from the middles of their windows, in pixels.
    variance : float
        Of the kernel that says what lies near, in square pixels.
    cells : ndarray of float32, shape (N, D)
        Surroundings of the points.
    movements : ndarray, shape (N,)
        How far the correction moved each point, in IOD.
    whole_face : ndarray of float32, shape (W,)
        Pooled channels of the coarse crop.
    b, deviations : ndarray, shape (K,)
        Shape parameters, and their standard deviations.
    displacement : ndarray, shape (N, 2)
        Of the fitted shape from the mean shape, in the model frame.
    """

    maps: Rows
    responses: Rows
    offsets: NDArray[np.complex128]
    variance: float
    cells: Rows
    movements: NDArray[np.float64]
    whole_face: Rows
    b: NDArray[np.float64]
    deviations: NDArray[np.float64]
    displacement: NDArray[np.float64]


def compiled_quality(
    looks: Looks,
    validator: FaceValidator,
    error_predictor: ErrorPredictor,
    points: PointPredictor,
    calibration: ConformalCalibration,
) -> tuple[QualityEstimate, NDArray[np.float64]] | None:
    """Return `estimate_quality` and the support of each point by the kernel.

    None if there is none, or it cannot.
    """
    function = kernel("quality", "nnnnnnn" + "aaaaaa" + "x" + "aaaa" + "aaa" + "aaaa")
    if function is None or len(looks.maps) != PLACES:
        return None
    count, size = looks.cells.shape
    features = np.empty(len(error_predictor.centre), np.float32)
    support, visibility, logs = np.empty(count), np.empty(count), np.empty(3)
    made = function(
        count,
        size,
        looks.whole_face.size,
        looks.b.size,
        len(points.error.out) - 1,
        len(points.visible.out) - 1,
        len(error_predictor.out) - 1,
        np.ascontiguousarray(looks.maps),
        np.ascontiguousarray(looks.responses),
        looks.offsets,
        np.ascontiguousarray(looks.cells, np.float32),
        np.ascontiguousarray(points.typical, np.float32),
        looks.movements,
        looks.variance,
        np.ascontiguousarray(looks.whole_face, np.float32),
        np.ascontiguousarray(looks.b, np.float64),
        looks.deviations,
        np.ascontiguousarray(looks.displacement, np.float64),
        validator.packed,
        points.packed,
        error_predictor.packed,
        features,
        support,
        visibility,
        logs,
    )
    if not made:
        return None
    logit, whole, by_points = logs.tolist()
    error, bound = calibration(joint_log_error(whole, by_points))
    return QualityEstimate(_share(logit), error, bound, visibility, features), support


def _share(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))


def joint_log_error(whole: float, by_points: float) -> float:
    """Return the mean of the log NME predicted from the whole fit and from its points."""
    return 0.5 * (whole + by_points)
