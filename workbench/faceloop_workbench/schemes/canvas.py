"""The picture that a scheme is made on: points are placed, selected and dragged here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap
from qtpy.QtWidgets import QGraphicsPixmapItem, QGraphicsScene, QGraphicsView, QToolTip

from faceloop_workbench.widgets.basic import not_none, plain_tip

from .canvas_drawing import SchemeDrawing
from .drawn_face import drawn_face

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QKeyEvent, QMouseEvent, QResizeEvent, QWheelEvent

    from .draft import SchemeDraft
    from .editing import SchemeEditing

_REACH = 9.0  # pixels of the screen round a point that belong to it
_STEP = 1.25  # of the wheel
_LEAST_ZOOM, _MOST_ZOOM = 0.02, 60.0
_PAPER, _INK = QColor(58, 60, 66), QColor(150, 153, 160)
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class SchemeCanvas(QGraphicsView):
    """Shows a scheme on a picture.

    A click places a point while `placing`; a drag moves the selected ones, or selects those in a
    frame; the wheel zooms, the right or middle button moves the picture.

    Parameters
    ----------
    editing : SchemeEditing
        The scheme.

    Attributes
    ----------
    placed : Signal
        A point was placed: its name is wanted.
    """

    placed = Signal()

    def __init__(self, editing: SchemeEditing) -> None:
        super().__init__()
        self._editing = editing
        self.placing = False
        self.with_names = True
        self._scene = QGraphicsScene(self)
        self._picture = QGraphicsPixmapItem()
        self._picture.setTransformationMode(Qt.TransformationMode.SmoothTransformation)
        self._scene.addItem(self._picture)
        self.setScene(self._scene)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setMouseTracking(True)
        self.setBackgroundBrush(_PAPER)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Picture with the points of the scheme")
        self._start: QPointF | None = None
        self._grabbed: dict[int, tuple[float, float]] = {}
        self._clicked: int | None = None
        self._band: QRectF | None = None
        self._pan: QPointF | None = None
        self._zoomed = False
        self._lines: Sequence[Sequence[tuple[float, float]]] = ()
        editing.changed.connect(self.redraw)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Large enough for a face of 100 points."""
        return QSize(560, 520)

    # The picture

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the picture, in its pixels."""
        rect = self._scene.sceneRect()
        return rect.width(), rect.height()

    def show_picture(self, pixmap: QPixmap) -> None:
        """Show a picture."""
        self._lines = ()
        self._picture.setPixmap(pixmap)
        self._use(pixmap.width(), pixmap.height())

    def show_drawn_face(self) -> None:
        """Show the lines of a mean face."""
        side, self._lines = drawn_face()
        self._picture.setPixmap(QPixmap())
        self._use(side, side)

    def _use(self, width: float, height: float) -> None:
        self._scene.setSceneRect(0, 0, width, height)
        self.see_all()

    def see_all(self) -> None:
        """Show all of the picture."""
        self._zoomed = False
        self.fitInView(self._scene.sceneRect(), Qt.AspectRatioMode.KeepAspectRatio)

    def redraw(self) -> None:
        """Draw again."""
        not_none(self.viewport()).update()

    # Drawing

    def drawBackground(self, painter: QPainter | None, rect: QRectF) -> None:  # noqa: N802
        """Draw the lines of the mean face (Qt's name)."""
        super().drawBackground(painter, rect)
        pen = QPen(_INK, 1.5)
        pen.setCosmetic(True)
        not_none(painter).setPen(pen)
        for line in self._lines:
            path = QPainterPath(QPointF(*line[0]))
            for place in line[1:]:
                path.lineTo(QPointF(*place))
            not_none(painter).drawPath(path)

    def drawForeground(self, painter: QPainter | None, _rect: QRectF) -> None:  # noqa: N802
        """Draw the scheme, as large on the screen at every zoom (Qt's name)."""
        canvas, draft = not_none(painter), self._editing.draft
        canvas.resetTransform()
        at = [QPointF(self.mapFromScene(QPointF(p.x, p.y))) for p in draft.points]
        drawing = SchemeDrawing(canvas, draft, at)
        drawing.partners()
        drawing.lines()
        drawing.points(self._editing.selected)
        drawing.names(range(len(at)) if self.with_names else self._editing.selected)
        if self._band is not None:
            canvas.setPen(QPen(Qt.GlobalColor.white, 1, Qt.PenStyle.DashLine))
            canvas.setBrush(Qt.BrushStyle.NoBrush)
            canvas.drawRect(self._band)

    # Hands

    def hit(self, place: QPointF) -> int | None:
        """Return the point at a place of the widget; None if there is none."""
        points = self._editing.draft.points
        if not points:
            return None
        at = np.array([_xy(QPointF(self.mapFromScene(QPointF(p.x, p.y)))) for p in points])
        apart = np.linalg.norm(at - _xy(place), axis=1)
        nearest = int(apart.argmin())
        return nearest if apart[nearest] <= _REACH else None

    def mousePressEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Place, select or grab points; or grab the picture (Qt's name)."""
        pressed = not_none(event)
        place = pressed.position()
        if pressed.button() != Qt.MouseButton.LeftButton:
            self._pan = place
            return
        more = bool(pressed.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        found, editing = self.hit(place), self._editing
        self._start = place
        if found is None and self.placing and not more:
            self._place(self.mapToScene(place.toPoint()))
        elif found is None:
            self._band = QRectF(place, place)
            if not more:
                editing.select(())
        elif more:
            rest = [k for k in editing.selected if k != found]
            editing.select(rest if found in editing.selected else [*rest, found])
        else:
            if found not in editing.selected:
                editing.select([found])
            points = editing.draft.points
            self._grabbed = {k: (points[k].x, points[k].y) for k in editing.selected}
            self._clicked = found

    def _place(self, where: QPointF) -> None:
        editing = self._editing
        draft = editing.draft.add(round(where.x(), 2), round(where.y(), 2))
        editing.do(f"place {draft.points[-1].name}", draft)
        editing.select([len(draft) - 1])
        self.placed.emit()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802
        """Drag what was grabbed (Qt's name)."""
        place = not_none(event).position()
        if self._pan is not None:
            self._shift(place - self._pan)
            self._pan = place
        elif self._grabbed and self._start is not None:
            self._clicked = None
            moved = self.mapToScene(place.toPoint()) - self.mapToScene(self._start.toPoint())
            self._editing.drag(
                {k: (x + moved.x(), y + moved.y()) for k, (x, y) in self._grabbed.items()}
            )
        elif self._band is not None and self._start is not None:
            self._band = QRectF(self._start, place).normalized()
            self.redraw()
        else:
            self._tell(place)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:  # noqa: N802, ARG002
        """Let go (Qt's name)."""
        if self._band is not None:
            self._take_band(self._band)
        self._pan = self._band = self._start = None
        self._grabbed = {}
        self._editing.drop()
        if self._clicked is not None:  # one of several that were selected, and no drag of them
            self._editing.select([self._clicked])
        self._clicked = None
        self.redraw()

    def _take_band(self, band: QRectF) -> None:
        inside = [
            k
            for k, point in enumerate(self._editing.draft.points)
            if band.contains(QPointF(self.mapFromScene(QPointF(point.x, point.y))))
        ]
        if inside:
            self._editing.select([*self._editing.selected, *inside])

    def _tell(self, place: QPointF) -> None:
        """Say which point the mouse is at."""
        found = self.hit(place)
        text = "" if found is None else point_text(self._editing.draft, found)
        QToolTip.showText(self.mapToGlobal(place.toPoint()), plain_tip(text), self)

    def _shift(self, by: QPointF) -> None:
        for bar, way in ((self.horizontalScrollBar(), by.x()), (self.verticalScrollBar(), by.y())):
            not_none(bar).setValue(round(not_none(bar).value() - way))

    def wheelEvent(self, event: QWheelEvent | None) -> None:  # noqa: N802
        """Zoom about the mouse (Qt's name)."""
        self._zoomed = True
        factor = _STEP if not_none(event).angleDelta().y() > 0 else 1 / _STEP
        if _LEAST_ZOOM < self.transform().m11() * factor < _MOST_ZOOM:
            self.scale(factor, factor)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802
        """Keep showing all, until somebody has zoomed (Qt's name)."""
        super().resizeEvent(event)
        if not self._zoomed:
            self.see_all()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802
        """Move the selected points by the arrows, remove them by Delete (Qt's name)."""
        pressed, editing = not_none(event), self._editing
        key = Qt.Key(pressed.key())
        if key in _ARROWS and editing.selected:
            far = 10 if pressed.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
            dx, dy = _ARROWS[key]
            points = editing.draft.points
            editing.drag(
                {k: (points[k].x + far * dx, points[k].y + far * dy) for k in editing.selected}
            )
            editing.drop()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and editing.selected:
            remove_selected(editing)
        elif key == Qt.Key.Key_Escape and editing.selected:
            editing.select(())
        else:
            super().keyPressEvent(event)


def remove_selected(editing: SchemeEditing) -> None:
    """Remove the points that are selected."""
    count = len(editing.selected)
    what = editing.draft.points[editing.selected[0]].name if count == 1 else f"{count} points"
    editing.do(f"remove {what}", editing.draft.remove(editing.selected))
    editing.select(())


def point_text(draft: SchemeDraft, which: int) -> str:
    """Say what is known of a point."""
    point = draft.points[which]
    lines = [f"{which}: {point.name}"]
    if point.group:
        lines.append(f"group {point.group}")
    if draft.mirror:
        other = draft.mirror[which]
        own = other == which
        lines.append("in the middle of the face" if own else f"mirrors {draft.points[other].name}")
    if which in draft.size:
        lines.append("one of the two that measure a face")
    return "\n".join(lines)


def _xy(place: QPointF) -> np.ndarray:
    return np.array([place.x(), place.y()])
