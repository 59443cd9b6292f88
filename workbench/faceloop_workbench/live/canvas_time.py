"""Something drawn over a video's time: the hand and the keys that move in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QRectF, Qt
from qtpy.QtGui import QNativeGestureEvent, QPalette, QPen
from qtpy.QtWidgets import QToolTip, QWidget

if TYPE_CHECKING:
    from qtpy.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QWheelEvent

    from .time_view import TimeView

EDGE = 6
"""Pixels left and right of what is drawn: the mark of the place needs them at the ends."""
_NOTCH = 120.0  # a wheel's step, in Qt's unit
_ZOOM = 0.8  # how much is seen after a step of the wheel, of before
_SHIFTED = 0.2  # share of what is seen that a step of the wheel moves
_LEFT, _MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
_TEN = 10


class TimeArea(QWidget):
    """A widget whose horizontal axis is a video's time.

    A click or drag goes there; with Shift it selects a range. The wheel zooms at the pointer, and
    moves with Shift; the middle button drags what is seen. With the focus: arrows, Home and End
    go to frames, + and - zoom, 0 shows the whole video, Escape selects nothing.

    Parameters
    ----------
    view : TimeView
        Which frames are seen, shared with others.
    """

    def __init__(self, view: TimeView) -> None:
        super().__init__()
        self.view = view
        self._grip: float | None = None  # where in time the middle button holds it
        self._anchor: int | None = None  # where a range begins
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        view.changed.connect(self._redraw)

    def left(self) -> int:
        """Pixels left of the time."""
        return EDGE

    def is_overview(self, _y: float) -> bool:
        """Whether a place is in a strip of the whole video."""
        return False

    def tip(self, _x: float, _y: float) -> str:
        """Say what is at a place."""
        return ""

    def time_width(self) -> int:
        """Pixels that the time is wide."""
        return max(self.width() - self.left() - EDGE, 1)

    def place(self, frame: int) -> int:
        """Horizontal pixel in which a frame is."""
        return self.left() + self.view.place(frame, self.time_width())

    def frame_at(self, x: float) -> int:
        """Frame at a horizontal pixel; the nearest if it is beside the time."""
        return self.view.frame_at(x - self.left(), self.time_width())

    def draw_focus(self, painter: QPainter) -> None:
        """Draw that keys come here."""
        if self.hasFocus():
            painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Highlight), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))

    # The hand

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go there, begin a range, or take hold of what is seen."""
        if event is None or not self.view.frames:
            return
        x, y = event.position().x(), event.position().y()
        if event.button() == _MIDDLE:
            self._grip = self._time(x)
        elif event.button() == _LEFT and self.is_overview(y):
            self._grip = None
            self._centre(x)
        elif event.button() == _LEFT and event.modifiers() & _SHIFT:
            self._anchor = self.frame_at(x)
            self.view.clear_range()
        elif event.button() == _LEFT:
            self.view.seek(self.frame_at(x))
        self._in_overview = event.button() == _LEFT and self.is_overview(y)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go along while a button is down; else tell what is there."""
        if event is None or not self.view.frames:
            return
        x, held = event.position().x(), event.buttons()
        if held & _MIDDLE and self._grip is not None:
            self.view.pan(self._grip - self._time(x))
        elif held & _LEFT and self._anchor is not None:
            self.view.select(self._anchor, self.frame_at(x))
        elif held & _LEFT and self._in_overview:
            self._centre(x)
        elif held & _LEFT:
            self.view.seek(self.frame_at(x))
        elif not held:
            said = self.tip(x, event.position().y())
            QToolTip.showText(event.globalPosition().toPoint(), said, self)

    def mouseReleaseEvent(self, _event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        self._grip = self._anchor = None

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802 - Qt's name
        """Zoom at the pointer; with Shift, or sideways, move what is seen."""
        if event is None or not self.view.frames:
            return
        turned = event.angleDelta()
        if event.modifiers() & _SHIFT or abs(turned.x()) > abs(turned.y()):
            steps = (turned.x() or turned.y()) / _NOTCH
            self.view.pan(-steps * _SHIFTED * self.view.span)
        else:
            self.view.zoom(_ZOOM ** (turned.y() / _NOTCH), self._time(event.position().x()))
        event.accept()

    def event(self, event: QEvent | None) -> bool:
        """Zoom by two fingers where a touchpad tells of them (Qt's name)."""
        if isinstance(event, QNativeGestureEvent) and self.view.frames and _zooms(event):
            grown = max(1.0 + event.value(), 0.1)
            self.view.zoom(1.0 / grown, self._time(event.position().x()))
            return True
        return super().event(event)

    # The keys

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go to frames, zoom, select nothing."""
        if event is None or not self.view.frames or not self._do_key(event):
            super().keyPressEvent(event)

    def _do_key(self, event: QKeyEvent) -> bool:
        view, key = self.view, Qt.Key
        step = _TEN if event.modifiers() & _SHIFT else 1
        page = max(int(view.span), 1)
        moves = {
            key.Key_Left: view.index - step,
            key.Key_Right: view.index + step,
            key.Key_PageUp: view.index - page,
            key.Key_PageDown: view.index + page,
            key.Key_Home: 0,
            key.Key_End: view.frames - 1,
        }
        zooms = {key.Key_Plus: _ZOOM, key.Key_Equal: _ZOOM, key.Key_Minus: 1 / _ZOOM}
        pressed = Qt.Key(event.key())
        if pressed in moves:
            view.seek(moves[pressed])
        elif pressed in zooms:
            view.zoom(zooms[pressed], view.index + 0.5)
        elif pressed == key.Key_0:
            view.show_whole()
        elif pressed == key.Key_Escape and view.selected is not None:
            view.clear_range()
        else:
            return False
        return True

    def focusInEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show it."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:  # noqa: N802 - Qt's name
        """Show it no more."""
        super().focusOutEvent(event)
        self.update()

    def _redraw(self) -> None:
        self.update()

    def _time(self, x: float) -> float:
        return self.view.at(x - self.left(), self.time_width())

    def _centre(self, x: float) -> None:
        share = (x - self.left()) / self.time_width()
        self.view.pan(share * self.view.frames - self.view.first - self.view.span / 2)


def _zooms(event: QNativeGestureEvent) -> bool:
    return event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture
