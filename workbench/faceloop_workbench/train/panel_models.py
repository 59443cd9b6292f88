"""The list of models, with their notes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
)

from faceloop_workbench.widgets.basic import plain_tip

from .model_list import error_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtCore import QModelIndex

    from .model_list import ListedModel

_COLUMNS = ("", "Model", "Faces", "NME", "Made", "Note")
_NOTE = len(_COLUMNS) - 1
_USED = "●"
_PINNED = "◆"
_MOST_ROWS = 6


class _NoteDelegate(QStyledItemDelegate):
    """Shows the beginning of a note."""

    def initStyleOption(  # noqa: N802 - Qt's name
        self, option: QStyleOptionViewItem | None, index: QModelIndex
    ) -> None:
        """Leave out the end (Qt's name)."""
        super().initStyleOption(option, index)
        if option is not None:
            option.textElideMode = Qt.TextElideMode.ElideRight


class ModelTable(QTableWidget):
    """The models of a project, pinned ones first, then the newest, and the starter.

    Attributes
    ----------
    selected : Signal
        Another model is selected: `chosen` tells which.
    noted : Signal(object, str)
        The person has written a note for a model.
    """

    selected = Signal()
    noted = Signal(object, str)

    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self._models: list[ListedModel] = []
        self.setObjectName("train.models")
        self.setAccessibleName("Models")
        self.setTabKeyNavigation(False)  # Tab goes on to the buttons; arrows move in the table
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header, side = self.horizontalHeader(), self.verticalHeader()
        assert header is not None  # noqa: S101 - a table has both
        assert side is not None  # noqa: S101
        side.hide()
        header.setMinimumSectionSize(16)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        for column in (1, _NOTE):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        self.setItemDelegateForColumn(_NOTE, _NoteDelegate(self))
        self.itemSelectionChanged.connect(self._select)
        self.itemChanged.connect(self._changed)

    @property
    def chosen(self) -> ListedModel | None:
        """The selected model."""
        row = self.currentRow()
        return self._models[row] if 0 <= row < len(self._models) else None

    def show_models(self, models: Sequence[ListedModel], select: int | None = None) -> None:
        """Show these models.

        Parameters
        ----------
        models : sequence of ListedModel
            Newest first.
        select : int, optional
            Number of the model to select; by default the one selected before, or the one in use.
        """
        before = self.chosen
        with QSignalBlocker(self):
            self._models = list(models)
            self.setRowCount(len(models))
            for row, model in enumerate(models):
                self._fill(row, model)
            self.selectRow(self._wanted(before, select))
        self._fit_height()
        self.selected.emit()

    def _select(self) -> None:
        self.selected.emit()

    def _fit_height(self) -> None:
        """Be as high as the models need, up to a handful."""
        header, side = self.horizontalHeader(), self.verticalHeader()
        if header is not None and side is not None:
            rows = min(max(self.rowCount(), 2), _MOST_ROWS)
            height = header.sizeHint().height() + rows * side.defaultSectionSize()
            self.setFixedHeight(height + 2 * self.frameWidth())

    def _wanted(self, before: ListedModel | None, select: int | None) -> int:
        if select is None and before is not None:
            select = before.id
            known = before.id is not None or any(m.id is None for m in self._models)
        else:
            known = select is not None
        rows = [k for k, m in enumerate(self._models) if known and m.id == select]
        rows += [k for k, m in enumerate(self._models) if m.in_use]
        return rows[0] if rows else 0

    def _fill(self, row: int, model: ListedModel) -> None:
        made = "" if model.created is None else _when(model.created.astimezone())
        texts = (
            _USED * model.in_use + _PINNED * model.pinned,
            model.name,
            "" if model.faces is None else str(model.faces),
            error_text(model, self._models),
            made,
            model.note,
        )
        tips = (
            "\n".join(["In use"] * model.in_use + ["Pinned: it is kept"] * model.pinned),
            model.name,
            "How many faces it was trained on",
            model.measured_on,
            "" if model.created is None else f"{model.created.astimezone():%Y-%m-%d %H:%M}",
            model.note or "Double-click to write a note",
        )
        for column, (text, tip) in enumerate(zip(texts, tips, strict=True)):
            cell = QTableWidgetItem(text)
            cell.setToolTip(plain_tip(tip))
            flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
            if column == _NOTE and model.id is not None:
                flags |= Qt.ItemFlag.ItemIsEditable
            cell.setFlags(flags)
            self.setItem(row, column, cell)

    def _changed(self, cell: QTableWidgetItem) -> None:
        if cell.column() == _NOTE:
            self.noted.emit(self._models[cell.row()], cell.text())


def _when(created: datetime) -> str:
    today = created.date() == datetime.now().astimezone().date()
    return f"{created:%H:%M}" if today else f"{created:%d %b}"
