"""Whether the values of a track, from a file or to go into one, can be worked with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .face_track import FrameKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from .change import TrackChange
    from .track import Track

_FARTHEST = 1e6
"""Pixels from the corner of the frame; no picture is as large."""


def fault_of(track: Track, changes: Iterable[TrackChange]) -> str:
    """Say what is wrong with the values of a track and of its changes; empty if nothing is."""
    if not 0 < track.rate < np.inf:
        return f"the rate is {track.rate}; expected frames a second, above 0"
    if track.times.ndim != 1:
        return f"times have the shape {track.times.shape}; expected one number a frame"
    if track.frames and not (np.isfinite(track.times).all() and (np.diff(track.times) > 0).all()):
        return "times do not increase from frame to frame; expected seconds after the first frame"
    every = np.arange(track.frames)
    found = [_fault(f"face {face.id}", face.arrays(), every) for face in track.faces]
    for change in changes:
        for face in change.faces:
            what = f"face {face.id} in the change {change.said!r}"
            found += [_fault(what, rows, face.frames) for rows in (face.before, face.after)]
    return next(filter(None, found), "")


def _fault(face: str, rows: Mapping[str, NDArray[Any]], frames: NDArray[np.integer]) -> str:
    points, kind = rows["points"], rows["kind"]
    missing = np.isnan(points)
    empty = missing.all(axis=(1, 2))
    faults = {
        f"points that are no places; expected pixels, at most {_FARTHEST:,.0f} from the corner": (
            np.abs(np.where(missing, 0, points)) > _FARTHEST
        ).any(axis=(1, 2)),
        "points with one coordinate; expected both or none": (
            missing[..., 0] != missing[..., 1]
        ).any(axis=1),
        "points where it was not found; expected none": (kind < FrameKind.FITTED) & ~empty,
        "a fit without any of its points; expected some": (kind == FrameKind.FITTED) & empty,
        "a predicted error below 0; expected 0 or more": rows["predicted_error"] < 0,
    }
    for said, where in faults.items():
        if where.any():
            return f"{face} has in frame {frames[where.argmax()]} {said}"
    return ""
