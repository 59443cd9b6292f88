"""A small model of random numbers: right in every shape, useless on faces."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_datasets import Scheme
from faceloop_runtime.detect.learned import LearnedDetector
from faceloop_runtime.imaging.channels import (
    ORIENTATIONS,
    CropChannels,
    channel_count,
    channel_stack,
)
from faceloop_runtime.model import FaceModel
from faceloop_runtime.pdm import PointDistributionModel, face_extent
from faceloop_runtime.quality import (
    POINT_FEATURES,
    POINT_INPUTS,
    VALIDATOR_SCALE,
    ConformalCalibration,
    ErrorPredictor,
    FaceValidator,
    FitFeatures,
    PointNetwork,
    PointPredictor,
    fit_features,
    whole_face_features,
)
from faceloop_runtime.regressor import ShapeRegressor, cell_features, regression_features
from faceloop_runtime.responses.experts import PatchExperts, crop_size

CHANNELS = ("raw", "lbp")


@pytest.fixture(scope="session")
def small_pdm() -> PointDistributionModel:
    rng = np.random.default_rng(0)
    scheme = Scheme.load("imm58")
    mean = rng.uniform(-1.2, 1.2, (len(scheme), 2))
    left, right = scheme.iod
    mean[left], mean[right] = (-0.5, -0.3), (0.5, -0.3)
    modes, _ = np.linalg.qr(rng.normal(size=(2 * len(mean), 3)))
    return PointDistributionModel(mean, modes.T.copy(), np.array([0.09, 0.04, 0.01]), 1e-4)


@pytest.fixture(scope="session")
def small_model(small_pdm: PointDistributionModel) -> FaceModel:
    rng = np.random.default_rng(1)
    n, k, c = len(small_pdm), len(small_pdm.variances), channel_count(CHANNELS)

    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.01, shape).astype(np.float32)

    def bank(scale: float, count: int, patch: int) -> PatchExperts:
        trust = rng.uniform(0, 1, count).astype(np.float32)
        gain = np.ones(count, np.float32)
        return PatchExperts(scale, numbers(count, c, patch, patch), numbers(count), gain, trust)

    # The widths come from the functions that a fit uses, not from the file's own table.
    crop = np.zeros((200, 200), np.float32)
    size = crop_size(face_extent(small_pdm), VALIDATOR_SCALE, 1)
    face = whole_face_features(channel_stack(crop[:size, :size], CHANNELS))
    b = np.zeros(k)
    cells = cell_features(CropChannels(crop, CHANNELS), np.full((n, 2), 100.0))
    f = len(regression_features(cells, face, b, small_pdm.deviations))
    signs = FitFeatures(
        whole_face=face,
        points=np.zeros((n, POINT_FEATURES), np.float32),
        z=b,
        displacement=np.zeros((n, 2)),
        correction=0.0,
    )
    q = len(fit_features(signs, 0.0))
    judges = PointPredictor(
        places=small_pdm.mean.astype(np.float32),
        typical=numbers(n, cells.shape[1]),
        centre=numbers(n, POINT_FEATURES),
        spread=np.ones((n, POINT_FEATURES), np.float32),
        weights=np.full(n, 1 / n, np.float32),
        error=PointNetwork(numbers(POINT_INPUTS + 1, 5), numbers(6), numbers(n)),
        visible=PointNetwork(numbers(POINT_INPUTS + 1, 4), numbers(5), numbers(n)),
    )
    levels = np.array([-4.0, -2.0, -1.0], np.float32)
    return FaceModel(
        scheme=Scheme.load("imm58"),
        pdm=small_pdm,
        channels=CHANNELS,
        experts=(bank(18.0, n, 5), bank(27.0, n, 5)),
        regressor=ShapeRegressor(numbers(f, 4 + k), numbers(4 + k)),
        initialiser=bank(12.0, 3, 7),
        validator=FaceValidator(numbers(len(face)), 0.25),
        error_predictor=ErrorPredictor(
            numbers(q), np.ones(q, np.float32), numbers(q + 1, 4), numbers(5)
        ),
        point_predictor=judges,
        error_calibration=ConformalCalibration(
            levels, levels + np.float32(0.1), levels + np.float32(0.5)
        ),
        detector=LearnedDetector(
            middle=np.array([0.1, 0.2], np.float32),
            cell=np.array([0.2], np.float32),
            weights=numbers(2, 8, 9, ORIENTATIONS),
            gain=np.ones(2, np.float32),
            bias=numbers(2),
            shift=numbers(2, 4, 8, 9, ORIENTATIONS),
            shift_bias=numbers(2, 4),
        ),
        provenance={"seed": 0, "config": {"experts": "ridge"}},
    )
