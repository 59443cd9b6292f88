"""The page of keys, on which they can be changed, and what to send when something is wrong."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from qtpy.QtCore import QSize
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QGridLayout,
    QKeySequenceEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError
from faceloop_datasets.wording import enumerated
from faceloop_workbench.key_file import save_keys
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.doctor import diagnostics_text
from faceloop_workbench.widgets.basic import PlainLabel, application, heading, paragraph

if TYPE_CHECKING:
    from faceloop_datasets import Monitor
    from faceloop_workbench.commands import Command, Commands

_PORTABLE = QKeySequence.SequenceFormat.PortableText
_TITLES = {
    "queue": "Queue",
    "annotate": "Annotate",
    "train": "Train",
    "live": "Live",
    "desk": "Everywhere",
}
_MOUSE = (
    ("Drag a point", "The points nobody has placed go with it, to their most probable places."),
    ("Ctrl + drag", "This point alone."),
    ("Shift + click, Shift + drag", "Select several points; dragging one then moves them all."),
    ("Ctrl + drag beside them", "Turn and scale the selected points round their centre."),
    ("Drag beside the face, wheel", "Move and zoom the picture."),
)


class HelpPage(QDialog):
    """All commands with their keys, by tab. A new key counts at once and is remembered.

    Parameters
    ----------
    commands : Commands
        What there is.
    parent : QWidget
        The dock.
    """

    def __init__(self, commands: Commands, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("faceloop: keys and help")
        self._commands = commands
        self._edits: dict[str, QKeySequenceEdit] = {}
        self._said = PlainLabel()
        self._said.setWordWrap(True)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(self._page())
        reset = QPushButton("Usual keys")
        reset.setObjectName("help.reset")
        reset.setToolTip("Give every command the key it came with.")
        reset.clicked.connect(self._reset)
        copy = QPushButton("Copy diagnostics")
        copy.setObjectName("help.copy")
        copy.setToolTip(
            "Copy versions, graphics and folders of this computer, to paste into a report. "
            "No name or picture of your project is in it."
        )
        copy.clicked.connect(self._copy)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(reset, QDialogButtonBox.ButtonRole.ResetRole)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.close)
        layout = QVBoxLayout(self)
        layout.addWidget(area, 1)
        layout.addWidget(self._said)
        layout.addWidget(buttons)
        self._job: Job[str] | None = None
        show = self._show_key
        commands.changed.connect(show)
        self.destroyed.connect(lambda: commands.changed.disconnect(show, missing_ok=True))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for the longest line."""
        return QSize(720, 760)

    def _page(self) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setColumnStretch(2, 1)
        ordered = sorted(self._commands.table.values(), key=lambda c: list(_TITLES).index(_tab(c)))
        for tab, commands in groupby(ordered, key=_tab):
            self._heading(grid, _TITLES[tab])
            for command in commands:
                self._row(grid, command)
            if tab == "annotate":
                self._heading(grid, "Mouse, on the picture")
                for what, does in _MOUSE:
                    row = grid.rowCount()
                    grid.addWidget(PlainLabel(what), row, 0, 1, 2)
                    grid.addWidget(paragraph(does), row, 2)
        return page

    def _heading(self, grid: QGridLayout, text: str) -> None:
        grid.addWidget(heading(text), grid.rowCount(), 0, 1, 3)

    def _row(self, grid: QGridLayout, command: Command) -> None:
        row = grid.rowCount()
        edit = QKeySequenceEdit(QKeySequence.fromString(self._commands.key(command.id), _PORTABLE))
        edit.setObjectName(f"key.{command.id}")
        edit.setMaximumSequenceLength(1)
        edit.setClearButtonEnabled(True)
        edit.setFixedWidth(130)
        edit.setAccessibleName(f"Key of {command.title}")
        edit.editingFinished.connect(lambda: self._rebind(command.id))
        self._edits[command.id] = edit
        grid.addWidget(PlainLabel(command.title), row, 0)
        grid.addWidget(edit, row, 1)
        grid.addWidget(paragraph(command.help), row, 2)

    def _rebind(self, name: str) -> None:
        key = self._edits[name].keySequence().toString(_PORTABLE)
        if key == self._commands.key(name):
            return
        losers = self._commands.rebind(name, key)
        title = self._commands.table[name].title
        said = f"{title} has the key {key} now." if key else f"{title} has no key now."
        if losers:
            titles = enumerated([self._commands.table[loser].title for loser in losers])
            said += f" {titles} {'has' if len(losers) == 1 else 'have'} lost it."
        self._save_keys(said)

    def _reset(self) -> None:
        for command in self._commands.table.values():
            self._commands.rebind(command.id, "")
        for command in self._commands.table.values():
            self._commands.rebind(command.id, command.key)
        self._save_keys("All commands have their usual keys.")

    def _save_keys(self, said: str) -> None:
        try:
            save_keys(self._commands)
        except FaceloopError as error:
            said = f"{said} {error}"
        self._said.setText(said)

    def _show_key(self, name: str) -> None:
        key = QKeySequence.fromString(self._commands.key(name), _PORTABLE)
        if self._edits[name].keySequence() != key:
            self._edits[name].setKeySequence(key)

    def _copy(self) -> None:
        self._said.setText("Looking at this computer…")
        self._job = Job(_diagnostics, "diagnostics")
        self._job.done.connect(self._copied, thread="main")
        self._job.start()

    def _copied(self, text: str) -> None:
        clipboard = application().clipboard()
        if clipboard is not None:
            clipboard.setText(text)
        self._said.setText(f"Copied {len(text.splitlines())} lines.")


def _diagnostics(_monitor: Monitor) -> str:
    return diagnostics_text()


def _tab(command: Command) -> str:
    return command.id.split(".", 1)[0]
