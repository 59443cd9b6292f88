"""Writing the track of a whole video to a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QProgressBar, QPushButton, QWidget

from faceloop_datasets import FaceloopError
from faceloop_workbench.services.rendering import RenderSummary
from faceloop_workbench.widgets.basic import set_enabled

if TYPE_CHECKING:
    from faceloop_datasets import Progress
    from faceloop_workbench.services.background import Job
    from faceloop_workbench.services.tracking import TrackResult
    from faceloop_workbench.session import Session

    from .screening import Screening

_FILTER = "Points, one row a point (*.csv);;Points (*.parquet);;Video as shown (*.mp4)"
_HELP = (
    "Fit the whole video and write points, or a video with the fits drawn in, or with what is "
    "drawn over the faces here."
)


class ExportBar(QWidget):
    """A button, and while a track is written its progress and a way to stop it.

    Parameters
    ----------
    session : Session
        Where to say how it went.
    screening : Screening
        What writes it.
    """

    def __init__(self, session: Session, screening: Screening) -> None:
        super().__init__()
        self._session, self._screening = session, screening
        self._job: Job[TrackResult | RenderSummary] | None = None
        self._why_not = ""
        self._target = Path()
        self._start = QPushButton("Export track…")
        self._start.setObjectName("live.export")
        self._start.clicked.connect(self._ask)
        self._bar = QProgressBar()
        self._stop = QPushButton("Cancel")
        self._stop.setObjectName("live.cancel_export")
        self._stop.clicked.connect(self.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._start)
        layout.addWidget(self._bar, 1)
        layout.addWidget(self._stop)
        self._show(running=False)
        session.ask_before_closing(self._loss)

    def allow(self, why_not: str) -> None:
        """Say why nothing can be exported; ``""`` if it can."""
        if why_not != self._why_not:
            self._why_not = why_not
            set_enabled(self._start, why_not, _HELP)

    def start(self, target: Path) -> None:
        """Write the track to a file."""
        try:
            self._job = job = self._screening.export(target)
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
        name, kind = QFileDialog.getSaveFileName(self, "Export the track", "", _FILTER)
        if name:
            target = Path(name)
            suffix = kind.rpartition("*")[2].rstrip(")")
            self.start(target if target.suffix else target.with_suffix(suffix or ".csv"))

    def _progress(self, progress: Progress) -> None:
        self._bar.setMaximum(progress.total or 0)
        self._bar.setValue(progress.done)

    def _done(self, result: TrackResult | RenderSummary) -> None:
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
        set_enabled(self._start, self._why_not, _HELP)
