"""A report that can be read, searched, scrolled and copied, as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QVBoxLayout, QWidget

from .basic import application, not_none

if TYPE_CHECKING:
    from collections.abc import Callable


class TextDialog(QDialog):
    """Shows a report.

    Parameters
    ----------
    title, text : str
        What it is about, and what it says.
    parent : QWidget
        What it belongs to.
    """

    def __init__(self, title: str, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._report = QPlainTextEdit(text)
        self._report.setObjectName("report.text")
        self._report.setAccessibleName(title)
        self._report.setReadOnly(True)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._buttons.rejected.connect(self.reject)
        self.offer("Copy report", "report.copy", self._copy)
        layout = QVBoxLayout(self)
        layout.addWidget(self._report, 1)
        layout.addWidget(self._buttons)

    def offer(self, title: str, name: str, do: Callable[[], object]) -> None:
        """Add a button, with its object name."""
        button = not_none(self._buttons.addButton(title, QDialogButtonBox.ButtonRole.ActionRole))
        button.setObjectName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda _=False: do())

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for a sentence in a line."""
        return QSize(640, 420)

    def _copy(self) -> None:
        not_none(application().clipboard()).setText(self._report.toPlainText())
