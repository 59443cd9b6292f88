"""The people view: one row a person, to look for, sort, open, name and join."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QSize,
    Qt,
)
from qtpy.QtGui import QIcon, QImage, QKeyEvent, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.services.people import HELD_OUT_MEANS
from faceloop_workbench.widgets.basic import heading, not_none, paragraph, plain_tip, set_enabled

from .people_texts import COLUMNS, people_text, person_tip
from .thumbnails import Thumbnails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_workbench.services.people import Person

    from .review import Review

    Index = QModelIndex | QPersistentModelIndex

_PORTRAIT = 40
_MEASURED = 40  # rows that the widths of columns come from
_SIDES = (
    ("Held out: measures models, trains none", "held out"),
    ("Training: may train models, measures none", "training"),
    ("What the name decides, as usual", None),
)
_HELP = (
    "Click a person to see their faces in the list. Ctrl+click several to join them under one name."
)


class PeopleModel(QAbstractTableModel):
    """The people as Qt takes them; portraits are made when they are shown.

    It sorts and looks for names itself: Qt would ask for two cells in each comparison, and a
    project may have ten thousand people.

    Parameters
    ----------
    review : Review
        Knows the faces.
    thumbnails : Thumbnails
        Makes the portraits.
    """

    def __init__(self, review: Review, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._review, self._thumbnails = review, thumbnails
        self.people: list[Person] = []
        self._everybody: Sequence[Person] = ()
        self._places: dict[int, int] = {}
        self._order = (0, False)
        self._text = ""

    def show_people(self, people: Sequence[Person]) -> None:
        """Show these."""
        self._everybody = people
        self._arrange()

    def look_for(self, text: str) -> None:
        """Show those only whose name has this, in any case."""
        self._text = text.strip().casefold()
        self._arrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put them in the order of a column (Qt's name)."""
        self._order = column, order == Qt.SortOrder.DescendingOrder
        self._arrange()

    def _arrange(self) -> None:
        column, descending = self._order
        self.beginResetModel()
        there = (one for one in self._everybody if self._text in one.name.casefold())
        self.people = sorted(there, key=COLUMNS[column].order, reverse=descending)
        self._places = {
            person.portrait: place
            for place, person in enumerate(self.people)
            if person.portrait is not None
        }
        self.endResetModel()

    def made(self, item_id: int) -> None:
        """Draw a portrait that is there now."""
        place = self._places.get(item_id)
        if place is not None:
            cell = self.index(place, 0)
            self.dataChanged.emit(cell, cell, [int(Qt.ItemDataRole.DecorationRole)])

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """Count the people (Qt's name)."""
        return 0 if parent.isValid() else len(self.people)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        """Count the columns (Qt's name)."""
        return 0 if parent.isValid() else len(COLUMNS)

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
            return COLUMNS[section].title
        return plain_tip(COLUMNS[section].tip) if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        """Tell one thing of a person."""
        person, column = self.people[index.row()], COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.text(person)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(person_tip(person))
        if role == Qt.ItemDataRole.TextAlignmentRole and isinstance(
            column.order(person), int | float
        ):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        portrait = role == Qt.ItemDataRole.DecorationRole and index.column() == 0
        return self._portrait(person) if portrait else None

    def _portrait(self, person: Person) -> QIcon:
        item = person.portrait
        pixels = None
        if item is not None and self._review.knows(item):
            pixels = self._thumbnails.get(self._review.row(item))
        if pixels is None or not pixels.size:
            blank = QPixmap(_PORTRAIT, _PORTRAIT)
            blank.fill(Qt.GlobalColor.transparent)
            return QIcon(blank)
        size = len(pixels)
        image = QImage(pixels.tobytes(), size, size, 3 * size, QImage.Format.Format_RGB888)
        smooth = Qt.TransformationMode.SmoothTransformation
        face = QPixmap.fromImage(image.scaledToHeight(_PORTRAIT, smooth))
        icon = QIcon(face)
        icon.addPixmap(face, QIcon.Mode.Selected)  # else Qt paints the selection over it
        return icon


class PeopleView(QTableView):
    """The rows: Enter opens a person's faces.

    Attributes
    ----------
    opened : Signal()
        The row that has the focus shall be opened.
    """

    opened = Signal()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802 - Qt's name
        """Open (Qt's name)."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        else:
            super().keyPressEvent(event)


class PeopleDialog(QDialog):
    """The people view. It stays open beside the list.

    Parameters
    ----------
    review : Review
        The list, which a click narrows to a person.
    thumbnails : Thumbnails
        Makes the portraits; closed with the dialog.
    parent : QWidget
        What the dialog belongs to.

    Attributes
    ----------
    chosen : Signal(str)
        Somebody's faces should be listed.
    named : Signal(list of str)
        These people should get one name.
    held_out : Signal(list of str, str or None)
        These people should be on this side of every split; None for that of their names.
    by_rule, undone : Signal()
        Folders or a pattern should name people; the last change should be taken back.
    """

    chosen = Signal(str)
    named = Signal(list)
    held_out = Signal(list, object)
    by_rule = Signal()
    undone = Signal()

    def __init__(self, review: Review, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("people.dialog")
        self.setWindowTitle("People")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._thumbnails: Thumbnails | None = thumbnails
        self.model = PeopleModel(review, thumbnails)
        thumbnails.made.connect(self._made, thread="main")
        self._view = PeopleView()
        self._names: set[str] = set()
        self._build()
        self.model.modelAboutToBeReset.connect(self._remember)
        self.model.modelReset.connect(self._select_again)
        self._allow()

    def show_people(self, people: Sequence[Person]) -> None:
        """Show these; who was selected stays so."""
        self.model.show_people(people)
        self._count.setText(people_text(people))
        for place, column in enumerate(COLUMNS):
            self._view.setColumnHidden(place, not any(map(column.needed, people)))
        self._allow()

    def offer_undo(self, what: str) -> None:
        """Offer to take back what was done; an empty text to offer nothing."""
        self._undo.setText(f"Undo: {what}" if len(what) < 36 else f"Undo: {what[:34]}…")
        self._undo.setToolTip(plain_tip(what))
        self._undo.setVisible(bool(what))

    def close_down(self) -> None:
        """Stop making portraits."""
        if self._thumbnails is not None:
            thumbnails, self._thumbnails = self._thumbnails, None
            thumbnails.close()

    def done(self, result: int) -> None:
        """End (Qt's name)."""
        self.close_down()
        super().done(result)

    def selected(self) -> list[str]:
        """Names of the people that are selected."""
        rows = not_none(self._view.selectionModel()).selectedRows()
        return [self.model.people[row.row()].name for row in rows]

    def _build(self) -> None:
        self._count = heading("", small=True)
        self._count.setObjectName("people.count")
        search = QLineEdit()
        search.setObjectName("people.search")
        search.setAccessibleName("Search people")
        search.setPlaceholderText("Search names")
        search.setClearButtonEnabled(True)
        search.textChanged.connect(self.model.look_for)
        self._set_up_view()
        buttons = QHBoxLayout()
        self._name = self._button("people.name", "Name…", self._ask_name)
        rule = self._button("people.rule", "From folders or names…", self.by_rule.emit)
        rule.setToolTip("Name people by the folders or names of their pictures; shown first")
        self._undo = self._button("people.undo", "", self.undone.emit)
        self._undo.hide()
        close = self._button("people.close", "Close", self.reject)
        self._side = self._side_button()
        for button in (self._name, self._side, rule, self._undo):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(close)
        layout = QVBoxLayout(self)
        for widget in (self._count, search, paragraph(_HELP)):
            layout.addWidget(widget)
        layout.addWidget(self._view, 1)
        layout.addLayout(buttons)
        self.resize(700, 560)

    def _button(self, name: str, text: str, do: Any) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setAutoDefault(False)  # Enter belongs to the rows
        button.clicked.connect(lambda _=False: do())
        return button

    def _side_button(self) -> QPushButton:
        button = QPushButton("Use for")
        button.setObjectName("people.side")
        button.setAutoDefault(False)
        menu = QMenu(button)
        for text, side in _SIDES:
            menu.addAction(text, lambda side=side: self.held_out.emit(self.selected(), side))
        button.setMenu(menu)
        return button

    def _set_up_view(self) -> None:
        view = self._view
        view.setObjectName("people.rows")
        view.setAccessibleName("People of the project")
        view.setModel(self.model)
        view.setIconSize(QSize(_PORTRAIT, _PORTRAIT))
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setSortingEnabled(True)
        view.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        view.setShowGrid(False)
        view.setTabKeyNavigation(False)
        rows = not_none(view.verticalHeader())
        rows.hide()
        rows.setDefaultSectionSize(_PORTRAIT + 6)
        columns = not_none(view.horizontalHeader())
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setResizeContentsPrecision(_MEASURED)
        columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        view.opened.connect(self._open)
        view.clicked.connect(lambda _index: self._open())
        not_none(view.selectionModel()).selectionChanged.connect(lambda *_: self._allow())

    def _remember(self) -> None:
        self._names = set(self.selected())

    def _select_again(self) -> None:
        """Select whom it was before other people are shown, or these in another order."""
        rows = not_none(self._view.selectionModel())
        flags = rows.SelectionFlag
        for place, person in enumerate(self.model.people):
            if person.name in self._names:
                rows.select(self.model.index(place, 0), flags.Select | flags.Rows)
        self._allow()

    def _open(self) -> None:
        """List the faces of the person, if it is one that is selected."""
        names = self.selected()
        if len(names) == 1:
            self.chosen.emit(names[0])

    def _ask_name(self) -> None:
        self.named.emit(self.selected())

    def _allow(self) -> None:
        names = self.selected()
        self._name.setText("Join as one…" if len(names) > 1 else "Name…")
        what = "Give the person, or several as one, another name"
        nobody = "" if names else "Select a person first."
        set_enabled(self._name, nobody, what)
        set_enabled(self._side, nobody, f"Choose what the person's faces are for. {HELD_OUT_MEANS}")

    def _made(self, item_id: int) -> None:
        if self._thumbnails is not None:
            self.model.made(item_id)
