"""faceloop's own tables of a tracked video, one row a point, read back as a track.

Those of ``faceloop track --out`` and of ``faceloop tracks export``: see
`faceloop_workbench.services.points_table.PointsTable` for their columns, which hold pixels whose
top-left one has its centre at ``(0, 0)``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from faceloop_datasets.errors import InputError
from faceloop_datasets.files import unescape_formula
from faceloop_datasets.schemes.toml import MAX_POINTS
from faceloop_datasets.tracks.face_track import FrameKind

from ._heads import head_line
from .format import FoundFace, FoundTrack, TrackFormat, empty_points, fits_where_known

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

_NUMBERS = ("frame", "time", "face", "point", "x", "y")
_OF_FACE = ("predicted_error", "yaw", "pitch", "roll")
_LEFT = {
    "confidence": "confidence of each point", "visibility": "visibility of each point",
    "score": "score", "error_bound": "error bound", "pose_error": "error of the head pose",
    "scale": "scale", "x_smooth": "smoothed points",
}  # fmt: skip
_EXPRESSION = "expression_"
_KINDS = {kind.name.lower(): kind for kind in FrameKind if kind >= FrameKind.FITTED}
_MOST_BYTES = 1 << 30


def read(file: Path) -> FoundTrack:
    """Read a table.

    Raises
    ------
    InputError
        If it cannot be read, lacks a column, or has a point twice.
    """
    table, about = _load(file)
    missing = [name for name in (*_NUMBERS, "name") if name not in table.column_names]
    if missing:
        raise InputError(f"{file} has no column {', '.join(missing)}; expected a table of a track.")
    columns = {n: _numbers(file, table, n) for n in table.column_names if _is_number(n)}
    there = ~np.isnan(columns["face"])
    if not there.any() or np.isnan(columns["frame"]).any():
        raise InputError(f"{file} has no face, or rows without a frame.")
    frames, at = np.unique(columns["frame"].astype(np.int64), return_inverse=True)
    times = np.zeros(len(frames))
    times[at] = columns["time"]
    faces = np.unique(columns["face"][there])
    names = _names(file, table, columns["point"], there)
    empty = empty_points(file, frames, len(names), len(faces))
    words = tuple(n.removeprefix(_EXPRESSION) for n in columns if n.startswith(_EXPRESSION))
    starts = _texts(table, "start")
    found = []
    for number, points in zip(faces, empty, strict=True):
        rows = np.flatnonzero(columns["face"] == number)
        _place(file, points, (at[rows], columns, rows))
        kind = fits_where_known(points)
        if starts is not None:
            kind[at[rows]] = _kinds(starts[rows], points[at[rows]])
        here = {name: column[rows] for name, column in columns.items()}
        found.append(_face((points, kind, at[rows]), here, words))
    left = tuple(said for name, said in _LEFT.items() if _any(table, name))
    return FoundTrack(
        str(about.get("model") or f"faceloop:{file.name}"),
        str(about.get("scheme") or file.stem),
        names,
        frames,
        tuple(found),
        times=None if np.isnan(times).any() else times,
        whole=False,
        expressions=words,
        left=left,
    )


def _load(file: Path) -> tuple[pa.Table, dict[str, str]]:
    table, about = _open(file)
    try:
        names = table.column_names
    except UnicodeDecodeError as error:
        raise InputError(f"{file} has names of columns that are no UTF-8.") from error
    if len(set(names)) < len(names):
        raise InputError(f"{file} has a column twice.")
    return table, about


def _open(file: Path) -> tuple[pa.Table, dict[str, str]]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InputError(f"{file} has more than {_MOST_BYTES:,} bytes. Export a range of it.")
        if file.suffix.lower() == ".parquet":
            table = pq.read_table(file)
            kept = (table.schema.metadata or {}).get(b"faceloop", b"{}")
            about = json.loads(kept)
            return table, about if isinstance(about, dict) else {}
        types = {"name": pa.string(), "start": pa.string(), "expression": pa.string()}
        types |= dict.fromkeys((*_NUMBERS, *_OF_FACE, *(n for n in _LEFT)), pa.float64())
        options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True)
        return pa_csv.read_csv(file, convert_options=options), {}
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise InputError(f"{file} cannot be read as a table: {error!s:.200}.") from error


def _texts(table: pa.Table, name: str) -> NDArray[np.object_] | None:
    if name not in table.column_names or not pa.types.is_string(table[name].type):
        return None
    return np.array(table[name].to_pylist(), object)


def _is_number(name: str) -> bool:
    return name in (*_NUMBERS, *_OF_FACE) or name.startswith(_EXPRESSION)


def _any(table: pa.Table, name: str) -> bool:
    if name not in table.column_names or not pa.types.is_floating(table[name].type):
        return False
    return bool(np.isfinite(table[name].to_numpy()).any())


def _numbers(file: Path, table: pa.Table, name: str) -> NDArray[np.float64]:
    try:
        values = table[name].cast(pa.float64()).to_numpy()
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"{file}: {name} is {error!s:.100}; expected numbers.") from error
    found: NDArray[np.float64] = np.where(np.abs(values) < 1e9, values, np.nan)
    return found


def _names(
    file: Path, table: pa.Table, point: NDArray[np.float64], there: NDArray[np.bool_]
) -> tuple[str, ...]:
    count = int(np.nan_to_num(np.nanmax(np.where(there, point, -1)), nan=-1)) + 1
    if np.isnan(point[there]).any() or not 1 <= count <= MAX_POINTS or point[there].min() < 0:
        raise InputError(f"{file} has rows of no point, or points beyond {MAX_POINTS}.")
    first = [np.flatnonzero(there & (point == number))[:1] for number in range(count)]
    if not all(len(row) for row in first):
        lacking = next(n for n, row in enumerate(first) if not len(row))
        raise InputError(f"{file} has no row of point {lacking}; expected 0..{count - 1}.")
    said = [table["name"][int(row[0])].as_py() for row in first]
    return tuple(unescape_formula(str(name)) for name in said)


def _place(
    file: Path,
    points: NDArray[np.float32],
    rows: tuple[NDArray[np.intp], Columns, NDArray[np.intp]],
) -> None:
    at, columns, where = rows
    point = columns["point"][where].astype(np.intp)
    places = at * points.shape[1] + point
    if len(np.unique(places)) < len(places):
        values, counts = np.unique(places, return_counts=True)
        twice = int(values[counts > 1][0]) % points.shape[1]
        raise InputError(f"{file} has point {twice} of a face twice in a frame.")
    points[at, point, 0], points[at, point, 1] = columns["x"][where], columns["y"][where]
    points[np.isnan(points).any(axis=2)] = np.nan


def _face(
    rows: tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.intp]],
    columns: Columns,
    words: tuple[str, ...],
) -> FoundFace:
    points, kind, at = rows

    def spread(names: list[str]) -> NDArray[np.float32] | None:
        if not names or not all(name in columns for name in names):
            return None
        values = np.full((len(points), len(names)), np.nan, np.float32)
        values[at] = np.stack([columns[name] for name in names], axis=1)
        return values

    error, pose = spread(["predicted_error"]), spread(["yaw", "pitch", "roll"])
    if pose is not None:
        pose[np.isnan(pose).any(axis=1)] = np.nan  # where only the turn of the points is known
    if error is not None:
        error[error < 0] = np.nan
    return FoundFace(
        "",
        points,
        predicted_error=None if error is None else error[:, 0],
        kind=kind,
        head_pose=pose,
        expressions=spread([f"{_EXPRESSION}{word}" for word in words]),
    )


def _kinds(starts: NDArray[Any], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """How frames came about: exports of a track say so, fits of a video where they started."""
    kinds = np.array([_KINDS.get(start, FrameKind.FITTED) for start in starts], np.uint8)
    kinds[np.isnan(points).all(axis=(1, 2))] = FrameKind.LOST
    return kinds


def _recognise(file: Path) -> bool:
    wanted = {"frame", "time", "face", "point", "name", "x", "y"}
    if file.suffix.lower() == ".parquet":
        try:
            return wanted <= set(pq.read_schema(file).names)
        except (OSError, ValueError, pa.ArrowException):
            return False
    return wanted <= {name.strip('"') for name in head_line(file).split(",")}


FORMAT = TrackFormat(
    "table",
    "faceloop's table of a track (.csv, .parquet)",
    "What faceloop track --out and faceloop tracks export write, one row a point. Predicted "
    "errors, head poses, expressions and how each frame came about come back with the points.",
    (".csv", ".parquet"),
    read,
    recognise=_recognise,
    lacks=("verdicts",),
)
