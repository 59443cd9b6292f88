"""Why a face is skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QDialog, QVBoxLayout, QWidget

from faceloop_workbench.widgets.basic import PlainLabel, answer_buttons, not_none

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class SkipDialog(QDialog):
    """Asks for a reason; Enter takes the one given most often.

    Parameters
    ----------
    name : str
        The face.
    reasons : sequence of str
        Those offered, the likeliest first.
    skip : callable
        Is given the reason.
    """

    def __init__(
        self, name: str, reasons: Sequence[str], skip: Callable[[str], object], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Skip this face")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._reason = QComboBox()
        self._reason.setObjectName("skip.reason")
        self._reason.setAccessibleName("Reason")
        self._reason.setEditable(True)
        self._reason.addItems(list(reasons))
        layout = QVBoxLayout(self)
        layout.addWidget(PlainLabel(f"Why is {name} put aside?"))
        layout.addWidget(self._reason)
        layout.addWidget(answer_buttons(self, "Skip", "skip.ok"))
        self.accepted.connect(lambda: skip(self._reason.currentText().strip()))
        not_none(self._reason.lineEdit()).selectAll()
        self._reason.setFocus()
