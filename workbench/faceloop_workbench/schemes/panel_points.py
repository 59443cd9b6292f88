"""The points of a scheme as a table: their names, groups and mirror partners."""

from __future__ import annotations

from qtpy.QtCore import QItemSelectionModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from faceloop_workbench.widgets.basic import not_none, plain_tip

from .canvas import point_text
from .canvas_drawing import group_colours
from .editing import SchemeEditing

_COLUMNS = ("Name", "Group", "Mirrors")
_NAME, _GROUP, _PARTNER = range(3)


class PointsPanel(QTableWidget):
    """Shows the points; names and groups can be typed, and rows select points.

    Parameters
    ----------
    editing : SchemeEditing
        The scheme.
    """

    def __init__(self, editing: SchemeEditing) -> None:
        super().__init__(0, len(_COLUMNS))
        self._editing = editing
        self._reading = False
        self._shown: object = None
        self.setObjectName("scheme.points")
        self.setAccessibleName("Points of the scheme")
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        header = not_none(self.horizontalHeader())
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.resizeSection(_NAME, 140)
        header.resizeSection(_GROUP, 88)
        not_none(self.verticalHeader()).setDefaultSectionSize(22)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
        )
        self.itemChanged.connect(self._typed)
        self.itemSelectionChanged.connect(self._chosen)
        editing.changed.connect(self.read)
        self.read()

    def read(self) -> None:
        """Show the scheme as it is now."""
        draft = self._editing.draft
        shown = (draft.names, [p.group for p in draft.points], draft.mirror)
        self._reading = True
        if shown != self._shown:
            self._shown = shown
            self._fill()
        self._select()
        self._reading = False

    def name_point(self, which: int) -> None:
        """Let the person type a point's name."""
        item = self.item(which, _NAME)
        if item is not None:
            self.setFocus()
            self.setCurrentItem(item)
            self.editItem(item)

    def _fill(self) -> None:
        draft = self._editing.draft
        self.setRowCount(len(draft))
        self.setVerticalHeaderLabels([str(k) for k in range(len(draft))])
        for k, (point, colour) in enumerate(zip(draft.points, group_colours(draft), strict=True)):
            other = draft.mirror[k] if draft.mirror else None
            partner = "" if other is None else "itself" if other == k else draft.names[other]
            for column, text in enumerate((point.name, point.group, partner)):
                item = QTableWidgetItem(text)
                item.setToolTip(plain_tip(point_text(draft, k)))
                if column == _PARTNER:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
                if column == _GROUP and point.group:
                    item.setData(Qt.ItemDataRole.DecorationRole, colour)
                self.setItem(k, column, item)

    def _select(self) -> None:
        wanted = set(self._editing.selected)
        model = not_none(self.selectionModel())
        if wanted == {index.row() for index in model.selectedRows()}:
            return
        rows = QItemSelectionModel.SelectionFlag.Rows
        model.clearSelection()
        for k in self._editing.selected:
            model.select(
                not_none(self.model()).index(k, 0), QItemSelectionModel.SelectionFlag.Select | rows
            )
        if self._editing.selected:
            self.scrollToItem(self.item(self._editing.selected[-1], _NAME))

    def _typed(self, item: QTableWidgetItem) -> None:
        if self._reading:
            return
        row, text = item.row(), " ".join(item.text().split())
        draft = self._editing.draft
        if item.column() == _NAME:
            self._editing.do(f"rename {draft.points[row].name}", draft.rename(row, text))
        elif item.column() == _GROUP:
            chosen = self._editing.selected
            which = chosen if row in chosen else (row,)
            self._editing.do(f"group {text}", draft.put_in_group(which, text))

    def _chosen(self) -> None:
        if not self._reading:
            rows = [index.row() for index in not_none(self.selectionModel()).selectedRows()]
            kept = [k for k in self._editing.selected if k in rows]
            self._editing.select([*kept, *(k for k in rows if k not in kept)])
