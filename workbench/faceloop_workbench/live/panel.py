"""The tab Live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.desk.stage import Stage
    from faceloop_workbench.session import Session


class LivePanel(QWidget):
    """The tab Live."""

    def __init__(self, session: Session, commands: Commands, stage: Stage) -> None:
        super().__init__()

    def close_down(self) -> None:
        """Stop what runs in the background."""
