"""What tracking many videos costs: processes against one, and what is left of a run that is killed.

    python tests/benchmarks/many_videos.py                  # 200 videos of 20 frames
    python tests/benchmarks/many_videos.py --videos 40 --processes 4 --only speed

speed: videos cut from the sample clip are tracked into tables in parts, each part by one process
and by several in turn: frames a second of the wall clock, processor time a frame (this process and
its workers), and the ratio, median of the parts. Starting the processes is the first part, apart.
How much faster several processes can be at that moment is measured between the parts: factorials.
kills: the command is killed (SIGKILL) at random moments, every second time one of its workers, till
it ends by itself; records that were written twice, and missing ones, are counted.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import signal
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from common import Report, add_common

from faceloop_datasets import Video, write_video
from faceloop_datasets.sample import sample_clip
from faceloop_datasets.workers import Processes
from faceloop_workbench.services.many_videos import track_many
from faceloop_workbench.services.model_choice import find_model
from faceloop_workbench.services.video_files import FoundVideos, find_videos
from faceloop_workbench.services.video_job import TrackSettings
from faceloop_workbench.services.video_results import TableFolder

_PARTS = 5
_NUMBER, _COUNT = 60_000, 8


def make(folder: Path, count: int, frames: int) -> FoundVideos:
    """Cut videos out of the sample clip, each from another frame on; those that are there stay."""
    pictures = [frame.image for frame in Video(sample_clip())]
    for number in range(count):
        if (folder / f"{number % 10}" / f"{number}.mp4").exists():
            continue
        first = number * 13 % (len(pictures) - frames)
        file = folder / f"{number % 10}" / f"{number}.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_video(file, pictures[first : first + frames], 25)
    return find_videos([folder])


def part(found: FoundVideos, number: int) -> FoundVideos:
    """Return one of the parts of the videos."""
    return replace(found, videos=dict(list(found.videos.items())[number::_PARTS]))


def processor_time() -> float:
    """Seconds of this process and of its workers so far."""
    times = (one.cpu_times() for one in psutil.Process().children())
    return time.process_time() + sum(one.user + one.system for one in times)


def factorials(workers: Processes) -> float:
    """Return how many a second workers compute: they touch no memory and wait for nothing."""
    start = time.perf_counter()
    workers.map(math.factorial, [_NUMBER] * _COUNT)
    return _COUNT / (time.perf_counter() - start)


def tracked(found: FoundVideos, workers: Processes, out: Path) -> tuple[float, float]:
    """Track videos; returns frames a second and ms of processor time a frame."""
    settings = TrackSettings.of(find_model(None, None))
    folder = TableFolder(out, settings, ".parquet")
    start, used = time.perf_counter(), processor_time()
    rows = list(track_many(found, settings, workers, tables=folder))
    frames = sum(row.summary.frames for row in rows if row.summary)
    assert {row.status for row in rows} == {"tracked"}
    return frames / (time.perf_counter() - start), (processor_time() - used) / frames * 1e3


def speed(found: FoundVideos, count: int, folder: Path) -> list[dict[str, object]]:
    """Compare one process with several."""
    figures: dict[int, list[tuple[float, float]]] = {1: [], count: []}
    possible: dict[int, list[float]] = {1: [], count: []}
    with Processes(1) as one, Processes(count) as several:
        for number in range(_PARTS):
            for workers in (one, several) if number % 2 else (several, one):
                out = folder / f"{workers.count} {number}"
                figures[workers.count].append(tracked(part(found, number), workers, out))
                possible[workers.count].append(factorials(workers))
    rows: list[dict[str, object]] = []
    for workers_, each in figures.items():
        first, *others = each
        rows.append(
            {
                "processes": workers_,
                "frames a second": f"{statistics.median(f for f, _ in others):.0f}",
                "with their start": f"{first[0]:.0f}",
                "processor ms a frame": f"{statistics.median(ms for _, ms in others):.1f}",
            }
        )
    ratios = [many[0] / one_[0] for one_, many in zip(figures[1], figures[count], strict=True)]
    rows[-1]["ratio"] = f"{statistics.median(ratios[1:]):.2f}"
    ratios = [many / one_ for one_, many in zip(possible[1], possible[count], strict=True)]
    rows[-1]["of factorials"] = f"{statistics.median(ratios):.2f}"
    return rows


def kills(videos: Path, total: int, count: int, out: Path, seed: int) -> list[dict[str, object]]:
    """Kill the command again and again."""
    rng = random.Random(seed)  # noqa: S311
    command = [Path(sys.executable).with_name("faceloop"), "track", videos, "--out", out]
    known: dict[Path, int] = {}
    twice = killed = workers = 0
    while True:
        process = subprocess.Popen(
            [*command, "--processes", str(count)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        time.sleep(rng.uniform(3, 9))
        ended = process.poll() is not None
        spawned = [] if ended else psutil.Process(process.pid).children()
        spawned = [one for one in spawned if "spawn_main" in " ".join(one.cmdline())]
        if spawned and killed % 2:
            rng.choice(spawned).send_signal(signal.SIGKILL)
            workers, ended = workers + 1, process.wait(600) == 0
        elif not ended:
            process.kill()
        killed += not ended
        process.communicate()
        psutil.wait_procs(spawned, timeout=60)
        records = list(out.rglob("*.track.json"))
        finished = [one for one in records if json.loads(one.read_text("utf-8"))["made_of"]]
        now = {file: file.stat().st_mtime_ns for file in finished}
        twice += sum(now.get(file) != changed for file, changed in known.items())
        known = now
        if ended:
            break
    left = [one.name for one in islice(out.glob(".*"), 3)]
    return [
        {
            "videos": total,
            "commands killed": killed,
            "workers killed": workers,
            "done twice": twice,
            "missing": total - len(known),
            "left behind": ", ".join(left) or "nothing",
        }
    ]


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--processes", type=int, default=psutil.cpu_count())
    parser.add_argument("--folder", type=Path, help="make the videos there, for the next time")
    parser.add_argument("--only", choices=["speed", "kills"])
    add_common(parser)
    options = parser.parse_args()
    report = Report(options.json)
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        videos = options.folder or folder / "videos"
        found = make(videos, options.videos, options.frames)
        if options.only != "kills":
            rows = speed(found, options.processes, folder)
            report.table(f"{options.videos} videos of {options.frames} frames", rows)
        if options.only != "speed":
            out = folder / "killed"
            rows = kills(videos, options.videos, options.processes, out, options.seed)
            report.table("killed and begun again", rows)


if __name__ == "__main__":
    main()
