"""Many videos in one command: what was finished is not done again, what fails leaves the others."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import psutil
import pytest

from faceloop_datasets import Monitor, Project, Video, write_video
from faceloop_datasets.sample import sample_clip
from faceloop_datasets.workers import Threads, WorkersLost
from faceloop_workbench.services.many_videos import VideoRow, track_many
from faceloop_workbench.services.model_choice import choose_tracker, find_model
from faceloop_workbench.services.video_files import find_videos
from faceloop_workbench.services.video_job import TrackSettings, TrackVideo, VideoJob
from faceloop_workbench.services.video_results import KeptTracks, TableFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceloop_datasets import Progress

    from .conftest import Run

COMMAND = Path(sys.executable).with_name("faceloop")
SETTINGS = TrackSettings.of(find_model(None, None))
NAMES = ("a/talk.mp4", "a/wall.mp4", "b/talk.mp4")


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return [np.ascontiguousarray(f.image[::2, ::2]) for f in islice(Video(sample_clip()), 40)]


@pytest.fixture
def videos(tmp_path: Path, pictures: list[np.ndarray]) -> Path:
    """Make two short videos of one name, one whose face goes, and files that are none."""
    made = tmp_path / "videos"
    for name in ("a", "b"):
        (made / name).mkdir(parents=True)
    write_video(made / NAMES[0], pictures[:6], 25)
    write_video(made / NAMES[1], [*pictures[:3], np.zeros_like(pictures[0])], 25)
    write_video(made / NAMES[2], pictures[10:15], 25)
    (made / "b/broken.mp4").write_bytes(b"no video")
    (made / "notes.txt").write_text("no video either")
    return made


def run(videos: Path, out: Path, monitor: Monitor | None = None, **more: object) -> list[VideoRow]:
    """Track in this process into a folder of tables."""
    settings = more.pop("settings", SETTINGS)
    assert isinstance(settings, TrackSettings)
    folder = TableFolder(out, settings, ".csv")
    found = find_videos([videos], leave_out=out)
    return list(track_many(found, settings, Threads(1), tables=folder, progress=monitor, **more))  # type: ignore[arg-type]


def status(rows: list[VideoRow]) -> dict[str, list[str]]:
    """Return the names of the videos, by what came of them."""
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row.status, []).append("/".join(row.video.parts[-2:]))
    return {kind: sorted(each) for kind, each in names.items()}


def test_a_folder_gives_a_table_a_video_and_a_report(
    faceloop: Run, videos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("track", videos, "--out", out, "--processes", 1)
    done = faceloop(*command, "--json")
    assert done.code == 1  # one is broken
    said = done.json()
    assert said["not_videos"] == [str(videos / "notes.txt")]
    total = said["total"]
    assert (total["videos"], total["tracked"], total["failed"]) == (4, 3, 1)
    assert (total["frames"], total["lost"]) == (15, 1)
    assert total["face_seconds"] == pytest.approx(14 / 25)
    assert "b/broken.mp4 cannot be read as a video" in done.err
    for name, frames in zip(NAMES, (6, 4, 5), strict=True):
        assert pd.read_parquet(out / f"{name}.parquet")["frame"].nunique() == frames
    report = pd.read_csv(out / "report.csv", index_col="video")
    assert report["status"].value_counts().to_dict() == {"tracked": 3, "failed": 1, "no video": 1}
    assert report.loc[str(videos / NAMES[1]), ["frames", "lost"]].tolist() == [4, 1]

    again = faceloop(*command, "--report", tmp_path / "again.json")
    assert again.code == 1
    assert "4: 0 tracked, 3 done before, 1 failed" in again.out
    assert re.search(r"a/wall.mp4 +4 of 4     1", again.out)
    assert re.search(r"b/broken.mp4 .* failed", again.out)
    assert "a second" not in again.out  # nothing was tracked
    assert "1 file is no video" in again.err
    report = json.loads((tmp_path / "again.json").read_text("utf-8"))
    assert report["total"]["frames"] == 15
    took = {each["video"]: each["seconds"] for each in said["videos"]}
    assert {each["video"]: each["seconds"] for each in report["videos"]} == took
    assert sorted(p.name for p in out.iterdir()) == ["a", "b", "report.csv"]


def test_only_what_is_not_there_or_has_changed_is_tracked(
    videos: Path, tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    out = tmp_path / "out"
    assert status(run(videos, out)) == {"tracked": [*NAMES], "failed": ["b/broken.mp4"]}
    (videos / "b/broken.mp4").unlink()
    assert status(run(videos, out)) == {"done before": [*NAMES]}
    os.utime(videos / NAMES[0], ns=(0, 0))  # looks changed, and is not
    (out / f"{NAMES[1]}.csv").write_text("")
    write_video(videos / NAMES[2], pictures[20:24], 25)
    rows = run(videos, out)
    assert status(rows) == {"done before": [NAMES[0]], "tracked": [*NAMES[1:]]}
    assert {row.summary.frames for row in rows if row.summary} == {6, 4}
    assert status(run(videos, out)) == {"done before": [*NAMES]}
    (out / f"{NAMES[0]}.track.json").write_text('{"version": 1, "summary": {"frames": "six"}}')
    assert status(run(videos, out))["tracked"] == [NAMES[0]]
    other = replace(SETTINGS, max_faces=2)
    assert status(run(videos, out, settings=other)) == {"tracked": [*NAMES]}


def test_a_stop_leaves_whole_results_and_the_next_run_goes_on(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    heard: list[Progress] = []
    monitor = Monitor(heard.append, lambda: bool(heard) and heard[-1].done > 0)
    assert len(run(videos, out, monitor)) == 1
    assert not list(out.glob(".*"))
    monitor = Monitor(heard.append)
    rest = run(videos, out, monitor)
    assert sorted(len(each) for each in status(rest).values()) in ([1, 3], [1, 1, 2])
    assert (heard[-1].done, heard[-1].total) == (4, 4)
    assert re.fullmatch(r"1?\d frames, \d+ a second", heard[-1].detail)


def test_a_video_in_work_says_how_far_it_is(videos: Path, tmp_path: Path) -> None:
    job = VideoJob(videos / NAMES[0], counter=tmp_path / "counter")
    result = TrackVideo(SETTINGS, keep=True)(job)
    assert result.track is not None
    assert result.track.summary.frames == 6
    assert 1 <= int((tmp_path / "counter").read_text()) <= 6


class Swapping(Threads):
    """Puts another file in the place of a video once it has been tracked, before that is kept."""

    def __init__(self, other: Path, video: Path) -> None:
        super().__init__(1)
        self.other, self.video = other, video

    def as_done(self, *args: object, **more: object) -> Iterator[tuple[int, object]]:
        for number, result in super().as_done(*args, **more):  # type: ignore[arg-type]
            if self.other.exists():
                self.other.replace(self.video)
            yield number, result


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are text")
def test_names_that_are_no_text_are_escaped_in_the_report(
    videos: Path, tmp_path: Path, faceloop: Run
) -> None:
    odd = Path(os.fsdecode(os.fsencode(videos) + b"/a/bad\xff.mp4"))
    shutil.move(videos / NAMES[0], odd)
    report = tmp_path / "report.csv"
    done = faceloop("track", odd, videos / NAMES[2], "--out", tmp_path / "out", "--report", report)
    assert done.code == 0
    assert "2: 2 tracked" in done.out
    assert sorted(pd.read_csv(report)["video"]) == [
        str(videos / "a" / r"bad\udcff.mp4"),
        str(videos / NAMES[2]),
    ]


class Fragile(Threads):
    """Workers that die at one video."""

    def as_done(self, function, items, **how):  # type: ignore[no-untyped-def]
        bad = [number for number, job in enumerate(items) if job.video.match("a/talk.mp4")]
        if bad:
            yield from islice(super().as_done(function, items[: bad[0]], **how), 1)
            raise WorkersLost("A worker was ended 3 times.", [*bad, len(items) - 1])
        yield from super().as_done(function, items, **how)


def test_a_video_at_which_workers_die_leaves_the_others(videos: Path, tmp_path: Path) -> None:
    folder = TableFolder(tmp_path / "out", SETTINGS, ".csv")
    found = find_videos([videos])
    rows = list(track_many(found, SETTINGS, Fragile(1), tables=folder))
    assert status(rows) == {"failed": ["a/talk.mp4", "b/broken.mp4"], "tracked": [*NAMES[1:]]}
    assert any("A worker was ended 3 times" in str(row.error) for row in rows)
    lost = Fragile(1)
    lost.as_done = lambda *_, **__: (_ for _ in ()).throw(WorkersLost("The scheduler is gone."))  # type: ignore[method-assign]
    with pytest.raises(WorkersLost, match="scheduler"):
        list(track_many(found, replace(SETTINGS, max_faces=3), lost, tables=folder))


def test_a_table_that_cannot_be_put_in_its_place_is_one_line(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / f"{NAMES[0]}.csv").mkdir(parents=True)
    rows = run(videos, out)
    assert status(rows)["tracked"] == [*NAMES[1:]]
    assert "a/talk.mp4.csv cannot be written" in str([row.error for row in rows])


def test_a_table_of_another_video_is_left_as_it_is(
    videos: Path, tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    out, theirs = tmp_path / "out", tmp_path / "theirs"
    assert status(run(videos, out))["tracked"] == [*NAMES]
    table = out / f"{NAMES[0]}.csv"
    before = table.read_bytes()
    shutil.copytree(videos, theirs)
    write_video(theirs / NAMES[0], pictures[20:24], 25)
    os.utime(theirs / NAMES[0], ns=(0, (videos / NAMES[0]).stat().st_mtime_ns))
    for settings in (SETTINGS, replace(SETTINGS, max_faces=2)):
        rows = run(theirs, out, settings=settings)
        (error,) = (str(row.error) for row in rows if row.video == theirs / NAMES[0])
        for said in (theirs / NAMES[0], videos / NAMES[0], table, "another --out"):
            assert str(said) in error
        assert table.read_bytes() == before
    made = {row.video.name: row.seconds for row in rows if row.status == "tracked"}
    again = run(theirs, out, settings=settings)  # the same content elsewhere goes on
    assert status(again)["done before"] == [*NAMES[1:]]
    assert {r.video.name: r.seconds for r in again if r.status == "done before"} == made


def test_a_table_that_nobody_knows_is_left_as_it_is(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / f"{NAMES[0]}.csv").write_text("mine")
    rows = run(videos, out)
    assert status(rows)["tracked"] == [*NAMES[1:]]
    assert "no record beside it says" in str([row.error for row in rows])
    assert (out / f"{NAMES[0]}.csv").read_text() == "mine"


class TestKeptTracks:
    @pytest.fixture
    def project(self, empty_project: Path) -> Iterator[Project]:
        with Project.open(empty_project) as opened:
            yield opened

    def run(self, project: Project, videos: Path) -> list[VideoRow]:
        tracks = KeptTracks(project, choose_tracker(None, project), SETTINGS)
        return list(track_many(find_videos([videos]), SETTINGS, Threads(1), tracks=tracks))

    def test_finished_tracks_are_known_by_their_content(
        self, project: Project, videos: Path
    ) -> None:
        rows = self.run(project, videos)
        assert status(rows)["tracked"] == [*NAMES]
        (queued,) = (row.queued for row in rows if row.video.name == "wall.mp4")
        assert [entry.id for entry in project.queue.list()] == [*queued]  # where it was lost
        moved = videos.with_name("moved")
        shutil.move(videos, moved)
        again = self.run(project, moved)
        assert status(again)["done before"] == [*NAMES]
        counts = [[r.summary.frames, r.summary.lost] for r in (*rows, *again) if r.summary]
        assert sorted(counts[:3]) == sorted(counts[3:]) == [[4, 1], [5, 0], [6, 0]]

    def test_another_video_in_the_place_of_one_is_tracked(
        self, project: Project, videos: Path, pictures: list[np.ndarray]
    ) -> None:
        self.run(project, videos)
        assert status(self.run(project, videos))["done before"] == [*NAMES]
        kept = videos.with_name("kept.mp4")
        shutil.move(videos / NAMES[0], kept)
        write_video(videos / NAMES[0], pictures[20:23], 25)
        rows = self.run(project, videos)
        assert status(rows)["tracked"] == [NAMES[0]]
        assert status(rows)["done before"] == [*NAMES[1:]]
        kept.replace(videos / NAMES[0])
        assert status(self.run(project, videos))["done before"] == [*NAMES]

    def test_a_video_that_changes_while_it_is_tracked_is_refused(
        self, project: Project, videos: Path, pictures: list[np.ndarray]
    ) -> None:
        """Its frames would be kept as those of a video that nobody has looked at."""
        other = videos.with_name("shorter.mp4")
        write_video(other, pictures[20:22], 25)
        workers = Swapping(other, videos / NAMES[0])
        tracks = KeptTracks(project, choose_tracker(None, project), SETTINGS)
        rows = list(track_many(find_videos([videos]), SETTINGS, workers, tracks=tracks))
        assert status(rows)["tracked"] == [*NAMES[1:]]
        (said,) = (row.error for row in rows if row.video == videos / NAMES[0])
        assert said is not None
        assert said.endswith("a/talk.mp4 has changed while it was tracked. Track it again.")
        assert len(project.tracks()) == 2
        assert status(self.run(project, videos))["tracked"] == [NAMES[0]]

    def test_a_track_that_was_tracked_otherwise_since_is_not_finished(
        self, project: Project, videos: Path, faceloop: Run
    ) -> None:
        self.run(project, videos)
        done = faceloop("track", videos / NAMES[0], "--project", project.path, "--keep")
        assert done.code == 0
        assert status(self.run(project, videos))["tracked"] == [NAMES[0]]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_nothing_is_done_twice_or_missing_after_kills(
    tmp_path: Path, pictures: list[np.ndarray]
) -> None:
    videos, out = tmp_path / "videos", tmp_path / "out"
    videos.mkdir()
    for number in range(6):
        write_video(videos / f"{number}.mp4", pictures[number : number + 30], 25)
    records: dict[str, int] = {}

    def finished() -> list[Path]:
        return [p for p in out.glob("*.track.json") if json.loads(p.read_text())["made_of"]]

    def start(count: int) -> subprocess.Popen[str]:
        """Start to track and return when ``count`` more videos are finished."""
        command = [COMMAND, "track", videos, "--out", out, "--processes", str(count)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        wanted, limit = len(records) + count, time.monotonic() + 60
        while len(finished()) < wanted:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < limit
            time.sleep(0.005)
        return process

    process = start(2)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=60)
    assert not psutil.wait_procs(workers, timeout=30)[1]  # none goes on alone
    records |= {p.name: p.stat().st_mtime_ns for p in finished()}
    assert 2 <= len(records) < 6

    process = start(1)
    for child in psutil.Process(process.pid).children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.send_signal(signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "Error" in err) == (0, False), err
    report = pd.read_csv(out / "report.csv")
    assert report["status"].value_counts().to_dict() == {
        "done before": len(records), "tracked": 6 - len(records),
    }  # fmt: skip
    for name, changed in records.items():
        assert (out / name).stat().st_mtime_ns == changed
    for number in range(6):
        table = pd.read_parquet(out / f"{number}.mp4.parquet")
        assert sorted(set(table["frame"])) == list(range(30))
    assert not list(out.glob(".*"))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--overlay", "o.mp4", "--out", "out"), "are of one video"),
        ((), "several videos need --out"),
        (("--keep",), "--keep needs --project"),
        (("--out", "out", "--processes", "2", "--scheduler", "local:2"), "choose one"),
        (("--out", "videos/notes.txt"), "is a file"),
        (("--out", "o.parquet"), "Name a folder for them"),
        (("none*.mp4", "--out", "out"), "Nothing matches the pattern"),
        (("--out", "out", "--report", "r.txt"), "ends in .csv or .json"),
        (("--out", "out", "--model", "none.safetensors"), "no model file"),
        (("--out", "out", "--scheduler", "nobody"), "is no scheduler"),
        (("--out", "out", "--detector", "haar"), "no detector 'haar'"),
    ],
)
def test_mistakes_are_told_before_the_work(
    faceloop: Run,
    videos: Path,
    monkeypatch: pytest.MonkeyPatch,
    args: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(videos.parent)
    done = faceloop("track", "videos", *args)
    assert done.code in {1, 2}
    assert said in " ".join(done.err.replace("│", " ").split())
    assert sorted(p.name for p in Path().iterdir()) == ["videos"]
