"""Marks of a video's frames, from a real project."""

from __future__ import annotations

import time

import numpy as np
from psygnal import emit_queued

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_workbench.live.frame_marks import FrameMarks, Marks, video_marks
from faceloop_workbench.session import Session


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


def test_marks_follow_the_project_while_somebody_looks(tmp_path):
    session, said = Session(), []
    session.open(Project.create(tmp_path / "project"))
    project = session.need_project()
    marks = FrameMarks(session)
    marks.changed.connect(lambda *found: said.append(found))

    def settle():
        end = time.monotonic() + 10
        while marks._job is not None:
            assert time.monotonic() < end
            emit_queued()
            time.sleep(0.002)

    marks.use(sample_clip())
    settle()
    project.queue.add(project.add_item(project.add_media(sample_clip()), 30).id, "manual")
    marks.watch(wanted=False)
    session.queue_changed.emit()
    settle()
    assert said == [((), ())]  # nobody looks
    marks.watch(wanted=True)
    session.queue_changed.emit()  # while it reads
    settle()
    assert said[-1] == ((), (30,))
    session.close()
    assert said[-1] == ((), ())
    marks.close_down()
