"""What stands above the face while a blind round is worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from faceloop_workbench.widgets.basic import paragraph

if TYPE_CHECKING:
    from .rounds import RoundWork


class RoundBar(QWidget):
    """Says which round, as whom and how far, with the way out; hidden without a round.

    Parameters
    ----------
    work : RoundWork
        What is shown.
    """

    def __init__(self, work: RoundWork) -> None:
        super().__init__()
        self._work = work
        self._text = paragraph("")
        self._text.setObjectName("round.text")
        row = QHBoxLayout()
        for name, title, tip, do in (
            ("previous", "Back", "The face of the round before this one.", lambda: work.go(-1)),
            ("accept", "Done, next", "Confirm all points and go on.", work.accept),
            ("leave", "Leave the round", "Go on later: everything is saved.", work.leave),
        ):
            button = QPushButton(title)
            button.setObjectName(f"round.{name}")
            button.setToolTip(tip)
            button.clicked.connect(lambda _checked, do=do: do())
            row.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._text)
        layout.addLayout(row)
        work.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        self._text.setText(self._work.text)
        self.setVisible(bool(self._work.text))
