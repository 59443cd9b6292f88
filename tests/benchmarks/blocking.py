"""Several faces in a picture, in a real window: how long its thread is busy without a break.

    python tests/benchmarks/blocking.py
    xvfb-run -a -s "-screen 0 1600x1000x24" python tests/benchmarks/blocking.py --repeat 5

A picture of four people of the sample is opened, the faces are found and kept, gone through, moved,
copied and removed, by keys and the mouse of tests/gui. What counts is the processor time of the
window's thread between two turns of its event loop, drawing included, as the window's own tests
count it. The first of each kind makes layers and programs that later ones find ready.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Report, add_common
from PIL import Image
from qtpy.QtCore import Qt

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_faces

sys.path.insert(0, str(Path(__file__).parents[1] / "gui"))
from driver import Driver, LoopProbe

if TYPE_CHECKING:
    from collections.abc import Callable

_FACES = ("s0000", "s0005", "s0010", "s0014")
_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
_AFTER_MS = 400  # what a key sets off is over by then


class Bot:
    """Runs the event loop for `Driver`."""

    def wait(self, milliseconds: int) -> None:
        """Run it for so long."""
        from qtpy.QtTest import QTest

        QTest.qWait(milliseconds)

    def waitUntil(self, condition: Callable[[], bool], timeout: int) -> None:  # noqa: N802
        """Run it until something is true, or for so many milliseconds."""
        end = time.monotonic() + timeout / 1000
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {timeout} ms")
            self.wait(10)


def picture_of_four(file: Path) -> None:
    """Put four people into one picture."""
    found = [face for face in sample_faces() if face.name in _FACES]
    pixels = [np.asarray(Image.open(face.image.path).convert("RGB")) for face in found]
    height, width = (min(p.shape[axis] for p in pixels) for axis in (0, 1))
    cut = [p[:height, :width] for p in pixels]
    Image.fromarray(np.vstack([np.hstack(cut[:2]), np.hstack(cut[2:])])).save(file)


class Window:
    """A napari window with the dock, and the picture in work."""

    def __init__(self, folder: Path) -> None:
        import napari

        from faceloop_workbench.dock.dock import Dock

        self.viewer = napari.Viewer(show=True)
        self.viewer.window._qt_window.resize(1500, 950)
        self.dock = Dock(self.viewer)
        self.viewer.window.add_dock_widget(self.dock, name="faceloop", area="right")
        self.driver = Driver(self.viewer, self.dock, Bot())
        picture_of_four(folder / "four.png")
        project = Project.create(folder / "project")
        item = project.add_item(project.add_media(folder / "four.png"))
        self.dock.session.open(project)
        self.driver.tab("Annotate")
        self.times: dict[str, list[float]] = {}
        self.measure("first face", lambda: self.dock.session.show(item))
        self.driver.until(lambda: self.dock.annotate.canvas.ready)
        self.driver.settle(500)

    def measure(self, what: str, do: Callable[[], object]) -> None:
        """Do something, and note how long the thread was busy at most, in milliseconds."""
        self.driver.settle(150)
        with LoopProbe() as probe:
            do()
            self.driver.settle(_AFTER_MS)
        self.times.setdefault(what, []).append(probe.worst_cpu * 1e3)

    def drag(self) -> None:
        """Move the chin a little."""
        point = self.dock.annotate.editor.state.points[7]
        self.driver.drag(point, point + np.array([6, 4]))

    def use(self, repeat: int) -> None:
        """Do all that is measured."""
        press, faces = self.driver.press, self.dock.annotate.faces
        self.measure("find all", lambda: press("f", _CONTROL))
        self.driver.until(lambda: len(faces.proposals) == len(_FACES), 60)
        self.measure("first drawn", lambda: None)
        self.measure("keep", lambda: press("k"))
        self.driver.until(lambda: len(faces.present) == len(_FACES))
        for _ in range(repeat):
            self.measure("to another face", lambda: press(Qt.Key.Key_Tab))
            self.measure("drag", self.drag)
            self.measure("undo", lambda: press("z", _CONTROL))
            self.measure("copy", lambda: press("c", _CONTROL))
            press(Qt.Key.Key_Tab)
            self.measure("paste", lambda: press("v", _CONTROL | _SHIFT))
            self.measure("remove", lambda: press(Qt.Key.Key_Delete, _SHIFT))
            self.measure("bring back", lambda: press("z", _CONTROL))

    def close(self) -> None:
        """Close it."""
        self.dock.close_down()
        self.viewer.close()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=4, help="rounds through the faces")
    add_common(parser, seed=False)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FACELOOP_CONFIG"] = f"{scratch}/config"
        window = Window(Path(scratch))
        try:
            window.use(options.repeat)
        finally:
            window.close()
    rows: list[dict[str, Any]] = [
        {
            "what": what,
            "times": len(found),
            "median ms": round(float(np.median(found))),
            "most ms": round(max(found)),
        }
        for what, found in window.times.items()
    ]
    report = Report(options.json)
    report.table("The window's thread, busy at most, four faces in the picture", rows)


if __name__ == "__main__":
    main()
