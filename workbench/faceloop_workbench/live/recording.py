"""Recording what a camera sees: a video, and the track of the faces in it. Without Qt.

The track goes to a project or, where there is none, into a table beside the video: a table that
lies in a project would be out of reach of an erasure.

The player hands over each frame with its fit and goes on at once. A thread of the recording writes
them; where it cannot keep up, frames are left out, of the video and of the track alike.
"""

from __future__ import annotations

import queue
import shutil
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from faceloop_datasets import FaceloopError, VideoWriter
from faceloop_datasets.outputs import (
    refuse_in_project,
    refuse_to_replace,
    refuse_unwritable,
    require_ending,
)
from faceloop_datasets.wording import counted
from faceloop_runtime import FrameResult
from faceloop_workbench.services.model_choice import expression_names
from faceloop_workbench.services.points_table import PointsTable
from faceloop_workbench.services.track_recording import TrackRecorder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faceloop_workbench.services.model_choice import ChosenModel, ChosenTracker

    from .sources import Frame

VIDEOS = (".mp4", ".mkv", ".mov")
_WAITING = 24  # frames in memory: at 1280 x 720 these are 66 MB
_ROOM = 32_000_000  # bytes that are left on the disk: what completes the files needs some
_LOOK_EVERY = 8  # frames between looks at the room on the disk; they are far smaller than that


@dataclass(frozen=True)
class RecordingSummary:
    """What a recording came to.

    Parameters
    ----------
    video : Path
        The file; it is not there if there are no frames.
    table : Path or None
        The points as a table; None if none was asked for.
    frames : int
        Frames in both.
    seconds : float
        From the first to the last.
    left_out : int
        Frames that came faster than they could be written.
    error : str or None
        What ended it, in one line; what was written until then is whole, unless it says otherwise.
    found : TrackRecorder
        What was found in the frames, numbered as in the video.
    """

    video: Path
    table: Path | None
    frames: int
    seconds: float
    left_out: int
    error: str | None
    found: TrackRecorder


class Recording:
    """Writes frames of a camera until it is stopped.

    Parameters
    ----------
    video : Path
        The file to make.
    chosen : ChosenModel or ChosenTracker
        What is fitted.
    rate : float
        Frames a second that the camera claims; each keeps the time when it came.
    keep : iterable of Path
        Files that must not be replaced.
    table : bool
        Whether a table of the points, with the ending ``.csv``, comes beside the video.

    Attributes
    ----------
    ended : Signal(RecordingSummary)
        It is over, and its files are complete. Emitted in its thread, once.

    Raises
    ------
    InputError
        If a file cannot be written, or would replace one that must stay.
    """

    ended = Signal(object)

    def __init__(
        self,
        video: Path,
        chosen: ChosenModel | ChosenTracker,
        rate: float,
        keep: Iterable[Path] = (),
        *,
        table: bool = True,
    ) -> None:
        require_ending(video, VIDEOS, "a recording")
        self.video, self.table = video, video.with_suffix(".csv") if table else None
        refuse_to_replace([self.video, self.table], keep)
        refuse_in_project([self.table])  # the video is the project's own
        for file in filter(None, (self.video, self.table)):
            refuse_unwritable(file)
        self.left_out = self.frames = 0
        self.seconds = 0.0
        self._chosen, self._rate = chosen, rate
        self._frames: queue.Queue[tuple[Frame, FrameResult | None] | None]
        self._frames = queue.Queue(_WAITING)
        self._found = TrackRecorder(chosen.model, chosen.name)
        self._begin = 0.0
        self._why_ended: str | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faceloop recording", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it takes no more frames."""
        return self._over.is_set()

    def add(self, frame: Frame, result: FrameResult | None, chosen: object) -> None:
        """Hand over a frame and what was found in it; returns at once.

        Where another model is fitted by now, the recording ends: its points may be others.
        """
        if chosen is not self._chosen:
            self.stop()
        if self._over.is_set():
            return
        try:
            self._frames.put_nowait((frame, result))
        except queue.Full:
            self.left_out += 1

    def stop(self) -> None:
        """Take no more frames; those that wait are written."""
        self._over.set()

    def wait(self) -> None:
        """Wait until the files are complete."""
        self._thread.join()

    # In its thread

    def _run(self) -> None:
        try:
            with ExitStack() as files:
                video = files.enter_context(VideoWriter(self.video, self._rate))
                table = None if self.table is None else self._open_table(self.table)
                if table is not None:
                    files.enter_context(table)
                self._write_all(video, table)
        except FaceloopError as error:
            lost = (
                f" No video has the {counted(self.frames, 'frame')} before." if self.frames else ""
            )
            kept = self.video.exists()
            self._why_ended = f"{error}" if kept else f"{error}{lost}"
        self._over.set()
        if not self.frames and self.table is not None:
            self.table.unlink(missing_ok=True)
        self.ended.emit(
            RecordingSummary(
                self.video, self.table, self.frames, self.seconds, self.left_out,
                self._why_ended, self._found,
            )
        )  # fmt: skip

    def _open_table(self, file: Path) -> PointsTable:
        names = expression_names(self._chosen.model)
        scheme = self._chosen.model.scheme
        about = {"video": self.video.name, "model": self._chosen.name, "scheme": scheme.name}
        return PointsTable(file, "track", scheme.names, about, expressions=names)

    def _write_all(self, video: VideoWriter, table: PointsTable | None) -> None:
        while (pair := self._next()) is not None:
            if self.frames % _LOOK_EVERY == 0 and self._is_full():
                return
            self._write(*pair, video, table)

    def _next(self) -> tuple[Frame, FrameResult | None] | None:
        while True:
            try:
                return self._frames.get(timeout=0.05)
            except queue.Empty:
                if self._over.is_set():
                    return None

    def _is_full(self) -> bool:
        free = shutil.disk_usage(self.video.parent).free
        if free >= _ROOM:
            return False
        self._over.set()
        self._why_ended = (
            f"The disk of {self.video.parent} is full ({free // 1_000_000} MB are left), so the "
            f"recording has ended. The first {self.seconds:.1f} s are whole. Make room, and record "
            "on in a new file."
        )
        return True

    def _write(
        self,
        frame: Frame,
        result: FrameResult | None,
        video: VideoWriter,
        table: PointsTable | None,
    ) -> None:
        if not self.frames:
            self._begin = frame.time
        self.seconds = frame.time - self._begin
        video.write(frame.image, self.seconds)
        found = FrameResult(self.frames, self.seconds, () if result is None else result.faces)
        self._found.add(found)
        if table is not None:
            table.write((found.index, found.time), [(face.id, face.fit) for face in found.faces])
        self.frames += 1
