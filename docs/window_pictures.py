"""Make the pictures of the window for the documentation: python docs/window_pictures.py [PROJECT].

They show only the bundled CC0 sample. Needs a screen; a virtual one will do:
xvfb-run -s "-screen 0 1500x950x24" python docs/window_pictures.py. PROJECT is a sample project
with a trained model in use, as `faceloop demo` makes one; without it one is made and trained first.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import napari
from napari.settings import get_settings
from PIL import Image
from qtpy.QtWidgets import QApplication

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_clip
from faceloop_workbench.dock.dock import Dock
from faceloop_workbench.plugin.window import open_dock
from faceloop_workbench.services.demo import open_demo, run_demo

_IMAGES = Path(__file__).parent / "images"
_SIZE = (1480, 930)
_FACE = 14
_FRAME = 110  # the head is turned, and some fits are poor by then


def main() -> None:
    """Take a picture of each tab, dark and light."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _trained(Path(scratch) / "project")
        viewer = napari.Viewer(title="faceloop")
        viewer.window.resize(*_SIZE)
        dock = open_dock(viewer)
        dock.session.open(Project.open(folder))
        for theme in ("dark", "light"):
            get_settings().appearance.theme = theme
            for tab, prepare in _TABS.items():
                dock.tabs.setCurrentWidget(getattr(dock, tab))
                prepare(dock)
                _wait(1.5)
                _save(viewer, _IMAGES / f"window-{tab}-{theme}.jpg")
        dock.close_down()
        viewer.close()


def _trained(folder: Path) -> Path:
    with open_demo(folder) as project:
        run_demo(project)
    return folder


def _show_queue(dock: Dock) -> None:
    dock.session.show(dock.session.need_project().items()[_FACE])
    _until(lambda: dock.annotate.canvas.ready)


def _show_annotate(dock: Dock) -> None:
    _show_queue(dock)
    dock.annotate.editor.select([14, 43])


def _show_train(_dock: Dock) -> None:
    _wait(1)


def _show_live(dock: Dock) -> None:
    if dock.live.canvas.shown is not None:
        return  # it is where the other theme's picture was taken
    dock.live.open(sample_clip())
    _until(lambda: dock.live.canvas.shown is not None)
    dock.commands.run("live.track")
    _until(lambda: dock.live.tracks.track is not None and not dock.live.tracks.busy)
    dock.live.time.unfold()
    dock.live.player.seek(_FRAME)
    _until(lambda: dock.live.canvas.shown.index == _FRAME)


_TABS: dict[str, Callable[[Dock], None]] = {
    "queue": _show_queue,
    "annotate": _show_annotate,
    "train": _show_train,
    "live": _show_live,
}


def _until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise SystemExit("The window did not get ready in time.")
        _wait(0.05)


def _wait(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def _save(viewer: napari.Viewer, path: Path) -> None:
    with tempfile.NamedTemporaryFile(suffix=".png") as shot:
        QApplication.primaryScreen().grabWindow(0).save(shot.name)
        with Image.open(shot.name) as picture:
            left, top, width, height = viewer.window.geometry()
            window = picture.crop((left, top, left + width, top + height))
            window.convert("RGB").save(path, quality=85)


if __name__ == "__main__":
    main()
