"""Shapes in space: rotations, poses of points, and what is made of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceloop_runtime.pdm3d import (
    PoseCorrection,
    ShapeModel3D,
    SpacePoses,
    head_pose,
    poses_of,
    rotations,
    small_turns,
    turn_vectors,
    turns_of,
)
from faceloop_runtime.pdm3d.head_pose import TURNS, features
from faceloop_runtime.pdm3d.pose import improved

degrees = st.floats(-80.0, 80.0)
AHEAD, TOP = np.array([0.0, 0.0, 1.0]), np.array([0.0, -1.0, 0.0])
"""Where a face that is not turned looks, and where the top of its head is."""


def made_model(points: int = 12, modes: int = 2, noise: float = 1e-8) -> ShapeModel3D:
    rng = np.random.default_rng(3)
    mean = rng.normal(size=(points, 3)) * 0.5
    rows, _ = np.linalg.qr(rng.normal(size=(3 * points, modes)))
    variances = np.array([0.02, 0.01])[:modes]
    return ShapeModel3D(mean - mean.mean(axis=0), rows.T.copy(), variances, np.full(points, noise))


MODEL = made_model()


def picture_of(model: ShapeModel3D, turn: np.ndarray, z: np.ndarray, scale: float) -> np.ndarray:
    """Weak perspective, spelled out point by point."""
    matrix = rotations(turn)
    shift = np.array([40.0, -7.0])
    return np.array([scale * (matrix @ point)[:2] + shift for point in model.shape(z)])


# Rotations


@given(degrees, degrees, degrees)
def test_a_rotation_keeps_lengths_and_its_angles_come_back(
    yaw: float, pitch: float, roll: float
) -> None:
    turn = np.array([yaw, pitch, roll])
    matrix = rotations(turn)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    np.testing.assert_allclose(turns_of(matrix), turn, atol=1e-8)


def test_signs_are_those_of_the_sample() -> None:
    assert (rotations(np.array([30.0, 0.0, 0.0])) @ AHEAD)[0] == pytest.approx(0.5)  # to the right
    assert (rotations(np.array([0.0, 30.0, 0.0])) @ AHEAD)[1] == pytest.approx(0.5)  # down
    assert (rotations(np.array([0.0, 0.0, 30.0])) @ TOP)[0] == pytest.approx(0.5)  # to the right


def test_pitch_comes_first_then_yaw_then_roll() -> None:
    one = rotations(np.diag([35.0, -20.0, 10.0]))
    both = rotations(np.array([35.0, -20.0, 10.0]))
    np.testing.assert_allclose(both, one[2] @ one[0] @ one[1], atol=1e-12)


@given(st.lists(st.floats(-1.5, 1.5), min_size=3, max_size=3))
def test_turns_and_their_vectors_undo_each_other(vector: list[float]) -> None:
    np.testing.assert_allclose(turn_vectors(small_turns(np.array(vector))), vector, atol=1e-9)


def test_a_small_turn_moves_as_a_cross_product_says() -> None:
    axis, point = np.array([0.3, -0.5, 0.8]) * 1e-6, np.array([1.0, 2.0, 3.0])
    moved = small_turns(axis) @ point - point
    np.testing.assert_allclose(moved, np.cross(axis, point), atol=1e-11)


# Poses


@settings(max_examples=40)
@given(degrees, degrees, degrees, st.floats(2.0, 300.0))
def test_the_pose_and_the_shape_of_points_are_found(
    yaw: float, pitch: float, roll: float, scale: float
) -> None:
    turn, z = np.array([yaw, pitch, roll]), np.array([0.7, -1.1])
    points = picture_of(MODEL, turn, z, scale)
    poses = poses_of(MODEL, points[None], rounds=30)
    np.testing.assert_allclose(poses.rotation[0], rotations(turn), atol=1e-3)
    np.testing.assert_allclose(poses.scale[0], scale, rtol=1e-3)
    np.testing.assert_allclose(poses.shift[0], [40.0, -7.0], atol=1e-2 * scale)
    np.testing.assert_allclose(poses.z[0], z, atol=1e-2)
    drawn = poses.project(MODEL.shape(poses.z))[0]
    np.testing.assert_allclose(drawn, points, atol=1e-3 * scale)


def test_unknown_points_do_not_matter() -> None:
    points = picture_of(MODEL, np.array([20.0, 5.0, 3.0]), np.zeros(2), 50.0)
    points[[2, 7]] = np.nan
    some = np.delete(np.arange(12), [2, 7])
    less = ShapeModel3D(
        MODEL.mean[some],
        MODEL.components.reshape(2, 12, 3)[:, some].reshape(2, -1),
        MODEL.variances,
        MODEL.noise[some],
    )
    by_all = poses_of(MODEL, points[None])
    by_some = poses_of(less, points[None, some])
    np.testing.assert_allclose(by_all.rotation, by_some.rotation, atol=1e-12)


def test_points_with_much_noise_count_less() -> None:
    points = picture_of(MODEL, np.array([20.0, 5.0, 3.0]), np.zeros(2), 1.0)
    points[4] += 0.3
    noise = np.full(12, 1e-4)
    trusted = poses_of(replace(MODEL, noise=noise), points[None])
    noise[4] = 100.0
    doubted = poses_of(replace(MODEL, noise=noise), points[None])
    off = [turns_of(p.rotation)[0] - [20.0, 5.0, 3.0] for p in (trusted, doubted)]
    assert np.abs(off[1]).max() < 0.05
    assert np.abs(off[0]).max() > 1.0


def test_a_step_is_that_of_the_normal_equations_by_differences() -> None:
    rng = np.random.default_rng(1)
    poses = SpacePoses(
        np.array([1.3]), rotations(np.array([[25.0, -10.0, 8.0]])), np.ones((1, 2)), np.ones((1, 2))
    )
    points, precision = rng.normal(size=(1, 12, 2)), rng.uniform(1, 3, (1, 12))

    def seen(steps: np.ndarray) -> np.ndarray:
        moved = poses.moved(steps[None])
        return moved.project(MODEL.shape(moved.z)).reshape(-1)

    small = 1e-6 * np.eye(8)
    tangent = np.array([(seen(d) - seen(-d)) / 2e-6 for d in small])
    weighted = tangent * np.repeat(precision[0], 2)
    prior = np.diag([0.0] * 6 + [1.0] * 2)
    right = weighted @ (points.reshape(-1) - seen(np.zeros(8)))
    right[6:] -= 1.0  # z is at one
    expected = np.linalg.solve(weighted @ tangent.T + prior, right)
    expected[0] = np.clip(expected[0], -0.5, 0.5)
    expected[1:4] *= min(1.0, 0.5 / np.linalg.norm(expected[1:4]))
    found, normal = improved(MODEL.mean, MODEL.loadings, points, precision, poses)
    np.testing.assert_allclose(normal[0], weighted @ tangent.T + prior, rtol=1e-5, atol=1e-5)
    for name, value in vars(poses.moved(expected[None])).items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=1e-5, atol=1e-6)


# Head pose


def correction(latent: int = 2, **others: np.ndarray) -> PoseCorrection:
    values = {
        "weights": np.zeros((TURNS + 2 * latent, 3), np.float32),
        "offset": np.zeros(3, np.float32),
        "reach": np.full(2, 90.0, np.float32),
        "error": np.array([3.0, 5.0], np.float32),
    }
    return PoseCorrection(**{**values, **others})


def test_the_pose_of_a_head_is_that_of_its_points() -> None:
    points = picture_of(MODEL, np.array([-33.0, 12.0, 6.0]), np.array([0.5, 0.5]), 70.0)
    found = head_pose(MODEL, None, points, 0.02)
    assert (found.yaw, found.pitch, found.roll) == pytest.approx((-33.0, 12.0, 6.0), abs=1.5)
    assert np.isnan(found.error)
    np.testing.assert_allclose(turns_of(found.rotation), (found.yaw, found.pitch, found.roll))


def test_an_offset_of_the_pitch_changes_the_pitch() -> None:
    points = picture_of(MODEL, np.array([-33.0, 12.0, 6.0]), np.zeros(2), 70.0)
    plain = head_pose(MODEL, correction(), points, 0.0)
    down = np.array([-np.deg2rad(4.0), 0.0, 0.0], np.float32)
    found = head_pose(MODEL, correction(offset=down), points, 0.0)
    assert found.pitch == pytest.approx(plain.pitch + 4.0, abs=1e-4)
    assert (found.yaw, found.roll) == pytest.approx((plain.yaw, plain.roll), abs=1e-4)


def test_weights_turn_by_features() -> None:
    learned = correction(weights=np.eye(TURNS + 4, 3, dtype=np.float32) * 0.1)
    matrix, latent = rotations(np.array([[30.0, -15.0, 6.0]])), np.array([[1.0, -1.0]])
    expected = matrix @ small_turns(np.array([[0.1, -0.05, 0.1]]))  # yaw, pitch, yaw squared
    np.testing.assert_allclose(learned(matrix, latent), expected, atol=1e-6)


def test_features_are_powers_of_the_turn_and_the_shape_beside_it() -> None:
    latent = np.array([[0.5, 9.0, -9.0]])
    row = features(np.array([[60.0, 45.0, -30.0]]), latent, np.full(2, 90.0))[0]
    powers = [2, 1.5, 4, 3, 2.25, 8, 6, 4.5, 3.375]
    np.testing.assert_allclose(row, [*powers, 0.5, 3.0, -3.0, 1.0, 6.0, -6.0])


@settings(max_examples=20)
@given(st.floats(-170.0, 170.0), degrees, st.floats(-40.0, 40.0))
def test_a_picture_that_is_turned_shows_the_same_head_leaning_by_that(
    angle: float, yaw: float, pitch: float
) -> None:
    rng = np.random.default_rng(0)
    learned = correction(weights=rng.normal(0, 0.02, (TURNS + 4, 3)).astype(np.float32))
    points = picture_of(MODEL, np.array([yaw, pitch, 0.0]), np.array([1.0, -0.5]), 60.0)
    turned = points @ rotations(np.array([0.0, 0.0, angle]))[:2, :2].T
    before, after = (head_pose(MODEL, learned, face, 0.0) for face in (points, turned))
    assert (after.yaw, after.pitch) == pytest.approx((before.yaw, before.pitch), abs=1e-6)
    assert (after.roll - before.roll - angle + 180) % 360 - 180 == pytest.approx(0.0, abs=1e-6)


def test_beyond_what_it_was_learned_on_a_correction_stays_as_it_is() -> None:
    reach = np.array([30.0, 20.0], np.float32)
    rows = features(np.array([[80.0, -80.0, 80.0], [30.0, -20.0, 10.0]]), np.zeros((2, 1)), reach)
    np.testing.assert_array_equal(rows[0], rows[1])


def test_the_expected_error_grows_to_the_side_and_with_that_of_the_points() -> None:
    learned = correction()
    assert learned.expected_error(0.0, 0.0) == pytest.approx(3.0)
    assert learned.expected_error(-90.0, 0.0) == pytest.approx(8.0)
    assert learned.expected_error(60.0, 0.0) == pytest.approx(5.5)
    assert learned.expected_error(0.0, 0.2) == pytest.approx(np.hypot(3.0, 6.0))


def test_a_head_pose_tells_its_expected_error() -> None:
    learned = correction()
    points = picture_of(MODEL, np.array([50.0, 5.0, 0.0]), np.zeros(2), 60.0)
    found = head_pose(MODEL, learned, points, 0.05)
    assert found.error == pytest.approx(learned.expected_error(found.yaw, 0.05))
    assert found.error > learned.expected_error(found.pitch, 0.05) + 0.5
