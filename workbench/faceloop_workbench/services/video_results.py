"""Where the results of many videos go, and what of them is there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import FaceloopError, InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import MAX_TEXT, put_in_place
from faceloop_datasets.plain import is_count, is_number
from faceloop_runtime.quality.thresholds import POOR_ERROR

from .track_keeping import queue_poor_frames, with_found
from .track_recording import TrackRecorder
from .tracking import TrackSummary, queue_frames
from .video_job import VideoContent

if TYPE_CHECKING:
    from faceloop_datasets import Project, Track

    from .model_choice import ChosenModel, ChosenTracker
    from .video_job import TrackSettings, VideoResult

_RECORD = ".track.json"
_UNFINISHED = ""
_VERSION = 1


def _is_none(value: object) -> bool:
    return value is None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_tally(value: object) -> bool:
    return isinstance(value, dict) and all(map(is_count, value.values()))


_FIELDS: dict[str, tuple[Callable[[object], bool], ...]] = {
    **dict.fromkeys(("frames", "of", "lost", "poor"), (is_count,)),
    "face_seconds": (is_number,),
    **dict.fromkeys(("starts", "expressions"), (_is_tally,)),
    **dict.fromkeys(
        ("median_predicted_error", "worst_predicted_error", "fit_ms", "read_ms"),
        (is_number, _is_none),
    ),
    **dict.fromkeys(("warning", "error"), (_is_text, _is_none)),
}
"""What a summary in a record may hold: it may be anybody's."""


@dataclass(frozen=True)
class Record:
    """What lies beside a table: which video it is of, how it was made, what the tracking came to.

    Parameters
    ----------
    content : VideoContent
        Of the video.
    made_of : str
        Digest of the settings, see `TrackSettings.made_of`.
    bytes : int
        Size of the table.
    summary : TrackSummary
        What the tracking came to, and where the video lay.
    seconds : float
        That tracking took.
    """

    content: VideoContent
    made_of: str
    bytes: int
    summary: TrackSummary
    seconds: float


class TableFolder:
    """A folder of tables, one a video, whose places mirror those of the videos.

    A table is put in its place when its video is through, between two records: the first one says
    only whose it is, the second that it is finished. A video without the second is tracked again.

    Parameters
    ----------
    folder : Path
        Where to.
    settings : TrackSettings
        How videos are tracked.
    ending : str
        Of the tables: ``.parquet`` or ``.csv``.
    queue : Project, optional
        Poor frames go into its review queue.
    """

    def __init__(
        self, folder: Path, settings: TrackSettings, ending: str, queue: Project | None = None
    ) -> None:
        self.folder, self.ending = folder.absolute(), ending  # workers may stand elsewhere
        self._model, self._queue = settings.model.name, queue
        self._made_of = settings.made_of + ("" if queue is None else f" {queue.path}")

    def table(self, name: str) -> Path:
        """Where the table of a video is, by its name of `FoundVideos.videos`."""
        return self.folder / f"{name}{self.ending}"

    def record(self, name: str) -> Record | None:
        """Return the record of a video; None if there is none of these settings, or no table."""
        record = self.any_record(name)
        if record is None or record.made_of != self._made_of:
            return None
        try:
            return record if self.table(name).stat().st_size == record.bytes else None
        except OSError:
            return None

    def any_record(self, name: str) -> Record | None:
        """Return what lies beside the place of a table, of whatever settings and video."""
        try:
            return _read(self.folder / f"{name}{_RECORD}")
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None

    def is_strange(self, name: str) -> bool:
        """Whether a file is in the place of a table that was not put there by such a run."""
        return self.table(name).is_file() and not (self.folder / f"{name}{_RECORD}").exists()

    def put(self, name: str, part: Path, result: VideoResult) -> list[int]:
        """Put a finished table in its place; returns the entries that came into the queue.

        Parameters
        ----------
        name : str
            Of the video.
        part : Path
            The table, on the same disk.
        result : VideoResult
            What came of it. If its video broke off, the table ends there and is not finished.

        Raises
        ------
        FaceloopError
            If it cannot be written.
        """
        content, track = result.content, result.track
        if content is None or track is None:
            return []
        entries = [] if self._queue is None else queue_frames(self._queue, track, self._model)
        record = Record(content, _UNFINISHED, 0, track.summary, result.seconds)
        self.note(name, part.with_name(part.name + _RECORD), record)
        size = _place(part, self.table(name))
        if track.summary.error is None:
            self.note(name, part, replace(record, made_of=self._made_of, bytes=size))
        return [entry.id for entry in entries]

    def note(self, name: str, part: Path, record: Record) -> None:
        """Write the record of a video; ``part`` is a free name on the same disk.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        content = record.content
        said = {
            "faceloop": "tracked video",
            "version": _VERSION,
            "made_of": record.made_of,
            "sha256": content.sha256,
            "bytes": content.bytes,
            "modified": content.modified,
            "table_bytes": record.bytes,
            "seconds": record.seconds,
            "summary": record.summary.to_dict(),
        }
        target = self.folder / f"{name}{_RECORD}"
        try:
            part.write_text(json.dumps(said, indent=2), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{target} cannot be written: {in_words(error)}.") from error
        _place(part, target)


@dataclass(frozen=True)
class PutTrack:
    """A track that was kept: its faces, the frames that people edited, new entries of the queue."""

    faces: int
    edited: int
    queued: list[int]


class KeptTracks:
    """The tracks that a project keeps; poor frames go into its review queue.

    Parameters
    ----------
    project : Project
        The project; nobody else of this run writes into it.
    chosen : ChosenModel or ChosenTracker
        What is fitted.
    settings : TrackSettings
        How videos are tracked.
    """

    def __init__(
        self, project: Project, chosen: ChosenModel | ChosenTracker, settings: TrackSettings
    ) -> None:
        self.project = project
        self._chosen, self._made_of = chosen, settings.made_of
        self._at = {
            media.where(project.path): media.sha256
            for media in project.media()
            if media.kind == "video"
        }
        self._summaries: dict[str, TrackSummary] = {}
        self._seen: dict[str, VideoContent] = {}
        self._find_finished()

    @property
    def finished(self) -> frozenset[str]:
        """SHA-256 of the videos whose tracks are of these settings, and whole."""
        return frozenset(self._summaries)

    def summary(self, video: Path, content: VideoContent | None = None) -> TrackSummary | None:
        """Return what a finished tracking of a video came to; None if there is none.

        Parameters
        ----------
        video : Path
            The video.
        content : VideoContent, optional
            Its content; by default that which the project knows at this place, if the file still
            looks as it did when it was tracked.
        """
        if content is None:
            content = self._seen.get(self._at.get(video.resolve(), ""))
            if content is None or not content.is_still(video):
                return None
        known = self._summaries.get(content.sha256)
        return None if known is None else replace(known, video=video)

    def put(self, video: Path, result: VideoResult) -> PutTrack:
        """Keep the track of a video, which belongs to the project from then on.

        Parameters
        ----------
        video : Path
            The video.
        result : VideoResult
            What came of it, not nothing. If the video broke off, so does the track.

        Raises
        ------
        FaceloopError
            If it cannot be kept, or the file has another content by now.
        """
        content = result.content
        assert result.track is not None  # noqa: S101 - for types
        assert content is not None  # noqa: S101
        project, chosen = self.project, self._chosen
        content.check(video)
        media = project.add_media(video)
        if media.sha256 != content.sha256:  # changed since that
            raise InputError(f"{video} has changed while it was tracked. Track it again.")
        recorder = TrackRecorder(chosen.model, chosen.name)
        recorder.take(result.found)
        kept = with_found(project, chosen, media, recorder, result.track)
        # First the queue: a track that is kept says that nothing is left to do.
        queued = [entry.id for entry in queue_poor_frames(project, kept, chosen.name)]
        made_of = f"{self._made_of} {content.bytes} {content.modified}"
        whole = result.track.summary.error is None
        project.keep_track(replace(kept.history, made_of=made_of if whole else ""))
        faces = kept.history.track.faces
        return PutTrack(len(faces), sum(int(face.settled.sum()) for face in faces), queued)

    def _find_finished(self) -> None:
        for media in self.project.tracks():
            try:
                history = self.project.track_history(media)
            except FaceloopError:  # a damaged one is told when its video has been tracked
                continue
            made_of, *seen = ("",) if history is None else history.made_of.split(" ")
            if history is None or made_of != self._made_of:
                continue
            self._summaries[media.sha256] = _summary_of(history.track)
            with suppress(ValueError):  # of before that was noted: its video is read again
                size, modified = map(int, seen)
                self._seen[media.sha256] = VideoContent(media.sha256, size, modified)


def _place(part: Path, target: Path) -> int:
    """Put a finished file in its place and return its size.

    It comes from the run's own folder, so that a kill leaves nothing elsewhere.

    Raises
    ------
    InputError
        If it cannot be put there.
    """
    try:
        size = part.stat().st_size
        target.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(part, target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {in_words(error)}.") from error
    return size


def _summary_of(track: Track) -> TrackSummary:
    worst, seen = track.worst_error, track.seen
    frames, lost = int(seen.sum()), int(np.isinf(worst).sum())
    errors = np.concatenate([face.predicted_error[face.present] for face in track.faces])
    errors = errors[np.isfinite(errors)]
    return TrackSummary(
        video=Path(),
        frames=frames,
        of=track.frames,
        lost=lost,
        poor=int((np.isfinite(worst) & (worst > POOR_ERROR)).sum()),
        face_seconds=(frames - lost) / track.rate,
        median_predicted_error=float(np.median(errors)) if len(errors) else None,
        worst_predicted_error=float(errors.max(initial=0.0)) if len(errors) else None,
        starts={},
        expressions={},
        fit_ms=None,
        read_ms=None,
        stopped=False,
        warning=None,
        error=None,
    )


def _read(file: Path) -> Record:
    """Read a record.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError
        If there is none that can be used.
    """
    if file.stat().st_size > MAX_TEXT:
        raise ValueError(file)
    said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    summary = said["summary"]
    whole = is_number(said["seconds"]) and all(
        any(check(summary[name]) for check in checks) for name, checks in _FIELDS.items()
    )
    if said["version"] != _VERSION or not whole:
        raise ValueError(file)
    content = VideoContent(str(said["sha256"]), int(said["bytes"]), int(said["modified"]))
    found = TrackSummary(**{**summary, "video": Path(summary["video"])})
    made_of, size, seconds = str(said["made_of"]), int(said["table_bytes"]), float(said["seconds"])
    return Record(content, made_of, size, found, seconds)
