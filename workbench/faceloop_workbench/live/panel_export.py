"""Writing the track of a whole video to a file, and taking in one that another tool wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton, QWidget

from faceloop_datasets import FaceloopError
from faceloop_datasets.track_formats import track_formats
from faceloop_workbench.services.rendering import RenderSummary
from faceloop_workbench.services.track_export import ExportedTrack
from faceloop_workbench.widgets.basic import set_enabled
from faceloop_workbench.widgets.file_dialogs import ask_file

if TYPE_CHECKING:
    from faceloop_datasets import Progress
    from faceloop_workbench.services.background import Job
    from faceloop_workbench.services.tracking import TrackResult
    from faceloop_workbench.session import Session

    from .screening import Screening
    from .time_view import TimeView
    from .track_editor import TrackEditor

_FILTER = ";;".join(
    [
        "Points, one row a point (*.csv)",
        "Points (*.parquet)",
        "Video as shown (*.mp4)",
        "movement (*.nc)",
        "SLEAP (*.slp)",
        "NWB (*.nwb)",
    ]
)
_HELP = (
    "Write points, or a video with them drawn in: the kept track as it is, of the range if one is "
    "selected. Without one the whole video is fitted; and so it is where something is drawn over "
    "the faces."
)
_IMPORT_HELP = (
    "Put what another tool found in this video (DeepLabCut, Lightning Pose, SLEAP, movement, NWB, "
    "OpenFace, or a table of faceloop's) into the track, as faces of their own. A file can also "
    "be dropped on this tab. Undo takes it back."
)


class ExportBar(QWidget):
    """A button, and while a track is written its progress and a way to stop it.

    Parameters
    ----------
    session : Session
        Where to say how it went.
    screening : Screening
        What fits a video and writes what it finds.
    tracks : TrackEditor
        What is kept of the video: such a track is written as it is.
    view : TimeView
        Knows which range is selected.
    """

    def __init__(
        self, session: Session, screening: Screening, tracks: TrackEditor, view: TimeView
    ) -> None:
        super().__init__()
        self._session, self._screening = session, screening
        self._tracks, self._view = tracks, view
        self._job: Job[Any] | None = None
        self._why_not = ""
        self._target = Path()
        self._start = QPushButton("Export track…")
        self._start.setObjectName("live.export")
        self._start.clicked.connect(self._ask)
        self._import = QPushButton("Import track…")
        self._import.setObjectName("live.import")
        self._import.clicked.connect(self._ask_import)
        self._bar = QProgressBar()
        self._stop = QPushButton("Cancel")
        self._stop.setObjectName("live.cancel_export")
        self._stop.clicked.connect(self.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._start)
        layout.addWidget(self._import)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._stop)
        self._show(running=False)
        session.ask_before_closing(self._loss)

    def allow(self, why_not: str) -> None:
        """Say why nothing can be exported; ``""`` if it can."""
        if why_not != self._why_not:
            self._why_not = why_not
            set_enabled(self._start, why_not, _HELP)
            set_enabled(self._import, why_not, _IMPORT_HELP)

    def take(self, file: Path) -> None:
        """Put the track that a file holds into the one that is kept."""
        try:
            if self._why_not:
                raise FaceloopError(f"{self._why_not} Then import {file.name}.")
            self._tracks.import_file(file)
        except FaceloopError as error:
            self._session.tell(str(error), "error")

    def start(self, target: Path) -> None:
        """Write the track to a file."""
        try:
            kept = self._tracks.export(target, self._view.selected)
            self._job = job = kept or self._screening.export(target)
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return
        self._target = target
        job.progressed.connect(self._progress, thread="main")
        job.done.connect(self._done, thread="main")
        job.failed.connect(self._failed, thread="main")
        job.ended.connect(self._ended, thread="main")
        self._show(running=True)
        job.start()

    def cancel(self) -> None:
        """Stop; a track holds the frames until then, a video that is drawn over is not made."""
        if self._job is not None:
            self._job.cancel()

    def close_down(self) -> None:
        """Stop, and wait until the file is complete."""
        if self._job is not None:
            self._job.cancel()
            self._job.wait()

    def _loss(self) -> str:
        if self._job is None:
            return ""
        return f"{self._target.name} is being written. It ends where it is by now, or is not made."

    def _ask(self) -> None:
        suggested = self._tracks.suggested_name(self._view.selected)
        name, kind = QFileDialog.getSaveFileName(self, "Export the track", suggested, _FILTER)
        if name:
            target = Path(name)
            suffix = kind.rpartition("*")[2].rstrip(")")
            self.start(target if target.suffix else target.with_suffix(suffix or ".csv"))

    def _ask_import(self) -> None:
        patterns = sorted({p for one in track_formats().values() for p in one.patterns})
        ask_file(self, "Import a track", f"Tracks ({' '.join(patterns)})", self.take)

    def _progress(self, progress: Progress) -> None:
        self._bar.setMaximum(progress.total or 0)
        self._bar.setValue(progress.done)

    def _done(self, result: TrackResult | RenderSummary | ExportedTrack) -> None:
        if isinstance(result, ExportedTrack):
            self._session.tell(result.said)
            return
        if isinstance(result, RenderSummary):
            said = f"The video is in {result.out}.", result.warning, result.advice
            self._session.tell(" ".join(filter(None, said)))
            return
        summary = result.summary
        until = f" The first {summary.frames} of {summary.of} frames." if summary.stopped else ""
        wrong = summary.error or summary.warning or ""
        level = "warning" if wrong else "info"
        self._session.tell(f"The track is in {self._target}.{until} {wrong}".strip(), level)

    def _failed(self, error: FaceloopError) -> None:
        self._session.tell(str(error), "error")

    def _ended(self) -> None:
        self._job = None
        self._show(running=False)

    def _show(self, *, running: bool) -> None:
        self._bar.setVisible(running)
        self._bar.setValue(0)
        self._stop.setVisible(running)
        self._start.setVisible(not running)
        self._import.setVisible(not running)
        set_enabled(self._start, self._why_not, _HELP)
        set_enabled(self._import, self._why_not, _IMPORT_HELP)
