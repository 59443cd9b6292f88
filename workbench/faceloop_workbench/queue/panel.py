"""The tab Queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from faceloop_workbench.annotate.editor import FaceEditor
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session


class QueuePanel(QWidget):
    """The tab Queue."""

    def __init__(self, session: Session, commands: Commands, editor: FaceEditor) -> None:
        super().__init__()

    def close_down(self) -> None:
        """Stop what runs in the background."""
