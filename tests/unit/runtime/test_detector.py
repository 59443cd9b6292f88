from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError
from faceloop_runtime import Detector
from faceloop_runtime.detector import _FIVE, five_point_box, merge, overlap


def test_overlap_of_known_boxes() -> None:
    one = np.array([[0.0, 0, 10, 10]])
    others = np.array([[0.0, 0, 10, 10], [5, 0, 10, 10], [20, 20, 5, 5], [2, 2, 5, 5]])
    np.testing.assert_allclose(overlap(one, others), [[1, 1 / 3, 0, 0.25]])


def test_windows_of_one_face_become_its_median_and_most_votes_come_first() -> None:
    few = [[200, 50, 40, 40], [203, 50, 40, 40]]
    many = [[10, 20, 60, 60], [12, 22, 60, 60], [14, 22, 62, 62]]
    alone = [[100, 200, 30, 30]]
    boxes = merge(np.array([*few, *alone, *many], dtype=np.float64))
    assert [list(box) for box in boxes] == [[12, 22, 60, 60], [201.5, 50, 40, 40]]


def test_a_box_inside_a_surer_one_is_left_out() -> None:
    outer = [[0, 0, 100, 100]] * 3
    inner = [[20, 20, 60, 60]] * 2
    assert len(merge(np.array(outer + inner, dtype=np.float64))) == 1


def test_nothing_found_is_no_box() -> None:
    assert merge(np.zeros((0, 4))) == []


@given(st.integers(0, 2**32 - 1))
def test_merged_boxes_hardly_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    windows = np.concatenate(
        [rng.uniform(0, 100, (30, 2)), np.repeat(rng.uniform(10, 80, (30, 1)), 2, axis=1)], axis=1
    )
    boxes = np.array(merge(windows)).reshape(-1, 4)
    assert (overlap(boxes, boxes) - np.eye(len(boxes)) <= 0.2 + 1e-9).all()


@given(
    st.floats(-100, 400),
    st.floats(-100, 400),
    st.floats(10, 300),
    st.floats(-0.6, 0.6),
)
def test_five_points_give_the_box_they_were_taken_from(
    x: float, y: float, width: float, roll: float
) -> None:
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    points = ((_FIVE - 0.5) @ turn.T + 0.5) * width + [x, y]
    np.testing.assert_allclose(five_point_box(points), [x, y, width, width], atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (23, 23), (24, 24), (30, 4000)])
def test_pictures_too_small_for_a_face(shape: tuple[int, int]) -> None:
    assert Detector().detect(np.full(shape, 128, np.uint8)) == []


def test_a_yunet_file_that_is_missing_or_no_network(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no YuNet file"):
        Detector(tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a network" * 10)
    with pytest.raises(InputError, match="is not a YuNet network"):
        Detector(tmp_path / "bad.onnx")
