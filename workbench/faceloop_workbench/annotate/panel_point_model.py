"""The point table as Qt takes it: a model of rows and columns, and the choice of a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import QComboBox, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from faceloop_datasets import PointState
from faceloop_workbench.widgets.basic import plain_tip

from .panel_legend import GRAY, symbol
from .shape_text import STATE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .point_table import PointRow, PointTable

    Index = QModelIndex | QPersistentModelIndex

_TITLES = ("#", "point", "x", "y", "state", "doubt")
_TIPS = (
    "Number in the landmark scheme",
    "Name in the landmark scheme",
    "Pixels from the left. Enter or a double click to type",
    "Pixels from the top. Enter or a double click to type",
    "Enter or a double click to choose; it counts for all selected points",
    "Why the review queue doubts the point",
)
NUMBER, NAME, X, Y, STATE, DOUBT = range(6)
SORT = Qt.ItemDataRole.UserRole


class PointModel(QAbstractTableModel):
    """The rows of a `PointTable` as Qt takes them.

    Parameters
    ----------
    table : PointTable
        The points.
    chosen : callable
        Given a point, returns those that a state is set for with it.
    """

    def __init__(self, table: PointTable, chosen: Callable[[int], list[int]]) -> None:
        super().__init__()
        self._table, self._chosen = table, chosen
        self._rows: list[PointRow] = []
        self._icons: dict[PointState, QPixmap] = {
            state: symbol(state, GRAY) for state in PointState if state != PointState.MISSING
        }
        self._tell: dict[int, Callable[[PointRow, int], Any]] = {
            int(Qt.ItemDataRole.DisplayRole): _text,
            int(Qt.ItemDataRole.EditRole): _exact,
            int(SORT): _order,
            int(Qt.ItemDataRole.DecorationRole): self._icon,
            int(Qt.ItemDataRole.ToolTipRole): _tip,
            int(Qt.ItemDataRole.TextAlignmentRole): _side,
        }

    def read(self) -> None:
        """Show the face as it is now."""
        rows = self._table.rows()
        if len(rows) != len(self._rows):
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return
        self._rows = rows
        if rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, DOUBT))

    @property
    def doubtful(self) -> bool:
        """Whether any point is doubtful."""
        return any(row.doubt for row in self._rows)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """Count the points (Qt's name)."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """Count the columns (Qt's name)."""
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(  # noqa: N802 - Qt's name
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = int(Qt.ItemDataRole.DisplayRole),
    ) -> Any:
        """Title of a column, and what it is."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Say what can be done with a cell."""
        there = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        typed = index.column() in (X, Y, STATE)
        return there | Qt.ItemFlag.ItemIsEditable if typed else there

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Tell one thing of a point."""
        tell = self._tell.get(role)
        return None if tell is None else tell(self._rows[index.row()], index.column())

    def setData(self, index: Index, value: Any, role: int = 0) -> bool:  # noqa: ARG002, N802
        """Take over what was typed or chosen; returns whether that could be (Qt's name)."""
        number, column = self._rows[index.row()].number, index.column()
        if column == STATE:
            self._table.set_state(self._chosen(number), PointState(value))
            return True
        if str(value) == _exact(self._rows[index.row()], column):
            return False  # looked at only
        done = self._table.type_coordinate(number, column - X, str(value))
        self.read()
        return done

    def _icon(self, row: PointRow, column: int) -> Any:
        return self._icons.get(row.state) if column == STATE else None


class StateDelegate(QStyledItemDelegate):
    """Lets a state be chosen from a list."""

    def createEditor(  # noqa: N802 - Qt's name
        self,
        parent: QWidget | None,
        option: QStyleOptionViewItem,  # noqa: ARG002
        index: Index,  # noqa: ARG002
    ) -> QWidget:
        """Make the list, and open it (Qt's name)."""
        box = QComboBox(parent)
        for state, word in STATE_WORDS.items():
            box.addItem(word, int(state))
        box.activated.connect(lambda _=0: self._choose(box))
        QTimer.singleShot(0, box.showPopup)
        return box

    def setEditorData(self, editor: QWidget | None, index: Index) -> None:  # noqa: N802
        """Show the state there is (Qt's name)."""
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(index.data(Qt.ItemDataRole.EditRole)))

    def setModelData(self, editor: QWidget | None, model: Any, index: Index) -> None:  # noqa: N802
        """Hand over what was chosen; a list that was closed changes nothing (Qt's name)."""
        if isinstance(editor, QComboBox) and editor.property("chosen"):
            model.setData(index, editor.currentData())

    def _choose(self, box: QComboBox) -> None:
        box.setProperty("chosen", True)
        self.commitData.emit(box)
        self.closeEditor.emit(box)


def _text(row: PointRow, column: int) -> str:
    match column:
        case 0 | 1:
            return str(row[column])
        case 2 | 3:
            return "" if np.isnan(row[column]) else f"{row[column]:.1f}"
        case 4:
            return STATE_WORDS[row.state]
    return "⚠" if row.doubt else ""


def _exact(row: PointRow, column: int) -> Any:
    """Return what is there to change: all digits of a coordinate that a person may want."""
    if column in (X, Y):
        return "" if np.isnan(row[column]) else f"{row[column]:.3f}".rstrip("0").rstrip(".")
    return int(row.state) if column == STATE else _text(row, column)


def _order(row: PointRow, column: int) -> Any:
    if column in (X, Y):  # a number that is none has no order
        return float("inf") if np.isnan(row[column]) else row[column]
    if column == DOUBT:
        return not row.doubt
    return int(row.state) if column == STATE else row[column]


def _tip(row: PointRow, column: int) -> str:
    return plain_tip(row.doubt if column == DOUBT else f"{row.number} {row.name}")


def _side(_row: PointRow, column: int) -> int | None:
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    return int(right) if column in (NUMBER, X, Y) else None
