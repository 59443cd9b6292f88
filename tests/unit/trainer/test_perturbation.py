"""Jittered starts have the spread they claim."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_trainer.data.perturbation import Jitter, jittered_pose


@pytest.fixture(scope="module")
def pdm() -> PointDistributionModel:
    mean = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    mean -= mean.mean(axis=0)
    return PointDistributionModel(mean, np.eye(40)[:1], np.array([0.01]), 1e-4)


TRUE = Similarity.from_polar(120.0, 0.3, 250.0, 310.0)


def drawn(pdm: PointDistributionModel, jitter: Jitter, count: int = 4000) -> np.ndarray:
    """Angle in degrees, log-scale and shift in IOD against the true pose, (count, 4)."""
    rng = np.random.default_rng(0)
    points = TRUE.apply(pdm.mean)
    rows = []
    for _ in range(count):
        pose = jittered_pose(pdm, points, 120.0, jitter, rng)
        rows.append(
            [
                np.rad2deg(pose.angle - TRUE.angle),
                np.log(pose.scale / TRUE.scale),
                (pose.tx - TRUE.tx) / 120.0,
                (pose.ty - TRUE.ty) / 120.0,
            ]
        )
    return np.array(rows)


def test_jitter_has_the_stated_deviations(pdm: PointDistributionModel) -> None:
    rows = drawn(pdm, Jitter())
    np.testing.assert_allclose(rows.std(axis=0), [6.0, 0.07, 0.08, 0.08], rtol=0.05)
    standard_error = np.array([6.0, 0.07, 0.08, 0.08]) / np.sqrt(len(rows))
    assert (np.abs(rows.mean(axis=0)) < 4 * standard_error).all()
    correlation = np.corrcoef(rows.T) - np.eye(4)
    assert np.abs(correlation).max() < 0.07


def test_jitter_can_reach_further(pdm: PointDistributionModel) -> None:
    near, far = drawn(pdm, Jitter(), 500), drawn(pdm, Jitter().times(3.0), 500)
    np.testing.assert_allclose(far, 3 * near, atol=1e-9)


def test_no_jitter_is_the_procrustes_placement(pdm: PointDistributionModel) -> None:
    points = TRUE.apply(pdm.mean) + np.random.default_rng(1).normal(0, 2, (20, 2))
    points[3] = np.nan
    pose = jittered_pose(pdm, points, 120.0, Jitter(0, 0, 0), np.random.default_rng(0))
    expected = Similarity.between(pdm.mean, points)
    np.testing.assert_allclose(pose.matrix(), expected.matrix(), atol=1e-9)


def test_the_same_seed_gives_the_same_start(pdm: PointDistributionModel) -> None:
    np.testing.assert_array_equal(drawn(pdm, Jitter(), 5), drawn(pdm, Jitter(), 5))
