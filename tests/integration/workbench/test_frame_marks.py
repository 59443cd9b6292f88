"""Marks of a video's frames, from a real project."""

from __future__ import annotations

import numpy as np

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_workbench.live.frame_marks import Marks, video_marks


def test_annotated_and_queued_frames_of_a_video_are_known(tmp_path):
    points = np.asarray(sample_clip_truth().points, dtype=np.float64)
    with Project.create(tmp_path / "project") as project:
        assert video_marks(project, sample_clip()) == Marks()
        media = project.add_media(sample_clip())
        annotated, queued, done, empty = (project.add_item(media, k) for k in (7, 30, 40, 50))
        visible = np.full(70, PointState.VISIBLE)
        project.save(annotated.id, Annotation("face70", points[7], visible), None)
        project.queue.add(queued.id, "manual")
        project.queue.done(project.queue.add(done.id, "manual").id)
        assert video_marks(project, sample_clip()) == Marks((7,), (30,))
        other = tmp_path / "elsewhere" / sample_clip().name
        assert video_marks(project, other) == Marks()
        assert empty.frame == 50
