"""Faces of tidy tables: one row a point, of our own and by other people."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import numpy as np

from faceloop_datasets.annotation import FIT_SOURCES, PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.schemes.named import scheme_of_names
from faceloop_datasets.schemes.scheme import Scheme
from faceloop_datasets.subjects import SubjectSource
from faceloop_datasets.wording import enumerated

from ._pictures import is_picture
from ._tables import Table, TextColumn, column_names, read_table
from .record import Refusal, Skip
from .rows import FaceRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ._places import Source

NEEDED = ("image", "x", "y")
_TEXTS = (
    "image", "frame", "face", "subject", "scheme", "point", "name", "state", "source",
    "expression", "subject_source",
)  # fmt: skip
_OF_A_FACE = ("subject", "expression", "subject_source")
"""Columns that say the same in each row of a face."""

_STATES = {state.name.lower(): state for state in PointState}
_FITTED = {"x", "y", "score", "confidence", "predicted_error"}
"""Columns of the tables of fits and tracks."""

_MOST_POINTS = 20_000_000
"""Points of all faces, of which a table may lack most."""

_GUESSED = "points that only a fit has placed"


def is_tidy(columns: Sequence[str]) -> bool:
    """Whether a table with these columns is one of annotated faces."""
    has_names = "name" in columns or "point" in columns
    return has_names and set(NEEDED) <= set(columns) and not is_fitted(columns)


def is_fitted(columns: Sequence[str]) -> bool:
    """Whether a table with these columns is one of fits: no annotation, and never taken for it."""
    return set(columns) >= _FITTED and bool({"image", "frame"} & set(columns))


def check_columns(file: Path) -> list[str]:
    """Return the columns of a table of annotated faces.

    Raises
    ------
    InputError
        If it is none.
    """
    columns = column_names(file)
    twice = [name for name in (*_TEXTS, "x", "y") if columns.count(name) > 1]
    if twice:
        raise InputError(f"{file} has the column {twice[0]} twice; expected it once.")
    if is_fitted(columns):
        command, what = ("track", "a video") if "time" in columns else ("fit", "pictures")
        raise InputError(
            f"{file} has the points that a model has fitted to {what} (faceloop {command}), no "
            "annotations: a model must not learn from them. Expected a table that faceloop export "
            "has written, or one with the columns image, name, x, y."
        )
    if not is_tidy(columns):
        found = ", ".join(columns)[:80] or "none"
        raise InputError(
            f"{file} has the columns {found}; expected image, name (or point), x and y: one row a "
            "point."
        )
    return columns


# The points of a scheme


@dataclass(frozen=True)
class TablePoints:
    """Which points some tables have.

    Parameters
    ----------
    scheme : Scheme
        The scheme that these are.
    numbers : dict of str to int
        The place in the scheme of each number that a table has.
    rows : int
        How many rows the tables have.
    """

    scheme: Scheme
    numbers: dict[str, int]
    rows: int

    @cached_property
    def names(self) -> dict[str, int]:
        """The place of each name."""
        return {name: place for place, name in enumerate(self.scheme.names)}

    def place_of(self, name: str) -> int:
        """Return the place of a name, which may be a number in all tables; -1 if it has none."""
        numbers = self.numbers if self.scheme.numbered_from is not None else {}
        return self.names.get(name, numbers.get(_number(name), -1))


def points_of(files: Sequence[Path]) -> TablePoints:
    """See which points tables have.

    Raises
    ------
    InputError
        If one cannot be read, a number and a name belong together in different ways, or the tables
        are of several schemes.
    SchemeError
        If the names make no scheme.
    """
    return _points_of(tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))


@lru_cache(maxsize=8)
def _points_of(files: tuple[tuple[Path, int, int], ...]) -> TablePoints:
    pairs: dict[tuple[str, str], Path] = {}
    schemes: dict[str, Path] = {}
    rows = 0
    for file, _, _ in files:
        check_columns(file)
        table = read_table(file, ("point", "name", "scheme"), ())
        rows += len(table)
        numbers, names = (
            table.texts.get(c, TextColumn.constant(len(table))) for c in ("point", "name")
        )
        both = numbers.codes * len(names.values) + names.codes
        _, first = np.unique(both, return_index=True)
        for row in np.sort(first).tolist():
            pairs.setdefault((_number(numbers[row]), names[row]), file)
        if "scheme" in table.texts:
            schemes |= dict.fromkeys(filter(None, table.texts["scheme"].used()), file)
    file = files[0][0]
    if len(schemes) > 1:
        raise InputError(
            f"{file} has faces of the schemes {enumerated(list(schemes))}; expected those of one. "
            "Divide the table."
        )
    return _made(pairs, next(iter(schemes), ""), file, rows)


def _made(pairs: dict[tuple[str, str], Path], scheme: str, file: Path, rows: int) -> TablePoints:
    known = [pair for pair in pairs if pair != ("", "")]
    if all(number.isdecimal() for number, _ in known):
        known.sort(key=lambda pair: int(pair[0]))
    names = [name or number for number, name in known]
    bundled = Scheme.load(scheme) if scheme in Scheme.bundled() else None
    if bundled is not None and {name for _, name in known} <= {*bundled.names, ""}:
        found = bundled
    else:
        _check_pairs(known, pairs)
        found = scheme_of_names(scheme or file.stem, names)
    numbers = [number for number, _ in known if number]
    if found.names == tuple(names):
        places = {number: names.index(name or number) for number, name in known if number}
    else:  # a known scheme, of which the table may lack some points
        first = found.numbered_from
        if first is None:
            first = 1 if "0" not in numbers and str(len(found)) in numbers else 0
        places = {str(place + first): place for place in range(len(found))}
    return TablePoints(found, places, rows)


def _check_pairs(known: Sequence[tuple[str, str]], files: dict[tuple[str, str], Path]) -> None:
    for which, what in ((0, "number"), (1, "name")):
        seen: dict[str, tuple[str, str]] = {}
        for pair in known:
            before = seen.setdefault(pair[which], pair)
            if pair[which] and before != pair:
                raise InputError(
                    f"{files[pair]}: points of the {what} {pair[which]!r:.60} are called "
                    f"{before[1 - which]!r:.60} and {pair[1 - which]!r:.60}; expected one."
                )


def _number(text: str) -> str:
    """Write a number of a point or a frame shortly: other programs add ``.0``."""
    whole = text.removesuffix(".0").removesuffix(",0")
    return str(int(whole)) if whole.isascii() and whole.isdigit() and len(whole) < 10 else text


# The faces


def faces_of(source: Source, points: TablePoints) -> Iterator[FaceRow | Skip | Refusal]:
    """Yield the faces of a table, in the order of their first rows.

    Estimates that only a fit has made are left out, a `Skip` each: nobody would know later where
    they are from.
    """
    check_columns(source.file)
    table = read_table(source.file, _TEXTS, ("x", "y"))
    yield from (Refusal(source.file, line, reason) for line, reason in table.ragged)
    rows = _Rows(table, points)
    for row in np.flatnonzero(rows.guessed).tolist():
        yield Skip(source.file, int(table.lines[row]), _GUESSED)
    yield from rows.faces(source.file)


class _Rows:
    """The rows of a table, and which face and point each is of."""

    def __init__(self, table: Table, points: TablePoints) -> None:
        self._table, self._points = table, points
        nothing = TextColumn.constant(len(table))
        self._columns = dict.fromkeys(_TEXTS, nothing) | dict(table.texts)
        self._xy = np.column_stack([table.numbers["x"], table.numbers["y"]])
        self._place = self._places()
        self._state = self._states()
        self.guessed = self._guessed()
        self._group, self._first = self._groups()

    def _places(self) -> NDArray[np.int64]:
        """Place in the scheme of each row's point, by its name or else by its number."""
        names, numbers = self._columns["name"], self._columns["point"]
        by_name = [self._points.place_of(name) for name in names.values]
        by_number = [self._points.numbers.get(_number(text), -1) for text in numbers.values]
        place = np.array(by_name)[names.codes]
        place = np.where(place < 0, np.array(by_number)[numbers.codes], place)
        for row in np.flatnonzero((place < 0) & ~self._is_blank()).tolist():
            what = names[row] or numbers[row]
            reason = f"point {what!r:.60} is none of {self._points.scheme.name}"
            self._table.problems.setdefault(row, reason)
        return place

    def _is_blank(self) -> NDArray[np.bool_]:
        """Rows that say nothing: a spreadsheet leaves them at the end."""
        texts = [self._columns[column].is_empty for column in ("image", "point", "name")]
        return np.asarray(np.logical_and.reduce([*texts, np.isnan(self._xy).all(axis=1)]))

    def _states(self) -> NDArray[np.int64]:
        if "state" not in self._table.texts:
            # what other programs write for a point that is missing
            nowhere = (self._xy == 0).all(axis=1) | (self._xy == -1).all(axis=1)
            self._xy[nowhere] = np.nan
        column = self._columns["state"]
        codes = [_STATES.get(text.lower(), -1) for text in column.values]
        codes[column.values.index("")] = PointState.VISIBLE
        state = np.array(codes)[column.codes]
        for row in np.flatnonzero(state < 0).tolist():
            reason = f"state is {column[row]!r:.40}; expected {', '.join(_STATES)}"
            self._table.problems.setdefault(row, reason)
        return np.where(np.isnan(self._xy).any(axis=1), PointState.MISSING, state)

    def _guessed(self) -> NDArray[np.bool_]:
        column = self._columns["source"]
        fitted = np.array([source.startswith(FIT_SOURCES) for source in column.values])
        return np.asarray(fitted[column.codes] & (self._state == PointState.ESTIMATED))

    def _groups(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Face of each row, and the first row of each face."""
        group = np.zeros(len(self._table), np.int64)
        for column in ("image", "frame", "face"):
            one = self._columns[column]
            group = np.unique(group * len(one.values) + one.codes, return_inverse=True)[1]
        _, first = np.unique(group, return_index=True)
        return group, first

    def faces(self, file: Path) -> Iterator[FaceRow | Refusal]:
        """Yield the faces."""
        if len(self._first) * len(self._points.scheme) > _MOST_POINTS:
            raise InputError(
                f"{file} has {len(self._first):,} faces of {len(self._points.scheme)} points; "
                f"expected at most {_MOST_POINTS:,} points in all. Divide it."
            )
        order = np.argsort(self._group, kind="stable")
        ends = np.searchsorted(self._group[order], np.arange(1, len(self._first)))
        rows_of = np.split(order, ends)
        blank = self._is_blank()
        for group in np.argsort(self._first).tolist():
            rows = rows_of[group]
            rows = rows[~blank[rows]]
            placed = rows[~self.guessed[rows] & ~np.isnan(self._xy[rows]).any(axis=1)]
            if len(rows) and (len(placed) or not self.guessed[rows].any()):
                yield self._face(rows)

    def _face(self, rows: NDArray[np.int64]) -> FaceRow:
        first = int(rows[0])
        texts = {c: self._columns[c][first] for c in ("image", "frame", "face", *_OF_A_FACE)}
        problems = self._table.problems
        wrong = next((row for row in rows.tolist() if row in problems), None) if problems else None
        problem = self._problem(rows, texts) if wrong is None else problems[wrong]
        frame = _number(texts["frame"])
        size = len(self._points.scheme)
        points, states = np.full((size, 2), np.nan), np.full(size, PointState.MISSING)
        kept = rows[~self.guessed[rows] & (self._place[rows] >= 0)]
        points[self._place[kept]], states[self._place[kept]] = self._xy[kept], self._state[kept]
        return FaceRow(
            key=":".join(filter(None, (texts["image"], frame, texts["face"]))),
            picture=texts["image"],
            points=points,
            states=states,
            line=int(self._table.lines[first if wrong is None else wrong]),
            # some number the pictures of a clip: a frame is one of a video
            frame=int(frame) if frame.isdecimal() and not is_picture(texts["image"]) else None,
            subject=texts["subject"],
            expression=texts["expression"],
            subject_source=cast("SubjectSource", texts["subject_source"] or "format"),
            name=texts["face"],
            problem=problem,
        )

    def _problem(self, rows: NDArray[np.int64], texts: dict[str, str]) -> str:
        """Why a face cannot be used; empty if it can."""
        frame, how = texts["frame"], texts["subject_source"]
        if frame and not _number(frame).isdecimal():
            return f"frame is {frame!r:.40}; expected a whole number from 0"
        if how not in ("", *get_args(SubjectSource)):
            return f"subject_source is {how!r:.40}; expected {', '.join(get_args(SubjectSource))}"
        for column in _OF_A_FACE:
            one = self._columns[column]
            others = rows[one.codes[rows] != one.codes[rows[0]]]
            if len(others):
                return (
                    f"{column} is {one[int(rows[0])]!r:.40} here and {one[int(others[0])]!r:.40} "
                    f"on line {self._table.lines[others[0]]}; expected one for a face"
                )
        return self._twice(rows)

    def _twice(self, rows: NDArray[np.int64]) -> str:
        place = self._place[rows]
        if len(np.unique(place)) == len(rows):
            return ""
        lines: dict[int, list[int]] = defaultdict(list)
        for row in rows.tolist():
            lines[int(self._place[row])].append(int(self._table.lines[row]))
        twice = next(point for point, some in lines.items() if len(some) > 1)
        where = enumerated([str(line) for line in lines[twice]])
        return (
            f"point {self._points.scheme.names[twice]!r:.60} is on the lines {where}; expected "
            "once. A column face tells the faces of a picture apart"
        )
