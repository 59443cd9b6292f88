"""The command that opens the window."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from .options import without_secret

if TYPE_CHECKING:
    import napari

_WIDTH, _HEIGHT = 1400, 900


def open_window(
    project: Annotated[
        str | None,
        typer.Argument(
            metavar="[PROJECT]",
            help="Folder of the project, or its address on a server.",
            callback=without_secret,
        ),
    ] = None,
) -> None:
    """Open the window: napari, with faceloop beside the picture.

    Without a project it begins with a page on which one is opened or made.

    Example: faceloop open faces
    """
    from faceloop_datasets import Project

    _need_a_screen()
    _need_qt()
    opened = None if project is None else Project.open(project)
    import napari

    from faceloop_workbench.plugin.window import open_dock

    _leave_qt_alone()
    viewer = napari.Viewer(title="faceloop")
    _make_room(viewer)
    dock = open_dock(viewer)
    if opened is not None:
        dock.session.open(opened)
    napari.run()


def _make_room(viewer: napari.Viewer) -> None:
    """Make a window that napari opens small large enough for a picture beside the dock."""
    from qtpy.QtGui import QGuiApplication

    screen = QGuiApplication.primaryScreen()
    if screen is None:
        return
    _, _, width, height = viewer.window.geometry()
    room = screen.availableGeometry()
    wanted = (max(width, _WIDTH), max(height, _HEIGHT))
    viewer.window.resize(min(wanted[0], room.width()), min(wanted[1], room.height()))


def _need_a_screen() -> None:
    from faceloop_datasets import FaceloopError

    if sys.platform in ("win32", "darwin"):
        return
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise FaceloopError(
            "There is no screen to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set). "
            "Log in on a desktop, or use the other commands: faceloop --help."
        )


def _need_qt() -> None:
    from faceloop_datasets import FaceloopError

    try:
        import_module("napari")
        import_module("qtpy.QtWidgets")
    except ImportError as error:  # qtpy's own errors are among them
        raise FaceloopError(
            f"The window is not installed here ({error}). Install it with: "
            "pip install 'faceloop[pyqt6]'"
        ) from error


def _leave_qt_alone() -> None:
    """Take back what OpenCV, once imported, tells Qt: to use plugins and fonts of OpenCV's."""
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):
            del os.environ[name]
