"""What the regressor and the validator look at, against its definition."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceloop_runtime.imaging.channels import CHANNELS, CropChannels, channel_stack
from faceloop_runtime.quality import VALIDATOR_POOL, whole_face_features
from faceloop_runtime.regressor import CELL, GRID, ShapeRegressor, cell_features

FAMILIES = sorted(CHANNELS)


@pytest.fixture(scope="module")
def crop() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (61, 70)).astype(np.float32)


def test_cells_are_means_of_the_channels(crop: np.ndarray) -> None:
    points = np.random.default_rng(1).integers(12, 48, (9, 2))
    maps = channel_stack(crop, FAMILIES)
    expected = []
    for x, y in points:
        reach = CELL * GRID // 2
        part = maps[:, y - reach : y + reach, x - reach : x + reach]
        cells = part.reshape(len(maps), GRID, CELL, GRID, CELL).mean(axis=(2, 4)).ravel()
        expected.append(cells / (np.linalg.norm(cells) + 1e-3))
    found = cell_features(CropChannels(crop, FAMILIES), points.astype(float))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_cells_change_as_little_as_the_points_move(crop: np.ndarray) -> None:
    points = np.random.default_rng(1).uniform(12, 48, (200, 2))
    channels = CropChannels(crop, FAMILIES)
    before, after = (cell_features(channels, points + move) for move in (0.0, 0.01))
    whole = np.abs(cell_features(channels, points + 1.0) - before).max()
    assert np.abs(after - before).max() < 0.03 * whole


def test_cells_of_points_outside_are_finite(crop: np.ndarray) -> None:
    points = np.array([[-50.0, 10.0], [500.0, 900.0], [0.0, 0.0], [69.0, 60.0]])
    found = cell_features(CropChannels(crop, FAMILIES), points)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=0.02)


@pytest.mark.parametrize("size", [45, 46, 47])
def test_the_whole_face_is_pooled_by_area(crop: np.ndarray, size: int) -> None:
    maps = channel_stack(crop[:size, :size], FAMILIES)
    width = size // VALIDATOR_POOL
    pooled = [cv2.resize(m, (width, width), interpolation=cv2.INTER_AREA) for m in maps]
    np.testing.assert_allclose(whole_face_features(maps), np.ravel(pooled), atol=1e-6)


def test_a_correction_is_linear_in_the_features() -> None:
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(40, 7)).astype(np.float32)
    offset = rng.normal(size=7).astype(np.float32)
    features = rng.normal(size=40).astype(np.float32)
    regressor = ShapeRegressor(weights, offset)
    np.testing.assert_allclose(regressor(features), features @ weights + offset, rtol=1e-4)
    np.testing.assert_allclose(regressor.scaled(0.5)(features), regressor(features) / 2, rtol=1e-4)
