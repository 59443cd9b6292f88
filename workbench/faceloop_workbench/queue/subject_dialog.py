"""Asking whom some faces show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCompleter, QDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget

from faceloop_datasets import FaceloopError
from faceloop_workbench.widgets.basic import answer_buttons, not_none, paragraph

from .people_texts import joined_text

if TYPE_CHECKING:
    from collections.abc import Mapping


class SubjectDialog(QDialog):
    """A name, with those that there are to choose from.

    Parameters
    ----------
    question : str
        What is asked.
    faces : int
        How many faces get the name.
    known : mapping of str to int
        Names that there are, with their numbers of other faces.
    suggested : str
        The name that stands there first.
    parent : QWidget
        What the dialog belongs to.
    """

    def __init__(
        self,
        question: str,
        faces: int,
        known: Mapping[str, int],
        suggested: str,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("subject.dialog")
        self.setWindowTitle("Subject")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._faces, self._known = faces, known
        self._name = QLineEdit(suggested)
        self._name.setObjectName("subject.name")
        self._name.setAccessibleName("Subject")
        self._name.setPlaceholderText("name of the person")
        self._name.selectAll()
        completer = QCompleter(list(known), self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self._name.setCompleter(completer)
        self._said = paragraph("")
        self._buttons = answer_buttons(self, "Set", "subject.set")
        layout = QVBoxLayout(self)
        layout.addWidget(paragraph(question))
        layout.addWidget(self._name)
        layout.addWidget(self._said)
        layout.addWidget(
            paragraph("No annotation changes. Faces of one person never both train a model and "
                      "measure it.")
        )  # fmt: skip
        layout.addStretch(1)
        layout.addWidget(self._buttons)
        self.setMinimumWidth(420)
        self._name.textChanged.connect(self._look)
        self._look(suggested)

    @property
    def name(self) -> str:
        """What stands there."""
        return self._name.text()

    def _look(self, text: str) -> None:
        try:
            self._said.setText(joined_text(text, self._faces, self._known))
        except FaceloopError as error:
            self._said.setText(str(error) if text.strip() else "")
            self._allow(allowed=False)
        else:
            self._allow(allowed=True)

    def _allow(self, *, allowed: bool) -> None:
        not_none(self._buttons.findChild(QPushButton, "subject.set")).setEnabled(allowed)
