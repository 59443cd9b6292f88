"""Quality estimation: is it a face, how far off is the fit, and which points are visible."""

from .conformal import ConformalCalibration
from .error import ErrorPredictor
from .estimate import QualityEstimate, estimate_quality, joint_log_error
from .features import POINT_FEATURES, FitFeatures, fit_features, point_features
from .points import POINT_INPUTS, PointNetwork, PointPredictor
from .validator import (
    VALIDATOR_POOL,
    VALIDATOR_SCALE,
    FaceValidator,
    whole_face,
    whole_face_features,
)

__all__ = [
    "POINT_FEATURES",
    "POINT_INPUTS",
    "VALIDATOR_POOL",
    "VALIDATOR_SCALE",
    "ConformalCalibration",
    "ErrorPredictor",
    "FaceValidator",
    "FitFeatures",
    "PointNetwork",
    "PointPredictor",
    "QualityEstimate",
    "estimate_quality",
    "fit_features",
    "joint_log_error",
    "point_features",
    "whole_face",
    "whole_face_features",
]
