"""Points in doubt, in the tab Annotate: which one is looked at, and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFrame, QGridLayout, QSizePolicy, QVBoxLayout

from faceloop_datasets.wording import enumerated
from faceloop_workbench.widgets.basic import PlainLabel, command_button

if TYPE_CHECKING:
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

    from .doubts import Doubts

_ROWS = (
    ("annotate.previous_doubt", "annotate.next_doubt", "annotate.approve"),
    ("annotate.suggest", "annotate.take_suggestion", "annotate.unapprove"),
)


class DoubtBar(QFrame):
    """A line on the doubt that is looked at, and buttons; there while something is in doubt.

    Parameters
    ----------
    session : Session
        The open project.
    commands : Commands
        What can be done.
    doubts : Doubts
        The points.
    """

    def __init__(self, session: Session, commands: Commands, doubts: Doubts) -> None:
        super().__init__()
        self._session, self._doubts = session, doubts
        self.setObjectName("annotate.doubts")
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._text, self._right = PlainLabel(), PlainLabel()
        for label in (self._text, self._right):
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        font = self._text.font()
        font.setBold(True)
        self._text.setFont(font)
        grid = QGridLayout()
        grid.setSpacing(3)
        for row, names in enumerate(_ROWS):
            for column, name in enumerate(names):
                button = command_button(commands, name)
                button.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
                grid.addWidget(button, row, column)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.addWidget(self._text)
        layout.addWidget(self._right)
        layout.addLayout(grid)
        doubts.changed.connect(self._update)
        self._update()

    def _update(self) -> None:
        doubts, project = self._doubts, self._session.project
        said, right = doubts.text(), ""
        if doubts.right and project is not None:
            names = [project.scheme.names[k] for k in sorted(doubts.right)]
            right = f"Said to be right: {enumerated(names)}."
        for label, text in ((self._text, said), (self._right, right)):
            label.setText(text)
            label.setVisible(bool(text))
        self.setVisible(bool(said or right))
