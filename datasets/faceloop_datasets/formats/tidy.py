"""Our own tidy tables, CSV and Parquet: one row a point, every thing that a face holds.

Coordinates are in pixels, and the centre of the top-left one is ``(0, 0)``.
"""

from __future__ import annotations

import csv
import itertools
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path, escape_formula

from ._names import PictureNames
from ._places import annotation_files, has_suffix
from ._tables import column_names
from ._tidy_faces import faces_of, is_fitted, is_tidy, points_of
from .format import Format, Holds, NamedFace, Reader, Writer
from .rows import of_readable, row_reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from faceloop_datasets.schemes.scheme import Scheme

    from ._places import Source
    from ._tidy_faces import TablePoints
    from .record import Entry, FaceRecord, Refusal, Skip
    from .rows import FaceRow

COLUMNS = (
    "image", "frame", "face", "subject", "scheme", "point", "name", "x", "y", "state", "source",
    "expression", "subject_source",
)  # fmt: skip
"""Columns of the tidy tables: one row a point, x and y in pixels, empty where missing; what a face
expresses, and whom it shows and how that is known, stands in each of its rows."""

_FEW = 5  # tables that are looked into


def write_csv(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    """Write a tidy CSV table with `COLUMNS`.

    Texts that a spreadsheet would run as a formula are written after an apostrophe.
    """
    table = _tidy(faces, scheme)
    for column in table.columns[table.dtypes == "string"]:
        table[column] = table[column].map(escape_formula, na_action="ignore")
    with atomic_path(dest) as part:
        # quoted, since a name may hold the end of a line, and Python quotes only one kind of it
        table.to_csv(part, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)


def write_parquet(faces: Sequence[NamedFace], dest: Path, scheme: Scheme) -> None:
    """Write a tidy Parquet table with `COLUMNS`."""
    table = _tidy(faces, scheme)
    with atomic_path(dest) as part:
        table.to_parquet(part, index=False)


def project_table(records: Iterable[FaceRecord], scheme: Scheme) -> pd.DataFrame:
    """Return a table of faces with `COLUMNS`, their pictures called as in a file."""
    found = list(records)
    names = PictureNames(found).files()
    faces = [NamedFace(*pair) for pair in zip(found, names, strict=True)]
    return _tidy(faces, scheme)


def _tidy(faces: Sequence[NamedFace], scheme: Scheme) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415 - its import takes half a second

    size, states = len(scheme), [state.name.lower() for state in PointState]
    points = np.array([one.record.annotation.points for one in faces]).reshape(-1, 2)
    codes = np.array([one.record.annotation.states for one in faces], np.uint8).reshape(-1)
    # the same for all points of a face
    whole = {
        "image": [one.picture for one in faces],
        "frame": [one.record.frame for one in faces],
        "face": _face_names(faces),
        "subject": [one.record.subject for one in faces],
        "scheme": [scheme.name] * len(faces),
        "source": [one.record.annotation.source for one in faces],
        "expression": [one.record.expression for one in faces],
        "subject_source": [one.record.subject_source for one in faces],
    }
    rows = np.repeat(np.arange(len(faces)), size)
    table = pd.DataFrame(whole).astype({column: _TYPES[column] for column in whole})
    table = table.take(rows).reset_index(drop=True)
    table["point"] = np.tile(np.arange(size), len(faces))
    table["name"] = np.tile(np.array(scheme.names, object), len(faces))
    table["x"], table["y"] = points.T
    table["state"] = np.array(states, object)[codes]
    return table[list(COLUMNS)].astype(_TYPES)


def _face_names(faces: Sequence[NamedFace]) -> list[str]:
    """Names of the faces; two of one picture never have the same."""
    names: dict[tuple[str, int | None, str], None] = {}
    for one in faces:
        name = one.record.name
        others = (f"{name} ({number})" for number in itertools.count(2))
        place = one.picture, one.record.frame
        names[
            next((*place, n) for n in itertools.chain([name], others) if (*place, n) not in names)
        ] = None
    return [name for _, _, name in names]


_TYPES = dict.fromkeys(COLUMNS, "string") | {
    "frame": "Int64", "point": "int64", "x": "float64", "y": "float64",
}  # fmt: skip


def _find(suffix: str, sources: Sequence[Path]) -> list[Source]:
    """Tables that were named, and those of annotated faces in folders."""
    found = annotation_files(sources, suffix)
    chosen = [one for one in found if one.file in sources or is_tidy(column_names(one.file))]
    if not chosen:
        raise InputError(
            f"There is no {suffix} table with the columns image, name, x, y in "
            f"{', '.join(map(str, sources))}."
        )
    return chosen


def _read(name: str, suffix: str, sources: Sequence[Path], images: Path | None) -> Iterator[Entry]:
    find, points = partial(_find, suffix), _points(suffix, sources)

    def faces(one: Source, _scheme: Scheme) -> Iterator[FaceRow | Skip | Refusal]:
        if one.file not in points.files:
            points_of([one.file])  # which says what is wrong with it
        yield from faces_of(one, points)

    return row_reader(name, find, faces, lambda _: points.scheme)(sources, images)


def _points(suffix: str, sources: Sequence[Path]) -> TablePoints:
    find = partial(_find, suffix)

    @of_readable(find)
    def of(some: Sequence[Path]) -> TablePoints:
        return points_of([one.file for one in find(some)])

    return of(sources)


def _scheme(suffix: str, sources: Sequence[Path]) -> Scheme:
    return _points(suffix, sources).scheme


def _count(suffix: str, sources: Sequence[Path]) -> int:
    points = _points(suffix, sources)
    return points.rows // len(points.scheme)


def _recognise(suffix: str, files: Sequence[Path], named: Sequence[Path]) -> float:
    """Known by the names of the columns; tables of fits are known too, to say what they are."""
    tables = [path for path in files if has_suffix(path.name, suffix)]
    step = max(1, len(tables) // _FEW)
    few = tables[::step][:_FEW]
    columns = {path: column_names(path) for path in few}
    alike = any(
        is_tidy(columns[path]) or (path in named and is_fitted(columns[path])) for path in few
    )
    return float(alike)


def _reader(name: str, suffix: str) -> Reader:
    return Reader(
        partial(_read, name, suffix),
        partial(_scheme, suffix),
        partial(_count, suffix),
        partial(_recognise, suffix),
        f"a {suffix} table with the columns image, name, x, y",
    )


_HOLDS = Holds(subject=True, expression=True, source=True, frame=True)

_EXPLANATION = (
    "A tidy table, one row a point: what faceloop export writes, or any with the columns image, "
    "name (or point), x and y; frame, face, subject, expression, state and others may be there. "
    "Pictures lie beside the table or in the folder of pictures. Points that only a fit has "
    "placed are left out."
)

CSV = Format(
    "csv",
    "faceloop table (.csv)",
    _EXPLANATION,
    ("*.csv",),
    _reader("csv", ".csv"),
    Writer(write_csv, _HOLDS, PictureNames.files, ".csv"),
)

PARQUET = Format(
    "parquet",
    "faceloop table (.parquet)",
    _EXPLANATION,
    ("*.parquet",),
    _reader("parquet", ".parquet"),
    Writer(write_parquet, _HOLDS, PictureNames.files, ".parquet"),
)
