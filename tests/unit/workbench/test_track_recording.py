"""What a tracker finds becomes a track: which face is which, what is lost, what stays."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from faceloop_datasets import (
    FaceTrack,
    FrameCandidate,
    FrameKind,
    Project,
    ProjectError,
    Track,
    Verdict,
)
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_datasets.tracks import editing
from faceloop_datasets.tracks.history import TrackHistory
from faceloop_runtime import FaceModel, FrameResult
from faceloop_workbench.live.kept_frames import KeptFrames
from faceloop_workbench.live.track_text import track_text
from faceloop_workbench.services.model_choice import ChosenModel
from faceloop_workbench.services.track_editing import kept_result, with_head_poses
from faceloop_workbench.services.track_keeping import KeptTrack, queue_poor_frames, track_and_keep
from faceloop_workbench.services.track_recording import TrackRecorder

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 60
LEFT, RIGHT = 0, 1
REJECTED = Verdict.REJECTED
AWAY = 400.0  # pixels between the two people


@pytest.fixture(scope="module")
def model() -> FaceModel:
    return FaceModel.starter()


@pytest.fixture(scope="module")
def people() -> Track:
    """Two people beside each other, as they truly are."""
    points = sample_clip_truth().points[:FRAMES].astype(np.float32)
    faces = []
    for number in (LEFT, RIGHT):
        face = FaceTrack.unseen(number, FRAMES, 70)
        moved = points + np.array([number * AWAY, 0.0])
        rows = {"points": moved, "predicted_error": 0.02 + number / 100}
        faces.append(face.with_rows(slice(None), kind=FrameKind.FITTED, **rows))
    return Track("0" * 64, "face70", "starter", 25.0, np.arange(FRAMES) / 25, tuple(faces))


def found(people: Track, model: FaceModel, frame: int, **ids: int) -> FrameResult:
    """Return the people of a frame as a tracker finds them, under other ids."""
    result = kept_result(people, frame, model)
    assert result is not None
    names = ("left", "right")
    faces = [replace(f, id=ids[n]) for f, n in zip(result.faces, names, strict=True) if n in ids]
    return replace(result, faces=tuple(faces))


def test_faces_keep_their_ids_over_jumps(people: Track, model: FaceModel) -> None:
    recorder = TrackRecorder(model, "starter")
    track = replace(people, faces=())
    for frame in range(10, 20):
        recorder.add(found(people, model, frame, left=0, right=1))
    track = recorder.merged(track)
    recorder.begin_run()  # the faces are looked for anew, and found in another order
    for frame in range(20, 30):
        recorder.add(found(people, model, frame, left=1, right=0))
    recorder.begin_run()  # and before
    for frame in range(9, -1, -1):
        recorder.add(found(people, model, frame, left=5))
    track = recorder.merged(track)
    assert [face.id for face in track.faces] == [LEFT, RIGHT]
    for number in (LEFT, RIGHT):
        here = slice(0 if number == LEFT else 10, 30)
        want = people.face(number)
        np.testing.assert_allclose(track.face(number).points[here], want.points[here], atol=1e-3)
        np.testing.assert_allclose(
            track.face(number).predicted_error[here], want.predicted_error[0]
        )
    assert track.face(RIGHT).lost[:10].all()
    assert not track.seen[30:].any()
    assert len(recorder) == 0


def test_what_is_settled_stays_and_what_is_gone_is_lost(people: Track, model: FaceModel) -> None:
    placed = np.full((70, 2), 7.0) + np.arange(140).reshape(70, 2)
    track = editing.correct(people, LEFT, 3, placed)
    recorder = TrackRecorder(model, "other")
    for frame in range(6):
        recorder.add(found(people, model, frame, right=0))
    track = recorder.merged(track)
    assert track.model == "starter"  # the other 54 frames are its own
    assert track.face(LEFT).lost[:6].tolist() == [True, True, True, False, True, True]
    np.testing.assert_array_equal(track.face(LEFT).points[3], placed)
    assert track.face(RIGHT).present[:6].all()


def test_fits_of_another_model_leave_what_was_known_of_expressions(
    people: Track, model: FaceModel
) -> None:
    smiling = people.with_room(("smile", "calm"))
    for face in smiling.faces:
        known = face.with_rows(slice(None), expressions=np.array([0.75, 0.25], np.float32))
        smiling = smiling.with_face(known)
    history = TrackHistory(smiling).did(editing.judge(smiling, LEFT, 0, 9, REJECTED), "rejected")
    other = replace(model, expression_names=("calm", "yawn"))
    recorder = TrackRecorder(other, "other")
    for frame in range(6):
        result = found(people, model, frame, left=0, right=1)
        said = {"calm": 0.5, "yawn": 0.125}
        faces = [replace(f, fit=replace(f.fit, expressions=said)) for f in result.faces]
        recorder.add(replace(result, faces=tuple(faces)))
    tracked = recorder.merged(history.track)
    assert (tracked.model, tracked.expressions) == ("starter", ("smile", "calm", "yawn"))
    shares = tracked.face(LEFT).expressions
    assert shares is not None
    np.testing.assert_array_equal(shares[5], [np.nan, 0.5, 0.125])
    np.testing.assert_array_equal(shares[6], [0.75, 0.25, np.nan])
    undone = history.did(tracked, "tracked").undo()
    np.testing.assert_array_equal(undone.track.face(LEFT).expressions[:, :2], [[0.75, 0.25]] * 60)
    assert (undone.track.face(LEFT).verdict[:10] == REJECTED).all()
    assert not undone.undo().track.face(LEFT).verdict.any()
    np.testing.assert_array_equal(undone.redo().track.face(LEFT).expressions, shares)


def test_a_track_names_the_model_of_its_frames(people: Track, model: FaceModel) -> None:
    recorder = TrackRecorder(model, "other")
    for frame in range(FRAMES):
        assert not recorder.covers(people)
        recorder.add(found(people, model, frame, left=0, right=1))
    assert recorder.covers(people)
    history = TrackHistory(people).did(recorder.merged(people), "tracked by other")
    assert history.track.model == "other"
    edited = history.did(editing.smooth(history.track, LEFT, 0, 9), "smoothed")
    assert edited.undo().track.model == "other"
    assert edited.undo().undo().track.model == "starter"


def test_nobody_is_a_lost_face_and_a_stranger_is_a_new_one(people: Track, model: FaceModel) -> None:
    recorder = TrackRecorder(model, "starter")
    for frame in range(3):
        recorder.add(found(people, model, frame))
    track = recorder.merged(replace(people, faces=()))
    assert track.face(0).lost[:3].all()
    only_left = people.without_face(RIGHT)
    for frame in range(3):
        recorder.add(found(people, model, frame, left=0, right=1))
    track = recorder.merged(only_left)
    assert [face.id for face in track.faces] == [LEFT, RIGHT]
    assert track.face(RIGHT).present[:3].all()
    assert (track.face(RIGHT).kind[3:] == FrameKind.UNSEEN).all()


def test_no_track_of_other_points_is_begun(tmp_path: Path, model: FaceModel) -> None:
    scheme = replace(model.scheme, name="own")
    with Project.create(tmp_path / "p", scheme) as project:
        with pytest.raises(ProjectError, match="Train a model in this project"):
            track_and_keep(project, ChosenModel("starter", model), sample_clip())
        assert project.media() == []


def test_the_line_about_a_track_counts_what_people_did(people: Track) -> None:
    track = editing.interpolate(people, LEFT, 5, 10)
    track = editing.smooth(track, RIGHT, 0, 19)
    track = editing.judge(track, RIGHT, 0, 2, Verdict.ACCEPTED)
    assert track_text(track).endswith("4 interpolated, 20 smoothed, 3 accepted")


def test_corrected_and_interpolated_faces_have_a_head_pose(people: Track, model: FaceModel) -> None:
    points = people.face(LEFT).points
    track = editing.correct(people, LEFT, 5, points[5])
    track = editing.interpolate(track, LEFT, 10, 14)
    filled = with_head_poses(track, model).face(LEFT).head_pose
    assert filled is not None
    known = ~np.isnan(filled).any(axis=1)
    assert np.flatnonzero(known).tolist() == [5, 11, 12, 13]
    assert np.abs(filled[known]).max() < 60
    assert with_head_poses(track, replace(model, shape3d=None, pose_correction=None)) is track


def test_a_face_of_one_point_is_kept_and_not_shown(people: Track, model: FaceModel) -> None:
    alone = np.full((70, 2), np.nan)
    alone[5] = people.face(LEFT).points[3, 5]
    result = kept_result(editing.correct(people, LEFT, 3, alone), 3, model)
    assert result is not None
    assert [face.id for face in result.faces] == [RIGHT]


def test_lost_and_poor_frames_of_a_tracking_are_queued(tmp_path: Path, people: Track) -> None:
    poor = [FrameCandidate(n, n / 25, None, None, 0) for n in (3, 7, 9, 11)]
    track = editing.correct(people, LEFT, 7, people.face(LEFT).points[7])
    track = editing.judge(track, RIGHT, 9, 9, REJECTED)
    with Project.create(tmp_path / "p", "face70") as project:
        media = project.add_media(sample_clip())
        result = cast("Any", SimpleNamespace(poor=poor))
        kept = KeptTrack(media, result, TrackHistory(track), judged=frozenset({11}))
        assert len(queue_poor_frames(project, kept, "starter")) == 1
        assert [item.frame for item in project.items_of(media.id)] == [3]
        assert queue_poor_frames(project, kept, "starter") == []


def test_a_rejected_frame_is_told_from_one_without_a_face(people: Track) -> None:
    kept = KeptFrames()
    assert not kept.rejects(3)
    assert not kept.judges(3)
    kept.track = editing.judge(people, LEFT, 3, 3, REJECTED)
    assert [kept.rejects(frame) for frame in (2, 3, FRAMES)] == [False, True, False]
    assert [kept.judges(frame) for frame in (2, 3, FRAMES)] == [False, True, False]
