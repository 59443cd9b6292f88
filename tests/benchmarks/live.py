"""The tab Live in a real window: frames shown a second, time of a seek, growth of memory.

    python tests/benchmarks/live.py
    xvfb-run -a -s "-screen 0 1600x1000x24" python tests/benchmarks/live.py --memory 10000

The video is the sample clip, enlarged and cut to 720 x 576, with one key frame in 250 frames, which
is the worst that usual encoders make for seeking. ShownFrame means painted on the canvas: the model
fitted the frame, the points are drawn in it, and OpenGL drew it. Processor time counts all threads;
on an idle machine of 2 cores a frame takes about half of it.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from common import Clock, Report, add_common

from faceloop_datasets import Project, Video, VideoWriter
from faceloop_datasets.sample import sample_clip

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = (720, 576)
_SPEEDS = ("1 x", "2 x", "all speed")


def enlarged_clip(path: Path) -> Path:
    """Write the clip at the size of a television picture."""
    clip = Video(sample_clip())
    factor = _SIZE[1] / clip.size[1]
    with VideoWriter(path, clip.rate) as writer:
        for frame in clip:
            big = cv2.resize(frame.image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
            left = (big.shape[1] - _SIZE[0]) // 2
            writer.write(np.ascontiguousarray(big[:, left : left + _SIZE[0]]))
    return path


class Window:
    """A napari window with the dock, the tab Live in front and a video open."""

    def __init__(self, video: Path, project: Project) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        from faceloop_workbench.dock.dock import Dock

        self.viewer = napari.Viewer(show=True)
        self.viewer.window._qt_window.resize(1500, 950)
        self.dock = Dock(self.viewer)
        self.viewer.window.add_dock_widget(self.dock, name="faceloop", area="right")
        self.application = QApplication.instance()
        self.painted = 0
        scene = self.viewer.window._qt_viewer.canvas._scene_canvas
        scene.events.draw.connect(self._count)
        self.dock.session.open(project)
        self.dock.tabs.setCurrentWidget(self.dock.live)
        self.live = self.dock.live
        self.live.open(video)
        self.until(lambda: self.fitted(0))

    def _count(self, _event: object) -> None:
        self.painted += 1

    def until(self, condition: Callable[[], bool]) -> None:
        """Let the window live until something is true."""
        while not condition():
            self.application.processEvents()
            time.sleep(0.0005)

    def let(self, seconds: float) -> None:
        """Let the window live for a while."""
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end)

    def fitted(self, index: int) -> bool:
        """Whether a frame is shown with its fit."""
        shown = self.live.canvas.shown
        return shown is not None and shown.index == index and shown.result is not None

    def close(self) -> None:
        """Close it."""
        self.dock.close_down()
        self.viewer.close()


def playing(window: Window, speed: str) -> dict[str, Any]:
    """Play the video once at a speed."""
    player = window.live.player
    player.set_threshold(1.0)
    window.live.findChild(object, "live.speed").setCurrentText(speed)
    player.seek(0)
    window.until(lambda: window.fitted(0))
    window.let(0.5)
    window.painted = 0
    player.play()
    with Clock() as clock:
        window.until(lambda: not player.playing)
    frames = player.source.frames
    return {
        "speed": speed,
        "painted/s": round(window.painted / clock.wall, 1),
        "fitted/s": round(frames / clock.wall, 1),
        "cpu ms a painted frame": round(clock.cpu / window.painted * 1000, 1),
        "lost": int(np.isinf(player.record.errors).sum()),
    }


def seeking(window: Window, count: int, seed: int) -> list[dict[str, Any]]:
    """Jump to frames at random."""
    player = window.live.player
    rng = np.random.default_rng(seed)
    picture, fit = [], []
    for frame in rng.integers(0, player.source.frames, count).tolist():
        window.let(0.2)  # until the last one is painted
        start = time.perf_counter()
        player.seek(frame)
        window.until(lambda f=frame: window.live.canvas.shown.index == f)
        picture.append(time.perf_counter() - start)
        window.until(lambda f=frame: window.fitted(f))
        fit.append(time.perf_counter() - start)
    return [_spread("until the picture is there", picture), _spread("until its fit is there", fit)]


def memory(window: Window, frames: int) -> list[dict[str, Any]]:
    """Play on and on, in a small window: what is drawn is as much, and drawn faster."""
    window.viewer.window._qt_window.resize(900, 500)
    player, rows, played = window.live.player, [], 0
    window.live.findChild(object, "live.speed").setCurrentText("all speed")
    while played < frames:
        player.play()
        window.until(lambda: not player.playing)
        played += player.source.frames
        if played % 1000 == 0:
            rows.append({"frames": played, "resident MB": round(_resident(), 1)})
    return rows


def _spread(what: str, seconds: list[float]) -> dict[str, Any]:
    low, middle, high = np.percentile(np.array(seconds) * 1000, [0, 50, 95]).round(1)
    most = round(max(seconds) * 1000, 1)
    return {"seek": what, "least ms": low, "median ms": middle, "p95 ms": high, "most ms": most}


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeks", type=int, default=40, help="jumps to measure")
    parser.add_argument("--memory", type=int, default=0, help="frames to play for the memory")
    parser.add_argument("--only-memory", action="store_true", help="leave out speed and seeks")
    add_common(parser)
    args = parser.parse_args()
    report = Report(args.json)
    with tempfile.TemporaryDirectory() as folder:
        video = enlarged_clip(Path(folder) / "clip.mp4")
        window = Window(video, Project.create(Path(folder) / "project"))
        if not args.only_memory:
            report.table("Playing 720 x 576", [playing(window, speed) for speed in _SPEEDS])
            report.table("Seeking", seeking(window, args.seeks, args.seed))
        if args.memory:
            report.table("Memory", memory(window, args.memory))
        window.close()


if __name__ == "__main__":
    main()
