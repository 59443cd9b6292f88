"""Choosing what to watch: a video of the project, a file, a camera."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from faceloop_workbench.widgets.basic import not_none

from .cameras import cameras

if TYPE_CHECKING:
    from faceloop_datasets import Media
    from faceloop_workbench.session import Session

    from .cameras import Camera
    from .screening import Screening

_FILTER = "Videos (*.mp4 *.mov *.mkv *.webm *.avi *.m4v *.mpg *.mpeg);;All files (*)"


_SHORT = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon


class SourceBar(QWidget):
    """The project's videos, and buttons for a file and a camera.

    Parameters
    ----------
    session : Session
        The open project.
    screening : Screening
        What opens them.
    """

    def __init__(self, session: Session, screening: Screening) -> None:
        super().__init__()
        self._session, self._screening = session, screening
        self._videos: list[Media] = []
        self._choice = QComboBox()
        self._choice.setObjectName("live.videos")
        self._choice.setAccessibleName("Video")
        self._choice.setToolTip("Watch a video of the project.")
        self._choice.setMinimumContentsLength(6)
        self._choice.setSizeAdjustPolicy(_SHORT)
        self._choice.activated.connect(self._chosen)
        self._open = QPushButton("Open…")
        self._open.setObjectName("live.open")
        self._open.setToolTip("Watch a video file. Its poor fits make it part of the project.")
        self._open.clicked.connect(self._ask)
        self._camera = QPushButton("Camera")
        self._camera.setObjectName("live.camera")
        self._camera.setToolTip("Watch a camera. Nothing is kept unless you record it.")
        self._cameras = QMenu(self._camera)
        self._cameras.aboutToShow.connect(self._list_cameras)
        self._camera.setMenu(self._cameras)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._choice, 1)
        layout.addWidget(self._open)
        layout.addWidget(self._camera)
        self.refresh()

    def refresh(self, shown: str = "") -> None:
        """List the project's videos; show the name of what is open."""
        project = self._session.project
        self._videos = [] if project is None else [m for m in project.media() if m.kind == "video"]
        names = [media.name for media in self._videos]
        self._choice.clear()
        self._choice.addItems(names)
        empty = "Choose a video" if names else "No video in the project yet"
        self._choice.setPlaceholderText(shown or empty)
        self._choice.setCurrentIndex(names.index(shown) if shown in names else -1)

    def _chosen(self, index: int) -> None:
        if 0 <= index < len(self._videos):
            self._screening.open_media(self._videos[index])

    def _ask(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Watch a video", "", _FILTER)
        if name:
            self._screening.open_file(Path(name))

    def _watch(self, camera: Camera) -> None:
        self._screening.open_camera(camera.which)

    def _list_cameras(self) -> None:
        """List the cameras that there are now: one may have been plugged in."""
        self._cameras.clear()
        found = cameras()
        for camera in found:
            name = camera.name.replace("&", "&&")
            self._cameras.addAction(name, partial(self._watch, camera))
        if not found:
            not_none(self._cameras.addAction("No camera is plugged in")).setEnabled(False)
