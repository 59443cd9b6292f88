"""The tab Annotate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

from .editor import FaceEditor

if TYPE_CHECKING:
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.desk.stage import Stage
    from faceloop_workbench.session import Session


class AnnotatePanel(QWidget):
    """The tab Annotate."""

    def __init__(self, session: Session, commands: Commands, stage: Stage) -> None:
        super().__init__()
        self.editor = FaceEditor(session)

    def close_down(self) -> None:
        """Stop what runs in the background."""
