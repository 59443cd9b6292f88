"""Quantities of a track over time: what can be plotted, exported and compared."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceloop_datasets import InputError
from faceloop_datasets.tracks.face_track import FaceTrack, Verdict

from .face_measures import (
    displacement,
    has_eye_line,
    height_over_eyes,
    mean_opening,
    roll,
    speed,
)

if TYPE_CHECKING:
    from faceloop_datasets import Scheme
    from faceloop_datasets.tracks.track import Track

Values = NDArray[np.float64]
_Measure = Callable[[FaceTrack, NDArray[np.float64]], Values]

EXPRESSION = "expression:"
"""What the name of an expression's probability begins with."""
POINT_QUANTITIES = ("x", "y", "speed")
"""What there is of each point: ``x:chin``, ``y:chin``, ``speed:chin``."""
_OPENINGS = {
    "mouth_opening": ("Mouth opening", "mouth"),
    "left_eye_opening": ("Left eye opening", "left_eye"),
    "right_eye_opening": ("Right eye opening", "right_eye"),
}
_HEIGHTS = {
    "left_brow_height": ("Left eyebrow height", "left_brow"),
    "right_brow_height": ("Right eyebrow height", "right_brow"),
}
_TURNS = {"yaw": "Yaw", "pitch": "Pitch", "roll": "Roll"}
_DEGREES = "°"


@dataclass(frozen=True)
class Quantity:
    """One number a frame.

    Parameters
    ----------
    name : str
        What Python, tables and files call it.
    title : str
        What people read.
    unit : str
        Empty for a probability.
    measure : callable
        Gives the values (F,) of a face, from its track and the times of the frames.
    """

    name: str
    title: str
    unit: str
    measure: _Measure

    def of(self, face: FaceTrack, track: Track) -> Values:
        """Return the values of a face of a track, shape (F,).

        NaN where there is no face, and where a person rejected the frame.
        """
        values = np.array(self.measure(face, track.times), dtype=np.float64)
        values[~face.present | (face.verdict == Verdict.REJECTED)] = np.nan
        return values

    @property
    def label(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def quantities_of(scheme: Scheme, expressions: Sequence[str] = ()) -> list[Quantity]:
    """All quantities that a track of a scheme has, but for those of single points.

    Those measured on parts of the face are there where the scheme has these parts:

    - ``mouth_opening``, ``left_eye_opening``, ``right_eye_opening``: closed contours of the
      groups ``mouth``, ``left_eye``, ``right_eye``, see `mean_opening`; of several contours in
      the mouth the one named ``inner...``, else the last
    - ``left_brow_height``, ``right_brow_height``: groups of these names, see `height_over_eyes`
    - ``yaw``, ``pitch``, ``roll``: the head's, in degrees, where the model knows it, else only
      ``roll``, from the points
    - ``predicted_error``, in IOD
    - ``expression:NAME``: probability of each expression of the model

    Parameters
    ----------
    scheme : Scheme
        Of the track's points.
    expressions : sequence of str
        Of the track.
    """
    found = [*_of_parts(scheme), *_turns(scheme)]
    found.append(Quantity("predicted_error", "Predicted error", "IOD", _predicted_error))
    found += [
        Quantity(f"{EXPRESSION}{name}", name, "probability", partial(_expression, number))
        for number, name in enumerate(expressions)
    ]
    return found


def quantity(name: str, scheme: Scheme, expressions: Sequence[str] = ()) -> Quantity:
    """Return a quantity by its name: one of `quantities_of`, or ``x:``, ``y:`` or ``speed:POINT``.

    Raises
    ------
    SchemeError
        If the scheme has no such point.
    InputError
        If there is no such quantity.
    """
    kind, colon, point = name.partition(":")
    if colon and kind in POINT_QUANTITIES:
        return _of_point(kind, scheme.point(point), scheme)
    known = {one.name: one for one in quantities_of(scheme, expressions)}
    if name in known:
        return known[name]
    alike = difflib.get_close_matches(name, known, 1)
    like = f" Did you mean {alike[0]}?" if alike else ""
    raise InputError(
        f"There is no quantity {name!r:.80} of {scheme.name}. Expected one of "
        f"{', '.join(known)}, or {', '.join(f'{k}:POINT' for k in POINT_QUANTITIES)}.{like}"
    )


def _of_parts(scheme: Scheme) -> list[Quantity]:
    if not has_eye_line(scheme):
        return []
    found = []
    for name, (title, part) in _OPENINGS.items():
        contour = _closed_contour(scheme, part)
        if contour:
            found.append(Quantity(name, title, "IOD", partial(_opening, scheme, contour)))
    for name, (title, part) in _HEIGHTS.items():
        if part in scheme.groups:
            brow = scheme.groups[part]
            found.append(Quantity(name, title, "IOD", partial(_height, scheme, brow)))
    return found


def _closed_contour(scheme: Scheme, part: str) -> tuple[int, ...]:
    group = set(scheme.groups.get(part, ()))
    closed = [c for c in scheme.contours if c.closed and len(c.points) > 2 and group >= {*c.points}]
    inner = [c for c in closed if c.name.startswith("inner")]
    return (inner or closed)[-1].points if closed else ()


def _turns(scheme: Scheme) -> list[Quantity]:
    return [
        Quantity(name, title, _DEGREES, partial(_turn, scheme, axis))
        for axis, (name, title) in enumerate(_TURNS.items())
    ]


def _of_point(kind: str, point: int, scheme: Scheme) -> Quantity:
    title = f"{kind} of {scheme.names[point]}".capitalize()
    if kind == "speed":
        measure: _Measure = partial(_speed, scheme, point)
        return Quantity(f"{kind}:{scheme.names[point]}", title, "IOD/s", measure)
    measure = partial(_place, scheme, point, kind == "y")
    return Quantity(f"{kind}:{scheme.names[point]}", title, "IOD", measure)


def _opening(scheme: Scheme, contour: tuple[int, ...], face: FaceTrack, _times: Values) -> Values:
    return mean_opening(face.points, scheme, contour)


def _height(scheme: Scheme, part: tuple[int, ...], face: FaceTrack, _times: Values) -> Values:
    return height_over_eyes(face.points, scheme, part)


def _turn(scheme: Scheme, axis: int, face: FaceTrack, _times: Values) -> Values:
    known = None if face.head_pose is None else face.head_pose[:, axis].astype(np.float64)
    if axis == list(_TURNS).index("roll") and has_eye_line(scheme):
        flat = roll(face.points, scheme)
        return flat if known is None else np.where(np.isnan(known), flat, known)
    return np.full(len(face), np.nan) if known is None else known


def _predicted_error(face: FaceTrack, _times: Values) -> Values:
    return face.predicted_error.astype(np.float64)


def _expression(number: int, face: FaceTrack, _times: Values) -> Values:
    if face.expressions is None:
        return np.full(len(face), np.nan)
    return face.expressions[:, number].astype(np.float64)


def _place(scheme: Scheme, point: int, axis: int, face: FaceTrack, _times: Values) -> Values:
    return displacement(face.points, scheme, point)[:, int(axis)]


def _speed(scheme: Scheme, point: int, face: FaceTrack, times: Values) -> Values:
    return speed(face.points, times, scheme, point)
