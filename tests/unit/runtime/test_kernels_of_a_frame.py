"""What is compiled of a tracked frame, beside the search, computes what NumPy does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_runtime import regressor
from faceloop_runtime.expressions import ExpressionClassifier, shares_of
from faceloop_runtime.fit import steps
from faceloop_runtime.fit.meanshift import Evidence, ShapeState
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.channels import CHANNELS, CropChannels, channel_stack
from faceloop_runtime.kernels import compiled
from faceloop_runtime.pdm3d import PoseCorrection, ShapeModel3D, head_pose
from faceloop_runtime.pdm3d.head_pose import TURNS, _compiled_turns, _turns
from faceloop_runtime.quality import FitFeatures, PointNetwork, PointPredictor, validator
from faceloop_runtime.quality.features import POINT_FEATURES
from faceloop_runtime.quality.points import POINT_INPUTS
from faceloop_runtime.track import appearance

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.skipif(compiled() is None, reason="no compiled kernels")
SEEDS = st.integers(0, 2**32 - 1)
FAMILIES = st.lists(st.sampled_from(sorted(CHANNELS)), min_size=1, max_size=3, unique=True)
examples = settings(max_examples=25, deadline=None)


def _crop(rng: np.random.Generator, size: int) -> np.ndarray:
    return rng.uniform(0, 255, (size, size)).astype(np.float32)


def _rows(rng: np.random.Generator, *shape: int, spread: float = 1.0) -> np.ndarray:
    return rng.normal(0, spread, shape).astype(np.float32)


@examples
@given(SEEDS, FAMILIES, st.sampled_from([20, 47, 90]), st.floats(-8, 20))
def test_cells(seed: int, families: Sequence[str], size: int, beyond: float) -> None:
    """Points may lie at and beyond the edges of the crop too, and on whole pixels."""
    rng = np.random.default_rng(seed)
    channels, mixture = (
        CropChannels(_crop(rng, size), families),
        regressor._mixture(tuple(families)),
    )
    points = rng.uniform(-beyond, size + beyond, (30, 2))
    points[:10] = np.rint(points[:10])
    expected = regressor._cells(channels.planes, points, mixture)
    found = regressor._compiled_cells(channels.planes, points, mixture)
    np.testing.assert_allclose(found, expected, atol=2e-6)


@examples
@given(SEEDS, FAMILIES, st.integers(16, 60))
def test_whole_face(seed: int, families: Sequence[str], size: int) -> None:
    crop = _crop(np.random.default_rng(seed), size)
    crop[: size // 3] = 90.0  # a part without contrast
    expected = validator.whole_face_features(channel_stack(crop, families))
    found = validator._compiled_whole_face(crop, tuple(families))
    assert found is not None
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_a_whole_face_too_small_for_the_kernel_is_left_to_numpy() -> None:
    crop = _crop(np.random.default_rng(0), 9)
    assert validator._compiled_whole_face(crop, ("raw",)) is None
    assert len(validator.whole_face(crop, ("raw",))) == 9


def _space_model(rng: np.random.Generator, points: int, modes: int) -> ShapeModel3D:
    return ShapeModel3D(
        mean=rng.normal(size=(points, 3)),
        components=np.linalg.qr(rng.normal(size=(3 * points, modes)))[0].T,
        variances=np.sort(rng.uniform(0.01, 0.1, modes))[::-1],
        noise=rng.uniform(0.0001, 0.01, points),
    )


@examples
@given(SEEDS, st.integers(4, 90), st.integers(0, 5), st.booleans(), st.floats(5, 500))
def test_head_pose(seed: int, count: int, modes: int, corrected: bool, size: float) -> None:
    rng = np.random.default_rng(seed)
    model = _space_model(rng, count, modes)
    correction = PoseCorrection(
        _rows(rng, TURNS + 2 * modes, 3, spread=0.02),
        _rows(rng, 3, spread=0.02),
        np.array([40, 30], np.float32),
        np.array([3, 2], np.float32),
    )
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    shape = model.shape(rng.normal(size=modes))
    points = size * (shape @ turn.T)[:, :2] + rng.normal(0, 0.02 * size, (count, 2)) + 300.0
    use = correction if corrected else None
    found = _compiled_turns(model, use, points)
    assert found is not None
    away = np.abs(np.subtract(found, _turns(model, use, points)))
    # At 180 degrees a turn may come out on the other side.
    assert np.minimum(away, 360 - away).max() < 1e-5


def test_the_pose_of_points_on_a_line_is_left_to_numpy() -> None:
    model = _space_model(np.random.default_rng(0), 20, 2)
    line = np.linspace(0, 50, 20)[:, None] * [1.0, 0.0]
    assert _compiled_turns(model, None, line) is None
    assert np.isfinite(head_pose(model, None, line, 0.02).roll)


def _corrected_fit(rng: np.random.Generator, count: int, size: int) -> steps.CorrectedFit:
    logs = rng.normal(0, 3, (121, count))
    maps = (np.exp(logs) / np.exp(logs).sum(axis=0)).astype(np.float32)
    centres = rng.normal(size=count) + 1j * rng.normal(size=count)
    evidence = Evidence(
        maps.reshape(11, 11, count).transpose(2, 0, 1), centres, 54.0, np.ones(count)
    )
    responses = _rows(rng, 11, 11, count).transpose(2, 0, 1)
    pose, b = Similarity(), np.zeros(3)
    channels = CropChannels(np.zeros((60, 60), np.float32), ("raw",))
    last = steps.CropSearch(pose, channels, responses, evidence, ShapeState(1 + 0j, 0j, b), 0.0)
    found = steps.SearchResult(last, pose, b, np.zeros(9, np.float32), 4)
    points = centres + 0.05 * (rng.normal(size=count) + 1j * rng.normal(size=count))
    cells, movements = _rows(rng, count, size), np.abs(rng.normal(0, 0.02, count))
    return steps.CorrectedFit(found, pose, b, points, cells, movements)


@examples
@given(SEEDS, st.sampled_from([3, 64, 70, 140]), st.sampled_from([16, 160, 163]), st.booleans())
def test_features_of_points(seed: int, count: int, size: int, known: bool) -> None:
    rng = np.random.default_rng(seed)
    fit = _corrected_fit(rng, count, size)
    typical = _rows(rng, count, size, spread=0.1) if known else None
    compiled_ones = steps._compiled_points(fit, typical)
    assert compiled_ones is not None
    for found, expected in zip(compiled_ones, steps._points(fit, typical), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


@examples
@given(SEEDS, st.sampled_from([3, 17, 70]), st.floats(-40, 40), st.floats(0.1, 5))
def test_predicted_points(seed: int, count: int, logit: float, spread: float) -> None:
    rng = np.random.default_rng(seed)

    def network(width: int) -> PointNetwork:
        return PointNetwork(
            _rows(rng, POINT_INPUTS + 1, width, spread=0.3),
            _rows(rng, width + 1),
            _rows(rng, count),
        )

    predictor = PointPredictor(
        places=_rows(rng, count, 2),
        typical=_rows(rng, count, 16),
        centre=_rows(rng, count, POINT_FEATURES),
        spread=rng.uniform(0.2, 2, (count, POINT_FEATURES)).astype(np.float32),
        weights=np.full(count, 1 / count, np.float32),
        error=network(24),
        visible=network(5),
    )
    features = FitFeatures(
        whole_face=np.zeros(9, np.float32),
        points=_rows(rng, count, POINT_FEATURES, spread=spread),
        z=spread * rng.normal(size=4),
        displacement=rng.normal(size=(count, 2)),
        correction=0.01,
    )
    inputs = predictor.inputs(features, logit)
    found = predictor._compiled(features, logit)
    assert found is not None
    assert found[0] == pytest.approx(predictor.log_error(inputs), abs=2e-5)
    np.testing.assert_allclose(found[1], predictor.visibility(inputs), atol=1e-5)


@examples
@given(SEEDS, st.integers(1, 9), st.integers(1, 30), st.floats(-0.6, 0.6), st.floats(-9, 40))
def test_small_crops(seed: int, by: int, side: int, angle: float, shift: float) -> None:
    """Of a part of a larger picture; the crop may lie beyond it by half."""
    rng = np.random.default_rng(seed)
    down, across = rng.integers(1, 40, 2)
    picture = rng.integers(0, 256, (down * by + 3, across * by + 5), dtype=np.uint8)
    part = picture[2 : 2 + down * by, 1 : 1 + across * by]
    matrix = Similarity.from_polar(1.1, angle, shift, 0.7 * shift).matrix()
    expected = appearance._crop(part, by, matrix, side)
    found = appearance._compiled_crop(part, by, matrix, side)
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=2e-2)


@examples
@given(SEEDS, st.integers(4, 30), st.integers(0, 25), st.floats(3, 80))
def test_correlations(seed: int, small: int, more: int, contrast: float) -> None:
    rng = np.random.default_rng(seed)
    around = np.clip(rng.normal(100, contrast, (small + more,) * 2), 0, 255).astype(np.float32)
    wanted = np.ascontiguousarray(around[more // 2 :, more // 3 :][:small, :small])
    wanted += _rows(rng, small, small, spread=0.3 * contrast)
    expected = cv2.matchTemplate(around, wanted, cv2.TM_CCOEFF_NORMED)
    found = appearance._compiled_correlations(around, wanted)
    assert found is not None
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_nothing_correlates_with_a_flat_picture() -> None:
    wanted = _crop(np.random.default_rng(0), 24)
    for level in (0.0, 77.3, 255.0):
        found = appearance._compiled_correlations(np.full((40, 40), level, np.float32), wanted)
        assert found is not None
        assert not found.any()


@examples
@given(SEEDS, st.integers(1, 300), st.integers(1, 90), st.integers(1, 20))
def test_correction(seed: int, cells: int, seen: int, modes: int) -> None:
    rng = np.random.default_rng(seed)
    weights = _rows(rng, 3 * cells + seen + modes, 4 + modes, spread=0.1)
    correction = regressor.ShapeRegressor(weights, _rows(rng, 4 + modes))
    looks = _rows(rng, 3, cells), _rows(rng, seen), rng.normal(size=modes)
    deviations = rng.uniform(0.1, 1, modes)
    expected = correction(regressor.regression_features(*looks, deviations))
    found = correction._compiled(*looks, deviations)
    np.testing.assert_allclose(found, expected, atol=1e-4)


@examples
@given(SEEDS, st.integers(1, 12), st.integers(1, 200))
def test_expressions(seed: int, names: int, cells: int) -> None:
    rng = np.random.default_rng(seed)
    classifier = ExpressionClassifier(
        _rows(rng, 9, names), _rows(rng, 2 * cells, names), _rows(rng, names), _rows(rng, names)
    )
    distances, looks = rng.normal(size=9), _rows(rng, 2, cells)
    odds = distances @ classifier.weights + looks.reshape(-1) @ classifier.cells + classifier.offset
    np.testing.assert_allclose(classifier(distances, looks), shares_of(odds), atol=1e-4)
