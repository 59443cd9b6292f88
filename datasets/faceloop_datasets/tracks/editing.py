"""What people do to tracks: each function returns another track."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.wording import counted

from .blending import blend, completed
from .face_track import FaceTrack, FrameKind, Verdict

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from .track import Track

WINDOW, _ORDER = 9, 2
"""Frames and degree of the Savitzky-Golay filter: at 25 frames a second what takes longer than a
third of a second keeps its height, so that a blink stays one."""


def check_range(track: Track, first: int, last: int) -> slice:
    """Return the frames ``first`` to ``last``, both included, as a slice.

    Raises
    ------
    InputError
        If they are none of the video, or the wrong way round.
    """
    if not 0 <= first <= last < track.frames:
        raise InputError(
            f"Expected a range of frames within 0..{track.frames - 1} but got {first}..{last}."
        )
    return slice(first, last + 1)


def correct(track: Track, face: int, frame: int, points: ArrayLike) -> Track:
    """Put points that a person placed into a frame.

    Parameters
    ----------
    track : Track
        What to edit.
    face : int
        Id of the face; a new face begins if there is none of it.
    frame : int
        Number of the frame.
    points : array_like, shape (N, 2)
        ``(x, y)`` in pixels of the frame; NaN where a point is missing.

    Raises
    ------
    InputError
        If there is no such frame, the shape is another, or no point is known.
    """
    check_range(track, frame, frame)
    xy = np.asarray(points, np.float32)
    if np.isnan(xy).all() or np.isinf(xy).any():
        raise InputError(f"Expected points to correct frame {frame} with but got none.")
    here = [one for one in track.faces if one.id == face]
    before = here[0] if here else new_face(track, face, len(xy))
    if xy.shape != before.points.shape[1:]:
        raise InputError(f"Expected points of shape {before.points.shape[1:]} but got {xy.shape}.")
    corrected = before.with_rows(
        frame,
        points=xy,
        predicted_error=0.0,
        kind=FrameKind.CORRECTED,
        verdict=Verdict.NONE,
        head_pose=np.nan,
        expressions=np.nan,
    )
    return track.with_face(corrected)


def new_face(track: Track, number: int, points: int) -> FaceTrack:
    """Return a face that was seen in no frame, with the fields of the others."""
    face = FaceTrack.unseen(number, track.frames, points, expressions=len(track.expressions))
    plain = any(other.head_pose is None for other in track.faces)
    return replace(face, head_pose=None) if plain else face


def judge(track: Track, face: int, first: int, last: int, verdict: Verdict) -> Track:
    """Accept or reject the points of a face in a range, or take that back.

    Where there are no points, there is nothing to judge.

    Parameters
    ----------
    track : Track
        What to edit.
    face : int
        Id of the face.
    first, last : int
        The range, both included.
    verdict : Verdict
        `Verdict.NONE` takes it back.

    Raises
    ------
    InputError
        If there is no such face or range.
    """
    where, before = check_range(track, first, last), track.face(face)
    frames = np.arange(track.frames)[where]
    return track.with_face(before.with_rows(frames[before.present[where]], verdict=verdict))


def interpolate(track: Track, face: int, first: int, last: int) -> Track:
    """Compute a face between frames that have one.

    The ends of the range and the corrected frames within stay, and all others are computed from
    the two of these around them, by the time between them: see `faceloop_datasets.tracks.blending`.
    A point that one of these lacks is missing there only; one that all lack is as it was.

    Parameters
    ----------
    track : Track
        What to edit.
    face : int
        Id of the face.
    first, last : int
        The ends.

    Raises
    ------
    InputError
        If there is no such face or range, or an end of it has no points.
    """
    where, before = check_range(track, first, last), track.face(face)
    for end in (first, last):
        if not before.present[end]:
            raise InputError(
                f"Frame {end} has no points of face {face} to interpolate from. Choose a range "
                "that begins and ends with a good frame, or correct that frame first."
            )
    fixed = before.kind[where] == FrameKind.CORRECTED
    fixed[[0, -1]] = True
    anchors = first + np.flatnonzero(fixed)
    times = track.times[anchors]
    at = times if (np.diff(times) > 0).all() else anchors
    shapes = completed(before.points[anchors], at)
    for (start, one), (stop, other) in pairwise(zip(anchors.tolist(), shapes, strict=True)):
        track = _between(track, face, (start, one), (stop, other))
    return track


_Anchor = tuple[int, "NDArray[np.float64]"]
"""A frame, and the shape there."""


def _between(track: Track, number: int, first: _Anchor, last: _Anchor) -> Track:
    (start, one), (end, other) = first, last
    inside = np.arange(start + 1, end)
    if not len(inside):
        return track
    face, times = track.face(number), track.times
    span = times[end] - times[start]
    share = (times[inside] - times[start]) / span if span > 0 else (inside - start) / (end - start)
    errors = face.predicted_error[[start, end]]
    points = blend(one, other, share)
    changed = face.with_rows(
        inside,
        points=np.where(np.isnan(points), face.points[inside], points),
        predicted_error=errors[0] + share * (errors[1] - errors[0]),
        kind=FrameKind.INTERPOLATED,
        verdict=Verdict.NONE,
        head_pose=np.nan,
        expressions=np.nan,
    )
    return track.with_face(changed)


def smooth(track: Track, face: int, first: int, last: int, window: int = WINDOW) -> Track:
    """Take the trembling out of a face in a range, without lag.

    Savitzky & Golay, "Smoothing and differentiation of data by simplified least squares
    procedures" (Analytical Chemistry 1964): each point becomes the middle of the parabola through
    the frames around it. What lies outside the range is looked at and stays; so do corrected
    frames, and no gap without points is bridged. A point that is missing in a frame stays so there,
    and in the others it becomes what it would if it were on the line between its neighbours.

    Parameters
    ----------
    track : Track
        What to edit.
    face : int
        Id of the face.
    first, last : int
        The range, both included.
    window : int
        Frames of the parabola, an odd number from 3 on.

    Raises
    ------
    InputError
        If there is no such face or range, or the window is even, too short, or longer than the
        face is there without a gap.
    """
    from scipy.signal import savgol_filter  # noqa: PLC0415 - its import takes half a second

    where, before = check_range(track, first, last), track.face(face)
    if window < _ORDER + 1 or window % 2 == 0:
        raise InputError(f"Expected an odd window of 3 frames or more but got {window}.")
    changed, short = before, 0
    for start, end in runs(before.present):
        inside = np.arange(max(start, where.start), min(end, where.stop))
        inside = inside[before.kind[inside] != FrameKind.CORRECTED]
        if not len(inside):
            continue
        if end - start < window:
            short = max(short, end - start)
            continue
        begin, stop = max(start, inside[0] - window), min(end, inside[-1] + 1 + window)
        smoothed = savgol_filter(_bridged(before.points[begin:stop]), window, _ORDER, axis=0)
        rows = np.where(np.isnan(before.points[inside]), np.nan, smoothed[inside - begin])
        changed = changed.with_rows(inside, points=rows, kind=FrameKind.SMOOTHED)
    if short and changed is before:
        raise InputError(
            f"Face {face} is there for {counted(short, 'frame')} without a gap, which a window of "
            f"{window} frames does not fit into. Choose a shorter window."
        )
    return track.with_face(changed)


def _bridged(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points of frames, shape (K, N, 2), with lines over the frames in which one is missing.

    One that is missing in all is 0.
    """
    flat = points.reshape(len(points), -1).copy()
    missing = np.isnan(flat)
    flat[:, missing.all(axis=0)] = 0
    for column in np.flatnonzero(missing.any(axis=0) & ~missing.all(axis=0)):
        gone, there = (np.flatnonzero(w) for w in (missing[:, column], ~missing[:, column]))
        flat[gone, column] = np.interp(gone, there, flat[there, column])
    return flat.reshape(points.shape)


def runs(where: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First frame of each unbroken run, and the one after its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def split(track: Track, face: int, frame: int) -> Track:
    """Make what a face is from a frame on another face.

    Parameters
    ----------
    track : Track
        What to edit.
    face : int
        Id of the face; it keeps the frames before.
    frame : int
        First frame of the new face, whose id is the next after those there are.

    Raises
    ------
    InputError
        If there is no such face or frame, or the face would be in one part only.
    """
    check_range(track, frame, frame)
    before = track.face(face)
    if not before.present[:frame].any() or not before.present[frame:].any():
        raise InputError(
            f"Face {face} is not on both sides of frame {frame}. Choose a frame in which it has "
            "become another person."
        )
    number = max(one.id for one in track.faces) + 1
    earlier, later = slice(None, frame), slice(frame, None)
    kept = before.with_rows(later, **_lost_rows(before.kind[later]))
    new = replace(before, id=number, name="")
    new = new.with_rows(earlier, **_lost_rows(before.kind[earlier]))
    return track.with_face(kept).with_face(new)


def join(track: Track, face: int, other: int) -> Track:
    """Make two faces one: the first takes the frames of the other.

    Parameters
    ----------
    track : Track
        What to edit.
    face, other : int
        Ids; the other's is gone afterwards.

    Raises
    ------
    InputError
        If there is no such face, they are the same, or both are in a frame.
    """
    one, two = track.face(face), track.face(other)
    if face == other:
        raise InputError(f"Face {face} cannot be joined to itself.")
    both = np.flatnonzero(one.present & two.present)
    if len(both):
        raise InputError(
            f"Face {face} and face {other} are both in {counted(len(both), 'frame')}, first "
            f"in {both[0]}: they are different people. Split one of them first."
        )
    there = np.flatnonzero(two.present | (one.kind == FrameKind.UNSEEN))
    rows = {name: array[there] for name, array in two.arrays().items()}
    name = one.name or two.name
    joined = replace(one.with_rows(there, **rows), name=name)
    return track.without_face(other).with_face(joined)


def _lost_rows(kind: NDArray[np.uint8]) -> dict[str, ArrayLike]:
    """Fields of frames that a face leaves; those that nobody has seen stay so."""
    return {
        "points": np.nan,
        "predicted_error": np.nan,
        "kind": np.minimum(kind, FrameKind.LOST),
        "verdict": Verdict.NONE,
        "head_pose": np.nan,
        "expressions": np.nan,
    }
