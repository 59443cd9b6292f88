"""A camera: at real speed, recorded with its track, and taken into the project picture by picture.

No test machine has a device: a video file is played as a camera gives its pictures.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from psygnal import emit_queued

from faceloop_datasets import FaceloopError, InputError, Project, Video, write_video
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_clip
from faceloop_runtime import Fitter, FrameResult
from faceloop_workbench.live.camera_work import CameraWork
from faceloop_workbench.live.cameras import Camera, cameras, why_not
from faceloop_workbench.live.model_in_use import FitSettings
from faceloop_workbench.live.player import Player
from faceloop_workbench.live.recording import Recording, RecordingSummary
from faceloop_workbench.live.sources import CameraFrame, CameraSource
from faceloop_workbench.services.model_choice import choose_model
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STARTER = choose_model(None, None)


class Desk:
    """A session with an empty project, and a player that a camera is open in."""

    def __init__(self, folder: Path) -> None:
        self.session = Session()
        self.told: list[str] = []
        self.session.told.connect(lambda message: self.told.append(message.text))
        self.project = Project.create(folder)
        self.session.open(self.project)
        self.player = Player()
        self.player.use_model(FitSettings(lambda: STARTER, "starter", "cpu"))
        self.player.failed.connect(lambda error: self.told.append(str(error)))
        self.work = CameraWork(self.session, self.player)
        self.player.open(lambda: CameraSource(str(sample_clip())))
        self.until(lambda: self.player.current is not None and self.player.current[1] is not None)

    def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until something is true, as the window's event loop does."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, self.told
            emit_queued()
            self.work.tick()
            time.sleep(0.005)

    def close(self) -> None:
        self.work.close_down()
        self.player.close()
        self.session.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "project")
    yield desk
    desk.close()


def video_frame(video: Path, number: int) -> np.ndarray:
    with Video(video) as made:
        return made[number].gray()


def frames(count: int, size: tuple[int, int]) -> list[CameraFrame]:
    """Noise, which no codec makes small."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(4)]
    return [CameraFrame(k, 5 + k / 25, images[k % 4]) for k in range(count)]


def test_what_nobody_takes_in_time_is_gone() -> None:
    with Video(sample_clip()) as video:
        every = [frame.gray().astype(float) for frame in video]
    camera = CameraSource(str(sample_clip()))
    first = camera.frame(0)
    time.sleep(0.5)
    second = camera.frame(1)
    camera.close()
    places = [
        int(np.argmin([np.abs(gray - one.gray()).mean() for gray in every]))
        for one in (first, second)
    ]
    assert places[0] <= 3
    assert places[1] >= 8
    assert second.index == 1
    assert second.time - first.time >= 0.5


def test_cameras_are_listed_and_say_why_they_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = cameras()
    monkeypatch.setenv("FACELOOP_CAMERA", str(sample_clip()))
    assert cameras() == [*there, Camera(str(sample_clip()), sample_clip().name)]
    with pytest.raises(InputError, match="The camera 97 cannot be opened"):
        CameraSource(97)
    lost = tmp_path / "gone.mp4"
    with pytest.raises(InputError, match=r"gone.mp4 cannot be opened\. Check the address"):
        CameraSource(str(lost))
    if sys.platform.startswith("linux"):
        assert "Plug it in" in why_not(97)


def test_a_recording_is_a_video_with_its_points_and_a_track_of_the_project(
    desk: Desk, tmp_path: Path
) -> None:
    video = tmp_path / "new" / "me.mp4"
    desk.work.record(video)
    recording = desk.work.recording
    desk.until(lambda: recording.frames >= 12)
    (loss,) = desk.session.losses()
    assert loss.startswith("me.mp4 is being recorded.")
    desk.player.pause()  # which ends it
    desk.until(lambda: desk.work.recording is None)
    desk.until(lambda: any("its track" in text for text in desk.told))
    with Video(video) as made:
        count = len(made)
        times = made.times
    assert count == recording.frames
    assert [file.name for file in video.parent.iterdir()] == ["me.mp4"]
    (media,) = desk.project.tracks()
    track = desk.project.track(media)
    assert (track.frames, track.model) == (count, "starter")
    (face,) = track.faces
    assert np.allclose(track.times, times)
    assert face.present.mean() > 0.9
    fit = Fitter(STARTER.model, "cpu").fit(video_frame(video, 5), face.points[5].astype(float))
    size = desk.project.scheme.inter_ocular_distance(fit.points)
    assert np.abs(fit.points - face.points[5]).mean() < 0.05 * size  # they are of that frame
    with pytest.raises(FaceloopError, match=r"me\.mp4"):
        desk.work.record(video)  # it belongs to the project, and stays


def test_the_project_gets_a_recording_that_ends_with_the_window(desk: Desk, tmp_path: Path) -> None:
    video = tmp_path / "last.mp4"
    desk.work.record(video)
    recording = desk.work.recording
    assert recording is not None
    desk.until(lambda: recording.frames >= 3)
    desk.work.close_down()
    (media,) = desk.project.tracks()
    assert media.name == "last.mp4"
    assert desk.session.losses() == []


def test_a_camera_that_is_unplugged_leaves_what_it_saw(desk: Desk, tmp_path: Path) -> None:
    with Video(sample_clip()) as video:
        write_video(tmp_path / "short.mp4", [video[k].image for k in range(20)], 25)
    desk.session.close()  # without a project the points come into a table
    desk.player.open(lambda: CameraSource(str(tmp_path / "short.mp4")))
    desk.until(lambda: desk.player.source.name.endswith("short.mp4"))
    desk.work.record(tmp_path / "me.mkv")
    desk.until(lambda: any("unplugged" in text for text in desk.told), 60)
    desk.until(lambda: desk.work.recording is None)
    with Video(tmp_path / "me.mkv") as made:
        assert 0 < len(made) < 20
        times = made.times
    rows = pd.read_csv(tmp_path / "me.csv")
    assert np.allclose(rows.drop_duplicates("frame")["time"], times, atol=2e-3)
    assert rows["x"].notna().mean() > 0.9
    assert any(text.startswith("Recorded ") for text in desk.told)


def test_recording_never_waits_for_the_disk(tmp_path: Path) -> None:
    done: list[RecordingSummary] = []
    recording = Recording(tmp_path / "fast.mp4", STARTER, 25.0)
    recording.ended.connect(done.append)
    every = frames(120, (480, 640))
    for frame in every:
        recording.add(frame, FrameResult(frame.index, frame.time, ()), STARTER)
    recording.stop()
    recording.wait()
    (summary,) = done
    assert summary.left_out > 0
    assert summary.frames + summary.left_out == 120
    assert summary.error is None
    with Video(summary.video) as video:
        assert len(video) == summary.frames
    assert len(pd.read_csv(summary.table)) == summary.frames


def test_nothing_is_left_of_a_recording_without_a_frame(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "empty.mp4", STARTER, 25.0)
    recording.add(frames(1, (48, 64))[0], None, object())  # another model: it ends
    assert recording.over
    recording.wait()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="has no format for a recording"):
        Recording(tmp_path / "empty.txt", STARTER, 25.0)


def test_a_full_disk_ends_it_with_what_was_written_whole(tmp_path: Path) -> None:
    inside = ["unshare", "--user", "--map-root-user", "--mount"]
    there = shutil.which("unshare") is not None
    if not there or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("no file systems of its own can be mounted here")
    done = subprocess.run(
        [*inside, sys.executable, __file__, str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "is full" in done.stdout


def record_until_full(disk: Path) -> None:
    """Record noise on a disk of 36 MB until it ends by itself; check what is there."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=36m", "tmpfs", str(disk)], check=True)
    done: list[RecordingSummary] = []
    recording = Recording(disk / "long.mp4", STARTER, 25.0)
    recording.ended.connect(done.append)
    every, number = frames(4, (480, 640)), 0
    while not recording.over:
        frame = every[number % 4]
        recording.add(CameraFrame(number, number / 25, frame.image), None, STARTER)
        number += 1
        time.sleep(0.002)
    recording.wait()
    (summary,) = done
    with Video(summary.video) as video:
        assert len(video) == summary.frames > 8
    assert len(pd.read_csv(summary.table)) == summary.frames
    sys.stdout.write(str(summary.error))


def test_a_snapshot_waits_at_the_top_of_the_queue_with_its_fit(desk: Desk) -> None:
    frame, result = desk.player.current
    desk.work.snapshot()
    desk.until(lambda: any("at the top of the queue" in text for text in desk.told))
    (item,) = desk.project.items()
    media = desk.project.item_media(item)
    assert media.path.startswith("media/camera-")
    entry = desk.project.queue.of_item(item.id)
    assert np.allclose(entry.fit.points, result.faces[0].fit.points)
    assert entry.model == "starter"
    with Project.open(desk.project.path) as other:
        assert other.annotation(item.id) is None  # nobody has said anything yet
    assert np.array_equal(read_image(desk.project.resolve(media), "rgb"), frame.image)


if __name__ == "__main__":
    record_until_full(Path(sys.argv[1]))
