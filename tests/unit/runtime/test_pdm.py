from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm import PointDistributionModel, face_extent

seeds = st.integers(0, 2**32 - 1)
poses = st.builds(
    Similarity.from_polar,
    st.floats(0.05, 500),
    st.floats(-np.pi, np.pi),
    st.floats(-1000, 1000),
    st.floats(-1000, 1000),
)


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


def free_of_pose(noise: float, count: int = 30, modes: int = 4) -> PointDistributionModel:
    """A model whose modes are none of growing, turning and shifting, as aligned shapes give it."""
    rng = np.random.default_rng(7)
    mean = rng.normal(0, 0.5, (count, 2))
    mean -= mean.mean(axis=0)
    x, y = mean.T
    pose = np.zeros((4, 2 * count))
    pose[0], pose[1, 0::2], pose[1, 1::2] = mean.reshape(-1), -y, x
    pose[2, 0::2] = pose[3, 1::2] = 1.0
    all_rows = np.concatenate([pose, rng.normal(size=(modes, 2 * count))])
    basis = np.linalg.qr(all_rows.T)[0][:, 4:].T.copy()
    return PointDistributionModel(mean, basis, np.array([0.09, 0.04, 0.01, 0.0025]), noise)


EXACT = free_of_pose(1e-14)


@given(poses, seeds)
def test_pose_and_shape_are_read_from_points(pose: Similarity, seed: int) -> None:
    """To a millionth, where nothing is unknown and there is no noise."""
    b = np.random.default_rng(seed).normal(size=4) * np.sqrt(EXACT.variances)
    points = pose.apply(EXACT.mean + (b @ EXACT.components).reshape(-1, 2))
    found, shape = EXACT.parameters(points)
    expected = [pose.a, pose.b, pose.tx, pose.ty]
    error = np.abs(np.array([found.a, found.b, found.tx, found.ty]) - expected)
    assert (error < 1e-6 * max(1.0, pose.scale)).all()
    np.testing.assert_allclose(shape, b, atol=1e-6)


def conditional(
    pdm: PointDistributionModel, shape: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the parameters and of all coordinates given some, by the Gaussian that they share."""
    modes = pdm.components
    joint = modes.T @ np.diag(pdm.variances) @ modes + pdm.noise * np.eye(modes.shape[1])
    rows = np.repeat(known, 2)
    off = np.linalg.solve(joint[np.ix_(rows, rows)], (shape - pdm.mean).reshape(-1)[rows])
    b = np.diag(pdm.variances) @ modes[:, rows] @ off
    latent = modes.T @ np.diag(pdm.variances) @ modes
    return b, pdm.mean + (latent[:, rows] @ off).reshape(-1, 2)


def spelled_out(
    pdm: PointDistributionModel, points: np.ndarray, known: np.ndarray
) -> tuple[Similarity, np.ndarray, np.ndarray]:
    """Pose, parameters and points: in turn the shape in a pose, and the pose of a shape."""
    shape = pdm.mean
    b = np.zeros(len(pdm.variances))
    pose = Similarity.between(shape[known], points[known])
    for _ in range(3):
        b, shape = conditional(pdm, pose.inverse().apply(points), known)
        pose = Similarity.between(shape[known], points[known])
    return pose, b, pose.apply(shape)


@pytest.mark.parametrize("noise", [1e-4, 0.02])
@pytest.mark.parametrize("unknown", [0, 1, 9, 50])
def test_what_is_unknown_has_its_conditional_mean(
    small_pdm: PointDistributionModel, noise: float, unknown: int
) -> None:
    pdm = replace(small_pdm, noise=noise)
    rng = np.random.default_rng(unknown)
    _, _, points = draw(pdm, unknown)
    points += rng.normal(0, 2.0, points.shape)
    known = np.ones(len(points), bool)
    known[rng.permutation(len(points))[:unknown]] = False
    holed = points.copy()
    holed[~known, unknown % 2] = np.nan  # one unknown coordinate makes the point unknown
    pose, b, filled = spelled_out(pdm, points, known)
    found, shape = pdm.parameters(holed)
    np.testing.assert_allclose(found.matrix(), pose.matrix(), rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(shape, b, atol=1e-9)
    expected = np.where(known[:, None], points, filled)
    np.testing.assert_allclose(pdm.complete(holed), expected, atol=1e-7)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_crop_reaches_as_far_as_the_mean_shape_and_a_deviation(
    small_pdm: PointDistributionModel, axis: int
) -> None:
    """In the direction in which it reaches farthest, to whichever side."""
    mean = small_pdm.mean.copy()
    mean[7, axis] = -1.9
    pdm = replace(small_pdm, mean=mean)
    variance = sum(
        v * mode[2 * 7 + axis] ** 2 for v, mode in zip(pdm.variances, pdm.components, strict=True)
    )
    assert face_extent(pdm) == pytest.approx(1.9 + np.sqrt(variance) + 0.05)
