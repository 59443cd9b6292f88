"""Points move with the picture, covered ones are hidden, batches depend on seed and step only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from faceloop_datasets import FaceloopError
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_negatives
from faceloop_runtime.start_network.network import SIDE
from faceloop_trainer.start_network.augmentation import Augmentation
from faceloop_trainer.start_network.batches import Batches, BatchSize
from faceloop_trainer.start_network.covering import CoveredFace, CoverShares, cover
from faceloop_trainer.start_network.crops import Crop, CropRanges, pixels
from faceloop_trainer.start_network.rendered import RenderedFaces, is_aside
from faceloop_trainer.start_network.textures import Textures

from .rendered_faces import shape, write_faces

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def augmentation(tmp_path_factory: pytest.TempPathFactory) -> Augmentation:
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder, 12)
    negatives = [read_image(path, "gray") for path in sample_negatives()]
    return Augmentation(RenderedFaces.read(folder), negatives)


def brightest(crop: np.ndarray) -> np.ndarray:
    """Centre of what is bright in a crop, (2,)."""
    weights = np.where(crop > 30, crop, 0).astype(float)
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.array([(x * weights).sum(), (y * weights).sum()]) / weights.sum()


@pytest.mark.parametrize("seed", range(8))
def test_points_are_where_the_picture_shows_them(seed: int) -> None:
    points = shape(seed)
    crop = Crop.varied(points, CropRanges(bent=1.0), np.random.default_rng(seed))
    places = pixels(crop.inside(points))
    found = 0
    for point, place in zip(points, places, strict=True):
        if (np.abs(place - SIDE / 2) > SIDE / 2 - 6).any():
            continue  # the dot would be cut off
        picture = np.zeros((224, 224), np.uint8)
        x, y = np.round(point * 16).astype(int).tolist()
        cv2.circle(picture, (x, y), 3 * 16, 255, -1, cv2.LINE_AA, 4)
        assert np.abs(brightest(crop.cut(picture)) - place).max() < 0.5
        found += 1
    assert found > 20


def test_flipped_points_have_the_names_of_the_other_side(augmentation: Augmentation) -> None:
    """Of a picture with one dot, flipped and turned, the dot is where its mirrored point is."""
    point, other = 23, 28  # outer corners of the eyes
    faces = augmentation.faces
    pictures = np.zeros_like(faces.pictures)
    x, y = np.round(faces.points[0, point] * 16).astype(int).tolist()
    cv2.circle(pictures[0], (x, y), 3 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    dotted = replace(augmentation, faces=replace(faces, pictures=pictures))
    dotted = replace(dotted, shares=CoverShares(0, 0, 0, 0, 0, (1.0,)))
    sides = set()
    for seed in range(12):
        sample = dotted.varied(0, np.random.default_rng(seed))
        places = pixels(sample.points)
        peak = np.array(
            np.unravel_index(cv2.GaussianBlur(sample.crop, (0, 0), 2).argmax(), (64, 64))
        )
        distances = np.linalg.norm(places[[point, other]] - peak[::-1], axis=1)
        sides.add(int(distances.argmin()))
        assert distances.min() < 2.5
    assert sides == {0, 1}


def test_plain_crops_are_those_of_the_runtime(augmentation: Augmentation) -> None:
    sample = augmentation.plain(3, np.random.default_rng(0))
    reach = np.ptp(sample.points, axis=0)
    assert reach.max() == pytest.approx(1 / 1.35, abs=1e-5)
    assert np.abs(sample.points.max(axis=0) + sample.points.min(axis=0)).max() < 1e-5
    np.testing.assert_allclose(np.rad2deg(sample.turn), augmentation.faces.turns[3], atol=1e-4)


def test_points_under_a_hat_are_hidden_and_those_of_the_mouth_are_not(
    augmentation: Augmentation,
) -> None:
    points = shape(0)
    places = Crop.plain(points).inside(points)
    textures = Textures(augmentation.faces.pictures, augmentation.negatives)
    hidden = []
    for seed in range(10):
        black = np.full((SIDE, SIDE), -1000.0, np.float32)
        rng = np.random.default_rng(seed)
        face = CoveredFace(black, places, np.ones(70, np.float32), textures, rng)
        cover(face, CoverShares(0, 0, 1.0, 0, 0, (1.0,)))
        x, y = np.clip((face.points + 0.5).astype(int), 0, SIDE - 1).T
        changed = face.image[y, x] != -1000
        assert changed[face.seen == 0].all()
        assert face.seen[43:55].all()
        hidden.append(int((face.seen == 0).sum()))
    assert max(hidden) > 5


def test_points_outside_of_the_crop_are_not_seen(augmentation: Augmentation) -> None:
    for seed in range(40):
        sample = augmentation.varied(1, np.random.default_rng(seed))
        outside = (np.abs(sample.points) >= 0.5).any(axis=1)
        assert not sample.seen[outside].any()
    assert set(np.unique(sample.seen)) <= {0.0, 1.0}


def test_a_batch_depends_on_seed_and_step_only(augmentation: Augmentation) -> None:
    rows, size = np.arange(12), BatchSize(5, 3)
    whole = Batches(augmentation, rows, size, 7, 0, 10)
    resumed = Batches(augmentation, rows, size, 7, 4, 10)
    other = Batches(augmentation, rows, size, 8, 0, 10)
    assert (len(whole), len(resumed)) == (10, 6)
    for mine, theirs in zip(whole[6], resumed[2], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert not np.array_equal(whole[6].crops, other[6].crops)
    assert not np.array_equal(whole[6].crops, whole[5].crops)


def test_crops_of_a_batch_are_standardised(augmentation: Augmentation) -> None:
    batch = Batches(augmentation, np.arange(12), BatchSize(6, 4), 0, 0, 1)[0]
    assert batch.crops.shape == (10, SIDE, SIDE)
    assert batch.points.shape == (6, 70, 2)
    assert batch.crops.dtype == np.float32
    assert np.abs(batch.crops.mean(axis=(1, 2))).max() < 1e-4
    assert batch.crops.std(axis=(1, 2)).max() < 1.0


def test_one_person_in_ten_is_kept_aside(augmentation: Augmentation) -> None:
    people = [f"id{k:04d}" for k in range(2000)]
    assert np.mean([is_aside(person) for person in people]) == pytest.approx(0.1, abs=0.02)
    assert augmentation.faces.aside.tolist() == [is_aside(p) for p in augmentation.faces.people]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("yaw", "yow", "no column yaw"), (",neutral,", ",neutral,left", "line 2: yaw is")],
)
def test_a_wrong_table_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    write_faces(tmp_path, 2)
    table = tmp_path / "annotations.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FaceloopError, match=message):
        RenderedFaces.read(tmp_path)


def test_a_folder_without_faces_is_named(tmp_path: Path) -> None:
    with pytest.raises(FaceloopError, match=r"annotations.csv cannot be read"):
        RenderedFaces.read(tmp_path)
