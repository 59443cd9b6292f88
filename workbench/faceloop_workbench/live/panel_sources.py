"""Choosing what to watch: a video of the project, a file, a camera."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from faceloop_workbench.widgets.basic import set_enabled

from .sources import cameras

if TYPE_CHECKING:
    from faceloop_datasets import Media
    from faceloop_workbench.session import Session

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
        self._choice.setMinimumContentsLength(8)
        self._choice.setSizeAdjustPolicy(_SHORT)
        self._choice.activated.connect(self._chosen)
        self._open = QPushButton("Open…")
        self._open.setObjectName("live.open")
        self._open.setToolTip("Watch a video file. Its poor fits make it part of the project.")
        self._open.clicked.connect(self._ask)
        self._camera = QPushButton("Camera")
        self._camera.setObjectName("live.camera")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._choice, 1)
        layout.addWidget(self._open)
        layout.addWidget(self._camera)
        self._offer_cameras()
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

    def _watch(self, camera: int, *_: object) -> None:
        self._screening.open_camera(camera)

    def _offer_cameras(self) -> None:
        found = cameras()
        why_not = "" if found else "No camera is plugged in."
        set_enabled(self._camera, why_not, "Watch a camera: nothing is recorded.")
        if len(found) == 1:
            self._camera.clicked.connect(partial(self._watch, found[0]))
        elif found:
            menu = QMenu(self)
            for number in found:
                menu.addAction(f"Camera {number}", partial(self._watch, number))
            self._camera.setMenu(menu)
