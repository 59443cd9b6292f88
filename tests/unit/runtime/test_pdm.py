from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm import PointDistributionModel

seeds = st.integers(0, 2**32 - 1)


def draw(pdm: PointDistributionModel, seed: int) -> tuple[Similarity, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    b = rng.normal(size=len(pdm.variances)) * np.sqrt(pdm.variances) * 0.5
    pose = Similarity.from_polar(
        rng.uniform(20, 80), rng.uniform(-0.5, 0.5), *rng.uniform(0, 300, 2)
    )
    return pose, b, pose.apply(pdm.shape(b))


@given(seeds)
def test_points_of_the_model_are_explained(small_pdm: PointDistributionModel, seed: int) -> None:
    _, _, points = draw(small_pdm, seed)
    pose, b = small_pdm.parameters(points)
    apart = np.linalg.norm(pose.apply(small_pdm.shape(b)) - points, axis=1)
    assert apart.mean() < 0.03 * pose.scale


@given(seeds, st.sets(st.integers(0, 57), min_size=1, max_size=20))
def test_complete_keeps_what_is_known_and_guesses_the_rest(
    small_pdm: PointDistributionModel, seed: int, unknown: set[int]
) -> None:
    pose, _, points = draw(small_pdm, seed)
    gone = sorted(unknown)
    holed = points.copy()
    holed[gone] = np.nan
    filled = small_pdm.complete(holed)
    known = [i for i in range(len(points)) if i not in unknown]
    np.testing.assert_array_equal(filled[known], points[known])
    assert np.isnan(holed[gone]).all(), "the input was written"
    assert np.linalg.norm(filled[gone] - points[gone], axis=1).max() < 0.15 * pose.scale


def test_complete_beats_the_mean_shape(small_pdm: PointDistributionModel) -> None:
    errors = []
    for seed in range(20):
        _, _, points = draw(small_pdm, seed)
        holed = points.copy()
        holed[:10] = np.nan
        mean = Similarity.between(small_pdm.mean, holed).apply(small_pdm.mean)
        errors.append(
            [np.abs(g[:10] - points[:10]).mean() for g in (small_pdm.complete(holed), mean)]
        )
    filled, plain = np.mean(errors, axis=0)
    assert filled < 0.5 * plain


def test_complete_of_complete_points_is_a_copy(small_pdm: PointDistributionModel) -> None:
    _, _, points = draw(small_pdm, 0)
    filled = small_pdm.complete(points)
    np.testing.assert_array_equal(filled, points)
    assert filled is not points


def test_parameters_shrink_towards_the_mean_when_little_is_known(
    small_pdm: PointDistributionModel,
) -> None:
    _, _, points = draw(small_pdm, 3)
    points[4:] = np.nan
    _, found = small_pdm.parameters(points)
    assert np.isfinite(found).all()
    assert (np.abs(found) < 3 * np.sqrt(small_pdm.variances)).all()


def test_the_tangent_is_the_derivative(small_pdm: PointDistributionModel) -> None:
    b = np.array([0.3, -0.2, 0.1])
    tangent = small_pdm.tangent(b)
    base, step = small_pdm.shape(b), 1e-6
    for row, (pose, more) in enumerate(
        [
            (Similarity.from_polar(1 + step, 0, 0, 0), 0 * b),
            (Similarity.from_polar(1, step, 0, 0), 0 * b),
            (Similarity(tx=step), 0 * b),
            (Similarity(ty=step), 0 * b),
            *((Similarity(), step * unit) for unit in np.eye(3)),
        ]
    ):
        moved = (pose.apply(small_pdm.shape(b + more)) - base) / step
        np.testing.assert_allclose(tangent[row].reshape(-1, 2), moved, atol=1e-5)
    tangent[:] = 0.0
    assert small_pdm.tangent(b).any()
