"""Our own tidy tables, CSV and Parquet: one row a point, every thing that a face holds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.files import atomic_path, escape_formula

from ._names import PictureNames
from .format import Format, Holds, NamedFace, Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from faceloop_datasets.schemes.scheme import Scheme

    from .record import FaceRecord

COLUMNS = (
    "image", "frame", "face", "subject", "scheme", "point", "name", "x", "y", "state", "source",
    "expression",
)  # fmt: skip
"""Columns of the tidy tables: one row a point, x and y in pixels, empty where missing; what a face
expresses stands in each of its rows."""


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

    parts = []
    for named in faces:
        record, face = named.record, named.record.annotation
        values = (
            named.picture, record.frame, record.name, record.subject, face.scheme,
            np.arange(len(face)), scheme.names, face.points[:, 0], face.points[:, 1],
            [PointState(s).name.lower() for s in face.states], face.source, record.expression,
        )  # fmt: skip
        parts.append(pd.DataFrame(dict(zip(COLUMNS, values, strict=True))))
    if not parts:
        parts.append(pd.DataFrame(columns=list(COLUMNS)))
    return pd.concat([part.astype(_TYPES) for part in parts], ignore_index=True)


_TYPES = dict.fromkeys(COLUMNS, "string") | {
    "frame": "Int64", "point": "int64", "x": "float64", "y": "float64",
}  # fmt: skip

_HOLDS = Holds(subject=True, expression=True, source=True, frame=True)

CSV = Format(
    "csv",
    "faceloop table (.csv)",
    "A tidy table, one row a point.",
    ("*.csv",),
    writer=Writer(write_csv, _HOLDS, PictureNames.files, ".csv"),
)

PARQUET = Format(
    "parquet",
    "faceloop table (.parquet)",
    "A tidy table, one row a point.",
    ("*.parquet",),
    writer=Writer(write_parquet, _HOLDS, PictureNames.files, ".parquet"),
)
