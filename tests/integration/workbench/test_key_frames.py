"""Annotated frames of a video near one that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, Project
from faceloop_datasets.sample import sample_clip, sample_faces
from faceloop_runtime import FaceModel
from faceloop_trainer.assist.initial_face import interpolate
from faceloop_workbench.services.key_frames import previous_annotated, surrounding

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets import Item

MODEL = FaceModel.starter()


@pytest.fixture
def frames(tmp_path: Path) -> tuple[Project, dict[int, Item]]:
    """Items of a clip's frames, added out of order; those of 10 and 40 are annotated."""
    project = Project.create(tmp_path / "clip")
    media = project.add_media(sample_clip())
    items = {frame: project.add_item(media, frame) for frame in (40, 20, 10, 5, 50)}
    for frame in (10, 40):
        points = MODEL.pdm.mean * 100 + frame
        annotation = Annotation("face70", points, np.zeros(len(points)))
        project.save(items[frame].id, annotation, None)
    return project, {frame: project.item(item.id) for frame, item in items.items()}


def test_frames_know_the_annotated_ones_around_them(frames):
    project, items = frames
    before, after, share = surrounding(project, items[20])
    assert before.points[0, 0] == MODEL.pdm.mean[0, 0] * 100 + 10
    assert after.points[0, 0] == MODEL.pdm.mean[0, 0] * 100 + 40
    assert share == pytest.approx(1 / 3)
    half_way = interpolate(before.points, after.points, share)
    assert np.allclose(half_way, MODEL.pdm.mean * 100 + 20)
    assert [surrounding(project, items[frame]) for frame in (5, 10, 40, 50)] == [None] * 4


def test_the_previous_frame_is_the_nearest_earlier_one_that_is_annotated(frames):
    project, items = frames
    assert previous_annotated(project, items[5]) is None
    assert previous_annotated(project, items[10]) is None
    for frame, expected_frame in ((20, 10), (40, 10), (50, 40)):
        found = previous_annotated(project, items[frame])
        assert found is not None
        assert found.points[0, 0] == MODEL.pdm.mean[0, 0] * 100 + expected_frame


def test_of_several_people_in_a_video_the_frames_of_the_same_one_count(frames):
    project, items = frames
    project.set_subject([items[40].id, items[50].id], "ann")
    media = project.item_media(items[40])
    beside = project.add_item(media, 45, subject="ben")
    annotation = Annotation("face70", MODEL.pdm.mean * 100 + 45, np.zeros(len(MODEL.pdm.mean)))
    project.save(beside.id, annotation, None)
    found = previous_annotated(project, project.item(items[50].id))
    assert found is not None
    assert found.points[0, 0] == MODEL.pdm.mean[0, 0] * 100 + 40  # and not 45, which is ben


def test_pictures_and_other_videos_have_no_frames_around_them(frames, tmp_path):
    project, _ = frames
    face = next(iter(sample_faces()))
    assert face.image is not None
    still = project.add_item(project.add_media(face.image.path))
    assert previous_annotated(project, still) is None
    assert surrounding(project, still) is None
