"""What a camera is for: recording what it sees, and taking single pictures. Without Qt."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from psygnal import Signal, emit_queued

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.track_keeping import start_track

from .recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Item, Monitor
    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.session import Session

    from .player import Player
    from .recording import RecordingSummary

NO_CAMERA = "Open a camera first."
_NAME = "camera-%Y-%m-%d-%H%M%S"


@dataclass(frozen=True)
class _Ended:
    """A recording that is over, and where it may be kept."""

    summary: RecordingSummary
    project: str | None
    chosen: ChosenModel


class CameraWork:
    """Records a camera that plays, and takes pictures of it into the project.

    Parameters
    ----------
    session : Session
        The open project.
    player : Player
        What plays.

    Attributes
    ----------
    changed : Signal()
        A recording has begun, or is over.
    """

    changed = Signal()

    def __init__(self, session: Session, player: Player) -> None:
        self._session, self._player = session, player
        self._jobs: list[Job[object]] = []
        session.ask_before_closing(self._loss)

    @property
    def active(self) -> bool:
        """Whether a camera is open."""
        source = self._player.source
        return source is not None and source.path is None

    @property
    def recording(self) -> Recording | None:
        """The recording under way, its last frames being written included."""
        return self._player.recording

    def suggested(self) -> Path:
        """Where a recording goes that nobody puts elsewhere: the project that keeps its track."""
        chosen = self._player.chosen
        project = self._session.project
        kept = project is not None and chosen is not None and self._keeper(chosen) is not None
        folder = project.path / "media" if project is not None and kept else Path.home()
        return folder / f"{datetime.now().astimezone():{_NAME}}.mp4"

    def record(self, video: Path) -> None:
        """Record from the next frame on; plays, if it does not.

        Raises
        ------
        FaceloopError
            If no camera or no model is there, or the file cannot be written.
        """
        source, chosen = self._player.source, self._player.chosen
        if source is None or not self.active:
            raise FaceloopError(NO_CAMERA)
        if chosen is None:
            raise FaceloopError("No model is loaded to track with. Choose one in the tab Train.")
        project = self._session.project
        video.parent.mkdir(parents=True, exist_ok=True)
        keep = () if project is None else tuple(project.files())
        folder = self._keeper(chosen)
        recording = Recording(video, chosen, source.rate, keep, table=folder is None)
        recording.ended.connect(
            lambda summary: self._ended(_Ended(summary, folder, chosen)), thread="main"
        )
        self._player.recording = recording
        self._player.play()
        self.changed.emit()

    def _keeper(self, chosen: ChosenModel) -> str | None:
        """Address of the project that can keep tracks of a model; None if there is none."""
        project = self._session.project
        mine = project is not None and project.scheme.name == chosen.model.scheme.name
        return project.address if project is not None and mine and chosen.kept else None

    def stop(self) -> None:
        """End the recording; what waits is written, which is told when it is done."""
        if self.recording is not None:
            self.recording.stop()

    def tick(self) -> None:
        """End a recording of a camera that is paused, or was unplugged."""
        if self.recording is not None and not self._player.playing:
            self.stop()

    def close_down(self) -> None:
        """End the recording, and wait until it is on disk."""
        if self.recording is not None:
            self.recording.stop()
            self.recording.wait()
        emit_queued()  # that it is over: the project is to get it
        for job in self._jobs:
            job.wait()

    def _loss(self) -> str:
        if self.recording is None:
            return ""
        return (
            f"{self.recording.video.name} is being recorded. It ends here; what was recorded until "
            "then is kept."
        )

    def snapshot(self, face: int = 0) -> None:
        """Take the picture there is into the project, to be annotated, its fit to start from.

        Parameters
        ----------
        face : int
            Which of its faces.

        Raises
        ------
        FaceloopError
            If no project or camera is open, or there is no picture yet.
        """
        folder = self._session.need_project().address
        current, chosen = self._player.current, self._player.chosen
        if current is None or not self.active:
            raise FaceloopError(NO_CAMERA)
        frame, result = current
        faces = () if result is None else result.faces
        fit = faces[min(face, len(faces) - 1)].fit if faces else None
        name = f"{datetime.now().astimezone():{_NAME}-%f}"[:-3]

        def take(_monitor: Monitor) -> Item:
            with Project.open(folder) as project, tempfile.TemporaryDirectory() as scratch:
                file = Path(scratch) / f"{name}.png"
                Image.fromarray(frame.image).save(file)
                item = project.add_item(project.add_media(file, copy=True))
                if fit is None or chosen is None:
                    project.queue.add(item.id, "manual", note="a picture of the camera; no face")
                else:
                    project.queue.add(
                        item.id,
                        "manual",
                        model=chosen.name,
                        fit=fit.points,
                        note=f"a picture of the camera, predicted error {fit.predicted_error:.3f}",
                    )
                return item

        self._run(Job(take, "taking a picture"), self._taken)

    # What comes of it

    def _run(self, job: Job[object], done: Callable[..., object]) -> None:
        self._jobs = [other for other in self._jobs if other.running] + [job]
        job.done.connect(done, thread="main")
        job.failed.connect(lambda error: self._session.tell(str(error), "error"), thread="main")
        job.start()

    def _taken(self, item: Item) -> None:
        self._session.items_changed.emit()
        self._session.queue_changed.emit()
        self._session.tell(
            f"{item.name} is in the project, at the top of the queue, with its fit to start from."
        )

    def _ended(self, ended: _Ended) -> None:
        summary = ended.summary
        self._player.recording = None
        self.changed.emit()
        if summary.error or not summary.frames:
            self._session.tell(summary.error or "Nothing was recorded: no frame came.", "error")
        else:
            self._session.tell(recorded_text(summary))
        if summary.frames and summary.video.exists() and ended.project is not None:
            folder = ended.project

            def keep(_monitor: Monitor) -> None:
                keep_recording(folder, ended)

            self._run(Job(keep, "keeping a recording"), lambda _none: self._kept(ended))

    def _kept(self, ended: _Ended) -> None:
        project = self._session.project
        if project is not None and project.address == ended.project:
            self._session.items_changed.emit()
        if ended.summary.error is None:
            self._session.tell(
                f"{recorded_text(ended.summary)} The project has the video now, and its track."
            )


def keep_recording(folder: str, ended: _Ended) -> None:
    """Make a recorded video part of a project, and keep what was found in it as its track."""
    with Project.open(folder) as project:
        media = project.add_media(ended.summary.video)
        history = start_track(project, media, ended.chosen)
        track = ended.summary.found.merged(history.track)
        project.keep_track(history.went_on(track))


def recorded_text(summary: RecordingSummary) -> str:
    """Say what a recording came to."""
    left = summary.left_out
    few = counted(left, "frame that came too fast was", "frames that came too fast were")
    missing = f" {few} left out." if left else ""
    table = "" if summary.table is None else f", the points in {summary.table.name}"
    return (
        f"Recorded {summary.seconds:.1f} s, {counted(summary.frames, 'frame')}: "
        f"{summary.video}{table}.{missing}"
    )
