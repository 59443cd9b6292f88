"""A video that plays in a thread: real decoding, real fits, no window."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import FaceloopError, Video, VideoWriter
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_runtime import FaceModel
from faceloop_workbench.live.model_in_use import FitSettings
from faceloop_workbench.live.player import AS_FAST_AS_IT_GOES, Player
from faceloop_workbench.live.sources import CameraSource, VideoSource
from faceloop_workbench.services.finding import Finding
from faceloop_workbench.services.model_choice import ChosenModel, choose_model
from faceloop_workbench.services.regularising import regularised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from faceloop_workbench.live.player import ShownFrame
    from faceloop_workbench.live.sources import Frame

STARTER = FitSettings(lambda: choose_model(None, None), "starter", "cpu")
OTHER = FitSettings(lambda: ChosenModel("other", FaceModel.starter()), "other", "cpu")


class Watcher:
    """Takes what a player hands over, as a window does."""

    def __init__(self, player: Player) -> None:
        self.player = player
        self.errors: list[FaceloopError] = []
        self.rests: list[str] = []
        self.model_changed: list[str] = []
        player.failed.connect(self.errors.append)
        player.stopped.connect(self.rests.append)
        player.model_changed.connect(lambda name, _about: self.model_changed.append(name))

    def take(self, wanted: Callable[[ShownFrame], bool], seconds: float = 20.0) -> ShownFrame:
        """Wait for a frame."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            shown = self.player.take_frame()
            if shown is not None and wanted(shown):
                return shown
            time.sleep(0.002)
        raise AssertionError("the player handed over no such frame")

    def fitted(self, index: int) -> ShownFrame:
        """Wait for a still frame with its fit."""
        return self.take(lambda s: s.index == index and s.result is not None and not s.moving)

    def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Wait until something is true."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.002)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    player = Player()
    player.use_model(STARTER)
    yield Watcher(player)
    player.close()


@pytest.fixture
def clip(watcher: Watcher) -> Watcher:
    watcher.player.open(lambda: VideoSource(sample_clip()))
    watcher.fitted(0)
    return watcher


def frame(index: int) -> np.ndarray:
    with Video(sample_clip()) as video:
        return video[index].image


def test_a_model_that_is_tried_shows_its_effect_on_the_frame_there_is(clip: Watcher) -> None:
    """With the experts there are already, of which nothing has to be prepared again."""
    player = clip.player
    assert player.chosen is not None
    backend, before = player._model._backend, clip.player._current
    assert before is not None
    assert before[1] is not None
    tried = regularised(player.chosen, {1: 10.0, 2: 10.0, 3: 10.0})
    player.use_model(FitSettings(lambda: tried, tried, "cpu"))
    shown = clip.take(lambda s: s.chosen is tried and s.result is not None)
    assert player._model._backend is backend
    assert clip.model_changed[-1] == "starter, by hand"
    moved = np.linalg.norm(shown.result.points - before[1].points, axis=1)
    assert moved.mean() > 0.05
    player.use_model(STARTER)
    again = clip.take(lambda s: s.chosen is not tried and s.result is not None)
    np.testing.assert_allclose(again.result.points, before[1].points, atol=1e-6)
    assert player._model._backend is not backend


def test_every_frame_that_plays_is_fitted_and_recorded(clip: Watcher) -> None:
    truth = sample_clip_truth()
    clip.player.set_speed(AS_FAST_AS_IT_GOES)
    clip.player.play()
    clip.until(lambda: clip.rests == ["end"])
    errors = clip.player.record.errors
    assert not np.isnan(errors).any()
    assert np.isfinite(errors[truth.face]).mean() > 0.95
    last = clip.fitted(len(truth.times) - 1)
    assert np.array_equal(last.image, frame(len(truth.times) - 1))


def test_a_moving_frame_has_the_fit_drawn_in_and_a_still_one_is_clean(clip: Watcher) -> None:
    clip.player.play()
    moving = clip.take(lambda s: s.moving and s.index > 5)
    assert not np.array_equal(moving.image, frame(moving.index))
    clip.player.pause()
    still = clip.take(lambda s: not s.moving)
    assert np.array_equal(still.image, frame(still.index))
    assert still.result is not None
    assert len(still.responses) == len(still.result.faces) == 1


def test_the_fit_lies_on_the_face(clip: Watcher) -> None:
    truth = sample_clip_truth()
    clip.player.seek(60)
    shown = clip.fitted(60)
    assert shown.result is not None
    assert shown.result.points is not None
    away = np.linalg.norm(shown.result.points - truth.points[60], axis=1).mean()
    assert away < 6  # IOD is about 100 pixels


def test_a_seek_shows_the_very_frame_first_and_then_its_fit(clip: Watcher) -> None:
    clip.player.seek(137)
    first = clip.take(lambda _: True)
    assert (first.index, first.result) == (137, None)
    assert np.array_equal(first.image, frame(137))
    assert clip.fitted(137).result is not None


def test_steps_are_exact_and_add_up(clip: Watcher) -> None:
    clip.player.seek(100)
    clip.fitted(100)
    for _ in range(3):
        clip.player.step(1)
    assert np.array_equal(clip.fitted(103).image, frame(103))
    clip.player.step(-1)
    assert np.array_equal(clip.fitted(102).image, frame(102))


def test_a_step_that_is_asked_for_while_a_frame_is_read_adds_up_too(watcher: Watcher) -> None:
    reading, go_on = threading.Event(), threading.Event()

    class SlowSource(VideoSource):
        def frame(self, number: int) -> Frame:
            reading.set()
            go_on.wait(20)
            return super().frame(number)

    go_on.set()
    watcher.player.open(lambda: SlowSource(sample_clip()))
    watcher.fitted(0)
    reading.clear()
    go_on.clear()
    watcher.player.step(1)
    assert reading.wait(20)
    watcher.player.step(1)
    go_on.set()
    assert watcher.fitted(2).index == 2


def test_steps_stop_at_both_ends(clip: Watcher) -> None:
    clip.player.step(-1)
    assert clip.fitted(0).index == 0
    clip.player.seek(100_000)
    clip.fitted(249)
    clip.player.step(1)
    assert clip.fitted(249).index == 249


def test_a_step_keeps_the_face_and_a_seek_looks_for_it_anew(clip: Watcher) -> None:
    def identity(shown: ShownFrame) -> int:
        assert shown.result is not None
        return shown.result.faces[0].id

    clip.player.seek(30)
    before = identity(clip.fitted(30))
    clip.player.step(1)
    assert identity(clip.fitted(31)) == before
    clip.player.seek(168)  # the face is out of view for a moment
    clip.fitted(168)
    clip.player.seek(31)
    assert identity(clip.fitted(31)) == 0


def test_of_many_seeks_the_last_counts(clip: Watcher) -> None:
    for wanted in range(0, 200, 7):
        clip.player.seek(wanted)
    clip.player.seek(77)
    assert clip.fitted(77).index == 77
    seen = int((~np.isnan(clip.player.record.errors)).sum())
    assert seen < 10  # those in between were not fitted


def test_it_plays_from_where_it_was_sought(clip: Watcher) -> None:
    clip.player.play()
    clip.take(lambda s: s.moving)
    clip.player.seek(200)
    shown = clip.take(lambda s: s.index > 200)
    assert shown.moving
    assert shown.index < 230


def test_at_the_end_play_begins_anew(clip: Watcher) -> None:
    clip.player.seek(249)
    clip.fitted(249)
    clip.player.play()
    assert clip.take(lambda s: s.moving).index < 100


def test_speed(clip: Watcher) -> None:
    def seconds(speed: float) -> float:
        clip.player.set_speed(speed)
        clip.player.seek(0)
        clip.fitted(0)
        start = time.monotonic()
        clip.player.play()
        clip.take(lambda s: s.index >= 12)
        spent = time.monotonic() - start
        clip.player.pause()
        clip.take(lambda s: not s.moving)
        return spent

    # A busy machine plays slower, never faster: 12 frames of 25 a second.
    assert seconds(0.5) > 0.85
    assert seconds(1.0) > 0.42


def test_only_the_newest_frame_waits(clip: Watcher) -> None:
    clip.player.play()
    clip.until(lambda: np.isfinite(clip.player.record.errors[:20]).all())
    shown = clip.player.take_frame()
    assert shown is not None
    assert shown.index >= 15
    again = clip.player.take_frame()
    assert again is None or again.index > shown.index


def test_another_model_makes_what_was_recorded_stale(clip: Watcher) -> None:
    clip.player.set_threshold(0.0)
    clip.player.play()
    clip.take(lambda s: s.index >= 10)
    assert clip.player.poor_frames(clip.player.chosen)
    clip.player.use_model(OTHER)
    shown = clip.take(lambda s: s.chosen is not None and s.chosen.name == "other")
    assert shown.moving  # it goes on
    clip.player.pause()
    record = clip.player.record
    assert record.stale[1:8].all()
    assert not record.stale[shown.index]
    assert clip.model_changed == ["starter", "other"]
    assert all(c.frame > 8 for c in clip.player.poor_frames(clip.player.chosen))


def test_the_same_model_is_not_loaded_again(clip: Watcher) -> None:
    clip.player.use_model(STARTER)
    clip.player.seek(5)
    clip.fitted(5)
    assert clip.model_changed == ["starter"]
    assert not clip.player.record.stale.any()


def test_a_model_that_cannot_be_loaded_leaves_the_one_there_is(
    clip: Watcher, tmp_path: Path
) -> None:
    def load() -> ChosenModel:
        return choose_model(str(tmp_path / "none.safetensors"), None)

    clip.player.use_model(FitSettings(load, "none", "cpu"))
    clip.until(lambda: len(clip.errors) == 1)
    clip.player.seek(9)
    shown = clip.fitted(9)
    assert shown.chosen is not None
    assert shown.chosen.name == "starter"


def test_a_start_that_the_model_cannot_make_leaves_all_as_it_was(clip: Watcher) -> None:
    old = FitSettings(
        lambda: ChosenModel("old", replace(FaceModel.starter(), start=None)),
        "old",
        "cpu",
        finding=Finding(start="network"),
    )
    clip.player.use_model(old)
    clip.until(lambda: len(clip.errors) == 1)
    assert "cannot start from the start network" in str(clip.errors[0])
    clip.player.seek(9)
    shown = clip.fitted(9)
    assert shown.chosen is not None
    assert shown.chosen.name == "starter"
    clip.player.use_model(replace(old, finding=Finding("cascade", "box")))
    shown = clip.take(lambda s: s.chosen is not None and s.chosen.name == "old")
    assert starts(shown) == ["box"]


def starts(shown: ShownFrame) -> list[str]:
    assert shown.result is not None
    return [face.fit.start for face in shown.result.faces]


def test_after_a_seek_faces_are_looked_for_in_that_frame(clip: Watcher) -> None:
    clip.player.step(1)
    assert starts(clip.fitted(1)) == ["last frame"]
    for index in (200, 3):
        clip.player.seek(index)
        (start,) = starts(clip.fitted(index))
        assert start != "last frame"


def test_poor_fits_are_collected_while_it_plays_only(clip: Watcher) -> None:
    clip.player.set_threshold(0.0)
    clip.player.seek(40)
    clip.fitted(40)
    assert clip.player.poor_frames(clip.player.chosen) == []
    clip.player.play()
    clip.take(lambda s: s.index >= 50)
    clip.player.pause()
    clip.take(lambda s: not s.moving)
    assert {int(c.time) for c in clip.player.poor_frames(clip.player.chosen)} >= {1}


def test_what_is_no_video_is_told_and_the_one_before_stays(clip: Watcher, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(sample_clip().read_bytes()[:5000])
    clip.player.open(lambda: VideoSource(broken))
    clip.until(lambda: len(clip.errors) == 1)
    assert "broken.mp4" in str(clip.errors[0])
    clip.player.seek(3)
    assert clip.fitted(3).index == 3


def test_a_video_that_breaks_in_the_middle_pauses_there(watcher: Watcher, tmp_path: Path) -> None:
    data = bytearray(sample_clip().read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    watcher.player.open(lambda: VideoSource(broken))
    watcher.fitted(0)
    watcher.player.set_speed(AS_FAST_AS_IT_GOES)
    watcher.player.play()
    watcher.until(lambda: watcher.rests == ["paused"])
    watcher.until(lambda: len(watcher.errors) == 1)
    assert "cannot be decoded" in str(watcher.errors[0])
    watcher.player.seek(1)
    assert watcher.fitted(1).index == 1


def test_a_video_that_cannot_be_opened_while_another_plays_pauses_that(
    clip: Watcher, tmp_path: Path
) -> None:
    clip.player.play()
    clip.take(lambda s: s.moving)
    clip.player.open(lambda: VideoSource(tmp_path / "none.mp4"))
    still = clip.take(lambda s: not s.moving)
    assert still.index > 0
    clip.until(lambda: len(clip.errors) == 1)


def test_a_seek_right_after_opening_is_kept_within_the_new_video(
    clip: Watcher, tmp_path: Path
) -> None:
    short = tmp_path / "short.mp4"
    with VideoWriter(short, 25) as writer:
        for index in range(5):
            writer.write(frame(index))
    clip.player.open(lambda: VideoSource(short))
    clip.player.seek(200)
    assert clip.fitted(4).image.shape == frame(0).shape


def test_closing_the_source_leaves_nothing_to_play(clip: Watcher) -> None:
    clip.player.open(lambda: None)
    clip.until(lambda: clip.player.source is None)
    clip.player.play()
    assert not clip.player.playing
    assert len(clip.player.record.errors) == 0


def test_several_faces_are_followed(watcher: Watcher, tmp_path: Path) -> None:
    two = tmp_path / "two.mp4"
    with Video(sample_clip()) as video, VideoWriter(two, 25) as writer:
        for index in range(30, 50):
            image = video[index].image
            writer.write(np.hstack([image, image[:, ::-1]]))
    watcher.player.use_model(replace(STARTER, max_faces=2))
    watcher.player.open(lambda: VideoSource(two))
    watcher.fitted(0)
    watcher.player.play()
    watcher.until(lambda: watcher.rests == ["end"])
    shown = watcher.fitted(19)
    assert shown.result is not None
    assert len(shown.result.faces) == len(shown.responses) == 2
    left, right = sorted(face.fit.points[:, 0].mean() for face in shown.result.faces)
    assert left < 480 < right
    worst = max(face.fit.predicted_error for face in shown.result.faces)
    assert watcher.player.record.errors[19] == pytest.approx(worst)


def test_a_camera_that_was_paused_looks_for_faces_anew(watcher: Watcher) -> None:
    watcher.player.open(lambda: CameraSource(str(sample_clip())))
    watcher.fitted(0)
    watcher.player.play()
    shown = watcher.take(lambda s: s.index >= 2)
    watcher.player.pause()
    shown = watcher.take(lambda s: not s.moving)
    assert starts(shown) == ["last frame"]
    time.sleep(0.6)  # the face may be anywhere by now
    watcher.player.step(1)
    (start,) = starts(watcher.fitted(shown.index + 1))
    assert start != "last frame"


def test_a_camera_plays_without_a_record(watcher: Watcher) -> None:
    # OpenCV opens a file as it opens a device; there is no device on most test machines.
    watcher.player.open(lambda: CameraSource(str(sample_clip())))
    watcher.fitted(0)
    watcher.player.play()
    shown = watcher.take(lambda s: s.index >= 5)
    assert shown.result is not None
    assert shown.result.index == shown.index
    assert len(watcher.player.record.errors) == 0
    assert watcher.player.poor_frames(watcher.player.chosen) == []


def test_a_camera_that_is_not_there_is_told(watcher: Watcher) -> None:
    watcher.player.open(lambda: CameraSource(97))
    watcher.until(lambda: len(watcher.errors) == 1)
    assert "camera 97 cannot be opened" in str(watcher.errors[0])


def test_closing_ends_the_thread(watcher: Watcher) -> None:
    watcher.player.open(lambda: VideoSource(sample_clip()))
    watcher.fitted(0)
    watcher.player.play()
    watcher.player.close()
    assert not watcher.player._thread.is_alive()


def test_a_frame_that_waits_to_be_drawn_goes_with_its_video(clip: Watcher) -> None:
    gone: list[bool] = []
    clip.player.opened.connect(lambda source: gone.append(source is None))
    clip.player.seek(7)
    clip.until(lambda: clip.player.record.errors[7] > 0)  # fitted, and nobody has taken it
    clip.player.open(lambda: None)
    clip.until(lambda: gone == [True])
    assert clip.player.take_frame() is None
