"""Small charts, drawn by Qt itself: quick enough to follow a training, in the window's colours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from .axes import Scale, label, round_ticks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from qtpy.QtGui import QPaintEvent

    Vector = NDArray[np.float64]

# Apart for the colour-blind, and as far from a black ground as from a white one.
_COLOURS = ("#e0771c", "#3b8fd6", "#4da64d")
_MOST_POINTS = 400
_MOST_TICKS = 8
_LINES = 3  # for the names of the groups of points
_NEAR = 10.0  # pixels between the mouse and what it points at


@dataclass(frozen=True, eq=False)
class Curve:
    """One line of a chart.

    Parameters
    ----------
    name : str
        For the legend.
    x, y : ndarray
        Its corners.
    colour : int
        0 for the new, 1 for the old, 2 for another.
    labels : tuple of str
        What each corner is, for the tooltip; corners with one are marked.
    """

    name: str
    x: Vector
    y: Vector
    colour: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Axis:
    """One axis of a chart.

    Parameters
    ----------
    title : str
        What it shows.
    low, high : float
        Its ends.
    percent : bool
        Whether 1 is written as 100 %.
    ticks : mapping of float to str
        Marks instead of round numbers.
    """

    title: str
    low: float = 0.0
    high: float = 1.0
    percent: bool = False
    ticks: Mapping[float, str] = field(default_factory=dict)

    def marks(self, most: int) -> list[tuple[float, str]]:
        """Values to mark, and what is written there."""
        if self.ticks:
            keep = -(-len(self.ticks) // max(most, 1))
            return list(self.ticks.items())[::keep]
        values = round_ticks(self.low, self.high, most)
        step = values[1] - values[0] if len(values) > 1 else 1.0
        if self.percent:
            return [(v, f"{100 * v:.0f} %") for v in values]
        return [(v, label(v, step)) for v in values]


def colour(index: int) -> QColor:
    """Colour of a curve."""
    return QColor(_COLOURS[index])


def _ticks(room: float) -> int:
    return min(max(int(room), 2), _MOST_TICKS)


class Chart(QWidget):
    """Frame, axes and legend; what stands in it is drawn by the classes below."""

    def __init__(self, height: int = 170) -> None:
        super().__init__()
        self._height = height
        self._x, self._y = Axis(""), Axis("")
        self._legend: list[tuple[str, int]] = []
        self._empty = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(height)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size it asks for."""
        return QSize(300, self._height)

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._empty:
            painter.setPen(self._faint(160))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(10, 0, -10, 0), int(flags), self._empty)
        else:
            plot = self._plot(painter)
            x, y = self._scales(plot)
            self._draw_axes(painter, plot, x, y)
            self._draw(painter, x, y)
        painter.end()

    def _draw(self, painter: QPainter, x: Scale, y: Scale) -> None:
        raise NotImplementedError

    def _faint(self, alpha: int) -> QColor:
        ink = QColor(self.palette().windowText().color())
        ink.setAlpha(alpha)
        return ink

    def _area(self) -> QRectF:
        """Return the frame without axes and legend."""
        metrics = QFontMetricsF(self.font())
        line = metrics.height()
        widths = [metrics.horizontalAdvance(text) for _, text in self._y.marks(_MOST_TICKS)]
        left = max(widths, default=0.0) + 8
        bottom = line * (2.2 if self._x.title else 1.3)
        top = line * (len(self._legend_rows(metrics)) + 0.6) + (1.2 * line if self._y.title else 0)
        return QRectF(left, top, self.width() - left - 10, self.height() - top - bottom)

    def _scales(self, plot: QRectF) -> tuple[Scale, Scale]:
        return (
            Scale(self._x.low, self._x.high, plot.left(), plot.right()),
            Scale(self._y.low, self._y.high, plot.bottom(), plot.top()),
        )

    def _plot(self, painter: QPainter) -> QRectF:
        """Draw the legend; return the rest."""
        metrics = QFontMetricsF(self.font())
        line = metrics.height()
        for row, entries in enumerate(self._legend_rows(metrics)):
            left, middle = 4.0, line * (row + 0.6)
            for name, index in entries:
                painter.fillRect(QRectF(left, middle - 2, 14, 4), colour(index))
                painter.setPen(self.palette().windowText().color())
                painter.drawText(QPointF(left + 19, middle + metrics.ascent() / 2 - 1), name)
                left += 19 + metrics.horizontalAdvance(name) + 16
        return self._area()

    def _legend_rows(self, metrics: QFontMetricsF) -> list[list[tuple[str, int]]]:
        rows: list[list[tuple[str, int]]] = []
        left = float(self.width())
        for entry in self._legend:
            width = 35 + metrics.horizontalAdvance(entry[0])
            if left + width > self.width():
                rows.append([])
                left = 0.0
            rows[-1].append(entry)
            left += width
        return rows

    def _draw_axes(self, painter: QPainter, plot: QRectF, x: Scale, y: Scale) -> None:
        line = QFontMetricsF(self.font()).height()
        text, grid = self._faint(210), QPen(self._faint(45))
        for value, said in self._y.marks(_ticks(plot.height() / (1.8 * line))):
            at = y(value)
            painter.setPen(grid)
            painter.drawLine(QPointF(plot.left(), at), QPointF(plot.right(), at))
            painter.setPen(text)
            box = QRectF(0, at - line / 2, plot.left() - 4, line)
            painter.drawText(
                box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), said
            )
        for value, said in self._x.marks(_ticks(plot.width() / 55)):
            at = min(x(value), self.width() - 22)
            painter.drawText(
                QRectF(at - 40, plot.bottom() + 2, 80, line),
                int(Qt.AlignmentFlag.AlignHCenter),
                said,
            )
        painter.drawText(
            QRectF(0, plot.bottom() + 1.1 * line, self.width() - 6, line),
            int(Qt.AlignmentFlag.AlignRight),
            self._x.title,
        )
        painter.drawText(QPointF(4, plot.top() - 0.8 * line), self._y.title)
        painter.setPen(QPen(self._faint(110)))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())

    def event(self, event: QEvent | None) -> bool:
        """Show what the mouse points at."""
        if isinstance(event, QHelpEvent):
            said = "" if self._empty else self._about(event.pos().x(), event.pos().y())
            QToolTip.showText(event.globalPos(), said, self)
            return True
        return bool(super().event(event))

    def _about(self, across: float, down: float) -> str:
        """Return what is at a place, for the tooltip."""
        raise NotImplementedError


class LineChart(Chart):
    """Curves on two axes."""

    def __init__(self, height: int = 170) -> None:
        super().__init__(height)
        self._curves: list[Curve] = []

    def show_curves(self, curves: Sequence[Curve], x: Axis, y: Axis) -> None:
        """Draw these curves."""
        self._curves, self._x, self._y, self._empty = list(curves), x, y, ""
        self._legend = [(c.name, c.colour) for c in curves if c.name]
        self.update()

    def show_none(self, why: str) -> None:
        """Draw nothing, and say why."""
        self._curves, self._empty = [], why
        self.update()

    def _draw(self, painter: QPainter, x: Scale, y: Scale) -> None:
        for curve in reversed(self._curves):  # the first on top
            keep = np.arange(len(curve.x))[:: -(-len(curve.x) // _MOST_POINTS) or 1]
            places = [QPointF(x(curve.x[k]), y(curve.y[k])) for k in keep]
            painter.setPen(QPen(colour(curve.colour), 1.8))
            painter.drawPolyline(QPolygonF(places))
            if curve.labels or len(places) == 1:
                painter.setBrush(colour(curve.colour))
                for place in places:
                    painter.drawEllipse(place, 3.0, 3.0)
                painter.setBrush(Qt.BrushStyle.NoBrush)

    def _about(self, across: float, down: float) -> str:
        x, y = self._scales(self._area())
        for curve in self._curves:
            for k, said in enumerate(curve.labels):
                if np.hypot(x(curve.x[k]) - across, y(curve.y[k]) - down) < _NEAR:
                    return said
        return ""


class PointBars(Chart):
    """Error of each point, grouped by part of the face: new as bars, old as marks over them."""

    def __init__(self, height: int = 170) -> None:
        super().__init__(height)
        self._new = self._old = np.zeros(0)
        self._names: Sequence[str] = ()
        self._groups: Mapping[str, Sequence[int]] = {}

    def show_points(
        self,
        new: Vector,
        old: Vector | None,
        names: Sequence[str],
        groups: Mapping[str, Sequence[int]],
        *,
        y: Axis,
        legend: tuple[str, str],
    ) -> None:
        """Draw the errors of all points.

        Parameters
        ----------
        new, old : ndarray, shape (N,)
            NaN where unknown.
        names : sequence of str
            Of the points.
        groups : mapping of str to sequence of int
            Points by part of the face.
        y : Axis
            The errors' axis.
        legend : (str, str)
            What the bars and the marks are.
        """
        self._new, self._names, self._groups, self._y = new, names, groups, y
        self._old = np.full(len(new), np.nan) if old is None else old
        self._legend = [(legend[0], 0)] + ([] if old is None else [(legend[1], 1)])
        # A point is one step wide, the gap between two groups another.
        self._x = Axis("", 0, len(new) + len(groups) - 1, ticks={-1.0: ""})
        self._empty = ""
        self.update()

    def show_none(self, why: str) -> None:
        """Draw nothing, and say why."""
        self._empty = why
        self.update()

    def _places(self) -> list[tuple[int, int]]:
        """Return each point with its place from the left."""
        members = [(k, g) for g, group in enumerate(self._groups.values()) for k in group]
        return [(k, place + g) for place, (k, g) in enumerate(members)]

    def _draw(self, painter: QPainter, x: Scale, y: Scale) -> None:
        width = max(x(1) - x(0), 1.0)
        for k, place in self._places():
            left = x(place)
            if np.isfinite(self._new[k]):
                bar = QRectF(left, y(self._new[k]), 0.75 * width, y(0) - y(self._new[k]))
                painter.fillRect(bar, colour(0))
            if np.isfinite(self._old[k]):
                mark = QRectF(left - 0.1 * width, y(self._old[k]) - 1, 0.95 * width, 2)
                painter.fillRect(mark, colour(1))
        self._draw_groups(painter, x, y(0))

    def _draw_groups(self, painter: QPainter, x: Scale, bottom: float) -> None:
        painter.setPen(self._faint(210))
        line, begin = QFontMetricsF(self.font()).height(), 0
        for row, (name, members) in enumerate(self._groups.items()):
            middle = (x(begin) + x(begin + len(members))) / 2
            # Neighbours on different lines: a brow is narrower than its name.
            box = QRectF(middle - 60, bottom + 2 + line * (row % _LINES), 120, line)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter), name.replace("_", " "))
            begin += len(members) + 1

    def _area(self) -> QRectF:
        below = (_LINES - 1) * QFontMetricsF(self.font()).height()
        return super()._area().adjusted(0, 0, 0, -below)

    def _about(self, across: float, _down: float) -> str:
        x, _ = self._scales(self._area())
        for k, place in self._places():
            if x(place) <= across < x(place + 1):
                said = [f"{k} {self._names[k]}"]
                for values, (name, _) in zip((self._new, self._old), self._legend, strict=False):
                    if np.isfinite(values[k]):
                        said.append(f"{name}: {values[k]:.4f}")
                return "\n".join(said)
        return ""
