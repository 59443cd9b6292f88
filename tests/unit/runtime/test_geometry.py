from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from faceloop_runtime.geometry import Similarities, Similarity, as_complex, as_points, has_extent

shifts = st.floats(-500, 500)
poses = st.builds(
    Similarity.from_polar, st.floats(0.05, 200), st.floats(-np.pi, np.pi), shifts, shifts
)
points = arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=st.floats(-50, 50))


@given(poses, points)
def test_the_inverse_undoes(pose: Similarity, where: np.ndarray) -> None:
    there = pose.apply(where)
    np.testing.assert_allclose(pose.inverse().apply(there), where, atol=1e-6)
    same = pose.inverse().after(pose)
    np.testing.assert_allclose([same.a, same.b, same.tx, same.ty], [1, 0, 0, 0], atol=1e-6)


@given(poses, poses, points)
def test_after_applies_one_then_the_other(
    second: Similarity, first: Similarity, where: np.ndarray
) -> None:
    expected = second.apply(first.apply(where))
    np.testing.assert_allclose(second.after(first).apply(where), expected, rtol=1e-9, atol=1e-6)


@given(poses, points)
def test_lengths_scale_and_the_matrix_says_the_same(pose: Similarity, where: np.ndarray) -> None:
    there = pose.apply(where)
    before = np.linalg.norm(where - where[0], axis=1)
    after = np.linalg.norm(there - there[0], axis=1)
    np.testing.assert_allclose(after, pose.scale * before, rtol=1e-9, atol=1e-6)
    m = pose.matrix()
    np.testing.assert_allclose(where @ m[:, :2].T + m[:, 2], there, atol=1e-6)


@given(poses)
def test_polar_form_is_read_back(pose: Similarity) -> None:
    again = Similarity.from_polar(pose.scale, pose.angle, pose.tx, pose.ty)
    np.testing.assert_allclose([again.a, again.b], [pose.a, pose.b], atol=1e-9)


@given(poses, st.integers(0, 2**32 - 1))
def test_between_finds_the_transform_in_spite_of_unknown_points(
    pose: Similarity, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(8, 2))
    target = pose.apply(source)
    source[1], target[2, 0] = np.nan, np.nan
    found = Similarity.between(source, target)
    np.testing.assert_allclose(
        [found.a, found.b, found.tx, found.ty], [pose.a, pose.b, pose.tx, pose.ty], atol=1e-6
    )


def test_between_is_the_least_squares_solution() -> None:
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(2, 10, 2))
    best = Similarity.between(source, target)

    def loss(pose: Similarity) -> float:
        return float(((pose.apply(source) - target) ** 2).sum())

    for da, db, dx, dy in np.eye(4) * 1e-3:
        for sign in (-1, 1):
            other = Similarity(
                best.a + sign * da, best.b + sign * db, best.tx + sign * dx, best.ty + sign * dy
            )
            assert loss(other) > loss(best)


def test_positive_angle_turns_x_towards_y() -> None:
    quarter = Similarity.from_polar(2.0, np.pi / 2, 10.0, 3.0)
    assert quarter.apply(np.array([[1.0, 0.0]]))[0] == pytest.approx([10.0, 5.0])


def test_one_shape_onto_several_targets_is_each_by_itself() -> None:
    rng = np.random.default_rng(0)
    source, targets = rng.normal(size=(3, 2)), rng.normal(size=(5, 3, 2))
    moves = Similarities.of(source, targets)
    moved = moves.apply(source)
    for i, target in enumerate(targets):
        one = Similarity.between(source, target)
        assert moves.turn[i] == pytest.approx(complex(one.a, one.b))
        assert moves.shift[i] == pytest.approx(complex(one.tx, one.ty))
        np.testing.assert_allclose(moved[i], one.apply(source), atol=1e-12)


def test_several_shapes_onto_one_target_are_each_by_itself() -> None:
    rng = np.random.default_rng(1)
    sources, target = rng.normal(size=(6, 8, 2)), rng.normal(size=(8, 2))
    sources[0, 2] = sources[1, 0] = sources[1, 5] = target[7] = np.nan
    moved = Similarities.onto(sources, target).apply(sources)
    for source, found in zip(sources, moved, strict=True):
        expected = Similarity.between(source, target).apply(source)
        np.testing.assert_allclose(found, expected, atol=1e-12)  # NaN where the source is


def test_two_points_apart_have_an_extent() -> None:
    nothing = [np.nan, 1.0]
    assert has_extent(np.array([nothing, [2.0, 3.0], [2.0, 4.0]]))
    assert not has_extent(np.array([nothing, [2.0, 3.0], [2.0, 3.0]]))
    assert not has_extent(np.array([nothing, [2.0, 3.0]]))
    assert not has_extent(np.zeros((0, 2)))


@given(points)
def test_points_are_complex_numbers_x_plus_iy(where: np.ndarray) -> None:
    numbers = as_complex(where)
    assert numbers.tolist() == [complex(x, y) for x, y in where]
    np.testing.assert_array_equal(as_points(numbers), where)
    np.testing.assert_array_equal(as_points(as_complex(where[::-1])[::-1]), where)
    assert as_complex(np.stack([where, -where])).shape == (2, len(where))
