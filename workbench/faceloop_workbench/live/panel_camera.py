"""What can be done with a camera that plays: record it, and take single pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QWidget

from faceloop_datasets import FaceloopError
from faceloop_datasets.wording import counted
from faceloop_workbench.widgets.basic import PlainLabel, command_button

from .camera_work import NO_CAMERA, CameraWork

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

    from .player import Player

_FILTER = "Video (*.mp4 *.mkv *.mov)"


class CameraBar(QWidget):
    """Buttons for a camera; not to be seen while none is open.

    Parameters
    ----------
    session : Session
        The open project.
    commands : Commands
        Its commands are done here.
    player : Player
        What plays.
    face : callable
        Which of several faces a snapshot is for.
    """

    def __init__(
        self, session: Session, commands: Commands, player: Player, face: Callable[[], int]
    ) -> None:
        super().__init__()
        self._session, self._commands, self._face = session, commands, face
        self.work = CameraWork(session, player)
        self._record = command_button(commands, "live.record")
        snapshot = command_button(commands, "live.take")
        snapshot.setText("Snapshot")
        snapshot.setObjectName("live.snapshot")
        self._said = PlainLabel()
        self._said.setObjectName("live.recording")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._record)
        layout.addWidget(snapshot)
        layout.addWidget(self._said, 1)
        commands.handle("live.record", self._toggle)
        self.work.changed.connect(self.tick)
        self.hide()

    @property
    def active(self) -> bool:
        """Whether a camera is open."""
        return self.work.active

    def close_down(self) -> None:
        """End a recording, and wait until it is on disk."""
        self.work.close_down()

    def tick(self) -> None:
        """Show how the recording goes on; called now and then."""
        self.work.tick()
        recording = self.work.recording
        self.setVisible(self.active or recording is not None)
        title = self._commands.table["live.record"].title
        self._record.setText(title if recording is None else "Stop recording")
        text = ""
        if recording is not None:
            minutes, seconds = divmod(int(recording.seconds), 60)
            text = f"● {minutes}:{seconds:02d}"
            if recording.left_out:
                text += f", {counted(recording.left_out, 'frame')} left out"
        self._said.setText(text)

    def allow(self, why_not: str) -> None:
        """Say why nothing can be recorded; empty if it can."""
        self._commands.disable("live.record", why_not or ("" if self.active else NO_CAMERA))

    def why_no_snapshot(self) -> str:
        """Say why no picture can be taken; empty if one can."""
        if self._session.project is None:
            return "Open a project first: pictures are taken into it."
        return ""

    def snapshot(self) -> None:
        """Take the picture there is into the project."""
        try:
            self.work.snapshot(self._face())
        except FaceloopError as error:
            self._session.tell(str(error), "error")

    def _toggle(self) -> None:
        if self.work.recording is not None:
            self.work.stop()
            return
        suggested = self.work.suggested()
        folder = suggested.parent if suggested.parent.is_dir() else Path.home()
        dialog = QFileDialog(self, "Record the camera", str(folder), _FILTER)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("mp4")
        dialog.selectFile(suggested.name)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self._start(Path(name)))
        dialog.open()

    def _start(self, video: Path) -> None:
        try:
            self.work.record(video)
        except FaceloopError as error:
            self._session.tell(str(error), "error")
