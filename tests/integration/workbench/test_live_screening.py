"""From a video that plays to the review queue: a real project, no window."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from psygnal import emit_queued

from faceloop_datasets import FaceloopError, Project, Video, write_video
from faceloop_datasets.sample import sample_clip
from faceloop_workbench.live.player import AS_FAST_AS_IT_GOES, Player
from faceloop_workbench.live.screening import Screening
from faceloop_workbench.services.model_choice import choose_model
from faceloop_workbench.services.regularising import regularised
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from faceloop_workbench.live.player import ShownFrame


class Bench:
    """A session with an empty project, a player and what is between them."""

    def __init__(self, folder: Path) -> None:
        self.session = Session()
        self.player = Player()
        self.screening = Screening(self.session, self.player)
        self.told: list[str] = []
        self.queue_changes = 0
        self.session.told.connect(lambda message: self.told.append(message.text))
        self.session.queue_changed.connect(self._count)
        self.session.project_changed.connect(self.screening.renew)
        self.session.open(Project.create(folder))
        self.screening.use_model("cpu", 1)
        self.player.set_threshold(0.02)  # a third of the frames of the clip

    @property
    def project(self) -> Project:
        return self.session.need_project()

    def _count(self) -> None:
        self.queue_changes += 1

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Live as a window does until something is true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            self.screening.tick()
            emit_queued()
            time.sleep(0.005)

    def fitted(self, index: int) -> ShownFrame:
        """Wait for the fit of a frame."""
        found: list[ShownFrame] = []

        def take() -> bool:
            shown = self.player.take_frame()
            if shown is not None and shown.index == index and shown.result is not None:
                found.append(shown)
            return bool(found)

        self.until(take)
        return found[0]

    def play(self, path: Path | None = None, first: int = 0, last: int = 249) -> None:
        """Play a part of the clip."""
        if path is not None:
            self.screening.open_file(path)
            self.fitted(0)
        self.player.seek(first)
        self.fitted(first)
        self.player.set_speed(AS_FAST_AS_IT_GOES)
        self.player.play()
        self.until(lambda: not np.isnan(self.player.record.errors[first : last + 1]).any())
        self.player.pause()
        self.until(lambda: not self.player.playing)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "project")
    yield bench
    bench.screening.close_down()
    bench.player.close()
    bench.session.close()
    emit_queued()  # what is left must not reach the next test


def test_poor_fits_of_a_model_that_is_tried_are_nobody_s_work(bench: Bench) -> None:
    starter = choose_model(None, None)
    tried = regularised(starter, {1: 10.0, 2: 10.0})
    bench.session.trial_changed.connect(bench.screening.renew)
    bench.session.try_model(tried)
    bench.until(lambda: bench.player.chosen is tried)
    bench.player.set_threshold(0.0)
    bench.play(sample_clip(), last=20)
    assert bench.player.poor_frames(bench.player.chosen)
    bench.session.try_model(None)
    bench.until(lambda: bench.player.chosen is not tried)
    assert bench.player.chosen is not None
    assert bench.player.chosen.name == "starter"
    bench.screening.close_down()
    assert bench.project.queue.list() == []
    assert bench.project.media() == []


def test_poor_fits_of_a_video_wait_in_the_queue_when_it_rests(bench: Bench) -> None:
    bench.play(sample_clip())
    bench.until(lambda: bench.screening.queued == 3)
    entries = bench.project.queue.list()
    assert len(entries) == 3  # one shot
    assert bench.queue_changes >= 1
    (media,) = bench.project.media()
    assert media.name == "clip.mp4"
    poor = [entry for entry in entries if entry.reason == "poor-fit"]
    assert poor
    assert all(entry.fit is not None and entry.model == "starter" for entry in poor)
    frames = bench.player.record.errors
    worst = max(entry.predicted_error or 0.0 for entry in poor)
    assert worst == pytest.approx(float(frames[np.isfinite(frames)].max()), abs=1e-6)


def test_while_it_plays_only_the_first_of_a_shot_goes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceloop_workbench.live.screening._EVERY", 0.1)
    bench.screening.open_file(sample_clip())
    bench.fitted(0)
    bench.player.set_speed(0.5)
    bench.player.play()
    bench.until(lambda: bench.screening.queued)
    bench.until(lambda: np.isfinite(bench.player.record.errors[40]))
    assert bench.player.playing
    assert len(bench.project.queue.list()) == 1


def test_a_part_played_again_queues_nothing_twice(bench: Bench) -> None:
    bench.play(sample_clip(), 0, 120)
    bench.until(lambda: bench.screening.queued)
    queued = bench.screening.queued
    bench.play(None, 0, 120)
    bench.until(lambda: bench.screening._job is not None and not bench.screening._job.running)
    emit_queued()
    assert bench.screening.queued == queued == len(bench.project.queue.list())


def test_no_video_becomes_part_of_the_project_without_a_poor_fit(bench: Bench) -> None:
    bench.player.set_threshold(0.3)
    bench.play(sample_clip(), 0, 60)
    bench.screening.queue_poor_fits(resting=True)
    assert bench.project.media() == []


def test_another_video_counts_from_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.play(sample_clip(), 0, 60)
    bench.until(lambda: bench.screening.queued)
    copy = tmp_path / "other.mp4"
    shutil.copyfile(sample_clip(), copy)
    bench.screening.open_file(copy)
    assert bench.screening.queued == 0
    bench.fitted(0)
    assert bench.player.poor_frames(bench.player.chosen) == []


def test_a_fit_that_is_taken_waits_at_the_top_with_its_points(bench: Bench) -> None:
    bench.play(sample_clip(), 0, 60)
    bench.until(lambda: bench.screening.queued)
    bench.player.seek(25)
    shown = bench.fitted(25)
    bench.screening.queue_fit(shown)
    bench.until(lambda: bench.told)
    entry = bench.project.queue.list()[0]
    assert (entry.reason, entry.time) == ("manual", pytest.approx(1.0))
    assert entry.fit is not None
    assert shown.result is not None
    assert np.allclose(entry.fit.points, shown.result.points)
    item = bench.project.item(entry.item_id)
    assert item.frame == 25
    assert item.head is None  # a fit is nobody's annotation yet
    assert "clip.mp4#25" in bench.told[0]


def test_a_frame_taken_twice_is_one_item(bench: Bench) -> None:
    bench.screening.open_file(sample_clip())
    shown = bench.fitted(0)
    for count in (1, 2):
        bench.screening.queue_fit(shown)
        bench.until(lambda n=count: len(bench.told) == n)
    assert len(bench.project.items()) == 1
    assert len(bench.project.queue.list()) == 1


def test_all_faces_of_a_frame_are_taken_each_as_its_own(bench: Bench, tmp_path: Path) -> None:
    with Video(sample_clip()) as video:
        pair = [np.hstack([video[k].image, video[k].image]) for k in range(3)]
    write_video(tmp_path / "two.mp4", pair, 25.0)
    bench.screening.use_model("cpu", 3)
    bench.screening.open_file(tmp_path / "two.mp4")
    shown = bench.fitted(0)
    assert shown.result is not None
    fits = [face.fit for face in shown.result.faces]
    assert len(fits) == 2
    bench.screening.queue_fits(shown)
    bench.until(lambda: bench.told)
    assert bench.told[0].startswith("2 faces of two.mp4#0 are at the top of the queue")
    entries = sorted(bench.project.queue.list(), key=lambda entry: entry.item_id)
    for entry, fit in zip(entries, fits, strict=True):
        assert entry.fit is not None
        assert np.allclose(entry.fit.points, fit.points)
    # One of them again is the same face; one that was removed is left out of all, not of one.
    second = entries[1].item_id
    bench.screening.queue_fit(shown, 1)
    bench.until(lambda: len(bench.told) == 2)
    bench.project.remove([second])
    bench.screening.queue_fits(shown)
    bench.until(lambda: len(bench.told) == 3)
    assert [item.id for item in bench.project.items()] == [entries[0].item_id]
    bench.screening.queue_fit(shown, 1)
    bench.until(lambda: len(bench.told) == 4)
    assert [item.id for item in bench.project.items()] == [entries[0].item_id, second]


def test_there_is_nothing_to_take_without_a_face_or_a_project(bench: Bench) -> None:
    bench.screening.open_file(sample_clip())
    bench.fitted(0)
    bench.player.seek(169)  # out of view
    shown = bench.fitted(169)
    with pytest.raises(FaceloopError, match="no fit"):
        bench.screening.queue_fit(shown)
    with pytest.raises(FaceloopError, match="no fit"):
        bench.screening.queue_fits(shown)
    bench.session.close()
    with pytest.raises(FaceloopError, match="No project is open"):
        bench.screening.queue_fit(shown)


def test_without_a_project_it_plays_with_the_starter(bench: Bench) -> None:
    bench.session.close()
    bench.play(sample_clip(), 0, 30)
    bench.screening.queue_poor_fits(resting=True)
    assert bench.screening.queued == 0
    assert bench.player.chosen is not None
    assert bench.player.chosen.name == "starter"


@pytest.mark.parametrize("name", ["track.csv", "track.parquet", "track.mp4"])
def test_the_track_of_the_whole_video_is_written(bench: Bench, tmp_path: Path, name: str) -> None:
    bench.screening.open_file(sample_clip())
    bench.fitted(0)
    steps: list[int] = []
    job = bench.screening.export(tmp_path / name)
    job.progressed.connect(lambda progress: steps.append(progress.done))
    job.start()
    if name == "track.csv":  # one of the three to its end
        assert job.wait(60)
        rows = (tmp_path / name).read_text(encoding="utf-8").splitlines()
        assert rows[-1].startswith("249,")
    else:
        bench.until(lambda: len(steps) > 3)
        job.cancel()
        assert job.wait(20)
        assert steps[-1] < 250
    assert (tmp_path / name).stat().st_size > 1000


def test_an_export_is_never_written_over_the_video_or_the_project(
    bench: Bench, tmp_path: Path
) -> None:
    video = tmp_path / "talk.mp4"
    shutil.copyfile(sample_clip(), video)
    (tmp_path / "link.mp4").symlink_to(video)
    bench.screening.open_file(video)
    bench.fitted(0)
    for target in (video, tmp_path / "link.mp4", bench.project.path / "project.db"):
        before, errors = target.read_bytes(), []
        job = bench.screening.export(target)
        job.failed.connect(errors.append)
        job.start()
        assert job.wait(20)
        assert "never replaced" in str(errors[0])
        assert target.read_bytes() == before


def test_nothing_can_be_exported_without_a_video(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(FaceloopError, match="Open one first"):
        bench.screening.export(tmp_path / "track.csv")
