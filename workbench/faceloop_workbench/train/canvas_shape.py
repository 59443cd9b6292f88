"""Faces drawn as lines, and filters as pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QHelpEvent, QImage, QPainter, QPen, QPixmap, QPolygonF
from qtpy.QtWidgets import QLabel, QToolTip, QWidget

from faceloop_workbench.widgets.basic import PlainLabel

from .canvas import colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from qtpy.QtGui import QMouseEvent, QPaintEvent

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]

_NEAR = 12.0  # pixels between the mouse and the point it means
_ROOM = 1.25  # the picture shows so much more than the reference shape


class ShapeCanvas(QWidget):
    """Shapes of the model's frame, with the scheme's lines."""

    def __init__(self, scheme: Scheme, reference: Points) -> None:
        super().__init__()
        self._scheme = scheme
        low, high = reference.min(axis=0), reference.max(axis=0)
        self._centre, self._extent = (low + high) / 2, float((high - low).max()) * _ROOM
        self._shapes: list[tuple[Points, int]] = []
        self._sizes: NDArray[np.float64] | None = None
        self.setMinimumSize(260, 260)
        self.setAccessibleName("Shape of the face")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size it asks for."""
        return QSize(440, 440)

    def show_shapes(
        self, shapes: Sequence[tuple[Points, int]], sizes: NDArray[np.float64] | None = None
    ) -> None:
        """Draw shapes (N, 2), each in a colour of `canvas.colour`, -1 for faint.

        Parameters
        ----------
        shapes : sequence of (ndarray, int)
            The last is drawn on top, with its points.
        sizes : ndarray, shape (N,), optional
            Radius of each point of the last shape, in pixels.
        """
        self._shapes, self._sizes = list(shapes), sizes
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for points, index in self._shapes:
            self._draw_lines(painter, self._places(points), index)
        if self._shapes:
            self._draw_points(painter, self._places(self._shapes[-1][0]))
        painter.end()

    def _places(self, points: Points) -> Points:
        zoom = min(self.width(), self.height()) / self._extent
        middle = np.array([self.width() / 2, self.height() / 2])
        places: Points = (points - self._centre) * zoom + middle
        return places

    def _draw_lines(self, painter: QPainter, places: Points, index: int) -> None:
        painter.setPen(QPen(self._ink(index), 1.0 if index < 0 else 1.8))
        for contour in self._scheme.contours:
            line = [QPointF(*places[k]) for k in contour.points]
            if contour.closed:
                line.append(line[0])
            painter.drawPolyline(QPolygonF(line))

    def _draw_points(self, painter: QPainter, places: Points) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._ink(self._shapes[-1][1]))
        sizes = np.full(len(places), 2.2) if self._sizes is None else self._sizes
        for place, size in zip(places, sizes, strict=True):
            painter.drawEllipse(QPointF(*place), float(size), float(size))

    def _ink(self, index: int) -> QColor:
        if index >= 0:
            return colour(index)
        ink = QColor(self.palette().windowText().color())
        ink.setAlpha(90)
        return ink

    def event(self, event: QEvent | None) -> bool:
        """Name the point that the mouse is at."""
        if isinstance(event, QHelpEvent) and self._shapes:
            at = np.array([event.pos().x(), event.pos().y()])
            k = _nearest(self._places(self._shapes[-1][0]), at)
            said = "" if k is None else f"{k} {self._scheme.names[k]}"
            QToolTip.showText(event.globalPos(), said, self)
            return True
        return bool(super().event(event))


class Mosaic(QWidget):
    """The filters of all landmarks in the mean face; a click chooses one.

    Attributes
    ----------
    chosen : Signal(int)
        The person has clicked on a landmark.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self._centres = np.zeros((0, 2), dtype=np.intp)
        self._landmark, self._patch = 0, 1
        self.setMinimumSize(300, 300)
        self.setToolTip("Click on a filter to see all of its landmark's.")
        self.setAccessibleName("Filters of all landmarks; the list beside it chooses one too")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return the size it asks for."""
        return QSize(480, 480)

    def show_filters(
        self, picture: NDArray[np.uint8], centres: NDArray[np.intp], landmark: int, patch: int
    ) -> None:
        """Draw a mosaic, with a frame about one landmark's filter.

        Parameters
        ----------
        picture, centres
            From `faceloop_workbench.train.model_contents.mosaic`.
        landmark : int
            The chosen one.
        patch : int
            Width of a filter in pixels of the picture.
        """
        self._image, self._centres = image(picture), centres
        self._landmark, self._patch = landmark, patch
        self.update()

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw it."""
        painter = QPainter(self)
        area, zoom = self._area()
        painter.drawImage(area, self._image)
        if len(self._centres):
            x, y = (self._centres[self._landmark] + 0.5) * zoom
            width = (self._patch + 2) * zoom
            painter.setPen(QPen(QColor("white"), 2))
            painter.drawRect(
                QRectF(area.left() + x - width / 2, area.top() + y - width / 2, width, width)
            )
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802 - Qt's name
        """Choose the landmark that was clicked on."""
        area, zoom = self._area()
        if event is None or not len(self._centres):
            return
        at = (np.array([event.position().x(), event.position().y()]) - _corner(area)) / zoom - 0.5
        k = _nearest(self._centres.astype(np.float64), at, self._patch)
        if k is not None:
            self.chosen.emit(k)

    def _area(self) -> tuple[QRectF, float]:
        """Return where the picture is drawn, and how large one of its pixels."""
        side = min(self.width(), self.height())
        left, top = (self.width() - side) / 2, (self.height() - side) / 2
        return QRectF(left, top, side, side), side / max(self._image.width(), 1)


def image(picture: NDArray[np.uint8]) -> QImage:
    """Make an image of a picture (H, W, 3)."""
    height, width, _ = picture.shape
    data = np.ascontiguousarray(picture).tobytes()
    # A copy: Qt does not keep the bytes alive.
    return QImage(data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def picture_label(picture: NDArray[np.uint8], width: int) -> QLabel:
    """Make a label that shows a small picture enlarged, its pixels sharp."""
    label = PlainLabel()
    mode = Qt.TransformationMode.FastTransformation
    pixmap = QPixmap.fromImage(image(picture))
    label.setPixmap(pixmap.scaled(width, width, Qt.AspectRatioMode.KeepAspectRatio, mode))
    return label


def _nearest(places: Points, at: Points, reach: float = _NEAR) -> int | None:
    distance = np.linalg.norm(places - at, axis=1)
    k = int(distance.argmin())
    return k if distance[k] < reach else None


def _corner(area: QRectF) -> Points:
    return np.array([area.left(), area.top()])
