"""The point table of the tab Annotate: every point with its place and state, to see and to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QSortFilterProxyModel,
    Qt,
    QTimer,
)
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHBoxLayout,
    QHeaderView,
    QScrollArea,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError
from faceloop_workbench.widgets.basic import command_button, not_none, set_enabled

from .panel_point_model import DOUBT, NAME, NUMBER, SORT, STATE, PointModel, StateDelegate, X, Y
from .point_table import PointTable
from .start_commands import NO_FACE

if TYPE_CHECKING:
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

    from .canvas import FaceCanvas
    from .editor import FaceEditor

_HEIGHT = 236
_CLIPBOARD = ("annotate.copy", "annotate.paste", "annotate.paste_aligned")


class PointView(QTableView):
    """The table itself: Enter types into the cell that has the focus."""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Begin to type (Qt's name)."""
        enter = event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        index = self.currentIndex()
        if enter and index.isValid() and self.state() != QAbstractItemView.State.EditingState:
            self.edit(index)
        else:
            super().keyPressEvent(event)


class PointTablePanel(QWidget):
    """A section that opens and closes: the table, and buttons for the clipboard.

    Parameters
    ----------
    session : Session
        The project.
    commands : Commands
        Those of the table and the clipboard are done here.
    editor : FaceEditor
        The face.
    canvas : FaceCanvas
        Shows the point that is chosen.
    """

    def __init__(
        self, session: Session, commands: Commands, editor: FaceEditor, canvas: FaceCanvas
    ) -> None:
        super().__init__()
        self._session, self._commands = session, commands
        self._editor, self._canvas = editor, canvas
        self._table = PointTable(session, editor)
        self.points = PointModel(self._table, self._with_selection)
        self._sorted = QSortFilterProxyModel()
        self._sorted.setSortRole(int(SORT))
        self._sorted.setSourceModel(self.points)
        self.view = PointView()
        self._following = False
        self._build()
        editor.loaded.connect(self._loaded)
        editor.shown.connect(self._shown)
        editor.selected.connect(self._follow)
        session.queue_changed.connect(self._loaded)
        commands.handle("annotate.point_table", self.toggle)
        commands.handle("annotate.copy", self._copy)
        commands.handle("annotate.paste", lambda: self._paste(aligned=False))
        commands.handle("annotate.paste_aligned", lambda: self._paste(aligned=True))
        self._allow()

    def toggle(self) -> None:
        """Open the section and go there, or close it."""
        opened = not self._body.isVisible()
        self._show(opened=opened)
        if opened:
            self._session.tab_wanted.emit("annotate")
            self.view.setFocus()
            QTimer.singleShot(0, self._scroll_here)

    def _build(self) -> None:
        self._fold = QToolButton()
        self._fold.setObjectName("annotate.points.fold")
        self._fold.setAutoRaise(True)
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.setText(self._commands.table["annotate.point_table"].title)
        key = self._commands.key("annotate.point_table")
        help_text = self._commands.table["annotate.point_table"].help
        set_enabled(self._fold, "", f"{help_text} [{key}]")
        self._fold.clicked.connect(lambda: self._commands.run("annotate.point_table"))
        self._set_up_view()
        self._body = QWidget()
        inside = QVBoxLayout(self._body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.view)
        line = QHBoxLayout()
        for name in _CLIPBOARD:
            line.addWidget(command_button(self._commands, name))
        inside.addLayout(line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._fold)
        layout.addWidget(self._body)
        self._show(opened=False)

    def _set_up_view(self) -> None:
        view = self.view
        view.setObjectName("annotate.points")
        view.setAccessibleName("Points of the face")
        view.setModel(self._sorted)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setItemDelegateForColumn(STATE, StateDelegate(view))
        view.setSortingEnabled(True)
        view.sortByColumn(NUMBER, Qt.SortOrder.AscendingOrder)
        view.setMinimumHeight(_HEIGHT)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setTabKeyNavigation(False)  # Tab leaves the table; in a cell it goes to the next
        view.setShowGrid(False)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # names differ at their ends
        not_none(view.verticalHeader()).hide()
        rows = not_none(view.verticalHeader())
        rows.setDefaultSectionSize(view.fontMetrics().height() + 6)
        columns = not_none(view.horizontalHeader())
        columns.setMinimumSectionSize(24)
        for column, text in (
            (NUMBER, "000"),
            (X, "00000.0"),
            (Y, "00000.0"),
            (DOUBT, "doubt"),
        ):
            columns.resizeSection(column, view.fontMetrics().horizontalAdvance(text) + 12)
        columns.setSectionResizeMode(STATE, QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        columns.setStretchLastSection(False)
        not_none(view.selectionModel()).selectionChanged.connect(self._chosen)
        not_none(view.selectionModel()).currentRowChanged.connect(self._gone_to)

    def _show(self, *, opened: bool) -> None:
        self._body.setVisible(opened)
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self._fold.setArrowType(arrow)
        if opened:
            self._loaded()

    def _scroll_here(self) -> None:
        above = self.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.ensureWidgetVisible(self._body)

    # What changes

    def _loaded(self, _state: object = None) -> None:
        if self._body.isVisibleTo(self):
            try:
                self._table.read_doubts()
            except FaceloopError as error:
                self._session.tell(str(error), "error")
        self._read()

    def _shown(self, _state: object) -> None:
        if not self._editor.dragging:  # the last move of a drag is followed by its end
            self._read()

    def _read(self) -> None:
        self._allow()
        if self._body.isVisibleTo(self):
            self.points.read()
            self.view.setColumnHidden(DOUBT, not self.points.doubtful)
            self._follow()

    def _allow(self) -> None:
        state = self._editor.state
        no_face = NO_FACE if state is None else ""
        empty = state is not None and not state.present.any()
        no_points = "This face has no points yet." if empty else ""
        self._commands.disable("annotate.copy", no_face or no_points)
        self._commands.disable("annotate.paste", no_face)
        self._commands.disable("annotate.paste_aligned", no_face or no_points)

    # Selection, both ways

    def _follow(self, _selected: object = None) -> None:
        """Select the rows of the points that are selected on the picture."""
        rows = not_none(self.view.selectionModel())
        if not self._body.isVisibleTo(self) or tuple(self._numbers()) == self._editor.selection:
            return
        wanted = QItemSelection()
        places = [
            self._sorted.mapFromSource(self.points.index(k, 0)) for k in self._editor.selection
        ]
        for place in places:
            wanted.select(place, place)
        flags = QItemSelectionModel.SelectionFlag
        self._following = True
        rows.select(wanted, flags.ClearAndSelect | flags.Rows)
        if places:
            rows.setCurrentIndex(places[0], flags.NoUpdate)
            self.view.scrollTo(places[0])
        self._following = False

    def _chosen(self, _on: object, _off: object) -> None:
        if not self._following:
            self._editor.select(self._numbers())

    def _gone_to(self, current: QModelIndex, _before: QModelIndex) -> None:
        if not self._following and current.isValid():
            self._canvas.centre_on(self._sorted.mapToSource(current).row())

    def _numbers(self) -> list[int]:
        rows = not_none(self.view.selectionModel()).selectedRows()
        return sorted(self._sorted.mapToSource(row).row() for row in rows)

    def _with_selection(self, number: int) -> list[int]:
        """Points that get a state together: those selected, if the cell's is one of them."""
        chosen = list(self._editor.selection)
        return chosen if number in chosen else [number]

    # The clipboard

    def _copy(self) -> None:
        text = self._table.copy()
        if text:
            not_none(QApplication.clipboard()).setText(text)

    def _paste(self, *, aligned: bool) -> None:
        self._table.paste(not_none(QApplication.clipboard()).text(), aligned=aligned)
