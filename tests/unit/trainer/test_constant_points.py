"""A point that nobody placed is named, and no other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_trainer.data.constant_points import constant_points

FACES, POINTS = 30, 20


def moving(seed: int, *, move: float = 40.0) -> np.ndarray:
    """Faces of one kind, of other shapes, sizes and places each: (FACES, POINTS, 2)."""
    rng = np.random.default_rng(seed)
    mean = rng.uniform(-1, 1, (POINTS, 2))
    shapes = mean + rng.normal(0, 0.03, (FACES, POINTS, 2))
    size = rng.uniform(60, 100, (FACES, 1, 1))
    return shapes * size + 200 + rng.normal(0, move, (FACES, 1, 2))


@given(
    st.integers(0, 50),
    st.lists(st.integers(0, POINTS - 1), min_size=0, max_size=4, unique=True),
    st.tuples(st.floats(0, 400), st.floats(0, 400)),
)
def test_points_at_one_pixel_are_found(
    seed: int, planted: list[int], at: tuple[float, float]
) -> None:
    points = moving(seed)
    points[:, planted] = at
    assert constant_points(points) == sorted(planted)


def test_a_few_pictures_in_which_somebody_has_placed_it_excuse_nothing() -> None:
    points = moving(0)
    points[2:, 7] = [10.3, 10.3]
    assert constant_points(points) == [7]
    points[2:10, 7] += 30
    assert constant_points(points) == []


def test_missing_points_are_no_evidence() -> None:
    points = moving(1)
    points[:, 3] = np.nan
    points[4:, 5], points[:4, 5] = np.nan, 12.0
    points[::2, 9], points[1::2, 9] = np.nan, [50.0, 60.0]
    assert constant_points(points) == [9]


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_in_copies_of_one_picture_no_point_is_constant(noise: float) -> None:
    points = np.repeat(moving(2)[:1], FACES, axis=0)
    points += np.random.default_rng(0).normal(0, noise, points.shape)
    assert constant_points(points) == []


def test_pictures_cut_out_by_the_eyes_have_their_eyes_at_one_pixel_rightly() -> None:
    points = moving(3).view(np.complex128)[..., 0]
    left, right = points[:, :1], points[:, 1:2]
    points = (points - left) / (right - left) * 100 + (60 + 80j)
    aligned = np.stack([points.real, points.imag], axis=2)
    assert constant_points(aligned) == []
    aligned[:, 12] = [3.0, 3.0]
    assert constant_points(aligned) == [12]


def test_of_few_faces_nothing_is_said() -> None:
    points = moving(4)[:4]
    points[:, 3] = 10.0
    assert constant_points(points) == []
    assert constant_points(points[:0]) == []
