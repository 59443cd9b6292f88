"""napari's own docks, its list of layers and their controls, folded away while ours is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QDockWidget

from faceloop_workbench.settings import read_settings, remember_napari_docks

if TYPE_CHECKING:
    from qtpy.QtWidgets import QMainWindow

_NAMES = ("layer list", "layer controls")  # what napari calls them, also in its menu Window


class NapariDocks:
    """Gives their room to the picture; whoever wants them back has them back the next time too.

    Parameters
    ----------
    window : QMainWindow
        napari's window.
    """

    def __init__(self, window: QMainWindow) -> None:
        self._docks = [
            dock
            for dock in window.findChildren(QDockWidget)
            if dock.objectName() in _NAMES and not dock.isHidden()
        ]
        if not read_settings().napari_docks:
            self._show(shown=False)

    @property
    def folded(self) -> bool:
        """Whether all that were open are folded away."""
        return all(dock.isHidden() for dock in self._docks)

    def toggle(self) -> None:
        """Show them, or fold them away, and remember it."""
        shown = self.folded
        self._show(shown=shown)
        remember_napari_docks(shown=shown)

    def restore(self) -> None:
        """Leave them as they were found."""
        self._show(shown=True)

    def fold_again(self) -> None:
        """Fold them as the person had chosen; the window stays open after all."""
        self._show(shown=read_settings().napari_docks)

    def _show(self, *, shown: bool) -> None:
        for dock in self._docks:
            dock.setVisible(shown)
