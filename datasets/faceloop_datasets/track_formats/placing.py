"""From what a file of another tool holds to faces of the track of a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.tracks.editing import new_face
from faceloop_datasets.tracks.face_track import FrameKind
from faceloop_datasets.wording import counted, enumerated

from ._converting import converted
from .format import fits_where_known

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets.schemes.conversion import Conversion
    from faceloop_datasets.tracks.face_track import FaceTrack
    from faceloop_datasets.tracks.track import Track

    from .format import FoundFace, FoundTrack

_OFF = 1
"""Frames by which tools may count otherwise than a player: the container's own count, which they
go by, may have one that cannot be decoded."""


@dataclass(frozen=True)
class ImportedTrack:
    """What came of a file with a track.

    Parameters
    ----------
    file, video : Path
        The file, and the video.
    tool : str
        What made the file.
    faces : tuple of int
        Ids of the new faces.
    known : int
        Faces that the track had already, point by point.
    frames, lost, video_frames : int
        Frames in which there is a new face; those of the file in which there is none; those of
        the video.
    missing : tuple of str
        Points of the project that the file does not have.
    left : tuple of str
        What the file has and a track does not keep.
    points_left_out : tuple of str
        Points of the file that the project has no place for.
    points_by_number : str
        For what numbered points were taken, one sentence; empty if they have names.
    """

    file: Path
    video: Path
    tool: str
    faces: tuple[int, ...]
    known: int
    frames: int
    lost: int
    video_frames: int
    missing: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    points_left_out: tuple[str, ...] = ()
    points_by_number: str = ""

    @classmethod
    def counted(
        cls, found: FoundTrack, file: Path, video: Path, done: tuple[Track, tuple[int, ...]]
    ) -> ImportedTrack:
        """Count what `placed` has made of a file."""
        track, ids = done
        here = [track.face(number) for number in ids]
        there = np.any([face.present for face in here], axis=0) if here else np.zeros(0, np.bool_)
        frames = int(there.sum())
        lost = len(found.frames) - frames if here else 0
        known = len(found.faces) - len(ids)
        left = found.left
        return cls(file, video, found.tool, ids, known, frames, lost, track.frames, left=left)

    @property
    def said(self) -> str:
        """The same for people."""
        new = f"{counted(len(self.faces), 'face')} in {self.frames} of {self.video_frames} frames"
        said = [f"{self.video.name}: {new}, by {self.tool}."]
        if self.lost:
            said.append(f"{counted(self.lost, 'frame')} without a face.")
        if self.known:
            said.append(f"{counted(self.known, 'face was', 'faces were')} here already.")
        if self.missing:
            many = f"{counted(len(self.missing), 'point')} that the file does not have"
            said.append(f"{many} stay missing: {enumerated(self.missing)}.")
        if self.points_left_out:
            many = counted(
                len(self.points_left_out), "point of the file is", "points of the file are"
            )
            said.append(f"{many} left out: {enumerated(self.points_left_out)}.")
        if self.points_by_number:
            said.append(self.points_by_number)
        if self.left:
            said.append(f"Not kept: {enumerated(self.left, most=9)}.")
        return " ".join(said)


def placed(
    found: FoundTrack, conversion: Conversion, track: Track, *, least: float = 0.0, name: str = ""
) -> tuple[Track, tuple[int, ...]]:
    """Put the faces of a file beside those of a track.

    Nothing of the track's own faces changes, and a face that it has already, point by point, is
    not added again.

    Parameters
    ----------
    found : FoundTrack
        What the file holds.
    conversion : Conversion
        From its points to the track's.
    track : Track
        Of the video.
    least : float
        Points of which the tool was less sure are missing.
    name : str
        What to call the face, where there is one only; by default what the file calls it.

    Returns
    -------
    track : Track
    faces : tuple of int
        Ids of the new faces.

    Raises
    ------
    InputError
        If the file is of another video, by its frames or their times, or there are several faces
        to call by one name.
    """
    _check_frames(found, track)
    if name and len(found.faces) > 1:
        raise InputError(
            f"There are {len(found.faces)} faces and one name, {name}. Import them without a name."
        )
    if not track.faces:
        track = replace(track, model=found.tool)
    track = track.with_room(found.expressions)
    source = _Source(found, conversion, found.frames < track.frames, least)
    ids: list[int] = []
    for face in found.faces:
        number = max((one.id for one in track.faces), default=-1) + 1
        new = source.face(track, number, face)
        if any(_same(new, one) for one in track.faces):
            continue
        track = track.with_face(replace(new, name=name or face.name))
        ids.append(number)
    return track, tuple(ids)


def _check_frames(found: FoundTrack, track: Track) -> None:
    count, most = len(found.frames), int(found.frames.max())
    whole = found.whole and most + 1 == count
    if (whole and abs(count - track.frames) > _OFF) or most - track.frames >= _OFF:
        said = counted(count, "frame") if whole else f"frames up to {most}"
        raise InputError(
            f"The file has {said}, the video {track.frames}: it is of another video, or of "
            "another version of it. Name the video that the tool was given."
        )
    if found.times is None or most >= track.frames:
        return
    off = float(np.abs(found.times - track.times[found.frames]).max())
    if off > 0.5 / track.rate:
        raise InputError(
            f"The file's frames are at other times than the video's, by {off:.3f} s: it is of "
            "another video."
        )


@dataclass(frozen=True, eq=False)
class _Source:
    """What a file holds, and how its faces become those of a track."""

    found: FoundTrack
    conversion: Conversion
    inside: NDArray[np.bool_]
    least: float

    def face(self, track: Track, number: int, face: FoundFace) -> FaceTrack:
        points = face.points[self.inside].astype(np.float64)
        if self.least and face.confidence is not None:
            points[face.confidence[self.inside] < self.least] = np.nan
        rows: dict[str, Any] = {"points": converted(points, self.conversion).astype(np.float32)}
        rows["kind"] = kind = self._kind(face, rows["points"])
        for field in ("predicted_error", "head_pose"):
            if (values := getattr(face, field)) is not None:
                rows[field] = values[self.inside].copy()
                rows[field][kind == FrameKind.LOST] = np.nan
        if face.expressions is not None and track.expressions:
            rows["expressions"] = self._expressions(face.expressions, track.expressions)
        empty = new_face(track, number, rows["points"].shape[1])
        return empty.with_rows(self.found.frames[self.inside], **rows)

    def _kind(self, face: FoundFace, points: NDArray[np.float32]) -> NDArray[np.uint8]:
        kind = fits_where_known(points)
        if face.kind is None:
            return kind
        said = np.maximum(face.kind[self.inside], FrameKind.FITTED)
        kind[kind != FrameKind.LOST] = said[kind != FrameKind.LOST]
        return kind

    def _expressions(
        self, shares: NDArray[np.floating], names: tuple[str, ...]
    ) -> NDArray[np.float32]:
        wide = np.full((int(self.inside.sum()), len(names)), np.nan, np.float32)
        wide[:, [names.index(word) for word in self.found.expressions]] = shares[self.inside]
        return wide


def _same(one: FaceTrack, other: FaceTrack) -> bool:
    return bool(np.array_equal(one.points, other.points, equal_nan=True))
