"""The one dock of a napari window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari

from faceloop_datasets import FaceloopError
from faceloop_workbench.dock.dock import Dock

if TYPE_CHECKING:
    from napari.viewer import Viewer

_PLUGIN, _WIDGET = "faceloop", "Workbench"


def open_dock(viewer: Viewer, tab: str | None = None) -> Dock:
    """Return the window's dock, opened if it was not, on one of its tabs.

    Parameters
    ----------
    viewer : napari.Viewer
        The window.
    tab : str, optional
        ``queue``, ``annotate``, ``train`` or ``live``; the tab stays as it was if not given.
    """
    holder, dock = viewer.window.add_plugin_dock_widget(_PLUGIN, _WIDGET)
    holder.show()
    if tab is not None:
        dock.tabs.setCurrentWidget(getattr(dock, tab))
    return dock  # type: ignore[no-any-return] # napari is untyped


def current_dock() -> Dock:
    """Return the dock of the window that is in use, opened if it was not.

    Raises
    ------
    FaceloopError
        If there is no window: readers can be called without one.
    """
    viewer = napari.current_viewer()
    if viewer is None:
        raise FaceloopError("faceloop opens this in a napari window, and there is none.")
    return open_dock(viewer)
