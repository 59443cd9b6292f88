"""A range of a kept track written to a file: a table of points, or a video with them drawn in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from faceloop_datasets import FrameKind, InputError, Monitor, Scheme, Video, VideoWriter
from faceloop_datasets.files import as_file_name
from faceloop_datasets.outputs import (
    refuse_in_project,
    refuse_to_replace,
    refuse_unwritable,
    require_ending,
)
from faceloop_datasets.track_formats import TrackToWrite, find_track_format, track_formats
from faceloop_datasets.tracks.editing import check_range
from faceloop_datasets.wording import counted, enumerated

from .openface_table import Camera, OpenFaceTable
from .overlay import draw_fits
from .points_table import PointsTable
from .track_editing import kept_result

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from faceloop_datasets import ProgressLike, Track
    from faceloop_datasets.track_formats import TrackFormat
    from faceloop_runtime import FaceModel, Fit
    from faceloop_runtime.fit.result import FitStart

TABLES = (".csv", ".parquet")
OURS = "table"
"""Name of our own tables among the formats of tracks."""
VIDEOS = (".mp4", ".mkv", ".mov", ".m4v")
"""Endings of the files that `export_track` can write."""


@dataclass(frozen=True)
class TrackRange:
    """Frames of a video, both ends included."""

    first: int
    last: int

    @classmethod
    def all_of(cls, track: Track) -> TrackRange:
        """Return the whole video."""
        return cls(0, track.frames - 1)

    def suggested_name(self, video: str, frames: int, suffix: str = ".csv") -> str:
        """Return a name for what is exported: ``talk-track.csv``, ``talk-120-250.csv``.

        Parameters
        ----------
        video : str
            Name of the video without its ending.
        frames : int
            How many it has.
        suffix : str
            Ending of the file.
        """
        whole = self == TrackRange(0, frames - 1)
        part = "track" if whole else f"{self.first}-{self.last}"
        return as_file_name(f"{video}-{part}{suffix}")


@dataclass(frozen=True)
class ExportedTrack:
    """What was written.

    Parameters
    ----------
    out : Path
        The file.
    frames, of : int
        Frames in it, and frames of the range.
    empty : int
        Frames without a face: lost, rejected, or not looked at.
    lacks : tuple of str
        What of the track is not in it.
    """

    out: Path
    frames: int
    of: int
    empty: int
    lacks: tuple[str, ...] = ()

    @property
    def said(self) -> str:
        """The same for people."""
        until = "" if self.frames == self.of else f" of {self.of}; it was stopped"
        empty = f", {self.empty} without a face" if self.empty else ""
        lacks = f" Not in it: {enumerated(self.lacks, most=9)}." if self.lacks else ""
        return f"{self.out} has {counted(self.frames, 'frame')}{until}{empty}.{lacks}"


def export_track(
    track: Track,
    model: FaceModel | Scheme,
    video: Path,
    out: Path,
    *,
    part: TrackRange | None = None,
    kind: str = "",
    keep: Iterable[Path] = (),
    progress: ProgressLike = None,
) -> ExportedTrack:
    """Write a range of a track as it is kept: nothing is fitted.

    ``kind`` chooses the format of another tool, see `faceloop_datasets.track_formats`; without it
    the ending of the file does, and CSV and Parquet are our own.

    A table has the columns of `faceloop_workbench.services.points_table.PointsTable`; ``start``
    says how the points came about, ``fitted``, ``corrected``, ``spread`` and so on, and what a
    track does not keep (confidence, visibility, score) is NaN. Rejected frames are empty.

    Parameters
    ----------
    track : Track
        What to write.
    model : FaceModel or Scheme
        A model of the track's scheme, which fills in points that are missing in our own tables,
        OpenFace's and what is drawn; or the scheme alone: then they stay missing.
    video : Path
        The video of the track.
    out : Path
        ``.csv`` or ``.parquet``, or a video to draw into.
    part : TrackRange, optional
        Which frames; all by default.
    kind : str
        Name of a format of tracks, or empty.
    keep : iterable of Path
        Files besides the video that must not be replaced.
    progress : Monitor or callable, optional
        Told each frame; a monitor may stop the work: then the file holds the frames until there.

    Raises
    ------
    InputError
        If there is no such range, the model has other points, or a file cannot be read or written,
        is in a project's folder, or has another ending.
    """
    part = part or TrackRange.all_of(track)
    check_range(track, part.first, part.last)
    scheme = model if isinstance(model, Scheme) else model.scheme
    if scheme.name != track.scheme:
        raise InputError(
            f"Expected a model of {track.scheme} to export the track with, but got one of "
            f"{scheme.name}."
        )
    theirs = chosen_format(out, kind)
    refuse_unwritable(out)
    refuse_to_replace([out], [video, *keep])
    refuse_in_project([out])
    if theirs is not None and theirs.write is not None:
        return _write_theirs(theirs, _to_write(track, scheme, video, part), out)
    frames = _Frames(track, model, part, Monitor.of(progress))
    if theirs is not None and theirs.name == "openface":
        _write_openface(frames, video, out)
    elif out.suffix.lower() in TABLES:
        _write_table(frames, video, out)
    else:
        _write_video(frames, video, out)
    return ExportedTrack(out, frames.count, part.last - part.first + 1, frames.empty)


def chosen_format(out: Path, kind: str = "") -> TrackFormat | None:
    """Return the format of another tool that a file is to have; None if it is one of ours.

    Raises
    ------
    InputError
        If it cannot be written, or the name of the file ends otherwise.
    """
    formats = [one for one in track_formats().values() if _is_written(one)]
    if kind and kind != OURS:
        chosen = find_track_format(kind)
        if chosen not in formats:
            raise InputError(f"{chosen.title} is read only.")
        require_ending(out, chosen.suffixes, chosen.title)
        return chosen
    endings = {end: one for one in formats for end in one.suffixes if end not in TABLES}
    require_ending(out, (*TABLES, *VIDEOS, *endings), "a track")
    return endings.get(out.suffix.lower())


def _to_write(track: Track, scheme: Scheme, video: Path, part: TrackRange) -> TrackToWrite:
    with Video(video) as source:
        size = source.size
    return TrackToWrite(track, scheme, video, size, part.first, part.last)


def _is_written(one: TrackFormat) -> bool:
    """Whether a track can be exported so; OpenFace's table is made of fits."""
    return one.write is not None or one.name == "openface"


def _write_theirs(theirs: TrackFormat, track: TrackToWrite, out: Path) -> ExportedTrack:
    assert theirs.write is not None  # noqa: S101 - the caller looked
    faces = track.faces()
    if not faces:
        raise InputError(f"There is no face in this track to write to {out}.")
    theirs.write(track, out)
    there = np.any([~np.isnan(face.points).all(axis=(1, 2)) for face in faces], axis=0)
    count = len(there)
    return ExportedTrack(out, count, count, count - int(there.sum()), theirs.lacks)


class _Frames:
    """The frames of a range with their faces, counted as they go by."""

    def __init__(
        self, track: Track, model: FaceModel | Scheme, part: TrackRange, monitor: Monitor
    ) -> None:
        self.track, self.part = track, part
        self.model = None if isinstance(model, Scheme) else model
        self.scheme = model if isinstance(model, Scheme) else model.scheme
        self._monitor = monitor
        self.count = self.empty = 0

    def __iter__(self) -> Iterator[tuple[int, list[tuple[int, Fit]]]]:
        total = self.part.last - self.part.first + 1
        for frame in range(self.part.first, self.part.last + 1):
            found = kept_result(self.track, frame, self.model)
            faces = [] if found is None else [(face.id, face.fit) for face in found.faces]
            self.count, self.empty = self.count + 1, self.empty + (not faces)
            yield frame, faces
            self._monitor.tell(self.count, total, "exporting the track")
            if self._monitor.stopping:
                return


def _write_table(frames: _Frames, video: Path, out: Path) -> None:
    track, names = frames.track, frames.scheme.names
    about = {"scheme": track.scheme, "video": video.name, "model": track.model}
    with PointsTable(out, "track", names, about, expressions=track.expressions) as table:
        for frame, faces in frames:
            rows = [(number, _for_table(track, number, frame, fit)) for number, fit in faces]
            table.write((frame, float(track.times[frame])), rows)


def _write_openface(frames: _Frames, video: Path, out: Path) -> None:
    track, scheme = frames.track, frames.scheme
    with Video(video) as source:
        camera = Camera(*source.size)
    with OpenFaceTable(out, scheme, camera) as table:
        for frame, faces in frames:
            sure = [(n, replace(fit, score=1 - min(fit.predicted_error, 1))) for n, fit in faces]
            table.write((frame, float(track.times[frame])), sure)


def _write_video(frames: _Frames, video: Path, out: Path) -> None:
    track, scheme = frames.track, frames.scheme
    with Video(video) as source, VideoWriter(out, source.rate) as writer:
        for frame, faces in frames:
            drawn = draw_fits(source[frame].image, [fit for _, fit in faces], scheme)
            writer.write(drawn, float(track.times[frame] - track.times[frames.part.first]))


def _for_table(track: Track, face: int, frame: int, fit: Fit) -> Fit:
    """Return a fit without what a track does not keep, and with how its points came about."""
    kind = FrameKind(track.face(face).kind[frame]).name.lower()
    nothing = np.full(len(fit.points), np.nan)
    return replace(fit, confidence=nothing, start=cast("FitStart", kind))
