"""The line of a video's time: where it is, and how good the fits seen so far are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QPointF, QRect, QSize, Qt
from qtpy.QtGui import QImage, QPainter, QPalette, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QToolTip, QWidget

from .colours import error_colours, error_word
from .record import ErrorRecord

if TYPE_CHECKING:
    from qtpy.QtGui import QMouseEvent, QPaintEvent

_EDGE, _HEAD, _STRIP = 6, 9, 14  # margin left and right, height of the mark, of the strip


class Timeline(QWidget):
    """A strip coloured by predicted error; a click or drag goes there.

    Each column of pixels stands for some frames and has the colour of the worst of them.

    Attributes
    ----------
    sought : Signal(int)
        This frame was clicked.
    """

    sought = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._record = ErrorRecord(0)
        self._index = 0
        self._rate = 25.0
        self._threshold = 0.06
        self.setObjectName("live.timeline")
        self.setAccessibleName("Timeline")
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Place in the video")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as mark and strip."""
        return QSize(200, _HEAD + _STRIP + 4)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high, and narrow if need be."""
        return QSize(60, self.sizeHint().height())

    def show_record(self, record: ErrorRecord, rate: float, threshold: float) -> None:
        """Show another video's record, or colour it for another threshold."""
        self._record, self._rate, self._threshold = record, rate, threshold
        self.update()

    def set_index(self, index: int) -> None:
        """Show where the video is, and what was recorded meanwhile."""
        self._index = index
        self.update()

    def place(self, frame: int) -> int:
        """Horizontal pixel in which a frame is."""
        frames = max(len(self._record.errors), 1)
        return _EDGE + int((frame + 0.5) * self._width() / frames)

    def frame_at(self, x: float) -> int:
        """Frame at a horizontal pixel; the nearest if it is beside the strip."""
        frames = len(self._record.errors)
        share = (np.floor(x) + 0.5 - _EDGE) / self._width()  # the middle of the pixel
        return int(np.clip(share * frames, 0, max(frames - 1, 0)))

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw the strip and the mark."""
        painter = QPainter(self)
        strip = QRect(_EDGE, _HEAD, self._width(), _STRIP)
        if len(self._record.errors):
            painter.drawImage(strip, self._image())
        painter.setPen(self.palette().color(QPalette.ColorRole.Mid))
        painter.drawRect(strip.adjusted(-1, -1, 0, 0))
        if len(self._record.errors):
            self._draw_mark(painter)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go there."""
        self._seek(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Go along while the button is down; else tell what is there."""
        if event is None or not len(self._record.errors):
            return
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(event)
        else:
            frame = self.frame_at(event.position().x())
            QToolTip.showText(event.globalPosition().toPoint(), self._about(frame), self)

    def _seek(self, event: QMouseEvent | None) -> None:
        if event is not None and len(self._record.errors):
            frame = self.frame_at(event.position().x())
            if frame != self._index:
                self.set_index(frame)
                self.sought.emit(frame)

    def _about(self, frame: int) -> str:
        error = float(self._record.errors[frame])
        number = f" {error:.3f}" if np.isfinite(error) else ""
        older = ", by another model" if self._record.stale[frame] else ""
        word = error_word(error, self._threshold)
        return f"frame {frame}, {frame / self._rate:.2f} s: {word}{number}{older}"

    def _image(self) -> QImage:
        width = self._width()
        errors, stale = self._record.columns(width)
        row = np.ascontiguousarray(error_colours(errors, stale, self._threshold))
        image = QImage(row.tobytes(), width, 1, 3 * width, QImage.Format.Format_RGB888)
        return image.copy()  # the bytes go away

    def _draw_mark(self, painter: QPainter) -> None:
        x = self.place(self._index) + 0.5
        colour = self.palette().color(QPalette.ColorRole.WindowText)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(colour)
        painter.setBrush(colour)
        painter.drawLine(QPointF(x, _HEAD), QPointF(x, _HEAD + _STRIP + 2))
        corners = [QPointF(x - 5, 0), QPointF(x + 5, 0), QPointF(x, _HEAD)]
        painter.drawPolygon(QPolygonF(corners))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _width(self) -> int:
        return max(self.width() - 2 * _EDGE, 1)
