"""The points that a face lacks, to place one by one or by the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from faceloop_workbench.widgets.basic import PlainLabel, command_button

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Scheme
    from faceloop_workbench.commands import Commands

_NUMBER = Qt.ItemDataRole.UserRole
_HEIGHT = 84


class MissingList(QWidget):
    """Missing points; not to be seen while there are none.

    Parameters
    ----------
    commands : Commands
        One of them lets the model place the points.
    place : callable
        Given the number of a point that was clicked.
    """

    def __init__(self, commands: Commands, place: Callable[[int], object]) -> None:
        super().__init__()
        self._shown: tuple[list[int], Scheme | None] = ([], None)
        self.list = QListWidget()
        self.list.setObjectName("annotate.missing")
        self.list.setAccessibleName("Missing points")
        self.list.setMaximumHeight(_HEIGHT)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(lambda row: place(row.data(_NUMBER)))
        self._title = PlainLabel("Missing points: click one, then its place in the picture")
        self._title.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._title)
        layout.addWidget(self.list)
        layout.addWidget(command_button(commands, "annotate.bring_back"))
        self.hide()

    def show_points(self, missing: list[int], scheme: Scheme | None, *, helped: bool) -> None:
        """List points of a landmark scheme; in bold where no model helps: a face begins here."""
        self.setVisible(bool(missing))
        font = self._title.font()
        font.setBold(not helped)
        self._title.setFont(font)
        if (missing, scheme) == self._shown or scheme is None:
            return
        self._shown = (missing, scheme)
        self.list.clear()
        for number in missing:
            row = QListWidgetItem(f"{number} {scheme.names[number]}")
            row.setData(_NUMBER, number)
            self.list.addItem(row)
