"""Templates on cells, by definition and on a pattern that is put into pictures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import Detector, FaceModel
from faceloop_runtime.detect.cells import CELL, cell_map, pyramid
from faceloop_runtime.detect.learned import FacePlace, LearnedDetector, TemplateFrame
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.channels import channel_stack
from faceloop_runtime.start.finding import face_box, find_faces, find_learned
from faceloop_runtime.start.initialiser import box_pose

POSES = st.builds(
    Similarity.from_polar,
    st.floats(5, 200),
    st.floats(-3, 3),
    st.floats(-50, 500),
    st.floats(-50, 500),
)
SIDE = 48
"""Of the pattern, in pixels: twelve cells."""


def pattern() -> np.ndarray:
    """A drawing that is no face: a ring, a cross beside it and a bar, (SIDE, SIDE)."""
    drawn = np.full((SIDE, SIDE), 160, np.uint8)
    cv2.circle(drawn, (16, 20), 9, 30, 3)
    cv2.line(drawn, (30, 10), (42, 26), 230, 3)
    cv2.line(drawn, (42, 10), (30, 26), 30, 3)
    cv2.rectangle(drawn, (8, 36), (40, 41), 20, -1)
    return drawn


def noise(shape: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).normal(160, 6, shape).clip(0, 255).astype(np.uint8)


def scene(pose: Similarity) -> np.ndarray:
    """The pattern in a picture, its middle and its half width being the model frame's."""
    picture = noise((300, 400))
    middle = (SIDE - 1) / 2
    to_picture = pose.after(Similarity(2 / SIDE, 0.0, -2 * middle / SIDE, -2 * middle / SIDE))
    size = picture.shape[::-1]
    put = cv2.warpAffine(pattern(), to_picture.matrix(), size, flags=cv2.INTER_LINEAR)
    here = cv2.warpAffine(np.full_like(pattern(), 255), to_picture.matrix(), size)
    return np.where(here > 127, put, picture)


@pytest.fixture(scope="module")
def found_by() -> LearnedDetector:
    """The pattern's own cells as the template, and nothing known of how it differs."""
    around = 2 * CELL
    paper = noise((SIDE + 2 * around, SIDE + 2 * around))
    paper[around:-around, around:-around] = pattern()
    cells = cell_map(paper.astype(np.float32))[2:-2, 2:-2]
    weights = (cells - cells.mean(axis=(0, 1))) / np.linalg.norm(cells)
    own = float((weights * cells).sum())
    return LearnedDetector(
        middle=np.zeros(2, np.float32),
        cell=np.array([2 * CELL / SIDE], np.float32),
        weights=weights[None],
        gain=np.array([20 / own], np.float32),
        bias=np.array([-11], np.float32),
        shift=np.zeros((1, 4, *cells.shape), np.float32),
        shift_bias=np.zeros((1, 4), np.float32),
    )


@given(POSES, st.floats(-2, 2), st.floats(-2, 2), st.floats(0.05, 1))
def test_a_pose_and_its_window(pose: Similarity, x: float, y: float, cell: float) -> None:
    frame = TemplateFrame(x, y, cell)
    window = frame.window(pose)
    places = np.array([[0.0, 0.0], [3.0, -2.0]])
    np.testing.assert_allclose(window.apply(places), pose.apply(places * cell + [x, y]), atol=1e-6)
    again = frame.pose(window)
    np.testing.assert_allclose(again.apply(places), pose.apply(places), atol=1e-6)


@given(POSES, st.floats(-30, 30))
def test_a_box_gives_its_pose_back(small_model: FaceModel, pose: Similarity, odds: float) -> None:
    box = face_box(small_model, FacePlace(odds, pose))
    shape = small_model.pdm.mean
    np.testing.assert_allclose(
        box_pose(small_model, box).apply(shape), pose.apply(shape), atol=1e-6
    )
    assert 0 <= box.score <= 1
    assert (box.score > 0.5) == (odds > 0) or abs(odds) < 1e-6


def test_cells_are_means_of_the_gradient_channels() -> None:
    gray = np.random.default_rng(1).uniform(0, 255, (22, 31)).astype(np.float32)
    cells = cell_map(gray)
    channels = channel_stack(gray, ("gradient",))
    assert cells.shape == (5, 7, len(channels))
    for row, column in ((0, 0), (4, 6), (2, 3)):
        part = channels[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        np.testing.assert_allclose(cells[row, column], part.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)


def test_log_odds_are_weighted_sums_of_the_cells_in_a_window(small_model: FaceModel) -> None:
    own = small_model.detector
    assert own is not None
    cells = np.random.default_rng(2).uniform(0, 1, (15, 12, own.weights.shape[3]))
    odds = replace(own, gain=np.array([2, 3], np.float32)).log_odds(cells.astype(np.float32))
    assert odds.shape == (2, 8, 4)
    for template, row, column in ((0, 0, 0), (1, 7, 3), (0, 4, 2)):
        window = cells[row : row + 8, column : column + 9]
        plain = (window * own.weights[template]).sum() * (2 + template) + own.bias[template]
        assert odds[template, row, column] == pytest.approx(plain, rel=1e-3, abs=1e-4)
    assert own.log_odds(cells[:7].astype(np.float32)).size == 0


@pytest.mark.parametrize(("width", "height"), [(400, 300), (301, 477), (97, 61)])
def test_every_level_shows_a_place_where_it_is(width: int, height: int) -> None:
    x, y = 0.7 * width, 0.4 * height
    gray = np.full((height, width), 90, np.uint8)
    cv2.circle(gray, (round(x), round(y)), 3, 255, -1)
    levels = list(pyramid(gray, 12, 40))
    assert len(levels) > 3
    for level in levels:
        size = level.to_picture.scale
        edges = level.cells.sum(axis=2)
        weight = np.where(edges > 0.3 * edges.max(), edges, 0.0)
        rows, columns = np.indices(weight.shape) + 0.5
        middle = np.array([[(weight * columns).sum(), (weight * rows).sum()]]) / weight.sum()
        np.testing.assert_allclose(level.to_picture.apply(middle)[0], [x, y], atol=0.6 * size)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (23, 23), (30, 4000)])
def test_pictures_too_small_for_a_face(found_by: LearnedDetector, shape: tuple[int, int]) -> None:
    assert found_by.search(np.full(shape, 128, np.uint8), 40.0, 0.0) == []


@pytest.mark.parametrize(
    ("half", "x", "y"), [(30, 150, 150), (45, 250, 120), (70, 120, 180), (26, 372, 30)]
)
def test_the_pattern_is_found_in_its_place_and_size(
    found_by: LearnedDetector, half: float, x: float, y: float
) -> None:
    places = found_by.search(scene(Similarity(half, 0.0, x, y)), 45.0, 0.0)
    pose = places[0].pose
    assert [places[0].log_odds] == [max(place.log_odds for place in places)]
    assert np.hypot(pose.tx - x, pose.ty - y) < 0.15 * half
    assert abs(np.log(pose.scale / half)) < 0.15
    assert found_by.search(noise((300, 400)), 45.0, 0.0) == []


def test_a_tilted_one_is_found_with_its_roll(
    found_by: LearnedDetector, small_model: FaceModel
) -> None:
    model = replace(small_model, detector=found_by)
    for roll in (-38.0, 20.0):
        pose = Similarity.from_polar(55.0, np.deg2rad(roll), 200.0, 150.0)
        box = find_learned(model, scene(pose))[0]
        assert box.roll == pytest.approx(roll, abs=6)
        there = box_pose(model, box)
        assert np.hypot(there.tx - 200, there.ty - 150) < 8
        assert find_learned(model, scene(pose), wanted=0) == []


@pytest.mark.skipif(cv2.__version__ < "5", reason="resized by OpenCV 4, it is a face")
def test_a_models_own_detector_is_asked_where_the_general_one_finds_nothing(
    found_by: LearnedDetector, small_model: FaceModel
) -> None:
    model, detector = replace(small_model, detector=found_by), Detector("cascade")
    gray = scene(Similarity(55.0, 0.0, 200.0, 150.0))
    assert find_faces(detector, replace(small_model, detector=None), gray) == []
    assert find_faces(detector, None, gray) == []
    assert find_faces(detector, model, gray) == find_learned(model, gray)
    assert len(find_learned(model, np.repeat(gray[..., None], 3, axis=2))) == 1
    record = next(iter(sample_faces()))
    assert record.image is not None
    face = read_image(record.image.path, "gray")
    assert find_faces(detector, model, face) == detector.detect(face) != []
