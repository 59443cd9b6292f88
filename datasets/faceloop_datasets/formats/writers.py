"""Annotations as files for other programs. Each file appears complete or not at all."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.conversion import Conversion
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path, is_text, no_formula

from .ibug import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from faceloop_datasets.scheme import Scheme

    from .record import FaceRecord

COLUMNS = (
    "image", "frame", "face", "subject", "scheme", "point", "name", "x", "y", "state", "source",
)  # fmt: skip
"""Columns of the tidy tables: one row a point, x and y in pixels, empty where missing."""


def write_clmtools(records: Iterable[FaceRecord], dest: Path, scheme: Scheme) -> int:
    """Write clmtools' CSV, converted to its 71 points.

    A name that a spreadsheet would run as a formula is written after an apostrophe, which the
    reader takes off again. The format knows two flags: visible points are ``true``, all others
    ``false``. A missing point is written as ``0;0;false``, which the reader takes for missing
    again.
    """
    conversion = Conversion.load(scheme, "clmtrackr71")
    lines = []
    for record in records:
        name = _image_name(record)
        if ";" in name or not is_text(name):
            raise InputError(f"clmtools' format has no way to write the file name {name!r}.")
        face = conversion.apply(record.annotation)
        cells = [no_formula(name)]
        for (x, y), state in zip(np.nan_to_num(face.points).tolist(), face.states, strict=True):
            cells += [repr(x), repr(y), "true" if state == PointState.VISIBLE else "false"]
        lines.append(";".join(cells) + ";\n")
    with atomic_path(dest) as part:
        part.write_text("".join(lines), encoding="utf-8", newline="\n")
    return len(lines)


def write_ibug(records: Iterable[FaceRecord], dest: Path, scheme: Scheme) -> int:  # noqa: ARG001
    """Write a folder of ``.pts`` files in the scheme of the annotations.

    The top-left pixel is (1, 1) in them; a missing point is 0 0. Point states do not fit into
    the format.
    """
    taken: set[str] = set()
    for record in records:
        stem = base = PurePosixPath(_image_name(record)).stem
        number = 1
        while stem.lower() in taken:  # some systems do not tell upper from lower case
            number += 1
            stem = f"{base}_{number}"
        taken.add(stem.lower())
        with atomic_path(dest / f"{stem}.pts") as part:
            part.write_text(pts_text(record.annotation), encoding="utf-8", newline="\n")
    return len(taken)


def write_csv(records: Iterable[FaceRecord], dest: Path, scheme: Scheme) -> int:
    """Write a tidy CSV table with `COLUMNS`.

    Texts that a spreadsheet would run as a formula are written after an apostrophe.
    """
    table, count = _tidy(records, scheme)
    for column in table.columns[table.dtypes == "string"]:
        table[column] = table[column].map(no_formula, na_action="ignore")
    with atomic_path(dest) as part:
        # quoted, since a name may hold the end of a line, and Python quotes only one kind of it
        table.to_csv(part, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return count


def write_parquet(records: Iterable[FaceRecord], dest: Path, scheme: Scheme) -> int:
    """Write a tidy Parquet table with `COLUMNS`."""
    table, count = _tidy(records, scheme)
    with atomic_path(dest) as part:
        table.to_parquet(part, index=False)
    return count


WRITERS: dict[str, Callable[[Iterable[FaceRecord], Path, Scheme], int]] = {
    "clmtools": write_clmtools,
    "csv": write_csv,
    "ibug": write_ibug,
    "parquet": write_parquet,
}
"""Formats that can be written."""


def write_faces(
    target_format: str, records: Iterable[FaceRecord], dest: str | Path, *, scheme: Scheme
) -> int:
    """Write annotated faces.

    Parameters
    ----------
    target_format : str
        One of `WRITERS`.
    records : iterable of FaceRecord
        Faces that all follow ``scheme``.
    dest : path
        The file; for ``ibug`` the folder.
    scheme : Scheme
        The scheme of the annotations.

    Returns
    -------
    int
        How many faces were written.

    Raises
    ------
    InputError
        If the format is unknown, or ``dest`` cannot be written.
    SchemeError
        If the format needs other points and there is no conversion.
    """
    if target_format not in WRITERS:
        raise InputError(f"Cannot write {target_format!r}. Known formats: {', '.join(WRITERS)}.")
    return WRITERS[target_format](records, Path(dest), scheme)


def _image_name(record: FaceRecord) -> str:
    name = PurePosixPath(record.image_name.replace("\\", "/"))
    return name.name if record.frame is None else f"{name.stem}_{record.frame:06d}.png"


def pts_text(face: Annotation) -> str:
    """Text of a ``.pts`` file: the top-left pixel is (1, 1), a missing point is 0 0."""
    # in decimal, so that the reader gets the same number back to the last bit
    rows = [
        " ".join(str(EXACT.add(Decimal(repr(value)), 1)) for value in point) if present else "0 0"
        for point, present in zip(face.points.tolist(), face.present, strict=True)
    ]
    return "\n".join(["version: 1", f"n_points: {len(face)}", "{", *rows, "}", ""])


def _tidy(records: Iterable[FaceRecord], scheme: Scheme) -> tuple[pd.DataFrame, int]:
    import pandas as pd  # noqa: PLC0415 - its import takes half a second

    parts = []
    for record in records:
        face = record.annotation
        values = (
            record.image_name, record.frame, record.name, record.subject, face.scheme,
            np.arange(len(face)), scheme.names, face.points[:, 0], face.points[:, 1],
            [PointState(s).name.lower() for s in face.states], face.source,
        )  # fmt: skip
        parts.append(pd.DataFrame(dict(zip(COLUMNS, values, strict=True))))
    if not parts:
        parts.append(pd.DataFrame(columns=list(COLUMNS)))
    table = pd.concat([part.astype(_TYPES) for part in parts], ignore_index=True)
    return table, len(parts) if len(table) else 0


_TYPES = dict.fromkeys(COLUMNS, "string") | {
    "frame": "Int64", "point": "int64", "x": "float64", "y": "float64",
}  # fmt: skip
