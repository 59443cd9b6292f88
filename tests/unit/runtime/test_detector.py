from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import Detector
from faceloop_runtime.detect.boxes import overlap
from faceloop_runtime.detect.detector import _FIVE, five_point_box, merge


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


@pytest.mark.parametrize("smallest", [0.0, -0.1, 1.5, np.nan])
def test_a_share_that_is_none(smallest: float) -> None:
    with pytest.raises(InputError, match="The smallest face cannot be"):
        Detector(smallest=smallest)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (23, 23), (24, 24), (30, 4000), (300, 300)])
def test_part_searches_of_pictures_of_any_size(shape: tuple[int, int]) -> None:
    detector, gray = Detector(), np.full(shape, 128, np.uint8)
    assert all(detector.detect_part(gray, turn) == [] for turn in range(30))


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    """Four faces of the sample in a frame, a tenth to an eighth of its height; their centres."""
    gray = np.full((720, 1280), 80, np.uint8)
    centres = []
    for i, record in enumerate(islice(sample_faces(), 0, 400, 100)):
        assert record.image is not None
        side, x, y = 150 + 10 * i, 60 + 300 * i, 50 + 140 * i
        face = cv2.resize(read_image(record.image.path, "gray"), (side, side))
        gray[y : y + side, x : x + side] = face
        centres.append(record.annotation.points.mean(axis=0) * side / 384 + [x, y])
    return gray, np.array(centres)


def met(boxes: list[np.ndarray], centres: np.ndarray) -> set[int]:
    """Which of the faces are in a box."""
    return {
        i
        for x, y, width, height in boxes
        for i, (cx, cy) in enumerate(centres)
        if abs(x + width / 2 - cx) < width / 3 and abs(y + height / 2 - cy) < height / 3
    }


def test_small_faces_are_found_in_a_large_picture(
    scene: tuple[np.ndarray, np.ndarray],
) -> None:
    gray, centres = scene
    assert met(Detector().detect(gray, wanted=4), centres) == {0, 1, 2, 3}
    assert met(Detector(smallest=0.1).detect(gray), centres) == {0, 1, 2, 3}


def test_part_searches_find_small_faces_one_part_after_the_other(
    scene: tuple[np.ndarray, np.ndarray],
) -> None:
    gray, centres = scene
    detector = Detector()
    found = [met(detector.detect_part(gray, turn), centres) for turn in range(66)]
    assert set().union(*found) == {0, 1, 2, 3}


def test_part_searches_find_what_a_whole_search_finds() -> None:
    detector, whole, parts = Detector(), 0, 0
    for record in islice(sample_faces(), 0, 400, 40):
        assert record.image is not None
        gray = read_image(record.image.path, "gray")
        centre = record.annotation.points.mean(axis=0)[None]
        whole += bool(met(detector.detect(gray), centre))
        parts += any(met(detector.detect_part(gray, turn), centre) for turn in range(15))
    assert whole >= 9
    assert parts >= whole - 1
