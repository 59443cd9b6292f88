"""Tracking one video of many, in whatever process: from files to what is kept of it."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError, InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.staging import content_hash

from .finding import AUTOMATIC, Finding
from .model_choice import ChosenModel, ChosenTracker, ModelPlace
from .track_recording import TrackRecorder
from .tracking import TableKind, track_video

if TYPE_CHECKING:
    from typing import Self

    from faceloop_datasets import Progress

    from .track_recording import Sighting
    from .tracking import TrackResult


_THREADS = 2
"""That decode. A process has a core, and each thread holds a frame; of one alone tracking takes 5 %
more processor time."""


@dataclass(frozen=True)
class TrackSettings:
    """What is fitted, and how: everything that the results depend on besides the video.

    Parameters
    ----------
    model : ModelPlace
        What to fit.
    digest : str
        SHA-256 of its file.
    max_faces : int
        Faces to follow.
    finding : Finding
        How they are found and where their fits start.
    smooth, table
        As `faceloop_workbench.services.tracking.track_video` takes them.
    """

    model: ModelPlace
    digest: str
    max_faces: int = 1
    finding: Finding = AUTOMATIC
    smooth: bool = False
    table: TableKind = "faceloop"

    @classmethod
    def of(
        cls,
        model: ModelPlace,
        *,
        max_faces: int = 1,
        finding: Finding = AUTOMATIC,
        smooth: bool = False,
        table: TableKind = "faceloop",
    ) -> Self:
        """Return the settings with a model as its file is now."""
        if Path(finding.detector).is_file():  # workers may stand elsewhere
            finding = replace(finding, detector=str(Path(finding.detector).absolute()))
        return cls(model, content_hash(model.file), max_faces, finding, smooth, table)

    @property
    def made_of(self) -> str:
        """Digest by which results of these settings are known again, wherever files lie."""
        yunet = Path(self.finding.detector)
        detector = content_hash(yunet) if yunet.is_file() else self.finding.detector
        parts = [self.digest, self.max_faces, detector, self.finding.start, self.smooth, self.table]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class VideoContent:
    """Which content a file has.

    Parameters
    ----------
    sha256 : str
        Hash of it.
    bytes, modified : int
        Size, and time of the last change in ns: while both stay, the content is taken to stay.
    """

    sha256: str
    bytes: int
    modified: int

    @classmethod
    def of(cls, file: Path) -> Self:
        """Read a file.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if not file.is_file():
            raise InputError(f"There is no video file {file}.")
        before = file.stat()  # one that changes while it is read is read again next time
        return cls(content_hash(file), before.st_size, before.st_mtime_ns)

    def check(self, file: Path) -> None:
        """Refuse a file that has another content by now.

        Raises
        ------
        InputError
            If it has, or cannot be read.
        """
        if not self.is_still(file) and VideoContent.of(file).sha256 != self.sha256:
            raise InputError(f"{file} has changed while it was tracked. Track it again.")

    def is_still(self, file: Path) -> bool:
        """Whether a file looks as it did, by size and time."""
        try:
            now = file.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.bytes, self.modified)


@dataclass(frozen=True)
class VideoJob:
    """A video to track.

    Parameters
    ----------
    video : Path
        The file.
    table : Path or None
        Where to write its points.
    known : str
        SHA-256 of the content of which the table is there already.
    taken : tuple of Path and str, optional
        The video that the table in this one's place is of, by its record, and SHA-256 of its
        content: one of another content is not tracked.
    counter : Path or None
        File that says how many frames are through, for people who wait.
    """

    video: Path
    table: Path | None = None
    known: str = ""
    taken: tuple[Path, str] | None = None
    counter: Path | None = None


@dataclass(frozen=True, eq=False)
class VideoResult:
    """What came of a job.

    Parameters
    ----------
    content : VideoContent or None
        Of the video; None if it could not be read.
    track : TrackResult or None
        None if it failed, or everything was there.
    found : mapping of int to list of Sighting
        What was found in each frame, for a track that is kept.
    seconds : float
        That it took.
    error : str or None
        Why there is nothing.
    """

    content: VideoContent | None = None
    track: TrackResult | None = None
    found: dict[int, list[Sighting]] = field(default_factory=dict)
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class TrackVideo:
    """Does such jobs; errors are results too, so that one video does not end the others' tracking.

    Parameters
    ----------
    settings : TrackSettings
        How.
    keep : bool
        Whether what is found in each frame is wanted.
    kept : frozenset of str
        SHA-256 of the contents of which that is there already: a file may have moved.
    """

    settings: TrackSettings
    keep: bool = False
    kept: frozenset[str] = frozenset()

    def __call__(self, job: VideoJob) -> VideoResult:
        """Track a video."""
        try:
            return self._track(job)
        except FaceloopError as error:
            return VideoResult(error=str(error))
        except OSError as error:
            return VideoResult(error=f"{job.video} cannot be tracked: {in_words(error)}.")
        # A fault of ours, or of a library, that one video in ten thousand brings to light: the
        # others are tracked, and a second attempt does not stop at the same place.
        except Exception as error:  # noqa: BLE001
            said = f"{type(error).__name__}: {error}".strip(": ")
            return VideoResult(error=f"{job.video} cannot be tracked, unexpectedly: {said}.")

    def _track(self, job: VideoJob) -> VideoResult:
        begun = time.perf_counter()
        content = VideoContent.of(job.video)
        if job.taken is not None and job.taken[1] != content.sha256:
            raise InputError(
                f"{job.video} was not tracked: {job.table} is the table of another video, "
                f"{job.taken[0]}. Choose another --out for one of them."
            )
        written = job.table is None or content.sha256 == job.known
        if written and (not self.keep or content.sha256 in self.kept):
            return VideoResult(content)
        settings = self.settings
        chosen = _loaded(settings.model, settings.digest)
        recorder = TrackRecorder(chosen.model, chosen.name)
        result = track_video(
            chosen.model,
            job.video,
            points=job.table,
            max_faces=settings.max_faces,
            smooth=settings.smooth,
            table=settings.table,
            finding=settings.finding,
            each=recorder.add if self.keep else None,
            threads=_THREADS,
            progress=None if job.counter is None else _Counter(job.counter),
        )
        content.check(job.video)
        seconds = time.perf_counter() - begun
        return VideoResult(content, result, recorder.found(), seconds)


class _Counter:
    """Writes into a file how many frames are through, once a second."""

    def __init__(self, file: Path) -> None:
        self._file, self._next = file, 0.0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 1
            with suppress(OSError):  # the folder may be another computer's
                self._file.write_text(str(progress.done), encoding="ascii")


@lru_cache(maxsize=1)
def _loaded(place: ModelPlace, digest: str) -> ChosenModel | ChosenTracker:
    """Load a model once in each process.

    Raises
    ------
    InputError
        If the file is another one by now.
    """
    if content_hash(place.file) != digest:
        raise InputError(f"The model file {place.file} has changed meanwhile. Start again.")
    return place.load()
