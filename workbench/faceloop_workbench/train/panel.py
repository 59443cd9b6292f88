"""The tab Train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session


class TrainPanel(QWidget):
    """The tab Train."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__()

    def close_down(self) -> None:
        """Stop what runs in the background."""
