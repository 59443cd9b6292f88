"""What is to be erased for good, and whether the person means it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_workbench.services.care_text import before_erasing_text, erased_text
from faceloop_workbench.widgets.basic import PlainLabel, answer_buttons, not_none, paragraph

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets.care import Erasure

    from .erase_plan import ErasePlan

_GENTLY = (
    "A face that is only not wanted is removed, not erased: then it no longer waits, trains or "
    "counts, and can be brought back (Remove face, in the tab Annotate)."
)


class EraseDialog(QDialog):
    """Asks which of two erasures is meant; Enter never erases.

    Parameters
    ----------
    plan : ErasePlan
        The two.
    erase : callable
        Is given the one that was chosen.
    parent : QWidget
        What it belongs to.
    """

    def __init__(
        self, plan: ErasePlan, erase: Callable[[Erasure], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Erase for good")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._plan = plan
        self._face = _choice(plan.face, "erase.face")
        self._subject = _choice(plan.subject, "erase.subject")
        self._text = QPlainTextEdit()
        self._text.setObjectName("erase.text")
        self._text.setAccessibleName("What is erased")
        self._text.setReadOnly(True)
        self._text.setMinimumSize(520, 190)
        self._sure = QCheckBox("I know that this cannot be undone")
        self._sure.setObjectName("erase.sure")
        self._buttons = answer_buttons(self, "Erase for good", "erase.ok")
        self._ok = not_none(self.findChild(QPushButton, "erase.ok"))
        self._face.setChecked(True)
        for choice in (self._face, self._subject):
            choice.toggled.connect(self._show)
        self._sure.toggled.connect(self._ok.setEnabled)
        self.accepted.connect(lambda: erase(self._chosen))
        self._lay_out()
        self._show()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        gently = paragraph(_GENTLY)
        gently.setObjectName("erase.gently")
        layout.addWidget(gently)
        layout.addWidget(PlainLabel("What is to be erased?"))
        for widget in (self._face, self._subject, self._text, self._sure, self._buttons):
            layout.addWidget(widget)
        self._ok.setAutoDefault(False)
        not_none(self._buttons.button(QDialogButtonBox.StandardButton.Cancel)).setDefault(True)
        self._face.setFocus()

    @property
    def _chosen(self) -> Erasure:
        return self._plan.subject if self._subject.isChecked() else self._plan.face

    def _show(self) -> None:
        """Say what goes; whoever chooses anew must be sure anew."""
        self._text.setPlainText(before_erasing_text(self._chosen, self._plan.models))
        self._sure.setChecked(False)
        self._ok.setEnabled(False)


def _choice(planned: Erasure, name: str) -> QRadioButton:
    text = erased_text(planned)
    button = QRadioButton((text[0].upper() + text[1:]).replace("&", "&&"))
    button.setObjectName(name)
    return button
