"""Quantities of a track, plotted over the same time as the timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPalette, QPen
from qtpy.QtWidgets import QSizePolicy

from .canvas_lines import line_picture
from .canvas_time import EDGE, TimeArea
from .canvas_timeline import draw_place, draw_selection
from .colours import face_colour
from .plot_series import PlotSeries, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QPaintEvent

    from faceloop_datasets.tracks.track import Track
    from faceloop_workbench.services.quantities import Quantity

    from .time_view import TimeView

GUTTER = 40
"""Pixels left of the time: values of the axes stand there."""
_LEAST, _USUAL = 40, 64  # heights of a plot
_GAP = 3
_SMALL = 0.8  # of the font
_ALONE = (74, 144, 217)
"""On dark and on light; with several faces each has its own."""
_NOTHING = "Choose what to plot. It is drawn over the same time as the line above."
_NO_TRACK = "There is no track of this video yet: nothing to plot."


class PlotArea(TimeArea):
    """A plot for each chosen quantity, one below the other, a line for each face.

    A click goes there; zooming, moving and selecting is that of the timeline.

    Parameters
    ----------
    view : TimeView
        Which frames are seen.
    """

    def __init__(self, view: TimeView) -> None:
        super().__init__(view)
        self.series = PlotSeries()
        self.series.changed.connect(self._redraw)
        self.setObjectName("live.plots")
        self.setAccessibleName("Plots over time")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for each plot."""
        return QSize(200, max(len(self.series.quantities), 1) * _USUAL)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Low, if need be."""
        return QSize(60, max(len(self.series.quantities), 1) * _LEAST)

    def show_track(self, track: Track | None) -> None:
        """Plot a track, or what it has become; None for none."""
        self.series.show_track(track)
        self.update()

    def choose(self, quantities: Sequence[Quantity]) -> None:
        """Plot these."""
        self.series.choose(quantities)
        self.updateGeometry()
        self.update()

    def left(self) -> int:
        """Pixels left of the time."""
        return EDGE + GUTTER

    def tip(self, x: float, y: float) -> str:
        """Say the values at a place."""
        frame = self.frame_at(x)
        lines = [f"frame {frame}, {frame / self.view.rate:.2f} s"]
        plots = self.series.quantities
        if plots:
            number = int(np.clip(y * len(plots) / max(self.height(), 1), 0, len(plots) - 1))
            lines += self._said(plots[number], frame)
        return "\n".join(lines)

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw all plots, the selection and the place."""
        painter = QPainter(self)
        plots = self.series.quantities
        if not plots or not self.series.faces:
            why = _NO_TRACK if plots else _NOTHING
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, why)
        else:
            high = self.height() / len(plots)
            for k, one in enumerate(plots):
                place = QRectF(self.left(), int(k * high), self.time_width(), high - _GAP)
                self._draw_plot(painter, one, place)
            draw_selection(painter, self, 0)
            draw_place(painter, self, 0, self.height(), arrow=False)
        self.draw_focus(painter)
        painter.end()

    def _draw_plot(self, painter: QPainter, one: Quantity, place: QRectF) -> None:
        painter.save()
        _make_small(painter)
        title = painter.fontMetrics().height() + 1  # text is put at whole pixels
        self._draw_title(painter, one, place)
        place = place.adjusted(0, title, 0, 0)
        painter.fillRect(place, self.palette().color(QPalette.ColorRole.Base))
        series = self.series.of(one)
        if series is not None:
            ratio = self.devicePixelRatioF()
            size = round(place.width() * ratio), max(round(place.height() * ratio), 1)
            lines = [(values, self._colour(k)) for k, values in series.values.items()]
            self._draw_scale(painter, place, series.limits)
            painter.drawImage(place, line_picture(lines, self.view, size, series.limits))
        painter.restore()

    def _draw_scale(self, painter: QPainter, place: QRectF, limits: tuple[float, float]) -> None:
        text = QColor(self.palette().color(QPalette.ColorRole.WindowText))
        text.setAlphaF(0.75)
        low, high = limits
        if low < 0 < high:
            zero = place.bottom() + low / (high - low) * place.height()
            painter.setPen(QPen(text, 0.5, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(place.left(), zero), QPointF(place.right(), zero))
        painter.setPen(text)
        beside = QRectF(0, place.top(), self.left() - 3, place.height())
        right = Qt.AlignmentFlag.AlignRight
        painter.drawText(beside, right | Qt.AlignmentFlag.AlignTop, short(high, high - low))
        painter.drawText(beside, right | Qt.AlignmentFlag.AlignBottom, short(low, high - low))

    def _draw_title(self, painter: QPainter, one: Quantity, place: QRectF) -> None:
        here = self._said(one, self.view.index) if len(self.series.faces) == 1 else [one.label]
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft, "  ".join(here))

    def _said(self, one: Quantity, frame: int) -> list[str]:
        said = [one.label]
        several = len(self.series.faces) > 1
        series = self.series.of(one)
        for face in () if series is None else series.faces:
            value = _at(series, face.id, frame)
            named = f"{face.name or f'face {face.id}'}: " if several else ""
            said.append(f"{named}{'none' if np.isnan(value) else f'{value:.3g}'}")
        return said

    def _colour(self, number: int) -> tuple[int, int, int]:
        return face_colour(number) if len(self.series.faces) > 1 else _ALONE


def short(value: float, span: float) -> str:
    """Write a value of an axis with as many digits as its length needs."""
    digits = int(np.clip(1 - np.floor(np.log10(max(span, 1e-12))), 0, 4))
    return f"{value:.{digits}f}"


def _make_small(painter: QPainter) -> None:
    font = painter.font()
    font.setPointSizeF(font.pointSizeF() * _SMALL)
    painter.setFont(font)


def _at(series: Series | None, face: int, frame: int) -> float:
    values = np.zeros(0) if series is None else series.values[face].values
    return float(values[frame]) if frame < len(values) else float("nan")
