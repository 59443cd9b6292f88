"""One job in the background: what it does, how far it is, and a way to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from faceloop_workbench.services.background import Job
from faceloop_workbench.services.progress_text import ProgressText

from .basic import PlainLabel

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Progress

    Done = Callable[[Any], object]


class JobBar(QWidget):
    """Runs one job at a time; hidden while there is none.

    Attributes
    ----------
    busy_changed : Signal(bool)
        A job has begun, or is over.
    failed : Signal(FaceloopError)
        It raised this.
    cancelled : Signal(str)
        It was stopped; its name.
    """

    busy_changed = Signal(bool)
    failed = Signal(object)
    cancelled = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job: Job[Any] | None = None
        self._then: Done | None = None
        self._time = ProgressText()
        self._text = PlainLabel()
        self._text.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._stop = QPushButton("Cancel")
        self._stop.setObjectName("job.cancel")
        self._stop.clicked.connect(self.cancel)
        line = QHBoxLayout()
        line.addWidget(self._bar, 1)
        line.addWidget(self._stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._text)
        layout.addLayout(line)
        self.hide()

    @property
    def busy(self) -> bool:
        """Whether a job is at work."""
        return self._job is not None

    def loss(self) -> str:
        """Say what is lost if the window closes now; ``""`` if nothing runs."""
        if self._job is None:
            return ""
        return (
            f"{self._job.name} is under way. It is stopped, and what it has not finished is lost."
        )

    def run(self, job: Job[Any], done: Done) -> None:
        """Start a job; ``done`` is called with its result, in this thread."""
        self._job, self._then, self._time = job, done, ProgressText()
        for signal, handle in (
            (job.progressed, self._progress),
            (job.done, self._done),
            (job.failed, self._failed),
            (job.cancelled, self._cancelled),
            (job.ended, self._finish),
        ):
            signal.connect(self._while(job, handle), thread="main")
        self._text.setText(f"{job.name}…")
        self._bar.setRange(0, 0)
        self._stop.setEnabled(True)
        self.show()
        self.busy_changed.emit(True)
        job.start()

    def cancel(self) -> None:
        """Ask the job to stop."""
        if self._job is not None:
            self._job.cancel()
            self._stop.setEnabled(False)
            self._text.setText("Stopping…")

    def close_down(self) -> None:
        """Stop the job and wait for its end; nobody is told."""
        if self._job is not None:
            job, self._job = self._job, None
            job.cancel()
            job.wait()

    def _while(self, job: Job[Any], handle: Callable[..., object]) -> Callable[..., object]:
        """Leave out what a job says after it is over for this bar, and perhaps the bar for Qt."""
        return lambda *args: handle(*args) if self._job is job else None

    def _progress(self, progress: Progress) -> None:
        if not self._stop.isEnabled():
            return
        self._text.setText(self._time.text(progress))
        self._bar.setRange(0, progress.total or 0)
        self._bar.setValue(progress.done)

    def _done(self, result: object) -> None:
        self._finish()
        if self._then is not None:
            self._then(result)

    def _failed(self, error: object) -> None:
        self._finish()
        self.failed.emit(error)

    def _cancelled(self) -> None:
        name = "" if self._job is None else self._job.name
        self._finish()
        self.cancelled.emit(name)

    def _finish(self) -> None:
        if self._job is not None:
            self._job = None
            self.hide()
            self.busy_changed.emit(False)
