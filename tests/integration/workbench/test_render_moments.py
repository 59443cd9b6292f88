"""Faces that only a search by all means finds, in the frames between two such searches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Video, write_video
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import Detector, FaceModel
from faceloop_runtime.render.cover.moments import moments
from faceloop_runtime.render.cover.plan import Footage, plan_covers

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 384
PLAIN = np.full((SIDE, 2 * SIDE, 3), 120, np.uint8)


@pytest.fixture(scope="module")
def faces():
    """Pictures of two faces, and the points of the second."""
    one, other = list(sample_faces())[:8:4]
    images = [read_image(record.image.path, "rgb") for record in (one, other)]
    return *images, other.annotation.points


@pytest.fixture(scope="module")
def lying(faces):
    """A scene with an upright face and one that lies, and the points of that one."""
    upright, other, points = faces
    scene = np.concatenate([upright, np.rot90(other)], axis=1)
    return scene, np.column_stack([SIDE + points[:, 1], SIDE - 1 - points[:, 0]])


@pytest.fixture(scope="module")
def dark(faces):
    """A scene in which hardly anything of the second face is to be seen."""
    upright, other, points = faces
    scene = np.concatenate([upright, (other * 0.04).astype(np.uint8)], axis=1)
    return scene, points + np.array([SIDE, 0])


def bare(path: Path, images, points, rate: float) -> list[int]:
    """Return the frames of a video of which no place holds the points, that are there in it."""
    write_video(path, images, rate)
    video = Video(path)
    # none is drawn over, so all that is covered is a place
    covers = plan_covers(FaceModel.starter(), Detector(), Footage.of(video), video, draw_over=False)
    places = {number: np.array(cover.places).reshape(-1, 4) for number, cover in covers.items()}
    return [
        number
        for number, boxes in places.items()
        if not ((boxes[:, :2] <= points.min(0)) & (boxes[:, 2:] >= points.max(0))).all(1).any()
    ]


@pytest.mark.parametrize("rate", [25.0, 5.0])
@pytest.mark.parametrize("kind", ["lying", "dark"])
def test_a_shot_of_a_few_frames_is_searched_by_all_means(tmp_path, request, kind, rate):
    scene, points = request.getfixturevalue(kind)
    assert len(Detector().detect(scene, wanted=0)) == 1, "found quickly, so this shows nothing"
    path = tmp_path / "cut.mp4"
    assert [n for n in bare(path, [PLAIN] + [scene] * 8, points, rate) if n] == []


def test_a_face_that_comes_in_is_not_waited_for(tmp_path, lying):
    """No cut, and gone before a second has passed: only that the picture changes tells of it."""
    scene, points = lying
    without = scene.copy()
    without[:, SIDE:] = without[:, -1:]
    images = [without] * 8 + [scene] * 12 + [without] * 8
    assert not any(moment.after_cut for moment in _moments(tmp_path / "m.mp4", images))
    assert not set(bare(tmp_path / "in.mp4", images, points, 25.0)) & set(range(8, 20))


def test_first_and_last_frame_of_each_shot_and_one_a_second(tmp_path, faces):
    plain = np.full((64, 96, 3), 30, np.uint8)
    other = np.tile(np.uint8([20, 200, 90, 230]), 24)[None, :, None].repeat(64, 0).repeat(3, 2)
    images = [plain] * 7 + [other] * 2 + [plain] * 60
    made = _moments(tmp_path / "a.mp4", images)
    assert [m.frame.index for m in made] == list(range(69))
    assert [m.frame.index for m in made if m.after_cut] == [7, 9]
    assert [m.frame.index for m in made if m.thorough] == [0, 6, 7, 8, 9, 34, 59, 68]
    slow = _moments(tmp_path / "b.mp4", [plain] * 9, 2.0)
    assert [m.frame.index for m in slow if m.thorough] == [0, 2, 4, 6, 8]


def test_a_picture_that_darkens_is_searched_again_but_not_in_every_frame(tmp_path):
    images = [np.full((64, 96, 3), round(150 * 0.9**k), np.uint8) for k in range(20)]
    thorough = [m.frame.index for m in _moments(tmp_path / "a.mp4", images) if m.thorough]
    assert thorough == [0, 5, 10, 15, 19]


def test_no_frames_are_no_moments():
    assert list(moments([])) == []


def _moments(path, images, rate=25.0):
    write_video(path, images, rate)
    return list(moments(Video(path)))
