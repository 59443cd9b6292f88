from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.detect.boxes import FaceBox, apart, overlap
from faceloop_runtime.geometry import Similarity

BOXES = st.builds(
    FaceBox,
    st.floats(-500, 4000),
    st.floats(-500, 4000),
    st.floats(4, 900),
    st.floats(4, 900),
    st.floats(-179, 179),
    st.floats(0, 1),
)
MOVES = st.builds(
    Similarity.from_polar,
    st.floats(0.05, 20),
    st.floats(-3.1, 3.1),
    st.floats(-500, 4000),
    st.floats(-500, 4000),
)


def test_overlap_of_known_boxes() -> None:
    one = np.array([[0.0, 0, 10, 10]])
    others = np.array([[0.0, 0, 10, 10], [5, 0, 10, 10], [20, 20, 5, 5], [2, 2, 5, 5]])
    np.testing.assert_allclose(overlap(one, others), [[1, 1 / 3, 0, 0.25]])


def test_a_face_that_leans_to_the_right_has_the_top_of_its_head_there() -> None:
    corners = FaceBox(10, 20, 100, 100, roll=90).corners()
    np.testing.assert_allclose(corners, [[110, 20], [110, 120], [10, 120], [10, 20]], atol=1e-9)


@given(BOXES, MOVES)
def test_corners_move_with_the_box_and_back(box: FaceBox, by: Similarity) -> None:
    there = box.moved(by)
    np.testing.assert_allclose(there.corners(), by.apply(box.corners()), atol=1e-6, rtol=1e-9)
    np.testing.assert_allclose(there.moved(by.inverse()).corners(), box.corners(), atol=1e-6)
    assert -180 <= there.roll <= 180
    assert there.score == box.score


@given(BOXES)
def test_a_turn_back_and_forth_is_none(box: FaceBox) -> None:
    quarter = Similarity.from_polar(1.0, np.pi / 2, 0.0, 0.0)
    for _ in range(4):
        turned = box.moved(quarter)
        assert (turned.roll - box.roll) % 360 == pytest.approx(90)
        box = turned


@given(st.lists(BOXES, max_size=12))
def test_boxes_that_are_kept_lie_apart_and_the_first_is_among_them(boxes: list[FaceBox]) -> None:
    kept = apart(boxes, 0.2)
    assert kept[:1] == boxes[:1]
    places = np.array([box.upright() for box in kept]).reshape(-1, 4)
    assert (overlap(places, places) - np.eye(len(kept)) <= 0.2 + 1e-9).all()
