"""What a scheme under construction probably means."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from faceloop_datasets import Scheme
from faceloop_datasets.schemes.layout import scheme_layout
from faceloop_datasets.schemes.suggestion import named_pairs, suggest_mirror, suggest_size

places = st.integers(0, 12)


@st.composite
def symmetric(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, ...]]:
    """Points of a face that leans in a picture, in any order, and which are partners."""
    left = draw(st.sets(st.tuples(st.integers(1, 6), places), min_size=2, max_size=12))
    middle = draw(st.sets(places, max_size=5))
    half = np.array(sorted(left), dtype=float)
    axis = np.array([[0.0, y] for y in sorted(middle)]).reshape(-1, 2)
    points = np.concatenate([half, half * [-1, 1], axis])
    count = len(half)
    partner = np.array([*range(count, 2 * count), *range(count), *range(2 * count, len(points))])
    assume(np.ptp(points[:, 1]) > 3)
    order = np.array(draw(st.permutations(range(len(points)))))
    place = np.argsort(order)
    angle = np.radians(draw(st.floats(-15, 15)))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    size = draw(st.floats(0.01, 100))
    return points[order] @ turn * size + draw(st.floats(-50, 50)), tuple(place[partner[order]])


@given(symmetric())
def test_the_suggestion_reflects_every_face_onto_itself(
    face: tuple[np.ndarray, tuple[int, ...]],
) -> None:
    points, _ = face
    found = suggest_mirror([f"point {k}" for k in range(len(points))], points)
    mirror = np.array(found.mirror)
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(points)))  # an involution
    assert found.unsure == ()
    # partners are where a reflection about one axis puts them
    middle, along = found.axis
    off = points - middle
    reflected = middle + 2 * (off @ along)[:, None] * along - off
    radius = np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert np.linalg.norm(reflected - points[mirror], axis=1).max() < 0.13 * radius


@pytest.mark.parametrize("name", Scheme.bundled())
@pytest.mark.parametrize("lean", [0.0, 20.0])
def test_the_bundled_schemes_are_found_without_their_names(name: str, lean: float) -> None:
    scheme, angle = Scheme.load(name), np.radians(lean)
    points = scheme_layout(scheme)
    assert points is not None
    jitter = np.random.default_rng(1).normal(0, 0.005, points.shape)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    found = suggest_mirror([str(k) for k in range(len(scheme))], (points + jitter) @ turn)
    assert found.mirror == scheme.mirror
    assert found.unsure == ()
    assert suggest_size(scheme.names, points, scheme.mirror) == scheme.iod


def test_names_go_before_places() -> None:
    names = ["left eye", "right eye", "Brow_L", "Brow_R", "nose", "scar"]
    assert named_pairs(names) == [(0, 1), (2, 3)]
    points = np.array([[-1, 0], [1, 0.1], [-1, -1], [1, -1], [0, 1], [0.6, 2]])
    found = suggest_mirror(names, points)
    assert found.mirror == (1, 0, 3, 2, 4, 5)
    assert found.unsure == (5,)


def test_a_point_more_on_one_side_is_left_alone() -> None:
    points = np.array([[-1, 0], [1, 0], [-0.5, 2], [0.5, 2], [0, 1], [0.8, 3.0]])
    found = suggest_mirror([str(k) for k in range(6)], points)
    assert found.mirror == (1, 0, 3, 2, 4, 5)
    assert found.unsure == (5,)


def test_what_measures_a_face() -> None:
    points = np.array([[-1, 0], [1, 0], [-2, 2], [2, 2], [0, 1]])
    mirror = (1, 0, 3, 2, 4)
    assert suggest_size(["left pupil", "right pupil", "a", "b", "c"], points, mirror) == (0, 1)
    assert suggest_size(list("abcde"), points, mirror) == (2, 3)
    assert suggest_size(list("abcde"), points[:, ::-1], ()) == (2, 3)


def test_points_in_one_place_are_no_error() -> None:
    found = suggest_mirror(["a", "b"], np.zeros((2, 2)))
    assert sorted(found.mirror) == [0, 1]
