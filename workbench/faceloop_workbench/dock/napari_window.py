"""What we change of napari's window while our dock is in it: its docks, its title, its closing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QDialog, QMainWindow, QVBoxLayout, QWidget

from faceloop_workbench.widgets.basic import answer_buttons, paragraph

from .napari_docks import NapariDocks

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from faceloop_workbench.session import Session

_CLOSE = "destroyOnClose"  # of napari's docks


class NapariWindow(QObject):
    """Folds napari's docks, puts the project's name in the title, and asks before work is lost.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Whose window it is.
    dock : QWidget
        Our dock, which is in the window already.
    session : Session
        Knows what is open, and what would be lost.
    """

    def __init__(self, viewer: napari.viewer.Viewer, dock: QWidget, session: Session) -> None:
        super().__init__(dock)
        self._viewer, self._dock, self._session = viewer, dock, session
        self._title = viewer.title
        self._sure = False
        self._window = main_window(dock)
        self.docks = None if self._window is None else NapariDocks(self._window)
        self._holder = dock.parentWidget()
        # What the button of the dock's title calls, a new button whenever the dock moves.
        self._close_dock: Callable[[], object] | None = getattr(self._holder, _CLOSE, None)
        if self._close_dock is not None:
            setattr(self._holder, _CLOSE, self._ask_dock)
        if self._window is not None:
            self._window.installEventFilter(self)
        session.project_changed.connect(self._name)
        session.item_changed.connect(self._name)
        self._name()

    def leave(self) -> None:
        """Give napari its window back as it was."""
        self._session.project_changed.disconnect(self._name)
        self._session.item_changed.disconnect(self._name)
        if self._window is not None:
            self._window.removeEventFilter(self)
        if self._close_dock is not None and self._holder is not None:
            vars(self._holder).pop(_CLOSE, None)
        self._holder = self._close_dock = None
        self._restore()
        self._window = self.docks = None  # whoever still holds the dock must not hold the window

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Ask before the window closes, if something would be lost (Qt's name)."""
        if event is None or watched is not self._window or event.type() != QEvent.Type.Close:
            return False
        losses = [] if self._sure else self._session.losses()
        if losses:
            event.ignore()
            CloseDialog("Close the window?", losses, self._close, self._dock).open()
            return True
        # napari remembers now which docks are open, and might ask something of its own.
        self._restore()
        QTimer.singleShot(0, self._look_again)
        return False

    def _ask_dock(self) -> None:
        """Close the dock, after asking if something would be lost."""
        close, losses = self._close_dock, self._session.losses()
        if close is None:
            return
        if losses:
            CloseDialog("Close faceloop?", losses, close, self._dock).open()
        else:
            close()

    def _close(self) -> None:
        self._sure = True
        assert self._window is not None  # noqa: S101 - it was to be closed
        QMainWindow.close(self._window)  # napari's own forgets whether it was to quit

    def _look_again(self) -> None:
        """Take the window again if it stays: napari asked, and the answer was no."""
        if self._window is not None and self._window.isVisible():
            self._sure = False
            self._name()
            if self.docks is not None:
                self.docks.fold_again()

    def _restore(self) -> None:
        self._viewer.title = self._title
        if self.docks is not None:
            self.docks.restore()

    def _name(self, _what: object = None) -> None:
        project, item = self._session.project, self._session.item
        if project is None:
            self._viewer.title = self._title
        else:
            face = "" if item is None else f"{item.name} \u2013 "
            self._viewer.title = f"{face}{project.name} \u2013 faceloop"


class CloseDialog(QDialog):
    """Says what is lost if the window, or the dock, is closed now.

    Parameters
    ----------
    title : str
        What is asked.
    losses : list of str
        What would be lost, a sentence or two each.
    close : callable
        Closes it.
    parent : QWidget
        What it belongs to.
    """

    def __init__(
        self, title: str, losses: list[str], close: Callable[[], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(420)
        layout = QVBoxLayout(self)
        for text in losses:
            layout.addWidget(paragraph(text))
        layout.addWidget(paragraph("All else is saved."))
        layout.addWidget(answer_buttons(self, "Close and lose it", "close.ok", safe=True))
        self.accepted.connect(close)


def main_window(widget: QWidget) -> QMainWindow | None:
    """Window of napari's that a widget is in, even if it floats; None if it is in none."""
    above = widget.parentWidget()
    while above is not None and not isinstance(above, QMainWindow):
        above = above.parentWidget()
    return above


def picture_widget(dock: QWidget) -> QWidget | None:
    """Return what napari draws the picture in; None where there is no window of napari's."""
    window = main_window(dock)
    centre = None if window is None else window.centralWidget()
    return None if centre is None else centre.findChild(QOpenGLWidget)
