"""Tables of OpenFace 2 (``FeatureExtraction``, ``FaceLandmarkVidMulti``), read as a track.

From OpenFace's wiki, "Output format": a row a frame and face; ``frame`` counts from 1;
``success`` says whether it was tracked; ``x_0`` … ``y_67`` are pixels, counted as OpenCV does, from
the centre of the top-left one; ``pose_T`` is millimetres from the camera, ``pose_R`` radians,
``R = Rx Ry Rz`` with x right, y down and z away, against the camera's axis. OpenFace 2 writes a
space after each comma of the header. ``FaceLandmarkVidMulti`` has several faces by ``face_id``, and
no row of a frame without any.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from faceloop_datasets.errors import InputError
from faceloop_datasets.wording import enumerated

from ._heads import head_line
from .format import FoundFace, FoundTrack, TrackFormat, empty_points

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Columns = dict[str, Floats]

_PLACE, _TURN = ("pose_Tx", "pose_Ty", "pose_Tz"), ("pose_Rx", "pose_Ry", "pose_Rz")
_NEEDED = ("frame", "success")
_POINT = re.compile(r"x_(0|[1-9]\d{0,3})", re.ASCII)
_MOST_BYTES = 1 << 30
_LEFT = {"gaze_0_x": "gaze", "X_0": "points in space", "p_scale": "parameters of its shape model"}
_LEFT |= {"AU01_r": "action units", "pose_Tx": "distance of the head"}


def read(file: Path) -> FoundTrack:
    """Read a table of OpenFace.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column, or has a face twice in a frame.
    """
    columns, header = _load(file)
    count = _points(file, header)
    numbers, at = np.unique(columns["frame"], return_inverse=True)
    if not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all()):
        raise InputError(f"{file}: the column frame does not count frames.")
    if len(numbers) and numbers.min() < 1:
        raise InputError(
            f"{file}: frames of OpenFace count from 1; the first is {numbers.min():g}."
        )
    frames = np.clip(numbers, 0, 1e12).astype(np.int64) - 1
    who = columns.get("face_id", np.zeros(len(at)))
    found = columns["success"] > 0
    ids = np.unique(who[found & np.isfinite(who)])
    faces = [
        _face(file, points, columns, at, np.flatnonzero(found & (who == number)))
        for number, points in zip(ids, empty_points(file, frames, count, len(ids)), strict=True)
    ]
    left = tuple(said for name, said in _LEFT.items() if name in header)
    names = tuple(str(number) for number in range(count))
    whole = len(ids) <= 1
    return FoundTrack(
        "openface", file.stem, names, frames, tuple(faces), whole=whole, left=("confidence", *left)
    )


def _load(file: Path) -> tuple[Columns, list[str]]:
    header = [name.strip().strip('"') for name in head_line(file).split(",")]
    lacking = [name for name in _NEEDED if name not in header]
    if lacking:
        raise InputError(
            f"{file} has no column {enumerated(lacking)}; expected a table of OpenFace of a video."
        )
    if len(set(header)) < len(header):
        raise InputError(f"{file} has a column twice.")
    wanted = {*_NEEDED, "face_id", "confidence", *_PLACE, *_TURN}
    wanted |= {name for name in header if _POINT.fullmatch(f"x{name[1:]}") and name[0] in "xy"}
    names = [name for name in header if name in wanted]
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InputError(f"{file} has more than {_MOST_BYTES:,} bytes.")
        table = pa_csv.read_csv(
            file,
            pa_csv.ReadOptions(skip_rows=1, column_names=header),
            convert_options=pa_csv.ConvertOptions(
                include_columns=names, column_types=dict.fromkeys(names, pa.float64())
            ),
        )
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{file} cannot be read as a table of OpenFace: {error!s:.200}."
        ) from error
    # beyond a billion nothing is a place, and single precision would overflow
    return {name: np.clip(table[name].to_numpy(), -1e9, 1e9) for name in names}, header


def _points(file: Path, header: list[str]) -> int:
    numbers = sorted(int(m[1]) for name in header if (m := _POINT.fullmatch(name)))
    there = all(f"y_{number}" in header for number in numbers)
    if not numbers or not there or numbers != list(range(len(numbers))):
        raise InputError(
            f"{file} has no points x_0, y_0 and on. OpenFace's option -2Dfp writes them."
        )
    return len(numbers)


def _face(
    file: Path,
    points: NDArray[np.float32],
    columns: Columns,
    at: NDArray[np.intp],
    rows: NDArray[np.intp],
) -> FoundFace:
    where = at[rows]
    if len(np.unique(where)) < len(where):
        raise InputError(f"{file} has a face twice in a frame. Give the table a column face_id.")
    for number in range(points.shape[1]):
        points[where, number, 0] = columns[f"x_{number}"][rows]
        points[where, number, 1] = columns[f"y_{number}"][rows]
    points[~(np.abs(points) < 1e6).all(axis=2)] = np.nan
    sure = np.full(points.shape[:2], np.nan, np.float32)
    if "confidence" in columns:
        sure[where] = columns["confidence"][rows, None]
    pose = np.full((len(points), 3), np.nan, np.float32)
    if all(name in columns for name in (*_PLACE, *_TURN)):
        place, turn = (np.stack([columns[n][rows] for n in names], 1) for names in (_PLACE, _TURN))
        pose[where] = head_turns(place, turn)
    return FoundFace("", points, sure, head_pose=pose)


def head_turns(place: Floats, turn: Floats) -> Floats:
    """Return how heads are turned against the line of sight, in degrees.

    The way back from `faceloop_workbench.services.openface_table.openface_pose`.

    Parameters
    ----------
    place : ndarray, shape (R, 3)
        ``pose_T``.
    turn : ndarray, shape (R, 3)
        ``pose_R``.

    Returns
    -------
    ndarray, shape (R, 3)
        Yaw, pitch and roll as `faceloop_runtime.HeadPose` has them; NaN where the head is nowhere
        before the camera.
    """
    before = np.isfinite(place).all(1) & np.isfinite(turn).all(1) & (place[:, 2] > 0)
    found = np.full((len(place), 3), np.nan)
    away = np.diag([1.0, 1.0, -1.0])  # their z points away, ours to the viewer
    for row in np.flatnonzero(before):
        matrix = away @ _sight(place[row]).T @ _rotation(*turn[row]) @ away
        yaw = np.arcsin(np.clip(-matrix[2, 0], -1, 1))
        pitch = np.arctan2(-matrix[2, 1], matrix[2, 2])
        found[row] = np.rad2deg([yaw, pitch, np.arctan2(matrix[1, 0], matrix[0, 0])])
    return found


def _rotation(x: float, y: float, z: float) -> Floats:
    """``Rx Ry Rz`` of angles in radians."""
    (a, b, c), (d, e, f) = np.cos([x, y, z]), np.sin([x, y, z])
    about_x = np.array([[1, 0, 0], [0, a, -d], [0, d, a]])
    about_y = np.array([[b, 0, e], [0, 1, 0], [-e, 0, b]])
    about_z = np.array([[c, -f, 0], [f, c, 0], [0, 0, 1]])
    return np.asarray(about_x @ about_y @ about_z)


def _sight(place: Floats) -> Floats:
    """Return the least rotation that brings the camera's axis to where a head is."""
    x, y, z = place / np.linalg.norm(place)
    side = -x * y / (1 + z)
    return np.array([[1 - x * x / (1 + z), side, x], [side, 1 - y * y / (1 + z), y], [-x, -y, z]])


def _recognise(file: Path) -> bool:
    names = {name.strip().strip('"') for name in head_line(file).split(",")}
    return {"frame", "timestamp", "confidence", "success"} <= names


FORMAT = TrackFormat(
    "openface",
    "OpenFace (.csv)",
    "Tables of OpenFace 2, of one face or several. Its 68 points are ibug68's, its head poses come "
    "in our signs; action units, gaze and points in space are not kept.",
    (".csv",),
    read,
    recognise=_recognise,
    lacks=("verdicts",),
)
