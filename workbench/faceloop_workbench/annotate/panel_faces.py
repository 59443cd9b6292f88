"""The faces of the picture in work, beside it: colour, number, whom each shows, points to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QCheckBox,
    QGridLayout,
    QHeaderView,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.services.history_text import when_text, who_text
from faceloop_workbench.services.people import HELD_OUT
from faceloop_workbench.widgets.basic import command_button, not_none, plain_tip

from .face_colours import PROPOSED
from .panel_head import Notice

if TYPE_CHECKING:
    from faceloop_datasets import Removal
    from faceloop_workbench.commands import Commands

    from .held_out_marks import HeldOutMarks
    from .picture_faces import PictureFace, PictureFaces, Proposal

_ROWS = 5  # most that are seen without scrolling
_SWATCH = 12  # pixels
_NUMBER = Qt.ItemDataRole.UserRole
_FACE, _WHO, _POINTS = range(3)
_BUTTONS = (
    "find_faces",
    "add_face",
    "add_by_clicks",
    "next_face",
    "name_face",
    "remove_face",
)
_TIP = "A click goes to this face. A double click on the name, or {key}, says whom it shows."


class FacesBox(QWidget):
    """The list of faces, and buttons to find, add and remove some.

    Parameters
    ----------
    commands : Commands
        What the buttons do.
    faces : PictureFaces
        The faces.
    held_out : HeldOutMarks
        Which of them no training gets.
    """

    def __init__(self, commands: Commands, faces: PictureFaces, held_out: HeldOutMarks) -> None:
        super().__init__()
        self._commands, self._faces, self._held_out = commands, faces, held_out
        self.list = _Rows()
        self.list.setObjectName("annotate.faces")
        self.list.currentItemChanged.connect(self._go)
        self.list.itemClicked.connect(self._go)
        self.list.itemDoubleClicked.connect(self._edit)
        self.list.itemChanged.connect(self._changed)
        self.list.edited.connect(self.read)
        self._removed = QCheckBox()
        self._removed.setObjectName("annotate.show_removed")
        self._removed.setToolTip("List the faces that were removed from this picture too.")
        self._removed.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._removed.toggled.connect(self._show_removed)
        self.gone = Notice("annotate.removed")
        self.gone.add_button(command_button(commands, "annotate.bring_face_back"))
        self._answers = QWidget()
        answers = _grid(commands, ("keep_found", "drop_found"), 2)
        answers.setContentsMargins(0, 0, 0, 0)
        self._answers.setLayout(answers)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        for widget in (self.gone, self.list, self._answers):
            layout.addWidget(widget)
        layout.addLayout(_grid(commands, _BUTTONS, 3))
        layout.addWidget(self._removed, 0, Qt.AlignmentFlag.AlignLeft)
        commands.handle("annotate.name_face", self._name)
        faces.changed.connect(self.read)
        held_out.changed.connect(self.read)
        self.read()

    def read(self) -> None:
        """Show the faces that there are now; not while a name is typed, but afterwards."""
        if self.list.is_edited:
            return
        faces, proposals, here = self._faces.faces, self._faces.proposals, self._faces.in_work
        none = "" if here is not None else "No face is in work."
        self._commands.disable("annotate.name_face", self._faces.hidden or none)
        self.list.blockSignals(True)
        self.list.clear()
        tip = _TIP.format(key=self._commands.key("annotate.name_face"))
        for face in faces:
            row = _face_row(face, tip, held_out=face.item.id in self._held_out.items)
            self.list.addTopLevelItem(row)
            if face is here:
                self.list.setCurrentItem(row)
        for number, one in enumerate(proposals):
            self.list.addTopLevelItem(_found_row(number, one))
        self.list.blockSignals(False)
        self.list.setVisible(bool(faces))
        self.list.updateGeometry()
        self._answers.setVisible(bool(proposals))
        self._removed.setText(f"Show removed faces ({self._faces.removed})")
        self._removed.setVisible(self._faces.removed > 0)
        removal = self._faces.removal
        self.gone.say("" if removal is None else removed_text(removal, self._faces.reader))

    def _go(self, row: QTreeWidgetItem | None, _before: object = None) -> None:
        number = None if row is None else row.data(_FACE, _NUMBER)
        if number is not None:
            self._faces.go_to(number)

    def _edit(self, row: QTreeWidgetItem, _column: int) -> None:
        if row.data(_FACE, _NUMBER) is not None:
            self.list.editItem(row, _WHO)

    def _name(self) -> None:
        row = self.list.currentItem()
        if row is not None:
            self._edit(row, _WHO)

    def _changed(self, row: QTreeWidgetItem, column: int) -> None:
        """Take a name that was typed, or a tick that was set."""
        number = row.data(_FACE, _NUMBER)
        if number is None:
            wanted = row.checkState(_FACE) == Qt.CheckState.Checked
            self._faces.want(row.data(_WHO, _NUMBER), wanted=wanted)
        elif column == _WHO:
            # Afterwards: the rows are made anew, which must not be while one is typed in.
            name = row.text(_WHO)
            QTimer.singleShot(0, lambda: self._faces.name(number, name))

    def _show_removed(self, wanted: bool) -> None:
        self._faces.with_removed = wanted


def removed_text(removal: Removal, reader: str) -> str:
    """Say to a reader who removed a face, when, and what that means."""
    who = who_text(removal.author, reader)
    return (
        f"Removed by {who}, {when_text(removal.created)}: it does not wait, train or count. It is "
        "kept with its history until it is erased for good."
    )


class _Rows(QTreeWidget):
    """A list that is as high as its rows, and leaves the keyboard to the picture."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setColumnCount(3)
        self.setHeaderHidden(True)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setIconSize(QSize(_SWATCH, _SWATCH))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Faces of this picture")
        header = not_none(self.header())
        header.setStretchLastSection(False)
        contents = QHeaderView.ResizeMode.ResizeToContents
        header.setSectionResizeMode(_FACE, contents)
        header.setSectionResizeMode(_WHO, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(_POINTS, contents)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As high as the rows, up to some (Qt's name)."""
        rows = max(1, min(self.topLevelItemCount(), _ROWS))
        height = self.sizeHintForRow(0) if self.topLevelItemCount() else 20
        return QSize(200, rows * height + 2 * self.frameWidth())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """As `sizeHint` (Qt's name)."""
        return self.sizeHint()

    def closeEditor(  # noqa: N802
        self, editor: QWidget | None, _hint: QAbstractItemDelegate.EndEditHint
    ) -> None:
        """End the typing; keys belong to the picture again (Qt's name)."""
        super().closeEditor(editor, QAbstractItemDelegate.EndEditHint.NoHint)
        self.clearFocus()
        QTimer.singleShot(0, self.edited.emit)

    @property
    def is_edited(self) -> bool:
        """Whether a name is typed."""
        return bool(self.state() == QAbstractItemView.State.EditingState)


def _face_row(face: PictureFace, tip: str, *, held_out: bool) -> QTreeWidgetItem:
    gone = face.item.removed
    said = "removed" if gone else f"{face.to_go} · {HELD_OUT}" if held_out else face.to_go
    row = QTreeWidgetItem([str(face.item.id), face.person, said])
    row.setFlags(row.flags() | Qt.ItemFlag.ItemIsEditable)
    row.setIcon(_FACE, _swatch(face.colour, filled=not gone))
    row.setData(_FACE, _NUMBER, face.item.id)
    of = "" if face.person else f"of {face.item.subject}\n"
    for column in range(3):
        row.setToolTip(column, plain_tip(f"{face.item.name}\n{of}{tip}"))
    return row


def _found_row(number: int, one: Proposal) -> QTreeWidgetItem:
    row = QTreeWidgetItem([f"found {number + 1}", "", f"error {one.fit.predicted_error:.3f}"])
    row.setIcon(_FACE, _swatch(PROPOSED, filled=one.wanted))
    row.setData(_WHO, _NUMBER, number)
    state = Qt.CheckState.Checked if one.wanted else Qt.CheckState.Unchecked
    row.setCheckState(_FACE, state)
    for column in range(3):
        row.setToolTip(column, "Found in the picture; with a tick it becomes a face to correct.")
    return row


def _swatch(colour: tuple[int, int, int], *, filled: bool) -> QIcon:
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(*colour) if filled else QColor(*colour, 70))
    return QIcon(pixmap)


def _grid(commands: Commands, names: tuple[str, ...], columns: int) -> QGridLayout:
    """Buttons of commands in rows; a click leaves the keyboard to the picture."""
    grid = QGridLayout()
    grid.setSpacing(3)
    for number, name in enumerate(names):
        button = command_button(commands, f"annotate.{name}")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        grid.addWidget(button, number // columns, number % columns)
    return grid
