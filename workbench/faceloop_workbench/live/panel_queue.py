"""What of the video has gone to the review queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QDoubleSpinBox, QGridLayout, QGroupBox, QPushButton

from faceloop_datasets.wording import counted
from faceloop_workbench.services.error_text import ERROR_UNIT
from faceloop_workbench.widgets.basic import PlainLabel, command_button

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session


class QueueBox(QGroupBox):
    """Counter of poor fits, the way to them, and what counts as poor.

    Parameters
    ----------
    session : Session
        Brings the tab Queue to the front.
    commands : Commands
        For "take this fit".
    threshold : float
        Predicted error above which a fit is poor, at first.
    changed : callable
        Called with the threshold when the person changes it.
    """

    def __init__(
        self,
        session: Session,
        commands: Commands,
        threshold: float,
        changed: Callable[[float], None],
    ) -> None:
        super().__init__("Review queue")
        self._count = PlainLabel()
        self._count.setObjectName("live.queued")
        self._count.setWordWrap(True)
        show = QPushButton("Open the queue")
        show.setObjectName("live.open_queue")
        show.setToolTip("Correct the poor fits, worst first.")
        show.clicked.connect(lambda: session.tab_wanted.emit("queue"))
        limit = QDoubleSpinBox()
        limit.setObjectName("live.threshold")
        limit.setAccessibleName("A fit is poor above")
        limit.setRange(0.01, 0.3)
        limit.setSingleStep(0.005)
        limit.setDecimals(3)
        limit.setSuffix(" IOD")
        limit.setValue(threshold)
        limit.setToolTip(f"Fits with a higher predicted error are poor. {ERROR_UNIT}")
        limit.valueChanged.connect(changed)
        layout = QGridLayout(self)
        layout.addWidget(self._count, 0, 0)
        layout.addWidget(show, 0, 1)
        layout.addWidget(PlainLabel("A fit is poor above"), 1, 0)
        layout.addWidget(limit, 1, 1)
        layout.addWidget(command_button(commands, "live.take"), 2, 0)
        layout.addWidget(command_button(commands, "live.take_all"), 2, 1)
        layout.setColumnStretch(0, 1)
        self.show_count(0)

    def show_count(self, queued: int) -> None:
        """Tell how many poor fits of this video were queued."""
        self._count.setText(f"{counted(queued, 'poor fit')} queued")
