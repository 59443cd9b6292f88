"""Points at one pixel in all pictures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets.sample import sample_faces
from faceloop_trainer.constant import constant_points


@pytest.fixture(scope="module")
def faces():
    return np.array(
        [face.annotation.points for face, _ in zip(sample_faces(), range(12), strict=False)]
    )


def test_faces_that_move_have_none(faces):
    assert constant_points(faces) == []
    assert constant_points(faces[:0]) == []


@given(st.sets(st.integers(0, 69), min_size=1, max_size=20), st.floats(-50, 4000))
def test_points_at_one_pixel_are_found(faces, which, place):
    points = faces.copy()
    points[:, sorted(which)] = [place, 10.0]
    assert constant_points(points) == sorted(which)


def test_a_point_counts_where_it_is_known(faces):
    points = faces.copy()
    points[:, 5], points[:, 6] = [10, 10], [12, 12]
    points[::2, 5], points[2:, 6] = np.nan, np.nan  # six faces, and two, which is too few
    points[:, 7] = np.nan
    assert constant_points(points) == [5]


def test_somebody_who_keeps_still_has_none(faces):
    still = np.repeat(faces[:1], 12, axis=0) + np.random.default_rng(0).normal(0, 0.1, (12, 70, 2))
    assert constant_points(still) == []
