"""Whether the faces of another project shall come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDialog, QVBoxLayout

from faceloop_workbench.widgets.basic import answer_buttons, paragraph

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget


class BringDialog(QDialog):
    """Says what would come in, and how its points become ours.

    Parameters
    ----------
    text : str
        What would happen.
    bring : callable
        Does it.
    """

    def __init__(self, text: str, bring: Callable[[], object], parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Faces of another project")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(480)
        self.accepted.connect(bring)
        words = paragraph(text)
        words.setObjectName("bring.text")
        layout = QVBoxLayout(self)
        layout.addWidget(words)
        layout.addWidget(answer_buttons(self, "Bring in", "bring.ok"))
