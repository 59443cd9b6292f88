"""The kept track of a video that plays: real project, real video, no window."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from psygnal import emit_queued

from faceloop_datasets import Annotation, FrameKind, Project, Verdict, Video, write_video
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_datasets.tracks import editing
from faceloop_workbench.live.frame_marks import video_marks
from faceloop_workbench.live.player import AS_FAST_AS_IT_GOES, Player
from faceloop_workbench.live.screening import Screening
from faceloop_workbench.live.track_editor import TrackEditor
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


FRAMES = 40


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the sample clip."""
    path = tmp_path_factory.mktemp("clip") / "talk.mp4"
    write_video(path, (frame.image for frame in islice(Video(sample_clip()), FRAMES)), 25)
    return path


class Bench:
    """A session, a player and the editor of its track."""

    def __init__(self, folder: Path) -> None:
        self.session, self.player = Session(), Player()
        self.screening = Screening(self.session, self.player)
        self.editor = TrackEditor(self.session, self.player, self.screening)
        self.told: list[str] = []
        self.session.told.connect(lambda message: self.told.append(message.text))
        self.player.opened.connect(self._opened, thread="main")
        made = (folder / "project.db").exists()
        self.session.open(Project.open(folder) if made else Project.create(folder))
        self.screening.use_model("cpu", 1)

    def _opened(self, _source: object) -> None:
        self.editor.load()

    def close(self) -> None:
        self.editor.close_down()
        self.screening.close_down()
        self.player.close()
        self.session.close()
        emit_queued()

    def until(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        """Live as a window does until something is true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"it did not come true; told {self.told}"
            self.player.take_frame()
            self.editor.tick()
            emit_queued()
            time.sleep(0.005)

    def rest(self) -> None:
        """Wait until nothing is under way."""
        self.until(lambda: not self.editor._jobs.busy)

    def open(self, path: Path) -> None:
        before = self.editor._jobs.opened
        self.screening.open_file(path)
        self.until(lambda: self.editor._jobs.opened > before and self.player.chosen is not None)
        self.rest()

    def play(self) -> None:
        self.player.set_speed(AS_FAST_AS_IT_GOES)
        self.player.play()
        self.until(lambda: not self.player.playing and np.isfinite(self.player.record.errors[-1]))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "project")
    yield made
    made.close()


def test_what_was_played_is_kept_and_comes_back(bench: Bench, clip: Path, tmp_path: Path) -> None:
    bench.session.need_project().add_media(clip)
    bench.open(clip)
    assert bench.editor.track is None
    bench.play()
    bench.until(lambda: bench.editor.track is not None)
    track = bench.editor.track
    assert track is not None
    assert track.face(0).present.all()
    truth = sample_clip_truth().points[:FRAMES]
    assert np.abs(track.face(0).points - truth).mean() < 3
    bench.player.seek(7)
    bench.until(lambda: bench.player._was_kept)
    bench.close()

    again = Bench(tmp_path / "project")
    try:
        again.open(clip)
        again.until(lambda: again.editor.track is not None)
        assert np.isfinite(again.player.record.errors).all()
        found = again.player.kept.result(7, again.player.chosen)
        assert found is not None
        np.testing.assert_array_equal(found.points, track.face(0).points[7])
    finally:
        again.close()
    # the fixture closes it once more, which has to do no harm
    bench.__init__(tmp_path / "other")  # type: ignore[misc]


def test_a_video_of_no_project_is_not_made_part_of_it(bench: Bench, clip: Path) -> None:
    bench.open(clip)
    bench.play()
    time.sleep(1.1)
    bench.editor.tick()
    bench.rest()
    assert bench.editor.track is None
    assert bench.session.need_project().media() == []


def test_track_correct_spread_and_take_back(bench: Bench, clip: Path) -> None:
    """The whole way: tracked, spoilt, corrected in Annotate, spread, undone, kept."""
    project = bench.session.need_project()
    bench.open(clip)
    bench.editor.track_all()
    bench.rest()
    assert f"{clip.name} is tracked." in bench.told
    good = bench.editor.track
    assert good is not None
    assert good.face(0).present.all()

    # the track fails in twelve frames, by half an eye's distance
    span = np.arange(12, 24)
    face = good.face(0)
    moved = face.with_rows(span, points=face.points[span] + 30, predicted_error=0.09)
    assert bench.editor.history is not None
    bench.editor.history = replace(bench.editor.history, track=good.with_face(moved))
    bench.player.kept.track = bench.editor.track

    bench.editor.correct(17)
    bench.rest()
    item, entry = bench.session.item, bench.session.entry
    assert item is not None
    assert entry is not None
    assert (item.frame, entry.model) == (17, "starter")
    assert entry.fit is not None
    np.testing.assert_allclose(entry.fit.points, moved.points[17], atol=1e-3)
    truth = sample_clip_truth().points
    saved = project.save(item.id, Annotation("face70", truth[17], np.zeros(70)), None)
    bench.session.saved.emit(saved)
    bench.editor.take_pending()
    bench.rest()

    track = bench.editor.track
    assert track is not None
    kinds = track.face(0).kind
    assert kinds[17] == FrameKind.CORRECTED
    assert (kinds[[*range(12, 17), *range(18, 24)]] == FrameKind.SPREAD).all()
    assert (kinds[:7] == FrameKind.FITTED).all()
    off = np.linalg.norm(track.face(0).points - truth[:FRAMES], axis=2).mean(axis=1)
    iod = np.linalg.norm(truth[0, 27] - truth[0, 32])
    assert off[span].max() < 0.06 * iod
    assert bench.told[-2] == "Frame 17 is corrected."
    assert bench.told[-1].startswith("Spread frame 17 to ")
    assert video_marks(project, clip) == ((17,), (17,))

    # corrected faces are training data
    assert [one.frame for one in project.faces()] == [17]


def test_all_edits_can_be_taken_back_after_reopening(bench: Bench, clip: Path) -> None:
    project = bench.session.need_project()
    bench.open(clip)
    bench.editor.track_all()
    bench.editor.judge(Verdict.REJECTED, 30, 35)
    bench.rest()
    (media,) = project.media()
    kept = project.track(media)
    assert kept is not None
    assert (kept.face(0).verdict[30:36] == Verdict.REJECTED).all()
    shown = bench.player.kept.result(32, bench.player.chosen)
    assert shown is not None
    assert shown.faces == ()
    for verdict in (Verdict.NONE, Verdict.REJECTED):  # again it is neither, and again it is
        bench.editor.judge(Verdict.REJECTED, 30, 35)
        bench.rest()
        assert (bench.editor.track.face(0).verdict[30:36] == verdict).all()
    bench.editor.interpolate(12, 23)
    bench.editor.split(30)
    bench.editor.join(1)
    bench.editor.smooth(0, 20)
    bench.editor.redo()
    bench.rest()
    assert bench.told[-1] == "There is nothing to take back or do again here."
    history = project.track_history(media)
    assert history is not None
    assert [change.said for change in history.done] == [
        "rejected frames 30..35", "took the verdict from frames 30..35",
        "rejected frames 30..35", "interpolated frames 12..23", "split at frame 30",
        "joined face 1", "smoothed frames 0..20",
    ]  # fmt: skip
    bench.editor.load()
    for _ in range(7):
        bench.editor.undo()
    bench.rest()
    assert bench.told[-1] == "Took back: rejected frames 30..35."
    assert bench.editor.track is not None
    assert not bench.editor.track.face(0).verdict.any()
    assert (bench.editor.track.face(0).kind == FrameKind.FITTED).all()


def test_what_another_window_did_is_neither_lost_nor_overwritten(bench: Bench, clip: Path) -> None:
    project = bench.session.need_project()
    bench.open(clip)
    bench.editor.track_all()
    bench.rest()
    (media,) = project.media()
    with Project.open(project.path) as other:
        theirs = other.track(media)
        assert theirs is not None
        other.keep_track(editing.judge(theirs, 0, 2, 4, Verdict.REJECTED), "theirs")
    bench.editor.judge(Verdict.ACCEPTED, 10, 12)
    bench.rest()
    assert "The track of talk.mp4 was changed meanwhile" in bench.told[-1]
    assert bench.editor.track is not None  # and is shown as it is now
    assert np.flatnonzero(bench.editor.track.face(0).verdict).tolist() == [2, 3, 4]
    bench.editor.judge(Verdict.ACCEPTED, 10, 12)
    bench.rest()
    kept = project.track_history(media)
    assert kept is not None
    assert [change.said for change in kept.done] == ["theirs", "accepted frames 10..12"]

    # what is no edit goes on from what is there by now
    with Project.open(project.path) as other:
        other.keep_track(editing.judge(kept.track, 0, 20, 20, Verdict.ACCEPTED), "theirs again")
    bench.editor.correct(30)
    bench.rest()
    assert bench.editor.track is not None
    assert bench.editor.track.face(0).verdict[20] == Verdict.ACCEPTED


def test_a_damaged_track_is_told_and_left_alone(bench: Bench, clip: Path, tmp_path: Path) -> None:
    own = shutil.copy(clip, tmp_path / "own.mp4")
    project = bench.session.need_project()
    media = project.add_media(own)
    file = project.path / "tracks" / f"{media.sha256}.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"no track")
    bench.open(own)
    bench.play()
    bench.until(lambda: any("cannot be used" in text for text in bench.told))
    assert file.read_bytes() == b"no track"
    assert bench.editor.track is None


def test_edits_of_a_person_outlive_a_new_tracking(bench: Bench, clip: Path) -> None:
    project = bench.session.need_project()
    bench.open(clip)
    bench.editor.track_all()
    bench.rest()
    (media,) = project.media()
    track = project.track(media)
    assert track is not None
    wrong = np.full((70, 2), 50.0) + np.arange(140).reshape(70, 2)
    project.keep_track(editing.correct(track, 0, 5, wrong), "corrected frame 5")
    bench.editor.load()
    bench.rest()
    bench.editor.track_all()
    bench.rest()
    after = project.track(media)
    assert after is not None
    np.testing.assert_array_equal(after.face(0).points[5], wrong)
    assert len(after.faces) == 1
    assert (after.face(0).kind == FrameKind.CORRECTED).sum() == 1


def test_an_opened_frame_without_points_is_taken_away_again(bench: Bench, clip: Path) -> None:
    project = bench.session.need_project()
    media = project.add_media(clip)
    bench.open(clip)
    bench.editor.correct(3)
    bench.rest()
    assert bench.session.item is not None
    assert project.queue.count() == 1
    bench.editor.take_pending()
    assert project.items_of(media.id) == []
    assert project.queue.count() == 0
    assert bench.session.item is None
    assert bench.editor.correcting is None
