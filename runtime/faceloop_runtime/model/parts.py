"""What a face model consists of."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from faceloop_datasets import Scheme
from faceloop_runtime.detect.learned import LearnedDetector
from faceloop_runtime.expressions import ExpressionClassifier
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.pdm3d import PoseCorrection, ShapeModel3D
from faceloop_runtime.quality import (
    ConformalCalibration,
    ErrorPredictor,
    FaceValidator,
    PointPredictor,
)
from faceloop_runtime.regressor import ShapeRegressor
from faceloop_runtime.responses.experts import PatchExperts
from faceloop_runtime.start_network.start_map import StartMap


@dataclass(frozen=True, eq=False)
class ModelParts:
    """The parts of a `FaceModel`, which its file holds.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    pdm : PointDistributionModel
        The shapes a face can take.
    channels : tuple of str
        Channel families that all experts look at.
    experts : tuple of PatchExperts
        One a scale, coarse to fine.
    regressor : ShapeRegressor
        The last step of a fit, on the finest scale.
    initialiser : PatchExperts
        Left eye, right eye and nose, on a coarse crop.
    validator : FaceValidator
        Tells a face from anything else.
    error_predictor : ErrorPredictor
        Predicts the error of a fit.
    point_predictor : PointPredictor or None
        Predicts error and visibility of each point; None in files of version 1.
    error_calibration : ConformalCalibration or None
        Says what the predicted error of a fit means; None in files of version 1.
    start : StartMap or None
        Finds pose and shape from what the start network says; None in files before version 3.
    detector : LearnedDetector or None
        Finds faces such as those of the training; None in files before version 3.
    shape3d : ShapeModel3D or None
        The shapes a face can take in space; None in files before version 3, and where the faces of
        the training do not show them.
    pose_correction : PoseCorrection or None
        What else is known of how heads are turned; None without ``shape3d``.
    expressions : ExpressionClassifier or None
        Says what a face expresses; None if no faces of the training were labelled, and in files
        before version 3.
    expression_names : tuple of str
        What its probabilities are of, in order.
    provenance : dict
        Training snapshot, configuration, metrics, versions.
    """

    scheme: Scheme
    pdm: PointDistributionModel
    channels: tuple[str, ...]
    experts: tuple[PatchExperts, ...]
    regressor: ShapeRegressor
    initialiser: PatchExperts
    validator: FaceValidator
    error_predictor: ErrorPredictor
    point_predictor: PointPredictor | None = None
    error_calibration: ConformalCalibration | None = None
    start: StartMap | None = None
    detector: LearnedDetector | None = None
    shape3d: ShapeModel3D | None = None
    pose_correction: PoseCorrection | None = None
    expressions: ExpressionClassifier | None = None
    expression_names: tuple[str, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)


ARRAY_PARTS = tuple(
    f.name
    for f in fields(ModelParts)
    if f.name not in ("scheme", "channels", "expression_names", "provenance")
)
"""The parts that are made of arrays and numbers."""
