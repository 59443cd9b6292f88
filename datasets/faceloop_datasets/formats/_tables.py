"""Tables of texts and numbers, CSV or Parquet, as columns: a million rows in a second."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.errors import InputError
from faceloop_datasets.files import read_regular, unescape_formula
from faceloop_datasets.wording import counted

from ._places import has_suffix
from ._rows import MOST, BadRow, coordinate, decode_text
from ._sniffing import head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

MOST_ROWS = 10_000_000
"""Rows of a table; ten million are 140,000 faces of 70 points."""

_MOST_BYTES = 1 << 30
"""Of a file, and of what a Parquet file says that it takes unpacked. Reading takes up to three
times as much memory."""

_SEPARATORS = ",;\t"
_NOTHING = ("NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None", "")
"""What pandas, R and spreadsheets write where there is nothing. In quotes it is a text."""


@dataclass(frozen=True, eq=False)
class TextColumn:
    """A column of texts, most of which are there many times.

    Parameters
    ----------
    codes : ndarray of int64, shape (R,)
        Which of the values each row has.
    values : list of str
        Without blanks around them; empty for nothing.
    """

    codes: NDArray[np.int64]
    values: list[str]

    @classmethod
    def constant(cls, rows: int) -> TextColumn:
        """Column with nothing in it."""
        return cls(np.zeros(rows, np.int64), [""])

    def __getitem__(self, row: int) -> str:
        return self.values[int(self.codes[row])]

    @property
    def is_empty(self) -> NDArray[np.bool_]:
        """Rows that have nothing, shape (R,)."""
        return np.array([value == "" for value in self.values])[self.codes]

    def used(self) -> list[str]:
        """Values that rows have, in the order in which they come."""
        _, first = np.unique(self.codes, return_index=True)
        return [self[row] for row in np.sort(first).tolist()]


@dataclass(eq=False)
class Table:
    """Some columns of a table.

    Parameters
    ----------
    texts : mapping of str to TextColumn
        By their names in lower case.
    numbers : mapping of str to ndarray of float64, shape (R,)
        By their names; NaN where there is nothing, or no number.
    lines : ndarray of int64, shape (R,)
        Line of each row in the file; in a Parquet file its number, from 1.
    problems : dict of int to str
        Why rows cannot be used.
    ragged : list of (int, str)
        Lines that are no rows, and why.
    """

    texts: Mapping[str, TextColumn]
    numbers: Mapping[str, NDArray[np.float64]]
    lines: NDArray[np.int64]
    problems: dict[int, str] = field(default_factory=dict)
    ragged: list[tuple[int, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)


def column_names(path: Path) -> list[str]:
    """Names of the columns of a table, in lower case; none if the file is no such table."""
    if has_suffix(path.name, ".parquet"):
        return _parquet_names(path)
    return _names(_first_line(head(path)))


def read_table(path: Path, texts: Iterable[str], numbers: Iterable[str]) -> Table:
    """Read those of some columns that a table has.

    Parameters
    ----------
    path : Path
        A Parquet file by its ending, else text with one of ``, ; tab`` between the cells.
    texts, numbers : iterable of str
        Names of the columns.

    Raises
    ------
    InputError
        If the file cannot be read, or is too large.
    """
    read = _read_parquet if has_suffix(path.name, ".parquet") else _read_csv
    cells, lines, ragged = read(path, {*texts, *numbers})
    plain = str.strip if has_suffix(path.name, ".parquet") else _unescaped
    table = Table({}, {}, lines, {}, ragged)
    table.texts = {name: _texts(cells[name], plain) for name in texts if name in cells}
    table.numbers = {
        name: _floats(cells[name], name, table.problems) for name in numbers if name in cells
    }
    return table


def _unescaped(text: str) -> str:
    return unescape_formula(text.strip())


# Text


def _separator(first: str) -> str:
    return max(_SEPARATORS, key=first.count)


def _first_line(text: str) -> str:
    return re.split("[\r\n]", text, maxsplit=1)[0]


def _names(first: str) -> list[str]:
    try:
        cells = next(csv.reader([first], delimiter=_separator(first)), [])
    except csv.Error:  # a name without end
        return []
    return [cell.strip().lower() for cell in cells]


def _read_csv(
    path: Path, wanted: set[str]
) -> tuple[dict[str, pa.ChunkedArray], NDArray[np.int64], list[tuple[int, str]]]:
    import pyarrow as pa  # noqa: PLC0415 - reading faces of other formats takes no table
    import pyarrow.csv as pa_csv  # noqa: PLC0415

    text = decode_text(read_regular(path, _MOST_BYTES), path)
    first = _first_line(text)
    names = _names(first)
    if not names:
        raise InputError(f"{path} does not begin with the names of columns.")
    keys = [f"{number}" for number in range(len(names))]
    ragged: list[tuple[int, str]] = []

    def note_ragged(row: pa_csv.InvalidRow) -> str:
        found = counted(row.actual_columns, "column")
        ragged.append((row.number, f"{found}; expected {row.expected_columns}"))
        return "skip"

    label = pa.dictionary(pa.int32(), pa.string())
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(text.encode()),
            # in one thread: only then lines have their numbers
            pa_csv.ReadOptions(use_threads=False, column_names=keys, skip_rows=1),
            pa_csv.ParseOptions(
                delimiter=_separator(first),
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=note_ragged,
            ),
            pa_csv.ConvertOptions(
                include_columns=[
                    key for key, name in zip(keys, names, strict=True) if name in wanted
                ],
                column_types=dict.fromkeys(keys, label),
                null_values=_NOTHING,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid as error:
        if "\n" not in text.rstrip():  # only the names of the columns
            table = pa.table({key: pa.array([], label) for key in keys})
        else:
            raise InputError(f"{path} is no table that can be read ({_brief(error)}).") from error
    _check_rows(path, table.num_rows)
    cells = {names[int(key)]: table.column(key) for key in table.column_names}
    return cells, _lines(table.num_rows, [line for line, _ in ragged]), ragged


def _lines(rows: int, ragged: list[int]) -> NDArray[np.int64]:
    """Lines of rows: all from the second one on that are not ragged."""
    lines = np.arange(2, rows + len(ragged) + 2)
    return lines[~np.isin(lines, ragged)][:rows]


def _check_rows(path: Path, rows: int) -> None:
    if rows > MOST_ROWS:
        raise InputError(f"{path} has {rows:,} rows; expected at most {MOST_ROWS:,}. Divide it.")


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


# Parquet


def _parquet_names(path: Path) -> list[str]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        if not path.is_file():
            return []
        return [name.strip().lower() for name in pq.read_schema(path).names]
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return []


def _read_parquet(
    path: Path, wanted: set[str]
) -> tuple[dict[str, pa.ChunkedArray], NDArray[np.int64], list[tuple[int, str]]]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    data = read_regular(path, _MOST_BYTES)
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        groups = [file.metadata.row_group(k) for k in range(file.metadata.num_row_groups)]
        _check_rows(path, file.metadata.num_rows)
        if sum(group.total_byte_size for group in groups) > _MOST_BYTES:
            raise InputError(f"{path} is larger than {_MOST_BYTES:,} bytes unpacked. Divide it.")
        names = [name.strip().lower() for name in file.schema_arrow.names]
        kept = [place for place, name in enumerate(names) if name in wanted]
        table = file.read([file.schema_arrow.names[place] for place in kept])
        table.validate(full=True)  # texts that are none would fail later
        cells = {
            name.strip().lower(): _as_text(table.column(name)).dictionary_encode()
            for name in table.column_names
        }
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no Parquet table of faces ({_brief(error)}).") from error
    return cells, np.arange(1, table.num_rows + 1), []


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa  # noqa: PLC0415

    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())  # a short text of a float32 is another number
    return column.cast(pa.string())


# Cells


def _coded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], list[str | None]]:
    import pyarrow as pa  # noqa: PLC0415

    whole = column.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):  # without rows
        return np.zeros(0, np.int64), []
    codes = whole.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return codes, whole.dictionary.to_pylist()


def _texts(column: pa.ChunkedArray, plain: Callable[[str], str]) -> TextColumn:
    codes, values = _coded(column)
    known: dict[str, int] = {"": 0}
    places = [known.setdefault(plain(value or ""), len(known)) for value in values]
    return TextColumn(np.array([*places, 0], np.int64)[codes], list(known))


def _floats(column: pa.ChunkedArray, name: str, problems: dict[int, str]) -> NDArray[np.float64]:
    """Numbers, each text read once; those that are none are problems of their rows."""
    codes, values = _coded(column)
    texts = [value or "nan" for value in values]
    plain = _plain_numbers(texts)
    numbers, reasons = _read_numbers(texts, name) if plain is None else (plain, {})
    found = np.array([*numbers, math.nan])[codes]
    if reasons:
        wrong = np.flatnonzero(np.isin(codes, list(reasons)))
        problems.update({row: reasons[int(codes[row])] for row in wrong.tolist()})
    return found


def _plain_numbers(texts: list[str]) -> list[float] | None:
    """Numbers, where all texts are such as a program writes: five times as fast."""
    try:
        numbers = list(map(float, texts))
    except ValueError:
        return None
    plain = not any(abs(number) > MOST for number in numbers) and not any("_" in t for t in texts)
    return numbers if plain else None


def _read_numbers(texts: list[str], name: str) -> tuple[list[float], dict[int, str]]:
    numbers, reasons = [], {}
    for place, text in enumerate(texts):
        try:
            numbers.append(coordinate(text, name))
        except BadRow as error:
            numbers.append(math.nan)
            reasons[place] = str(error)
    return numbers, reasons
