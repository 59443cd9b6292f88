"""Pictures of faces: read once, kept for a while, read ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.sample import sample_clip
from faceloop_workbench.services.picture_cache import PictureCache

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from faceloop_datasets import Item


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        yield made


@pytest.fixture
def cache(project: Project) -> Iterator[PictureCache]:
    made = PictureCache(project)
    yield made
    made.close()


def picture(project: Project, folder: Path, red: int) -> Item:
    path = folder / f"{red}.png"
    Image.new("RGB", (8, 6), (red, 20, 30)).save(path)
    return project.add_item(project.add_media(path))


def test_a_picture_is_read_once_and_cannot_be_written_to(
    project: Project, cache: PictureCache, tmp_path: Path
) -> None:
    item = picture(project, tmp_path, 10)
    pixels = cache.get(item)
    assert pixels.shape == (6, 8, 3)
    assert pixels[0, 0].tolist() == [10, 20, 30]
    assert cache.get(item) is pixels
    with pytest.raises(ValueError, match="read-only"):
        pixels[0] = 0


def test_the_pictures_not_seen_for_longest_are_let_go(
    project: Project, cache: PictureCache, tmp_path: Path
) -> None:
    items = [picture(project, tmp_path, red) for red in range(7)]
    first, second = cache.get(items[0]), cache.get(items[1])
    for item in (*items[2:6], items[0], items[6]):  # the second was not looked at again
        cache.get(item)
    assert cache.get(items[0]) is first
    assert cache.get(items[1]) is not second


def test_frames_of_a_video_are_exact(project: Project, cache: PictureCache) -> None:
    media = project.add_media(sample_clip())
    one, other = (project.add_item(media, frame) for frame in (0, 40))
    assert not np.array_equal(cache.get(one), cache.get(other))
    shown = media.shown
    assert shown is not None
    with shown.open(sample_clip()) as video:
        assert np.array_equal(cache.get(other), video[40].image)


def test_reading_ahead_leaves_the_picture_ready_and_tells_nobody_of_faults(
    project: Project, cache: PictureCache, tmp_path: Path
) -> None:
    item, bare = picture(project, tmp_path, 10), project.add_item(None, name="bare")
    cache.read_ahead([bare.id, item.id])
    cache.close()  # waits for what was begun
    with pytest.raises(FaceloopError, match="bare has no picture, only a shape"):
        cache.get(bare)


def test_a_picture_that_is_gone_is_an_error(
    project: Project, cache: PictureCache, tmp_path: Path
) -> None:
    item = picture(project, tmp_path, 10)
    (tmp_path / "10.png").unlink()
    with pytest.raises(FaceloopError, match=r"10\.png"):
        cache.get(item)
