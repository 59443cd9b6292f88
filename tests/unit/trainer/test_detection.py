"""A detector that is trained on drawn masks, and the windows that it learns from."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_runtime.detect.learned import LearnedDetector
from faceloop_runtime.geometry import Similarity
from faceloop_trainer import TrainingConfig
from faceloop_trainer.crossfit.training_set import TrainingSet
from faceloop_trainer.detection.training import train_detector
from faceloop_trainer.detection.windows import Scene, Window

from .drawn_masks import SCHEME, drawn, mask, paper


@pytest.fixture(scope="module")
def masks() -> TrainingSet:
    """40 masks of 20 makers."""
    rng = np.random.default_rng(0)
    faces = [mask(rng, f"maker {number // 2}") for number in range(40)]
    return TrainingSet.of(SCHEME, faces, TrainingConfig(prior="none"))


@pytest.fixture(scope="module")
def found_by(masks: TrainingSet) -> LearnedDetector:
    return train_detector(masks)


@pytest.fixture(scope="module")
def unseen() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    return [drawn(rng) for _ in range(12)]


def size_of(mean: np.ndarray) -> float:
    return float(np.sqrt(np.ptp(mean, axis=0).prod()))


def test_masks_never_seen_are_found_where_they_are(
    masks: TrainingSet, found_by: LearnedDetector, unseen: list[tuple[np.ndarray, np.ndarray]]
) -> None:
    mean, errors = masks.pdm.mean, []
    for sheet, points in unseen:
        true = Similarity.between(mean, points)
        places = found_by.search(sheet, 40.0, 0.0)
        if places:
            pose = places[0].pose
            away = np.hypot(pose.tx - true.tx, pose.ty - true.ty) / (true.scale * size_of(mean))
            turn = np.angle(complex(pose.a, pose.b) / complex(true.a, true.b))
            errors.append([away, abs(np.log(pose.scale / true.scale)), abs(np.rad2deg(turn))])
    assert len(errors) >= 11
    # By a cell and a level at most they could be off without a look at how they differ.
    away, log_size, turn = np.median(errors, axis=0)
    assert away < 0.04
    assert log_size < 0.06
    assert turn < 4
    assert np.max(errors, axis=0)[0] < 0.3


def test_paper_without_a_mask_shows_none(found_by: LearnedDetector) -> None:
    rng = np.random.default_rng(2)
    assert sum(bool(found_by.search(paper(rng), 40.0, 0.0)) for _ in range(15)) <= 1


def test_training_twice_gives_the_same_detector(
    masks: TrainingSet, found_by: LearnedDetector
) -> None:
    again = train_detector(masks)
    for name, value in vars(found_by).items():
        np.testing.assert_array_equal(getattr(again, name), value)


def test_a_window_holds_the_mean_shape(masks: TrainingSet) -> None:
    window = Window.of(masks.pdm)
    half = np.array([window.columns, window.rows]) / 2
    frame = window.frame
    cells = (masks.pdm.mean - [frame.x, frame.y]) / frame.cell
    assert (np.abs(cells) < half - 0.5).all()
    assert 110 < window.rows * window.columns < 180


def test_windows_on_a_face_are_off_it_as_they_say(masks: TrainingSet) -> None:
    # Twice off in the same way is the same; off by nothing is the window of the pose itself.
    window, face = Window.of(masks.pdm), masks.faces[0].original
    cells, moves = window.on_face(masks.pdm.mean, face, np.random.default_rng(3), 4)
    again, _ = window.on_face(masks.pdm.mean, face, np.random.default_rng(3), 4)
    np.testing.assert_array_equal(cells, again)
    assert cells.shape == (4, window.rows, window.columns, 6)
    assert np.abs(moves).max(axis=0)[:2].max() <= 0.5
    mirrored = face.mirrored(SCHEME.mirror)
    flipped, _ = window.on_face(masks.pdm.mean, mirrored, np.random.default_rng(3), 4)
    assert not np.allclose(flipped, cells)


def test_a_scene_keeps_windows_off_its_face(masks: TrainingSet) -> None:
    window, face = Window.of(masks.pdm), masks.faces[0].original
    assert face.picture is not None
    there = window.frame.window(Similarity.between(masks.pdm.mean, face.points))
    scene = Scene.of(window, face.picture, 40.0, 0, there)
    high, wide = window.rows * there.scale, window.columns * there.scale
    for level, allowed in zip(scene.levels, scene.allowed, strict=True):
        for row, column in ((0, 0), np.array(allowed.shape) // 2, np.array(allowed.shape) - 1):
            scale = level.to_picture.scale
            x, y = level.to_picture.apply(np.array([[float(column), float(row)]]))[0]
            across = min(x + window.columns * scale, there.tx + wide / 2) - max(
                x, there.tx - wide / 2
            )
            down = min(y + window.rows * scale, there.ty + high / 2) - max(y, there.ty - high / 2)
            common = max(0, across) * max(0, down)
            union = high * wide + window.rows * window.columns * scale**2 - common
            assert allowed[row, column] == (common < 0.3 * union)
    rng = np.random.default_rng(4)
    places = scene.at_random(20, rng)
    assert len(places) == 20
    assert all(scene.allowed[n][r, c] for n, r, c in places)
    assert scene.windows(window, places).shape == (20, window.rows * window.columns * 6)


def test_few_masks_of_few_makers_train_too() -> None:
    rng = np.random.default_rng(5)
    faces = [mask(rng, f"maker {number % 2}") for number in range(10)]
    few = train_detector(TrainingSet.of(SCHEME, faces, TrainingConfig(prior="none", mirror=False)))
    assert len(few.weights) == 1
    assert all(np.isfinite(value).all() for value in vars(few).values())
