"""Poor fits of a video that plays go to the review queue. Without Qt."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from faceloop_datasets import FaceloopError
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.finding import AUTOMATIC
from faceloop_workbench.services.finding_faces import take_fits, take_new_fits
from faceloop_workbench.services.model_choice import choose_model
from faceloop_workbench.services.rendering import render
from faceloop_workbench.services.tracking import track_video

from .cameras import short_name
from .model_in_use import FitSettings
from .sources import CameraSource, VideoSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faceloop_datasets import (
        FrameCandidate,
        Media,
        Monitor,
        Project,
    )
    from faceloop_runtime import Fit
    from faceloop_workbench.services.finding import Finding
    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.services.render_choice import Rendering
    from faceloop_workbench.services.rendering import RenderSummary
    from faceloop_workbench.services.tracking import TrackResult
    from faceloop_workbench.session import Session

    from .player import Player, ShownFrame
    from .sources import FrameSource

_EVERY = 5.0
"""Seconds of playing between looks for poor fits."""
_WHILE_PLAYING = 1
"""Entries of a shot while it plays. The rest comes when it rests: by then the worst are known,
and the first seconds of a long shot have not taken all its places."""


class Screening:
    """What the tab Live does with a player and the open project.

    Poor fits of a video go to the review queue as it plays, in a thread; those of a model that is
    only tried do not. A video that the project does not know becomes known with its first poor fit.

    Parameters
    ----------
    session : Session
        The open project.
    player : Player
        What plays.
    per_shot : int
        Most entries waiting of one shot.

    Attributes
    ----------
    queued : int
        Poor fits of this video that went to the queue.
    rendering : Rendering or None
        What is drawn over the faces of a video that is exported; None for their points.
    changed : Signal()
        That number is another.
    opening : Signal(str)
        A source of this name is being opened, which takes a while for a long video.
    """

    changed = Signal()
    opening = Signal(str)

    def __init__(self, session: Session, player: Player, per_shot: int = 3) -> None:
        self._session, self._player, self._per_shot = session, player, per_shot
        self.queued = 0
        self.rendering: Rendering | None = None
        self._fit_settings: tuple[str, int, Finding] | None = None
        self._known = _KnownMedia()
        self._job: Job[int] | None = None
        self._last_queued: _PoorFits | None = None
        self._again = False
        self._was_playing = False
        self._queued_at = time.monotonic()

    # What is played, and with what

    def open_file(self, path: Path) -> None:
        """Open a video file."""
        self._open(path.name, partial(VideoSource, path))

    def open_media(self, media: Media) -> None:
        """Open a video of the project."""
        project = self._session.need_project()
        self._open(media.name, lambda: VideoSource(project.resolve(media)))

    def open_camera(self, which: int | str) -> None:
        """Open a camera."""
        self._open(f"camera {short_name(which)}", partial(CameraSource, which))

    def unload(self) -> None:
        """Open nothing."""
        self._open("", lambda: None)

    def use_model(self, backend: str, max_faces: int, finding: Finding = AUTOMATIC) -> None:
        """Fit with the model that is tried, the project's in use, or the starter, in this way."""
        self._fit_settings = backend, max_faces, finding
        load, key = self._model()
        self.queue_poor_fits(resting=True)  # what the model before did badly is its own
        self._player.use_model(FitSettings(load, key, backend, max_faces, finding))

    def _model(self) -> tuple[Callable[[], ChosenModel], object]:
        """Return what loads the model, and what tells it from others."""
        project, trial = self._session.project, self._session.trial
        if trial is not None:
            return lambda: trial, trial
        record = None if project is None else project.active_model
        key = None if project is None or record is None else (project.address, record.id)
        return partial(choose_model, None, project), key

    @property
    def how(self) -> tuple[str, int, Finding]:
        """Backend, most faces to follow, and how they are found."""
        return self._fit_settings or ("auto", 1, AUTOMATIC)

    def renew(self) -> None:
        """Fit with the model that is in use now, in the same way as before, if in any."""
        if self._fit_settings is not None:
            self.use_model(*self._fit_settings)

    def close_down(self) -> None:
        """Queue what was collected, and wait until it is on disk."""
        self.queue_poor_fits(resting=True)
        if self._job is not None:
            self._job.wait()

    def _open(self, name: str, make: Callable[[], FrameSource | None]) -> None:
        self.queue_poor_fits(resting=True)
        self._last_queued, self.queued = None, 0
        self.changed.emit()
        self.opening.emit(name)
        self._player.open(make)

    # Poor fits

    def tick(self) -> None:
        """Look for poor fits if it is time; called now and then on the thread of the session."""
        playing = self._player.playing
        if self._was_playing and not playing:
            self.queue_poor_fits(resting=True)
        elif playing and time.monotonic() - self._queued_at >= _EVERY:
            self.queue_poor_fits()
        self._was_playing = playing

    def queue_poor_fits(self, *, resting: bool = False) -> None:
        """Queue poor fits that were collected.

        Parameters
        ----------
        resting : bool
            Whether playing has ended: then as many of a shot as wanted, else the first.
        """
        self._queued_at = time.monotonic()
        if self._job is not None and self._job.running:
            self._again = self._again or resting
            return
        poor = self._poor_fits(resting=resting)
        if poor is not None and poor != self._last_queued:
            self._last_queued = poor
            self._job = Job(lambda _monitor: poor.put(), "queueing poor fits")
            self._start(self._job, self._queued)

    def queue_fit(self, shown: ShownFrame, face: int = 0) -> None:
        """Put a fit into the queue, to be corrected, whatever its predicted error.

        It becomes no revision: those are what people say. It waits at the top of the queue, and
        opens with the fit to start from.

        Parameters
        ----------
        shown : ShownFrame
            The frame, with a fit.
        face : int
            Which of its faces.

        Raises
        ------
        FaceloopError
            If no project or no video file is open, or there is no fit.
        """
        project, path = self._session.need_project(), self._file()
        faces = () if shown.result is None else shown.result.faces
        if shown.chosen is None or not faces:
            raise FaceloopError("There is no fit in this frame to take.")
        self._take(project, path, shown, [faces[min(face, len(faces) - 1)].fit])

    def queue_fits(self, shown: ShownFrame) -> None:
        """As `queue_fit` with all faces of a frame, but for those that were removed from it.

        Raises
        ------
        FaceloopError
            If no project or no video file is open, or there is no fit.
        """
        project, path = self._session.need_project(), self._file()
        if shown.chosen is None or shown.result is None or not shown.result.faces:
            raise FaceloopError("There is no fit in this frame to take.")
        self._take(project, path, shown, [face.fit for face in shown.result.faces])

    def _take(self, project: Project, path: Path, shown: ShownFrame, fits: list[Fit]) -> None:
        assert shown.chosen is not None  # noqa: S101 - there are fits
        take = take_fits if len(fits) == 1 else take_new_fits
        model = shown.chosen.name

        def put(_monitor: Monitor) -> int:
            media = self._known.get(project, path)
            note = "taken while watching"
            return len(
                take(project, media, shown.index, fits, model=model, time=shown.time, note=note)
            )

        self._start(
            Job(put, "taking a fit"), partial(self._fit_queued, f"{path.name}#{shown.index}")
        )

    def _poor_fits(self, *, resting: bool) -> _PoorFits | None:
        project, source = self._session.project, self._player.source
        chosen = self._player.chosen
        if project is None or source is None or source.path is None or chosen is None:
            return None
        poor = self._player.poor_frames(chosen) if chosen.kept else []
        if not poor or chosen.model.scheme.name != project.scheme.name:
            return None
        per_shot = self._per_shot if resting else min(self._per_shot, _WHILE_PLAYING)
        return _PoorFits(project, source.path, tuple(poor), chosen.name, per_shot, self._known)

    def _start(self, job: Job[Any], done: Callable[[Any], None]) -> None:
        job.done.connect(done, thread="main")
        job.failed.connect(self._failed, thread="main")
        job.start()

    def _queued(self, new: int) -> None:
        if new:
            self.queued += new
            self.changed.emit()
            self._session.items_changed.emit()
            self._session.queue_changed.emit()
        if self._again:
            self._again = False
            self.queue_poor_fits(resting=True)

    def _fit_queued(self, what: str, taken: int) -> None:
        self._session.items_changed.emit()
        self._session.queue_changed.emit()
        if taken == 1:
            self._session.tell(
                f"{what} is at the top of the queue, with this fit to start from. It trains the "
                "model once you have corrected it."
            )
        else:
            self._session.tell(
                f"{counted(taken, 'face')} of {what} are at the top of the queue, with their fits "
                "to start from. They train the model once you have corrected them."
            )

    def _failed(self, error: FaceloopError) -> None:
        self._session.tell(str(error), "error")

    # The track of the whole video

    def export(self, target: Path) -> Job[TrackResult | RenderSummary]:
        """Fit the whole video and write its track: a table, or a video with the faces as shown.

        Parameters
        ----------
        target : Path
            The file to make: ``.csv``, ``.parquet``, or a video.

        Raises
        ------
        FaceloopError
            If no video file is open, or no model could be loaded.
        """
        path, chosen = self._file(), self._player.chosen
        if chosen is None:
            raise FaceloopError("No model is loaded to track with. Choose one in the tab Train.")
        table = target.suffix.lower() in (".csv", ".parquet")
        _, max_faces, finding = self.how
        project = self._session.project

        keep = () if project is None else tuple(project.files())
        rendering = None if table else self.rendering

        def work(monitor: Monitor) -> TrackResult | RenderSummary:
            if rendering is not None:
                return render(
                    chosen.model,
                    path,
                    target,
                    rendering,
                    max_faces=max_faces,
                    finding=finding,
                    keep=keep,
                    progress=monitor,
                )
            return track_video(
                chosen.model,
                path,
                points=target if table else None,
                overlay=None if table else target,
                max_faces=max_faces,
                finding=finding,
                keep=keep,
                progress=monitor,
            )

        return Job(work, f"tracking {path.name}")

    def _file(self) -> Path:
        source = self._player.source
        if source is None or source.path is None:
            raise FaceloopError("This needs a video file. Open one first.")
        return source.path


@dataclass(frozen=True)
class _PoorFits:
    """Poor fits for the queue of a project; equal if the queue would make the same of them."""

    project: Project = field(compare=False)
    video: Path
    poor: tuple[FrameCandidate, ...]
    model: str
    per_shot: int
    known: _KnownMedia = field(compare=False)

    def put(self) -> int:
        """Put them there; returns how many are new."""
        media = self.known.get(self.project, self.video)
        queue = self.project.queue
        return len(queue.add_frames(media, self.poor, model=self.model, per_shot=self.per_shot))


class _KnownMedia:
    """Videos of projects: making one known reads the whole file, which is done once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._media: dict[tuple[str, Path], Media] = {}

    def get(self, project: Project, path: Path) -> Media:
        """Return the media of a file, which becomes part of the project if it was not."""
        key = (project.address, path)
        with self._lock:
            if key not in self._media:
                self._media[key] = project.add_media(path)
            return self._media[key]
