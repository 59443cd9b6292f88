"""The list of faces: thumbnail, name, why it is there, how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from psygnal import Signal
from qtpy.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from qtpy.QtGui import QFont, QImage, QPainter, QPalette, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from faceloop_workbench.services.people import HELD_OUT_MEANS
from faceloop_workbench.services.queue_reasons import predicted_error_text, reason_lines
from faceloop_workbench.widgets.basic import application, not_none, plain_tip

from .face_texts import (
    expression_text,
    label_of,
    label_text,
    reason_text,
    sentence_text,
    status_text,
    subject_text,
)
from .thumbnails import Thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import ItemSummary, Project
    from faceloop_workbench.annotate.held_out_marks import HeldOutMarks

    from .review import Review

    Index = QModelIndex | QPersistentModelIndex

_PICTURE, _GAP = 52, 6
_MARKS = {"labelled": "●", "half": "◐", "unlabelled": "○"}
_SEVERAL = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
_DIM = 0.62  # opacity of what is not the name


class FaceListModel(QAbstractListModel):
    """The rows of a review as Qt takes them; asks for pictures only when they are shown."""

    def __init__(self, review: Review, marks: HeldOutMarks) -> None:
        super().__init__()
        self._review, self._marks = review, marks
        marks.changed.connect(self._redraw)
        self._rows: list[int] = []
        self._places: dict[int, int] = {}
        self._thumbnails: Thumbnails | None = None
        self._pixmaps: dict[int, tuple[int, QPixmap]] = {}
        self._tell: dict[int, Callable[[ItemSummary], object]] = {
            int(Qt.ItemDataRole.DisplayRole): lambda row: row.name,
            int(Qt.ItemDataRole.DecorationRole): self._pixmap,
            int(Qt.ItemDataRole.ToolTipRole): self._tooltip,
        }

    def set_project(self, project: Project | None) -> None:
        """Show the pictures of another project."""
        self.close()
        self._pixmaps.clear()
        self._put([])  # before the list is drawn again: these faces are unknown now
        if project is not None:
            self._thumbnails = Thumbnails(project.address)
            self._thumbnails.made.connect(self._made, thread="main")

    def close(self) -> None:
        """Stop making thumbnails."""
        if self._thumbnails is not None:
            thumbnails, self._thumbnails = self._thumbnails, None
            thumbnails.close()

    def forget_pictures(self) -> None:
        """Make all thumbnails again."""
        self._pixmaps.clear()
        if self._thumbnails is not None:
            self._thumbnails.forget()

    def read(self) -> None:
        """Take the rows over from the review."""
        rows = list(self._review.rows)
        if rows == self._rows:
            self._redraw()
            return
        self._put(rows)

    def _redraw(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))

    def _put(self, rows: list[int]) -> None:
        self.beginResetModel()
        self._rows = rows
        self._places = {item_id: place for place, item_id in enumerate(rows)}
        self.endResetModel()

    def item_id(self, index: Index) -> int:
        """Item of a row."""
        return self._rows[index.row()]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """Count the rows (Qt's name)."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Tell one thing of a row."""
        tell = self._tell.get(role)
        return None if tell is None else tell(self.face(index))

    def face(self, index: Index) -> ItemSummary:
        """Return what is known about the face of a row."""
        return self._review.row(self._rows[index.row()])

    def is_lost(self, row: ItemSummary) -> bool:
        """Whether the picture of a face is not where it was."""
        return row.media_id in self._review.missing_media

    def why(self, row: ItemSummary) -> str:
        """Say why a face is in the queue, and who has it."""
        status = "" if self._review.is_mine(row) else status_text(row)
        return " · ".join(part for part in (reason_text(row), status) if part)

    def whom(self, row: ItemSummary) -> str:
        """Say whom a face shows, and whether that person is held out."""
        return subject_text(row, held_out=row.item_id in self._marks.items)

    def _tooltip(self, row: ItemSummary) -> str:
        return _tooltip(row, HELD_OUT_MEANS if row.item_id in self._marks.items else "")

    def _pixmap(self, row: ItemSummary) -> QPixmap | None:
        pixels = None if self._thumbnails is None else self._thumbnails.get(row)
        if pixels is None or not pixels.size:
            return None
        known = self._pixmaps.get(row.item_id)
        if known is None or known[0] != id(pixels):
            size = len(pixels)
            image = QImage(pixels.tobytes(), size, size, 3 * size, QImage.Format.Format_RGB888)
            known = (id(pixels), QPixmap.fromImage(image))
            if len(self._pixmaps) > 500:  # some screens full; the pixels are kept anyhow
                self._pixmaps.clear()
            self._pixmaps[row.item_id] = known
        return known[1]

    def _made(self, item_id: int) -> None:
        # Told in the thread that makes them: when this is heard, the list may be gone.
        place = None if self._thumbnails is None else self._places.get(item_id)
        if place is not None:
            index = self.index(place)
            self.dataChanged.emit(index, index, [int(Qt.ItemDataRole.DecorationRole)])


class FaceDelegate(QStyledItemDelegate):
    """Draws a face of the list."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002, N802
        """Room for one face (Qt's name)."""
        height = max(_PICTURE, 3 * option.fontMetrics.height()) + 2 * _GAP
        return QSize(10 * _PICTURE // 4, height)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: Index) -> None:
        """Draw one face."""
        painter = not_none(painter)
        painter.save()
        not_none(option.widget.style()).drawPrimitive(
            QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget
        )
        box = option.rect.adjusted(_GAP, _GAP, -_GAP, -_GAP)
        picture = QRect(box.left(), box.top(), _PICTURE, _PICTURE)
        picture.moveTop(box.top() + (box.height() - _PICTURE) // 2)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text
        painter.setPen(option.palette.color(role))
        self._picture(painter, picture, index.data(Qt.ItemDataRole.DecorationRole))
        text = box.adjusted(_PICTURE + 2 * _GAP, 0, 0, 0)
        self._words(painter, text, option, index)
        painter.restore()

    @staticmethod
    def _picture(painter: QPainter, box: QRect, pixmap: QPixmap | None) -> None:
        if pixmap is not None:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(box, pixmap)
            return
        painter.setOpacity(0.25)
        painter.drawRect(box.adjusted(0, 0, -1, -1))
        painter.setOpacity(1.0)

    @staticmethod
    def _words(painter: QPainter, box: QRect, option: QStyleOptionViewItem, index: Index) -> None:
        faces = cast("FaceListModel", index.model())
        row = faces.face(index)
        height = option.fontMetrics.height()
        box = QRect(box.left(), box.top() + (box.height() - 3 * height) // 2, box.width(), height)
        bold = QFont(option.font)
        bold.setBold(True)
        error = predicted_error_text(row)
        painter.setFont(option.font)
        drawn = painter.fontMetrics()  # not the option's: a style sheet may have changed the font
        wide = drawn.horizontalAdvance(error + "  ") if error else 0
        name = box.adjusted(0, 0, -wide, 0)
        painter.setFont(bold)
        _draw(painter, name, row.name, Qt.TextElideMode.ElideMiddle)
        painter.setFont(option.font)
        _draw(painter, box, error, right=True)
        painter.setOpacity(_DIM)
        whom, why = faces.whom(row), faces.why(row)
        least = box.width() - drawn.horizontalAdvance(why) - 2 * _GAP
        room = max(least, box.width() * 3 // 5) if why else box.width()
        own = min(drawn.horizontalAdvance(whom) + 2, room)
        second = box.translated(0, height)
        _draw(painter, second.adjusted(box.width() - own, 0, 0, 0), whom, right=True)
        _draw(painter, second.adjusted(0, 0, -own - _GAP, 0), why)
        said = sentence_text(row) or label_text(row) + expression_text(row)
        state = f"{_MARKS[label_of(row)]} {said}"
        if faces.is_lost(row):
            state = "⚠ the picture is not where it was"
        _draw(painter, box.translated(0, 2 * height), state)


class FaceList(QListView):
    """The list.

    Attributes
    ----------
    chosen : Signal(int)
        An item was clicked on, or gone to by an arrow key.
    """

    chosen = Signal(int)

    def __init__(self, review: Review, marks: HeldOutMarks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("queue.list")
        self.setAccessibleName("Faces")
        self.faces = FaceListModel(review, marks)
        self._review = review
        self._following = False
        self.setModel(self.faces)
        self.setItemDelegate(FaceDelegate(self))
        self.setUniformItemSizes(True)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setMouseTracking(True)

    def read(self) -> None:
        """Show what the review lists now; the view stays where it was scrolled to."""
        bar = not_none(self.verticalScrollBar())
        at = bar.value()
        self._following = True
        self.faces.read()
        self._following = False
        bar.setValue(at)
        self.follow()

    def selected(self) -> list[int]:
        """Faces that are selected, in the order of the list."""
        rows = sorted(index.row() for index in self.selectedIndexes())
        return [self.faces.item_id(self.faces.index(row)) for row in rows]

    def follow(self) -> None:
        """Mark the face in work, and scroll to it."""
        place = self._review.place
        self._following = True
        if place is None or place >= self.faces.rowCount():
            self.setCurrentIndex(QModelIndex())
            self.clearSelection()
        elif len(self.selected()) < 2:  # several are selected: for something else than work
            index = self.faces.index(place)
            chosen = QItemSelectionModel.SelectionFlag.ClearAndSelect
            not_none(self.selectionModel()).setCurrentIndex(index, chosen)
            self.scrollTo(index)
        self._following = False

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:  # noqa: N802
        """Tell which face was chosen, unless the list only follows (Qt's name)."""
        super().currentChanged(current, previous)
        several = application().keyboardModifiers() & _SEVERAL
        if not self._following and current.isValid() and not several:
            self.chosen.emit(self.faces.item_id(current))


def _draw(
    painter: QPainter,
    box: QRect,
    text: str,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    *,
    right: bool = False,
) -> None:
    shown = painter.fontMetrics().elidedText(text, elide, box.width())
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, shown)


def _tooltip(row: ItemSummary, held_out: str) -> str:
    place = row.media_path or "no picture, only a shape"
    if row.time is not None:
        place += f" at {row.time:.2f} s"
    lines = [
        row.name,
        place,
        f"of {row.subject}",
        held_out,
        *reason_lines(row.reasons),
        f"fitted by {row.model}" if row.model else "",
        status_text(row),
        label_text(row) + expression_text(row),
    ]
    return plain_tip("\n".join(line for line in lines if line))
