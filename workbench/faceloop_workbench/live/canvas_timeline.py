"""What stands round the rows of the timeline: axis, marks, selection, place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPalette, QPen, QPolygonF

from .canvas_time import EDGE
from .colours import face_colour
from .time_ticks import time_ticks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .canvas_time import TimeArea
    from .track_rows import TrackRow

_TICK_EVERY = 110  # pixels that the longest text of a tick needs
_SMALL = 0.8  # of the font
_LEVEL = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_MARK = 6  # pixels: marks closer than this are drawn as one
ANNOTATED, QUEUED = QColor(0, 114, 178), QColor(230, 159, 0)


def rgb(colour: QColor) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255."""
    return colour.red(), colour.green(), colour.blue()


def draw_window(painter: QPainter, area: TimeArea, top: int, height: int) -> None:
    """Frame what is seen in the strip of the whole video, and darken the rest."""
    view, left, width = area.view, area.left(), area.time_width()
    low = left + view.first * width / view.frames
    wide = max(view.span * width / view.frames, 3.0)
    dark = QColor(0, 0, 0, 120)
    painter.fillRect(QRectF(left, top, low - left, height), dark)
    painter.fillRect(QRectF(low + wide, top, left + width - low - wide, height), dark)
    painter.setPen(QPen(_colour(area, QPalette.ColorRole.WindowText), 1))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(QRectF(low, top - 0.5, wide, height))


def draw_axis(painter: QPainter, area: TimeArea, top: int, height: int) -> None:
    """Draw times and frame numbers at round places."""
    view, left, width = area.view, area.left(), area.time_width()
    font = painter.font()
    font.setPointSizeF(font.pointSizeF() * _SMALL)
    painter.setFont(font)
    text = _colour(area, QPalette.ColorRole.WindowText)
    text.setAlphaF(0.75)
    painter.setPen(text)
    for frame, said in time_ticks(view.first, view.span, view.rate, max(width // _TICK_EVERY, 1)):
        x = left + (frame + 0.5 - view.first) * width / view.span
        painter.drawLine(QPointF(x, top + 2), QPointF(x, top + height))
        if x + painter.fontMetrics().horizontalAdvance(said) + 3 <= area.width():
            painter.drawText(QRectF(x + 3, top - 1, _TICK_EVERY, height), _LEVEL, said)


def draw_marks(
    painter: QPainter, area: TimeArea, marks: Mapping[str, NDArray[np.intp]], top: int, height: int
) -> None:
    """Draw a diamond for each annotated frame and a ring for each in the queue."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    y, r = top + height / 2, _MARK / 2
    for x in _mark_places(area, marks["queued"]):
        painter.setPen(QPen(QUEUED, 1.8))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QPointF(x, y), r, r)
    painter.setPen(QPen(_colour(area, QPalette.ColorRole.WindowText), 0.8))
    painter.setBrush(ANNOTATED)
    for x in _mark_places(area, marks["annotated"]):
        corners = ((x - r, y), (x, y - r - 0.5), (x + r, y), (x, y + r + 0.5))
        painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)


def draw_gutter(painter: QPainter, area: TimeArea, row: TrackRow, top: int, height: int) -> None:
    """Draw a face's colour and number beside its row."""
    number = row.id or 0
    painter.fillRect(QRectF(EDGE, top + 1, 4, height - 3), QColor(*face_colour(number)))
    painter.setPen(_colour(area, QPalette.ColorRole.WindowText))
    place = QRectF(EDGE + 5, top - 1, area.left() - EDGE - 7, height)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, str(number))


def draw_selection(painter: QPainter, area: TimeArea, top: int) -> None:
    """Draw the selected range over all rows."""
    view, left, width = area.view, area.left(), area.time_width()
    if view.selected is None:
        return
    first, last = view.selected
    low = max(left + (first - view.first) * width / view.span, left)
    high = min(left + (last + 1 - view.first) * width / view.span, left + width)
    if high < low:
        return
    edge = _colour(area, QPalette.ColorRole.WindowText)
    tint = QColor(edge)
    tint.setAlpha(28)
    painter.fillRect(QRectF(low, top, high - low, area.height() - top), tint)
    painter.setPen(QPen(edge, 1, Qt.PenStyle.DashLine))
    for x in (low, high):
        painter.drawLine(QPointF(x, top), QPointF(x, area.height()))


def draw_place(
    painter: QPainter, area: TimeArea, top: int, bottom: int, *, arrow: bool = True
) -> None:
    """Draw where the video is: a line, and an arrow at its top."""
    x = area.place(area.view.index) + 0.5
    if not area.left() <= x <= area.left() + area.time_width():
        return
    colour = _colour(area, QPalette.ColorRole.WindowText)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(colour)
    painter.setBrush(colour)
    painter.drawLine(QPointF(x, top), QPointF(x, bottom))
    if arrow:
        corners = [QPointF(x - 4, top - 3), QPointF(x + 4, top - 3), QPointF(x, top + 4)]
        painter.drawPolygon(QPolygonF(corners))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)


def _mark_places(area: TimeArea, frames: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the pixels of the frames that are seen, of close ones the first."""
    view, width = area.view, area.time_width()
    low, high = np.searchsorted(frames, [view.first, view.first + view.span])
    places = (frames[low:high] + 0.5 - view.first) * width / view.span
    cells = np.floor(places / _MARK)
    first = np.diff(cells, prepend=-1.0) > 0
    return np.asarray(area.left() + places[first])


def _colour(area: TimeArea, role: QPalette.ColorRole) -> QColor:
    return QColor(area.palette().color(role))
