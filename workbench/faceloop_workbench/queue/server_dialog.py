"""Where the project of a team is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QFormLayout, QLineEdit, QVBoxLayout, QWidget
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from faceloop_datasets import FaceloopError
from faceloop_workbench.widgets.basic import PlainLabel, answer_buttons, paragraph

if TYPE_CHECKING:
    from collections.abc import Callable

_SAMPLE = "postgresql://ann@server.example/faces"


class ServerDialog(QDialog):
    """Asks for the address of a project on a server, and a password where the server wants one.

    It stays open while the server says no. The password is kept in memory only.

    Parameters
    ----------
    open_project : callable
        Is given the address; an error of it is shown.
    parent : QWidget
        What it belongs to.
    """

    def __init__(self, open_project: Callable[[str], object], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open a team's project")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._open_project = open_project
        self._address = _field("server.address", "Address", _SAMPLE)
        self._password = _field("server.password", "Password", "where ~/.pgpass has none")
        self._password.setEchoMode(QLineEdit.EchoMode.Password)
        self._problem = PlainLabel()
        self._problem.setObjectName("server.problem")
        self._problem.setWordWrap(True)
        self._problem.hide()
        form = QFormLayout()
        form.addRow("Address", self._address)
        form.addRow("Password", self._password)
        layout = QVBoxLayout(self)
        layout.addWidget(paragraph("The owner of the project knows its address."))
        layout.addLayout(form)
        layout.addWidget(self._problem)
        layout.addWidget(answer_buttons(self, "Open", "server.ok"))

    def accept(self) -> None:
        """Open it; if that fails, say why and ask again."""
        try:
            self._open_project(self._place())
        except FaceloopError as error:
            self._problem.setText(str(error))
            self._problem.show()
            self.adjustSize()
        else:
            super().accept()

    def _place(self) -> str:
        address, password = self._address.text().strip(), self._password.text()
        if "://" not in address:
            raise FaceloopError(f"Expected an address like {_SAMPLE}.")
        try:
            url = make_url(address)
        except (ArgumentError, ValueError) as error:
            raise FaceloopError(f"This is no address. Expected one like {_SAMPLE}.") from error
        url = url.set(password=password) if password else url
        return url.render_as_string(hide_password=False)


def _field(name: str, title: str, hint: str) -> QLineEdit:
    field = QLineEdit()
    field.setObjectName(name)
    field.setAccessibleName(title)
    field.setPlaceholderText(hint)
    field.setMinimumWidth(420)
    return field
