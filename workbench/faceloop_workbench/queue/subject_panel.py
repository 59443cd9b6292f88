"""Choosing how an import knows whom the faces show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QWidget

from faceloop_workbench.widgets.basic import paragraph

from .subject_help import SUBJECT_RULES

if TYPE_CHECKING:
    from .subject_help import RuleHelp


class SubjectPanel(QWidget):
    """The rules of `faceloop_datasets.importing.subject_rules`, and what each of them means.

    Attributes
    ----------
    changed : Signal()
        Something else is chosen.
    help : QLabel
        What the chosen rule means; it belongs under the panel.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.help = paragraph("")
        self._rules = QComboBox()
        self._rules.setObjectName("import.subjects")
        self._rules.setAccessibleName("Subjects")
        for rule in SUBJECT_RULES:
            self._rules.addItem(rule.title)
        self._text = QLineEdit()
        self._text.setObjectName("import.subjects.text")
        self._text.setAccessibleName("Rule for the subjects")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._rules)
        layout.addWidget(self._text, 1)
        self._rules.currentIndexChanged.connect(self._chosen)
        self._text.textChanged.connect(lambda _text: self.changed.emit())
        self._chosen()

    @property
    def rule(self) -> str | None:
        """What ``subjects`` of `faceloop_datasets.Project.import_from` takes."""
        chosen = self._help
        return self._text.text() if chosen.hint else chosen.rule

    @property
    def _help(self) -> RuleHelp:
        return SUBJECT_RULES[self._rules.currentIndex()]

    def _chosen(self, _index: int = 0) -> None:
        chosen = self._help
        self.help.setText(chosen.explanation)
        self._text.setVisible(bool(chosen.hint))
        self._text.setPlaceholderText(chosen.hint)
        self.changed.emit()
