"""Hands for a napari window: real mouse and key events, at places of the picture."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLineEdit, QWidget

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import ArrayLike

NONE = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


class Driver:
    """Uses a window as a person does.

    Parameters
    ----------
    viewer : napari.Viewer
        The window.
    dock : Dock
        Our dock in it.
    qtbot : QtBot
        Runs the event loop.
    """

    def __init__(self, viewer: object, dock: object, qtbot: object) -> None:
        self.viewer, self.dock, self._qtbot = viewer, dock, qtbot

    def focus(self, widget: QWidget) -> None:
        """Give a widget the keyboard; without a window manager its window must be asked for too."""
        window = widget.window()
        window.activateWindow()
        self.until(window.isActiveWindow)
        widget.setFocus()
        self.until(widget.hasFocus)

    @property
    def canvas(self) -> QWidget:
        """The widget that the picture is drawn in."""
        return self.viewer.window._qt_viewer.canvas.native

    def settle(self, milliseconds: int = 50) -> None:
        """Let the event loop run for a moment."""
        self._qtbot.wait(milliseconds)

    def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        """Let the event loop run until something is true."""
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=int(seconds * 1000))

    def at(self, xy: ArrayLike) -> QPoint:
        """Where on the canvas a place ``(x, y)`` of the picture is drawn."""
        x, y = self.dock.picture_layer.to_world(xy)
        camera = self.viewer.scene.camera
        centre = np.asarray(camera.center, dtype=float)[-2:]
        height, width = self.canvas.height(), self.canvas.width()
        right = (x - centre[1]) * camera.zoom + width / 2
        down = (y - centre[0]) * camera.zoom + height / 2
        return QPoint(round(right), round(down))

    def move(self, xy: ArrayLike) -> None:
        """Point at a place of the picture."""
        QTest.mouseMove(self.canvas, self.at(xy))
        self.settle(20)

    def click(self, xy: ArrayLike, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Click on a place of the picture."""
        self.move(xy)
        QTest.mouseClick(self.canvas, LEFT, modifiers, self.at(xy))
        self.settle()

    def drag(
        self,
        start: ArrayLike,
        end: ArrayLike,
        modifiers: Qt.KeyboardModifier = NONE,
        *,
        steps: int = 6,
        release: bool = True,
        double: bool = False,
    ) -> None:
        """Press at a place of the picture, move to another, let go.

        A press that comes soon after a click is what Qt calls a double click.
        """
        self.move(start)
        if double:
            self.settle(200)  # the move may come late, and without a button it would end the drag
            _double_press(self.canvas, self.at(start))
        else:
            QTest.mousePress(self.canvas, LEFT, modifiers, self.at(start))
        self.settle(20)
        begin, stop = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
        for share in np.linspace(0, 1, steps + 1)[1:]:
            _move_pressed(self.canvas, self.at(begin + share * (stop - begin)), modifiers)
            self.settle(15)
        if release:
            QTest.mouseRelease(self.canvas, LEFT, modifiers, self.at(end))
        self.settle()

    def release(self, xy: ArrayLike) -> None:
        """Let the button go that a drag has left down."""
        QTest.mouseRelease(self.canvas, LEFT, NONE, self.at(xy))
        self.settle()

    def press(self, key: Qt.Key | str, modifiers: Qt.KeyboardModifier = NONE) -> None:
        """Press a key and let it go, with the canvas in focus."""
        self.focus(self.canvas)
        QTest.keyClick(self.canvas, key, modifiers)
        self.settle()

    def hold(self, key: Qt.Key | str) -> None:
        """Press a key and keep it down."""
        self.focus(self.canvas)
        QTest.keyPress(self.canvas, key)
        self.settle()

    def let_go(self, key: Qt.Key | str) -> None:
        """Let a key go."""
        QTest.keyRelease(self.canvas, key)
        self.settle()

    def button(self, name: str) -> None:
        """Click the visible button of that object name."""
        found = [b for b in self.dock.findChildren(QAbstractButton, name) if b.isVisible()]
        assert found, f"there is no visible button {name}"
        QTest.mouseClick(found[0], LEFT)
        self.settle()

    def tab(self, title: str) -> None:
        """Open a tab by its title."""
        tabs = self.dock.tabs
        titles = [tabs.tabText(i) for i in range(tabs.count())]
        bar = tabs.tabBar()
        QTest.mouseClick(bar, LEFT, NONE, bar.tabRect(titles.index(title)).center())
        self.settle()

    def enter_file(self, path: Path) -> None:
        """Type a name into the file dialog that is open, and confirm until it is gone."""
        top = QApplication.topLevelWidgets()
        dialog = next(w for w in top if isinstance(w, QFileDialog) and w.isVisible())
        line = dialog.findChild(QLineEdit)
        self.focus(line)
        type_into(line, str(path))

        def confirmed() -> bool:
            # The list of suggestions, which comes when it has read the folder, takes one Return.
            QTest.keyClick(line, Qt.Key.Key_Return)
            return not dialog.isVisible()

        self.until(confirmed)
        self.settle(100)

    def picture(self, path: Path) -> None:
        """Save what the screen shows, menus and dialogs too."""
        self.settle(200)
        QApplication.primaryScreen().grabWindow(0).save(str(path))


def type_into(line: QLineEdit, text: str) -> None:
    """Replace what a line says, key by key."""
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, text)


BLOCKED = 0.5
"""Seconds of the processor that only what belongs into another thread takes: a training, an import,
a detection of faces. A person feels .1 s, which tests/benchmarks/blocking.py measures; a slow or
busy machine takes that for what belongs here."""


class LoopProbe:
    """Measures how long the event loop is blocked: a timer that should come every 5 ms.

    Attributes
    ----------
    worst_cpu : float
        Most time of the processor that the window's thread took between two ticks, in seconds.
        The clock on the wall would show how busy the machine is.
    """

    def __init__(self) -> None:
        from qtpy.QtCore import QTimer

        self.worst_cpu, self._last = 0.0, time.thread_time()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def __enter__(self) -> LoopProbe:
        self._last = time.thread_time()
        self._timer.start(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._tick()
        self._timer.stop()

    def _tick(self) -> None:
        now = time.thread_time()
        self.worst_cpu = max(self.worst_cpu, now - self._last)
        self._last = now


def _double_press(widget: QWidget, position: QPoint) -> None:
    _send(widget, "MouseButtonDblClick", position, LEFT, NONE)


def _move_pressed(widget: QWidget, position: QPoint, modifiers: Qt.KeyboardModifier) -> None:
    # QTest.mouseMove tells no buttons; a drag needs the one that is down.
    _send(widget, "MouseMove", position, Qt.MouseButton.NoButton, modifiers)


def _send(
    widget: QWidget,
    kind: str,
    position: QPoint,
    button: Qt.MouseButton,
    modifiers: Qt.KeyboardModifier,
) -> None:
    from qtpy.QtCore import QEvent, QPointF
    from qtpy.QtGui import QMouseEvent

    event = QMouseEvent(
        QEvent.Type[kind],
        QPointF(position),
        QPointF(widget.mapToGlobal(position)),
        button,
        LEFT,
        modifiers,
    )
    QApplication.sendEvent(widget, event)
