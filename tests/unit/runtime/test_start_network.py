"""The start network sees faces whatever their turn, and says where they are and are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import FaceloopError
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces, sample_negatives
from faceloop_runtime.detect.boxes import FaceBox
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start_network import describe, frame_of_box, frame_of_points, network
from faceloop_runtime.start_network.network import POINTS, points_of_heatmaps, standardised

if TYPE_CHECKING:
    from pathlib import Path

_EYES = (23, 28)


@pytest.fixture(scope="module")
def shown() -> list[tuple[np.ndarray, np.ndarray]]:
    """Ten faces of the sample, which the network was not trained on, and their points."""
    return [
        (read_image(str(face.image), "gray"), face.annotation.points)
        for face in list(sample_faces())[:200:20]
    ]


def error(points: np.ndarray, truth: np.ndarray) -> float:
    iod = np.linalg.norm(truth[_EYES[0]] - truth[_EYES[1]])
    return float(np.linalg.norm(points - truth, axis=1).mean() / iod)


@pytest.mark.parametrize("turn", [0, 60, 180, -90])
def test_points_are_found_however_the_picture_is_turned(
    shown: list[tuple[np.ndarray, np.ndarray]], turn: int
) -> None:
    for gray, truth in shown:
        middle = (gray.shape[1] - 1) / 2, (gray.shape[0] - 1) / 2
        move = cv2.getRotationMatrix2D(middle, -turn, 1.0)
        turned = np.asarray(cv2.warpAffine(gray, move, gray.shape[::-1]), np.uint8)
        there = truth @ move[:, :2].T + move[:, 2]
        seen = describe(turned, frame_of_points(there, float(np.deg2rad(turn))))
        assert error(seen.points, there) < 0.1
        assert seen.score > 0.9
        usual = describe(gray, frame_of_points(truth))
        assert (seen.roll - usual.roll - turn + 180) % 360 - 180 == pytest.approx(0, abs=8)


def test_a_frame_may_be_wrong_by_as_much_as_boxes_are(
    shown: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    for gray, truth in shown:
        frame = frame_of_points(truth).after(Similarity.from_polar(1.15, 0.3, 0.07, -0.07))
        assert error(describe(gray, frame).points, truth) < 0.1


def test_what_shows_no_face_is_told_from_one() -> None:
    scores = []
    for path in sample_negatives()[:20]:
        gray = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert gray is not None
        middle = gray.shape[1] / 2, gray.shape[0] / 2
        scores.append(describe(np.asarray(gray), Similarity(120.0, 0.0, *middle)).score)
    assert np.median(scores) < 0.1


def test_a_mirrored_face_turns_to_the_other_side(
    shown: list[tuple[np.ndarray, np.ndarray]],
) -> None:
    for gray, truth in shown:
        width = gray.shape[1]
        mirrored = np.ascontiguousarray(gray[:, ::-1])
        points = truth * [-1, 1] + [width - 1, 0]
        one, other = (
            describe(gray, frame_of_points(truth)),
            describe(mirrored, frame_of_points(points)),
        )
        assert other.yaw == pytest.approx(-one.yaw, abs=12)
        assert other.pitch == pytest.approx(one.pitch, abs=12)


@given(st.floats(-500, 500), st.floats(-500, 500), st.floats(10, 400), st.floats(-180, 180))
def test_the_frame_of_a_box_turns_with_it(x: float, y: float, width: float, roll: float) -> None:
    upright = frame_of_box(FaceBox(x, y, width, width))
    tilted = frame_of_box(FaceBox(x, y, width, width, roll))
    middle = np.array([[x + width / 2, y + width / 2]])
    turn = Similarity.from_polar(1.0, float(np.deg2rad(roll)), 0.0, 0.0)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5]])
    expected = turn.apply(upright.apply(corners) - middle) + middle
    np.testing.assert_allclose(tilted.apply(corners), expected, atol=1e-6)


def test_heatmaps_give_the_mean_place() -> None:
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(POINTS, 16, 16)).astype(np.float32)
    found = points_of_heatmaps(maps)
    weights = np.exp(maps.astype(np.float64))
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    steps = (np.arange(16) + 0.5) / 16 - 0.5
    across = np.einsum("nyx,x->n", weights, steps)
    down = np.einsum("nyx,y->n", weights, steps)
    np.testing.assert_allclose(found, np.stack([across, down], axis=1), atol=1e-6)


def test_crops_are_standardised() -> None:
    crops = np.random.default_rng(0).uniform(0, 255, (3, 8, 8)).astype(np.float32)
    out = standardised(crops)
    np.testing.assert_allclose(out.mean(axis=(1, 2)), 0, atol=1e-5)
    expected = crops.std(axis=(1, 2)) / (crops.std(axis=(1, 2)) + 8)
    np.testing.assert_allclose(out.std(axis=(1, 2)), expected, rtol=1e-4)


def test_a_damaged_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = network._FILE.with_suffix(".json").read_text()
    content = bytearray(network._FILE.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "start_network.onnx").write_bytes(content)
    (tmp_path / "start_network.json").write_text(about)
    monkeypatch.setattr(network, "_FILE", tmp_path / "start_network.onnx")
    network._content.cache_clear()
    try:
        with pytest.raises(FaceloopError, match=r"damaged.*Install faceloop again"):
            network.network_key()
        (tmp_path / "start_network.onnx").unlink()
        with pytest.raises(FaceloopError, match=r"cannot be read.*Install faceloop again"):
            network.network_key()
    finally:
        monkeypatch.undo()
        network._content.cache_clear()
