"""What to click next, told where the person looks: beside the pointer, with a small drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QLineF, QPointF, QRectF, Qt, QTimer
from qtpy.QtGui import QColor, QCursor, QPainter, QPen
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from faceloop_workbench.widgets.basic import PlainLabel, heading, not_none

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from qtpy.QtGui import QPaintEvent

    from .mouse_editing import ClickRequest, FaceSketch, MouseEditing

_FOLLOW_MS = 30
_BESIDE = 22  # pixels from the pointer: nothing of what is clicked is covered
_SKETCH, _EDGE, _DISC = 96, 9.0, 8.0
_NOW, _LATER, _LINE = QColor("#ffb000"), QColor("#8a8f98"), QColor("#8a8f98")
_PAPER, _INK = QColor("#22252b"), QColor("#f4f5f7")


class ClickPrompt(QWidget):
    """Follows the pointer while clicks are asked for.

    Parameters
    ----------
    mouse : MouseEditing
        Knows which click is wanted.
    parent : QWidget
        The tab Annotate.
    """

    def __init__(self, mouse: MouseEditing, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.ToolTip | Qt.WindowType.WindowTransparentForInput)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setObjectName("annotate.prompt")
        self._sketch, self._what, self._how = _Sketch(), heading("", small=True), PlainLabel()
        for label in (self._what, self._how):
            label.setStyleSheet(f"color: {_INK.name()};")
        words = QVBoxLayout()
        words.addStretch(1)
        words.addWidget(self._what)
        words.addWidget(self._how)
        words.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 6, 10, 6)
        layout.addWidget(self._sketch)
        layout.addLayout(words)
        self.setFixedWidth(_SKETCH + 190)
        self._timer = QTimer(self)
        self._timer.setInterval(_FOLLOW_MS)
        self._timer.timeout.connect(self._follow)
        mouse.clicks_changed.connect(self._ask)

    def close_down(self) -> None:
        """Follow no more."""
        self._timer.stop()
        self.hide()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the card, the same on both themes: it lies on a picture."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _PAPER)
        painter.setPen(QPen(_NOW, 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def _ask(self, clicks: ClickRequest | None) -> None:
        if clicks is None:
            self.close_down()
            return
        number, count = len(clicks.places), len(clicks.wanted)
        which = f"{number + 1} of {count}: " if count > 1 else ""
        self._what.setText(f"{which}click the {clicks.wanted[number]}")
        self._how.setText("Escape cancels.")
        self._sketch.setVisible(clicks.sketch is not None)
        if clicks.sketch is not None:
            self._sketch.show_place(clicks.sketch, number)
        self.adjustSize()
        self._follow()
        self.show()
        self._timer.start()

    def _follow(self) -> None:
        """Go where the pointer is, and stay on the screen."""
        pointer = QCursor.pos()
        screen = not_none(self.screen()).availableGeometry()
        x, y = pointer.x() + _BESIDE, pointer.y() + _BESIDE
        if x + self.width() > screen.right():
            x = pointer.x() - _BESIDE - self.width()
        if y + self.height() > screen.bottom():
            y = pointer.y() - _BESIDE - self.height()
        self.move(max(x, screen.left()), max(y, screen.top()))


class _Sketch(QWidget):
    """A mean face with the places to click, numbered, the next one in colour."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(_SKETCH, _SKETCH)
        self._sketch: FaceSketch | None = None
        self._now = 0

    def show_place(self, sketch: FaceSketch, now: int) -> None:
        """Draw a face, and in it the place that is wanted now."""
        self._sketch, self._now = sketch, now
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw it."""
        sketch = self._sketch
        if sketch is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        points, places = _fitted(sketch.points), _fitted(sketch.places, sketch.points)
        painter.setPen(QPen(_LINE, 1))
        for start, end in sketch.lines:
            painter.drawLine(QLineF(*points[start], *points[end]))
        for number, place in enumerate(places):
            self._draw_place(painter, number, QPointF(*place))

    def _draw_place(self, painter: QPainter, number: int, centre: QPointF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_NOW if number == self._now else _LATER)
        painter.drawEllipse(centre, _DISC, _DISC)
        painter.setPen(_PAPER)
        box = QRectF(centre.x() - _DISC, centre.y() - _DISC, 2 * _DISC, 2 * _DISC)
        text = "\u2713" if number < self._now else str(number + 1)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _fitted(
    points: NDArray[np.float64], frame: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Points (N, 2) scaled so that all of ``frame``, or of themselves, fill the sketch."""
    known = points if frame is None else frame
    low, high = np.nanmin(known, axis=0), np.nanmax(known, axis=0)
    scale = (_SKETCH - 2 * _EDGE) / float((high - low).max())
    placed: NDArray[np.float64] = (points - (low + high) / 2) * scale + _SKETCH / 2
    return placed
