"""Predictions of DeepLabCut and Lightning Pose: CSV with three header rows, or four.

The rows are ``scorer``, (``individuals``,) ``bodyparts`` and ``coords``, which are ``x``, ``y`` and
``likelihood``; then comes a row a frame, numbered from 0. Empty is missing. Lightning Pose's
ensembles have further coordinates (``x_ens_median``, ``x_posterior_var``, …). People label in
pictures whose pixels have their centres at whole numbers (matplotlib, then napari), as ours have.
What stands here is from DeepLabCut's "Standardized names and file formats" and Lightning Pose's
"Predictions"; `movement.io.load_poses` reads the files that are written.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path, escape_formula, unescape_formula
from faceloop_datasets.wording import enumerated

from ._heads import head_lines
from .format import FoundFace, FoundTrack, TrackFormat, empty_points

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from .format import TrackToWrite, WrittenFace

_LEVELS = (("scorer", "bodyparts", "coords"), ("scorer", "individuals", "bodyparts", "coords"))
_MOST_BYTES = 1 << 30
_TRACKER = "tracker"
"""How the names of Lightning Pose's networks end."""


def read(file: Path) -> FoundTrack:
    """Read a table of predictions.

    Raises
    ------
    InputError
        If it cannot be read, or has labelled frames and no predictions.
    """
    header = _header(file)
    values = _values(file, header)
    frames = _frames(file, values[:, 0])
    people = list(dict.fromkeys(person for person, _, _ in header.columns))
    names = list(dict.fromkeys(name for _, name, _ in header.columns))
    places = {column: number + 1 for number, column in enumerate(header.columns)}
    if len(places) < len(header.columns):
        raise InputError(f"{file} has a point of an individual twice.")
    faces = []
    for person, points in zip(
        people, empty_points(file, frames, len(names), len(people)), strict=True
    ):
        trust = np.full(points.shape[:2], np.nan, np.float32)
        for number, name in enumerate(names):
            x, y, sure = (places.get((person, name, c), 0) for c in ("x", "y", "likelihood"))
            if x and y:
                points[:, number] = values[:, [x, y]]
            if sure:
                trust[:, number] = values[:, sure]
        points[~(np.abs(points) < 1e6).all(axis=2)] = np.nan
        faces.append(FoundFace(person, points, trust))
    left = ("likelihood of each point", *header.others)
    return FoundTrack(header.tool, header.tool, tuple(names), frames, tuple(faces), left=left)


@dataclass(frozen=True)
class _Header:
    """Header rows: who, which point, which coordinate each column is."""

    rows: int
    tool: str
    columns: list[tuple[str, str, str]]
    others: tuple[str, ...]


def _header(file: Path) -> _Header:
    rows = [[cell.strip() for cell in row] for row in csv.reader(head_lines(file, 4))]
    depth = next((len(level) for level in _LEVELS if _starts(rows) == level), 0)
    if not depth:
        raise InputError(
            f"{file} does not begin with rows called scorer, bodyparts and coords; expected the "
            "predictions of DeepLabCut or Lightning Pose as CSV."
        )
    cells = [row[1:] for row in rows[:depth]]
    if len({len(row) for row in cells}) > 1 or not cells[0]:
        raise InputError(f"{file} has header rows of different lengths.")
    person = cells[1] if depth == 4 else [""] * len(cells[0])
    columns = [
        (who, unescape_formula(name), what)
        for who, name, what in zip(person, cells[-2], cells[-1], strict=True)
    ]
    known = ("x", "y", "likelihood")
    others = tuple(dict.fromkeys(what for _, _, what in columns if what not in known))
    if not any(what == "x" for _, _, what in columns):
        raise InputError(f"{file} has no coordinates x; it has {enumerated(others) or 'none'}.")
    scorer = cells[0][0]
    name = "lightning-pose" if scorer.lower().endswith(_TRACKER) else "deeplabcut"
    return _Header(depth, f"{name}:{scorer}", columns, others)


def _starts(rows: list[list[str]]) -> tuple[str, ...]:
    """First cells of the rows that are a header."""
    first = [row[0] if row else "" for row in rows]
    return tuple(first[: first.index("coords") + 1]) if "coords" in first else ()


def _values(file: Path, header: _Header) -> NDArray[np.float64]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InputError(f"{file} has more than {_MOST_BYTES:,} bytes.")
        names = [str(number) for number in range(len(header.columns) + 1)]
        types = dict.fromkeys(names[1:], pa.float64()) | {"0": pa.string()}
        table = pa_csv.read_csv(
            file,
            pa_csv.ReadOptions(skip_rows=header.rows, column_names=names),
            convert_options=pa_csv.ConvertOptions(column_types=types),
        )
        numbers = [table[name].cast(pa.float64()).to_numpy() for name in names]
    except pa.ArrowInvalid as error:
        said = str(error)
        if "labeled-data" in said or ".png" in said or ".jpg" in said:
            said = "its rows are pictures: these are labelled frames, which faceloop import takes"
        raise InputError(f"{file} cannot be read as predictions: {said:.200}.") from error
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{file} cannot be read: {error!s:.200}.") from error
    # beyond a billion nothing is a place, and single precision would overflow
    values: NDArray[np.float64] = np.clip(np.stack(numbers, axis=1), -1e9, 1e9)
    return values


def _frames(file: Path, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (np.abs(numbers) < 1e9)
    if not whole.all() or (np.diff(numbers) <= 0).any():
        raise InputError(f"{file}: the first column does not count frames upwards.")
    return numbers.astype(np.int64)


def write(track: TrackToWrite, out: Path) -> None:
    """Write predictions; of several faces with the row of individuals."""
    faces = track.faces()
    scorer = f"faceloop_{track.track.model}"
    names = [escape_formula(name) for name in track.scheme.names]
    columns = [
        (scorer, escape_formula(face.name), name, what)
        for face in faces
        for name in names
        for what in ("x", "y", "likelihood")
    ]
    levels = _LEVELS[len(faces) > 1]
    kept = [("scorer", "individuals", "bodyparts", "coords").index(level) for level in levels]
    values = np.concatenate([_numbers(face) for face in faces], axis=1)
    with atomic_path(out) as part, part.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerows(
            [level, *(c[k] for c in columns)] for level, k in zip(levels, kept, strict=True)
        )
        for frame, row in zip(track.frames.tolist(), values, strict=True):
            rows.writerow([frame, *("" if np.isnan(v) else str(v) for v in row)])


def _numbers(face: WrittenFace) -> NDArray[np.float32]:
    """x, y and likelihood of each point, shape (R, 3 N)."""
    three = np.concatenate([face.points, face.confidence[..., None]], axis=2)
    return three.reshape(len(three), -1)


def _recognise(file: Path) -> bool:
    lines = head_lines(file, 5)
    rows = [line.split(",", 2) for line in lines]
    levels = _starts(rows)
    body = rows[len(levels)][0] if levels and len(rows) > len(levels) else ""
    return levels in _LEVELS and body.strip().isdigit()


FORMAT = TrackFormat(
    "deeplabcut",
    "DeepLabCut, Lightning Pose (.csv)",
    "Predictions of a video (videoDLC_….csv, or those of Lightning Pose), of one or several "
    "individuals. Body parts become the points of their names; likelihoods are not kept, but "
    "points below one can be left out (--least).",
    (".csv",),
    read,
    write,
    _recognise,
    ("predicted errors", "how frames came about", "verdicts", "head poses", "expressions"),
)
