"""What a format of tracks is: its words, how it is read, how it is written, what it lacks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.schemes.toml import MAX_POINTS
from faceloop_datasets.tracks.face_track import FrameKind, Verdict
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets.schemes.scheme import Scheme
    from faceloop_datasets.tracks.track import Track

_MOST_FRAMES = 10_000_000
"""Number of a frame; a day at a hundred frames a second has fewer."""
_MOST_FACES = 500
"""Faces of one video: a tracker that loses people often has more names than there are people."""
_MOST_POSITIONS = 1 << 26
"""Points of all faces in all frames: two hours of three faces of 70 points have fewer."""
_NO_TRUST = 0.12
"""Predicted error (IOD) from which on a point is trusted with 0: twice that of a poor fit."""


@dataclass(frozen=True, eq=False)
class FoundFace:
    """One face of a file, in the R frames of which the file says something.

    Parameters
    ----------
    name : str
        What the file calls it; may be empty.
    points : ndarray of float32, shape (R, N, 2)
        ``(x, y)`` in pixels whose top-left one has its centre at ``(0, 0)``; NaN where missing.
    confidence : ndarray, shape (R, N), optional
        How sure the tool was of each point, 0 to 1; NaN where unknown.
    predicted_error : ndarray, shape (R,), optional
        In IOD.
    kind : ndarray of uint8, shape (R,), optional
        How the points came about (`FrameKind`); by default they are fits wherever there are some.
    head_pose : ndarray, shape (R, 3), optional
        Yaw, pitch and roll in degrees, with our signs.
    expressions : ndarray, shape (R, E), optional
        Probability of each expression of the file.
    """

    name: str
    points: NDArray[np.float32]
    confidence: NDArray[np.floating] | None = None
    predicted_error: NDArray[np.floating] | None = None
    kind: NDArray[np.uint8] | None = None
    head_pose: NDArray[np.floating] | None = None
    expressions: NDArray[np.floating] | None = None


@dataclass(frozen=True, eq=False)
class FoundTrack:
    """What a file holds of a video.

    Parameters
    ----------
    tool : str
        What made it: ``deeplabcut:DLC_resnet50_…``.
    scheme : str
        What its points are called together.
    names : tuple of str
        Names of the N points.
    frames : ndarray of int64, shape (R,)
        Numbers of its frames, from 0, increasing.
    faces : tuple of FoundFace
        Those it has.
    edges : tuple of (int, int)
        Points that are joined by lines.
    times : ndarray, shape (R,), optional
        Seconds after the first frame of the video, if the file has those of the video itself.
    whole : bool
        Whether it has all frames of its video, so that their number tells whether it is this one.
    expressions : tuple of str
        Names of expressions.
    left : tuple of str
        What the file has and a track does not keep.
    """

    tool: str
    scheme: str
    names: tuple[str, ...]
    frames: NDArray[np.int64]
    faces: tuple[FoundFace, ...]
    edges: tuple[tuple[int, int], ...] = ()
    times: NDArray[np.floating] | None = None
    whole: bool = True
    expressions: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class WrittenFace:
    """A face of a track as files of other tools have it.

    Parameters
    ----------
    name : str
        Tells it from the others.
    points : ndarray of float32, shape (R, N, 2)
        NaN where missing, and in rejected frames.
    confidence : ndarray of float32, shape (R, N)
        1 where a person placed the points, .5 where a fit is just poor, 0 where a point is
        missing; NaN where nothing is known.
    head_pose : ndarray of float32, shape (R, 3)
        Yaw, pitch, roll in degrees; NaN where unknown.
    """

    name: str
    points: NDArray[np.float32]
    confidence: NDArray[np.float32]
    head_pose: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TrackToWrite:
    """A range of a track, and what files say of its video.

    Parameters
    ----------
    track : Track
        What is written.
    scheme : Scheme
        Of its points.
    video : Path
        The video.
    size : (int, int)
        Width and height of its pictures.
    first, last : int
        The range, both included.
    """

    track: Track
    scheme: Scheme
    video: Path
    size: tuple[int, int]
    first: int
    last: int

    @property
    def frames(self) -> NDArray[np.int64]:
        """Numbers of the frames, shape (R,)."""
        return np.arange(self.first, self.last + 1)

    def whole(self) -> TrackToWrite:
        """Return the same of the whole video."""
        return replace(self, first=0, last=self.track.frames - 1)

    def faces(self) -> list[WrittenFace]:
        """Its faces."""
        where = slice(self.first, self.last + 1)
        names: dict[str, None] = {}
        for face in self.track.faces:
            plain = face.name or f"face{face.id}"
            names[plain if plain not in names else f"{plain}_{face.id}"] = None
        written = []
        for name, face in zip(names, self.track.faces, strict=True):
            points = face.points[where].copy()
            points[face.verdict[where] == Verdict.REJECTED] = np.nan
            trust = 1 - face.predicted_error[where] / _NO_TRUST
            confidence = np.repeat(np.clip(trust, 0, 1)[:, None], points.shape[1], axis=1)
            confidence[np.isnan(points[..., 0])] = 0
            pose = np.full((len(points), 3), np.nan, np.float32)
            if face.head_pose is not None:
                pose = face.head_pose[where]
            written.append(WrittenFace(name, points, confidence.astype(np.float32), pose))
        return written


@dataclass(frozen=True)
class TrackFormat:
    """A format of tracks.

    Parameters
    ----------
    name : str
        What a person types.
    title : str
        What lists call it.
    explanation : str
        Which files these are, and what becomes of them.
    suffixes : tuple of str
        Endings of its files, with the dot.
    read : callable, optional
        How it is read, if it can be.
    write : callable, optional
        How it is written, if it can be: the file appears complete or not at all.
    recognise : callable, optional
        Whether a file is one, by a look at its beginning.
    lacks : tuple of str
        What of a track does not come back from a file.
    """

    name: str
    title: str
    explanation: str
    suffixes: tuple[str, ...]
    read: Callable[[Path], FoundTrack] | None = None
    write: Callable[[TrackToWrite, Path], None] | None = None
    recognise: Callable[[Path], bool] = lambda _: False
    lacks: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """Names of its files, as a file dialog takes them."""
        return tuple(f"*{suffix}" for suffix in self.suffixes)


def empty_points(
    file: Path, frames: Sequence[int] | NDArray[np.int64], names: int, faces: int
) -> list[NDArray[np.float32]]:
    """Return room for the points of each face, all missing, shape (R, N, 2).

    Raises
    ------
    InputError
        If no video has so many frames, or no face so many points.
    """
    rows = np.asarray(frames)
    if not len(rows):
        raise InputError(f"{file} has no frames.")
    if rows.min() < 0 or rows.max() > _MOST_FRAMES:
        raise InputError(
            f"{file} has frames {rows.min()}..{rows.max()}; expected 0 to {_MOST_FRAMES:,}."
        )
    if not 1 <= names <= MAX_POINTS:
        raise InputError(f"{file} has {counted(names, 'point')}; expected 1 to {MAX_POINTS}.")
    if faces > _MOST_FACES:
        raise InputError(f"{file} has {faces} faces; expected at most {_MOST_FACES}.")
    if len(rows) * names * max(faces, 1) > _MOST_POSITIONS:
        raise InputError(
            f"{file} has {len(rows)} frames of {counted(faces, 'face')} with {names} points; "
            f"expected at most {_MOST_POSITIONS:,} points in all."
        )
    return [np.full((len(rows), names, 2), np.nan, np.float32) for _ in range(faces)]


def fits_where_known(points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the kinds of frames of which only points are known, shape (R,)."""
    there = ~np.isnan(points).all(axis=(1, 2))
    return np.where(there, FrameKind.FITTED, FrameKind.LOST).astype(np.uint8)
