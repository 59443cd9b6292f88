"""The timeline and its plots: frames drawn a second while they scroll, and growth of memory.

    QT_QPA_PLATFORM=offscreen python tests/benchmarks/timeline.py
    QT_QPA_PLATFORM=offscreen python tests/benchmarks/timeline.py --frames 250 100000 1000000

Timeline and six plots of three faces are drawn again and again while a person moves along a video,
at several zooms. Processor time of the window's thread counts, as the tests of the window count it:
what it needs for a picture says how many it can draw a second. The track is made of the sample
clip's points, repeated, with noise. "Opens" is what the window's thread needs until the rows are
there; values of the plots are measured in another thread meanwhile.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import Report, add_common
from qtpy.QtWidgets import QApplication

from faceloop_datasets import FaceTrack, FrameKind, Scheme, Track
from faceloop_datasets.sample import sample_clip_truth
from faceloop_workbench.live.panel_time import TimePanel
from faceloop_workbench.session import Session

_PLOTS = ("mouth_opening", "left_eye_opening", "right_eye_opening", "yaw", "roll", "speed:chin")
_ZOOMS = (1.0, 0.1, 0.001)
_FACES = 3
_SIZE = (1480, 520)
_PICTURES = 100
_SCROLLS = 2000


def long_track(frames: int, seed: int) -> Track:
    """Make a track of three faces: lost now and then, corrected in places."""
    rng = np.random.default_rng(seed)
    clip = np.asarray(sample_clip_truth().points, np.float32)
    faces = []
    for number in range(_FACES):
        points = clip[np.arange(frames) % len(clip)]
        points += rng.normal(scale=0.5, size=(frames, 1, 2)).astype(np.float32)
        error = rng.gamma(4.0, 0.008, frames).astype(np.float32)
        kind = np.full(frames, FrameKind.FITTED, np.uint8)
        kind[rng.integers(0, frames, frames // 100)] = FrameKind.LOST
        kind[rng.integers(0, frames, frames // 100)] = FrameKind.CORRECTED
        points[kind == FrameKind.LOST] = error[kind == FrameKind.LOST] = np.nan
        pose = rng.normal(scale=9, size=(frames, 3)).astype(np.float32)
        nothing = np.zeros(frames, np.uint8)
        faces.append(FaceTrack(number, "", points, error, kind, nothing, pose))
    times = np.arange(frames) / 25.0
    return Track("0" * 64, "face70", "sample", 25.0, times, tuple(faces))


class Window:
    """The panel as the window has it, plots unfolded."""

    def __init__(self, application: QApplication) -> None:
        self._application = application
        self.panel = TimePanel(Session())
        self.panel.resize(*_SIZE)
        self.panel.unfold()
        self.panel.menu.choose(_PLOTS)
        self.panel.show()

    def open(self, track: Track) -> tuple[float, float]:
        """Show a track; returns seconds of the window's thread, and until all is plotted."""
        start, cpu = time.perf_counter(), time.thread_time()
        self.panel.show_track(track, Scheme.load("face70"))
        self.panel.timeline.show_marks(range(0, track.frames, 50), range(7, track.frames, 70))
        self.draw()
        cpu = time.thread_time() - cpu
        while self.panel.plots.series.computing:
            self._application.processEvents()
            time.sleep(0.002)
        return cpu, time.perf_counter() - start

    def draw(self) -> None:
        """Let the window draw what has changed, once."""
        self._application.processEvents()

    def scroll(self, pictures: int) -> list[float]:
        """Move along and draw; returns the processor time of each picture, in seconds."""
        view, needed = self.panel.view, []
        step = max(view.span / 40, 1.0)
        for _ in range(pictures):
            start = time.thread_time()
            if view.first + view.span >= view.frames - 1:
                view.pan(-view.frames)
            view.pan(step)
            self.draw()
            needed.append(time.thread_time() - start)
        return needed


def scrolling(window: Window, frames: int, seed: int) -> list[dict[str, Any]]:
    """Open a track and scroll it at several zooms."""
    opens, plotted = window.open(long_track(frames, seed))
    rows = []
    for zoom in _ZOOMS:
        window.panel.view.show_whole()
        window.panel.view.zoom(zoom, frames / 3)
        needed = np.array(window.scroll(_PICTURES)) * 1000
        rows.append(
            {
                "frames": frames,
                "opens, ms": round(opens * 1000, 1),
                "plotted after, ms": round(plotted * 1000),
                "seen at once": round(window.panel.view.span),
                "median ms a picture": round(float(np.median(needed)), 1),
                "p95 ms": round(float(np.percentile(needed, 95)), 1),
                "pictures a second": round(1000 / float(np.median(needed))),
            }
        )
    return rows


def memory(window: Window) -> list[dict[str, Any]]:
    """Scroll on and on at a middle zoom."""
    window.panel.view.show_whole()
    window.panel.view.zoom(0.1, 0.0)
    rows = []
    for done in range(0, _SCROLLS + 1, _SCROLLS // 4):
        rows.append({"pictures drawn": done, "resident MB": round(_resident(), 1)})
        window.scroll(_SCROLLS // 4)
    return rows


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--frames", type=int, nargs="+", default=[250, 100_000], help="of videos")
    add_common(parser)
    args = parser.parse_args()
    from psygnal.qt import start_emitting_from_queue

    application = QApplication([])
    start_emitting_from_queue(15)
    report, window = Report(args.json), Window(application)
    rows = [row for frames in args.frames for row in scrolling(window, frames, args.seed)]
    report.table("Scrolling timeline and six plots of three faces", rows)
    report.table("Memory", memory(window))
    window.panel.close_down()


if __name__ == "__main__":
    main()
