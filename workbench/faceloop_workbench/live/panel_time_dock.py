"""Keeps the timeline below the picture while the tab Live has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.compat import isalive
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QDockWidget, QMainWindow

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from .panel_time import TimePanel

TITLE = "faceloop time"
_HIGHEST = 0.4
"""Share of the window that it takes when the plots unfold; a person may drag it higher."""


class TimeDock:
    """A dock of napari's window, below the picture; a person may float it or dock it elsewhere.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The window.
    panel : TimePanel
        What is in it.
    """

    def __init__(self, viewer: Viewer, panel: TimePanel) -> None:
        self._viewer, self._panel = viewer, panel
        self._fitting = QTimer(panel)
        self._fitting.setSingleShot(True)
        self._fitting.setInterval(0)  # by then the layouts know what is folded away
        self._fitting.timeout.connect(self._fit)
        panel.height_changed.connect(self._fit_soon)

    def show(self, *, wanted: bool) -> None:
        """Show it, also after a person has closed it, or hide it."""
        holder = self._holder()
        if holder is None and wanted:
            holder = self._add()
        if holder is not None:
            holder.setVisible(wanted)
        self._panel.setVisible(wanted)

    def close_down(self) -> None:
        """Take it out of the window, unless that is gone already."""
        alive = isalive(self._panel)  # type: ignore[no-untyped-call]
        if alive and self._holder() is not None:
            self._viewer.window.remove_dock_widget(self._panel)
            self._panel.deleteLater()

    def _add(self) -> QDockWidget | None:
        self._viewer.window.add_dock_widget(
            self._panel, name=TITLE, area="bottom", add_vertical_stretch=False
        )
        holder = self._holder()
        window = None if holder is None else holder.parentWidget()
        if holder is not None and isinstance(window, QMainWindow):
            # napari sets a least size, which Qt then raises with what is in the dock, for good.
            holder.setMinimumSize(0, 0)
            # Below the picture only: the tabs need their height.
            corner = Qt.Corner.BottomRightCorner
            window.setCorner(corner, Qt.DockWidgetArea.RightDockWidgetArea)
        self._fit()
        return holder

    def _fit_soon(self) -> None:
        self._fitting.start()

    def _fit(self) -> None:
        """Make it as high as what it shows."""
        holder = self._holder()
        window = None if holder is None else holder.parentWidget()
        if holder is not None and isinstance(window, QMainWindow):
            wanted = self._panel.sizeHint().height()
            high = max(
                min(wanted, int(_HIGHEST * window.height())), holder.minimumSizeHint().height()
            )
            window.resizeDocks([holder], [high], Qt.Orientation.Vertical)

    def _holder(self) -> QDockWidget | None:
        holder = self._panel.parentWidget()
        return holder if isinstance(holder, QDockWidget) else None
