"""Live Link Face's CSV, for animators: the ARKit blend shapes that points tell, and the head.

The columns are those that importers of such files list, in this order: ``Timecode``
(``HH:MM:SS:FF.fraction``), ``BlendShapeCount`` (61: 52 shapes and 9 rotations), the shapes from 0
to 1, and the rotations of head and eyes in radians. Left and right are the **subject's**: what is
on the left of an unmirrored picture is ``Right``. A row without a face has a count of 0.

Points are measured along and across the line of the eyes, by the inter-ocular distance, so that
neither the size of a face nor its roll changes anything, and a turn little. Each shape is what its
measure is away from the median of the track (the neutral face), by the most that the track has of
it (the 99th percentile), or by `_LEAST` where the track has hardly any: noise stays noise.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import InputError, SchemeError
from faceloop_datasets.files import atomic_path
from faceloop_datasets.schemes.conversion import Conversion

from ._converting import converted
from ._heads import head_line
from .format import FoundTrack, TrackFormat

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets.schemes.scheme import Scheme

    from .format import TrackToWrite

    Floats = NDArray[np.float64]

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_PAIRS = ("Smile", "Frown", "Dimple", "Stretch")
_PAIRS_BELOW = ("Press", "LowerDown", "UpperUp")
SHAPES = (
    *(f"Eye{part}{side}" for side in ("Left", "Right") for part in _EYE),
    "JawForward", "JawRight", "JawLeft", "JawOpen",
    "MouthClose", "MouthFunnel", "MouthPucker", "MouthRight", "MouthLeft",
    *(f"Mouth{part}{side}" for part in _PAIRS for side in ("Left", "Right")),
    "MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper",
    *(f"Mouth{part}{side}" for part in _PAIRS_BELOW for side in ("Left", "Right")),
    "BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight",
    "CheekPuff", "CheekSquintLeft", "CheekSquintRight", "NoseSneerLeft", "NoseSneerRight",
    "TongueOut",
)  # fmt: skip
"""The 52 shapes, in the order of the columns."""
ROTATIONS = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll",
    "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)  # fmt: skip

_LEAST = {
    "EyeBlink": 0.2, "EyeWide": 0.15, "JawOpen": 0.25, "MouthSmile": 0.08, "MouthFrown": 0.06,
    "MouthPucker": 0.12, "MouthFunnel": 0.12, "BrowDown": 0.05, "BrowInnerUp": 0.06,
    "BrowOuterUp": 0.06,
}  # fmt: skip
"""Change of its measure (in IOD, of eyes in widths of the eye) that is a whole blend shape at
least: about half of what people do when they are asked for it."""
TOLD = tuple(n for n in SHAPES if n.removesuffix("Left").removesuffix("Right") in _LEAST)
"""The shapes that points tell; the others are 0."""

# Points of ibug68, of the picture's left and right: outer and inner corner of the eye, its lids
# from above and below, corner of the mouth, brow from outside in.
_SIDES = {
    "Right": (36, 39, ((37, 41), (38, 40)), 48, (17, 18, 19, 20, 21)),
    "Left": (45, 42, ((44, 46), (43, 47)), 54, (26, 25, 24, 23, 22)),
}
_NOSE, _LIPS, _CORNERS = 33, (62, 66), (48, 54)


def blend_shapes(points: Floats, scheme: Scheme, yaw: Floats | None = None) -> dict[str, Floats]:
    """Return the blend shapes that points tell.

    Parameters
    ----------
    points : ndarray, shape (F, N, 2)
        Of one face in all frames; NaN where missing.
    scheme : Scheme
        ibug68, or one that can be converted to it.
    yaw : ndarray, shape (F,), optional
        In degrees; NaN where unknown. By it widths are as they would be seen from before.

    Returns
    -------
    dict of str to ndarray, shape (F,)
        `TOLD`, each from 0 to 1; NaN where one of its points is missing.

    Raises
    ------
    InputError
        If there is no conversion to ibug68.
    """
    shapes: dict[str, Floats] = {}
    for name, moved in _moved(_upright(_as_ibug(points, scheme), yaw)).items():
        known = moved[np.isfinite(moved)]
        most = float(np.percentile(known, 99)) if len(known) else 0.0
        least = _LEAST[name.removesuffix("Left").removesuffix("Right")]
        shapes[name] = np.clip(moved / max(most, least), 0, 1)
    return {name: shapes[name] for name in TOLD}


def _as_ibug(points: Floats, scheme: Scheme) -> Floats:
    try:
        conversion = Conversion.load(scheme.name, "ibug68")
    except SchemeError as error:
        raise InputError(
            f"Blend shapes are measured on the points of face70 or ibug68; those of {scheme.name} "
            "cannot be brought to these."
        ) from error
    return converted(points, conversion)


def _upright(points: Floats, yaw: Floats | None) -> Floats:
    """Points along and across the line of the outer eye corners, in IOD."""
    z = points @ [1, 1j]
    line = z[:, _SIDES["Left"][0]] - z[:, _SIDES["Right"][0]]
    shortened = np.ones(len(z)) if yaw is None else np.cos(np.deg2rad(np.nan_to_num(yaw)))
    size = np.abs(line) / np.maximum(shortened, 0.4)  # beyond 66 degrees one eye is not seen
    with np.errstate(invalid="ignore", divide="ignore"):
        turned = z * np.conj(line / np.abs(line))[:, None]
        across = turned.real / (np.abs(line))[:, None]
        return np.stack([across, turned.imag / size[:, None]], axis=-1)


def _moved(points: Floats) -> dict[str, Floats]:
    """How far each shape's measure is from that of the neutral face, to its own side."""
    moved = _of_mouth(points)
    for side, (outer, inner, lids, corner, brow) in _SIDES.items():
        x, y = points[..., 0], points[..., 1]
        gaps = [np.hypot(*(points[:, a] - points[:, b]).T) for a, b in lids]
        opening = _from_neutral(np.mean(gaps, axis=0) / np.hypot(*_between(points, outer, inner)))
        moved[f"EyeBlink{side}"], moved[f"EyeWide{side}"] = -opening, opening
        eyes = (y[:, outer] + y[:, inner]) / 2
        moved[f"BrowDown{side}"] = _from_neutral(y[:, brow].mean(axis=1) - eyes)
        moved[f"BrowOuterUp{side}"] = -_from_neutral(y[:, brow[:2]].mean(axis=1) - eyes)
        up = -_from_neutral(y[:, corner] - y[:, _NOSE])
        # half the mouth's width and not the way to the nose, which a turn of the head changes
        wide = _from_neutral(np.abs(np.diff(x[:, _CORNERS])[:, 0])) / 2
        moved[f"MouthSmile{side}"] = np.maximum(up, 0) + np.maximum(wide, 0)
        moved[f"MouthFrown{side}"] = -up
    raised = [points[:, _SIDES[s][1], 1] - points[:, _SIDES[s][4][-1], 1] for s in _SIDES]
    moved["BrowInnerUp"] = _from_neutral(np.mean(raised, axis=0))
    return moved


def _of_mouth(points: Floats) -> dict[str, Floats]:
    opening = _from_neutral(np.hypot(*_between(points, *_LIPS)))
    narrow = -_from_neutral(np.hypot(*_between(points, *_CORNERS)))
    open_ = np.clip(opening / _LEAST["JawOpen"], 0, 1)
    return {
        "JawOpen": opening,
        "MouthPucker": narrow * (1 - open_),
        "MouthFunnel": narrow * open_,
    }


def _between(points: Floats, one: int, other: int) -> Floats:
    """X and y from one point to another, shape (2, F)."""
    return np.asarray((points[:, other] - points[:, one]).T)


def _from_neutral(measure: Floats) -> Floats:
    known = measure[np.isfinite(measure)]
    return measure - (np.median(known) if len(known) else 0.0)


def write(track: TrackToWrite, out: Path) -> None:
    """Write the blend shapes of a face.

    Raises
    ------
    InputError
        If the track has several faces, or points that tell no blend shapes.
    """
    faces = track.faces()
    if len(faces) != 1:
        raise InputError(
            f"Live Link Face's files hold one face, and this track has {len(faces)}. Choose one of "
            "them (--face)."
        )
    rows = _rows(track)
    with atomic_path(out) as part, part.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["Timecode", "BlendShapeCount", *SHAPES, *ROTATIONS])
        for frame, row in zip(track.frames, rows, strict=True):
            known = np.isfinite(row)
            count = len(row) if known.any() else 0
            code = timecode(float(track.track.times[frame]), track.track.rate)
            table.writerow([code, count, *(f"{value:.6f}" for value in np.where(known, row, 0))])


def _rows(track: TrackToWrite) -> Floats:
    """Return the 61 numbers of each frame; NaN where unknown, 0 where points never tell."""
    # the neutral face and the range are those of the whole track, whatever part of it is written
    whole = track.whole().faces()[0]
    yaw, pitch, roll = np.deg2rad(whole.head_pose.astype(np.float64)).T
    shapes = blend_shapes(whole.points.astype(np.float64), track.scheme, np.rad2deg(yaw))
    there = ~np.isnan(whole.points).all(axis=(1, 2))
    nothing = np.where(there, 0.0, np.nan)
    head = {"HeadYaw": yaw, "HeadPitch": pitch, "HeadRoll": -roll}
    columns = [{**shapes, **head}.get(name, nothing) for name in (*SHAPES, *ROTATIONS)]
    rows = np.stack(columns, axis=1)
    rows[~there] = np.nan
    return rows[track.first : track.last + 1]


def timecode(seconds: float, rate: float) -> str:
    """Return a time as hours, minutes, seconds, and frames of a second with their fraction."""
    a_second = max(round(rate), 1)
    thousandths = round(seconds * a_second * 1000)
    frames, fraction = divmod(thousandths, 1000)
    whole, frame = divmod(frames, a_second)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}:{frame:02}.{fraction:03}"


def read(file: Path) -> FoundTrack:
    """Refuse: blend shapes hold no points.

    Raises
    ------
    InputError
        Always.
    """
    raise InputError(
        f"{file} is of Live Link Face: blend shapes and the turn of the head, from which nobody "
        "can tell where points are in the picture. Track the video with faceloop instead."
    )


FORMAT = TrackFormat(
    "live-link",
    "Live Link Face (.csv)",
    "Blend shapes for animators, as far as points tell them; written only.",
    (".csv",),
    read,
    write,
    lambda file: head_line(file).replace(" ", "").startswith("Timecode,BlendShapeCount"),
    ("the points themselves", "all blend shapes that points do not tell (they are 0)"),
)
