"""Annotations as files for other programs. Each file appears complete or not at all."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import atomic_path, escape_formula, is_text
from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace
from faceloop_datasets.schemes.conversion import Conversion

from ._names import PictureNames
from .clmtools import quoted
from .ibug import EXACT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from faceloop_datasets.schemes.scheme import Scheme

    from .record import FaceRecord

NATIVE = {"clmtools": "clmtrackr71", "ibug": "ibug68"}
"""Landmark schemes that formats are written in; others take any."""

COLUMNS = (
    "image", "frame", "face", "subject", "scheme", "point", "name", "x", "y", "state", "source",
    "expression",
)  # fmt: skip
"""Columns of the tidy tables: one row a point, x and y in pixels, empty where missing; what a face
expresses stands in each of its rows."""


def write_clmtools(
    records: Iterable[FaceRecord], dest: Path, scheme: Scheme, keep: Iterable[Path] = ()
) -> int:
    """Write clmtools' CSV, converted to its 71 points.

    A name that a spreadsheet would run as a formula is written after an apostrophe, which the
    reader takes off again. The format knows two flags: visible points are ``true``, all others
    ``false``. A missing point is written as ``0;0;false``, which the reader takes for missing
    again.
    """
    refuse_to_replace([dest], keep)
    refuse_in_project([dest])
    conversion = Conversion.load(scheme, NATIVE["clmtools"])
    faces, lines = list(records), []
    for record, name in zip(faces, PictureNames(faces).pictures(), strict=True):
        if ";" in name or not is_text(name):
            raise InputError(f"clmtools' format has no way to write the file name {name!r}.")
        face = conversion.apply(record.annotation)
        cells = [quoted(escape_formula(name))]
        for (x, y), state in zip(np.nan_to_num(face.points).tolist(), face.states, strict=True):
            cells += [repr(x), repr(y), "true" if state == PointState.VISIBLE else "false"]
        lines.append(";".join(cells) + ";\n")
    with atomic_path(dest) as part:
        part.write_text("".join(lines), encoding="utf-8", newline="\n")
    return len(lines)


def write_ibug(
    records: Iterable[FaceRecord],
    dest: Path,
    scheme: Scheme,
    keep: Iterable[Path] = (),
) -> int:
    """Write a folder of ``.pts`` files, converted to iBUG's 68 points.

    The top-left pixel is (1, 1) in them; a missing point is 0 0. Point states do not fit into
    the format. Files of pictures of the same name lie in folders below.
    """
    conversion = Conversion.load(scheme, NATIVE["ibug"])
    faces = list(records)
    files = [dest / f"{name}.pts" for name in PictureNames(faces).stems()]
    refuse_to_replace(files, keep)
    refuse_in_project(files)
    for record, file in zip(faces, files, strict=True):
        with atomic_path(file) as part:
            part.write_text(
                pts_text(conversion.apply(record.annotation)), encoding="utf-8", newline="\n"
            )
    return len(files)


def write_csv(
    records: Iterable[FaceRecord], dest: Path, scheme: Scheme, keep: Iterable[Path] = ()
) -> int:
    """Write a tidy CSV table with `COLUMNS`.

    Texts that a spreadsheet would run as a formula are written after an apostrophe.
    """
    refuse_to_replace([dest], keep)
    refuse_in_project([dest])
    table, count = _tidy(records, scheme)
    for column in table.columns[table.dtypes == "string"]:
        table[column] = table[column].map(escape_formula, na_action="ignore")
    with atomic_path(dest) as part:
        # quoted, since a name may hold the end of a line, and Python quotes only one kind of it
        table.to_csv(part, index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return count


def write_parquet(
    records: Iterable[FaceRecord], dest: Path, scheme: Scheme, keep: Iterable[Path] = ()
) -> int:
    """Write a tidy Parquet table with `COLUMNS`."""
    refuse_to_replace([dest], keep)
    refuse_in_project([dest])
    table, count = _tidy(records, scheme)
    with atomic_path(dest) as part:
        table.to_parquet(part, index=False)
    return count


WRITERS: dict[str, Callable[[Iterable[FaceRecord], Path, Scheme, Iterable[Path]], int]] = {
    "clmtools": write_clmtools,
    "csv": write_csv,
    "ibug": write_ibug,
    "parquet": write_parquet,
}
"""Formats that can be written."""


_NAMED: dict[str, Callable[[PictureNames], list[str]]] = {
    "clmtools": PictureNames.pictures,
    "csv": PictureNames.files,
    "ibug": PictureNames.stems,
    "parquet": PictureNames.files,
}


def longer_names(target_format: str, records: Iterable[FaceRecord]) -> list[str]:
    """Names that `write_faces` gives to pictures whose file names others have too."""
    names = PictureNames(list(records))
    _NAMED[target_format](names)
    return sorted(names.longer)


def write_faces(
    target_format: str,
    records: Iterable[FaceRecord],
    dest: str | Path,
    *,
    scheme: Scheme,
    keep: Iterable[Path] = (),
) -> int:
    """Write annotated faces.

    Pictures of the same name are told apart by their folders, see `longer_names`.

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
    keep : iterable of Path
        Files that must not be replaced, see `faceloop_datasets.outputs.refuse_to_replace`.

    Returns
    -------
    int
        How many faces were written.

    Raises
    ------
    InputError
        If the format is unknown, ``dest`` cannot be written or lies in a project, or a file to
        keep is in its place.
    SchemeError
        If the format needs other points and there is no conversion.
    """
    if target_format not in WRITERS:
        raise InputError(f"Cannot write {target_format!r}. Known formats: {', '.join(WRITERS)}.")
    return WRITERS[target_format](records, Path(dest), scheme, keep)


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

    parts, faces = [], list(records)
    for record, image in zip(faces, PictureNames(faces).files(), strict=True):
        face = record.annotation
        values = (
            image, record.frame, record.name, record.subject, face.scheme,
            np.arange(len(face)), scheme.names, face.points[:, 0], face.points[:, 1],
            [PointState(s).name.lower() for s in face.states], face.source, record.expression,
        )  # fmt: skip
        parts.append(pd.DataFrame(dict(zip(COLUMNS, values, strict=True))))
    if not parts:
        parts.append(pd.DataFrame(columns=list(COLUMNS)))
    table = pd.concat([part.astype(_TYPES) for part in parts], ignore_index=True)
    return table, len(parts) if len(table) else 0


_TYPES = dict.fromkeys(COLUMNS, "string") | {
    "frame": "Int64", "point": "int64", "x": "float64", "y": "float64",
}  # fmt: skip
