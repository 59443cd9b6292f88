"""The points of a face as text that a spreadsheet understands, and back. Without Qt.

A line a point, columns with tabs between: number, name, x, y, state. Coordinates are written so
that reading them gives the same numbers, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError, InputError, PointState
from faceloop_datasets.files import escape_formula, unescape_formula
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]

STATE_WORDS = {
    PointState.VISIBLE: "visible",
    PointState.OCCLUDED: "occluded",
    PointState.ESTIMATED: "estimated",
    PointState.MISSING: "missing",
}
"""What the point table calls the states."""

FARTHEST = 1e6
"""Greatest coordinate that is taken, in pixels: no picture is so large."""

_COLUMNS = ("number", "name", "x", "y", "state")
# Columns of rows without a header, by how many there are.
_BY_COUNT = {5: _COLUMNS, 4: _COLUMNS[:4], 3: ("name", "x", "y")}
_STATES = {word: state for state, word in STATE_WORDS.items()}
_EARLIER = {"seen": PointState.VISIBLE}  # in tables that older versions copied
_LONGEST = 200_000  # characters: a thousand points are 60,000


@dataclass(frozen=True, eq=False)
class CopiedPoints:
    """Some points of a face, by their numbers.

    Parameters
    ----------
    numbers : tuple of int, length K
        Which points, each once.
    points : ndarray, shape (K, 2)
        ``(x, y)`` in pixels; NaN where missing.
    states : ndarray of uint8, shape (K,)
        One `PointState` a point.
    """

    numbers: tuple[int, ...]
    points: Points
    states: NDArray[np.uint8]

    def spread(self, size: int) -> Points:
        """Put the points in their places among ``size``, NaN where there is none, (size, 2)."""
        every = np.full((size, 2), np.nan)
        every[list(self.numbers)] = self.points
        return every


def points_text(scheme: Scheme, copied: CopiedPoints) -> str:
    """Write points as lines of tab-separated columns, with a header."""
    rows = zip(copied.numbers, copied.points.tolist(), copied.states.tolist(), strict=True)
    lines = ["\t".join(_COLUMNS)]
    for number, (x, y), state in rows:
        there = ("", "") if state == PointState.MISSING else (repr(x), repr(y))
        name = escape_formula(_one_line(scheme.names[number]))
        lines.append("\t".join((str(number), name, *there, STATE_WORDS[PointState(state)])))
    return "\n".join(lines) + "\n"


def parse_points(text: str, scheme: Scheme) -> CopiedPoints:
    """Read points that `points_text` wrote, or that come from a spreadsheet.

    With a header, columns may stand in any order, and only x, y and one of name and number are
    needed. Without one they are number, name, x, y, state, or those but the last; or name or
    number, x, y. A name counts before a number, which another scheme may use for another point.
    Decimals may have a comma. A row without a state is a visible point.

    Raises
    ------
    InputError
        Naming the row and what was expected, if the text is no such table.
    """
    if len(text) > _LONGEST:
        raise InputError(
            f"The clipboard holds {len(text)} characters; expected a table of at most {_LONGEST}."
        )
    rows = [
        (number, [cell.strip() for cell in line.split("\t")])
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip()
    ]
    columns = _header(rows[0][1]) if rows else None
    found: dict[int, tuple[float, float, PointState]] = {}
    for number, cells in rows if columns is None else rows[1:]:
        values = _values(number, cells, columns)
        point = _point(number, values, scheme)
        if point in found:
            raise _bad(number, f"{scheme.names[point]} is there twice", "each point once")
        found[point] = _place(number, values)
    if not found:
        raise InputError(
            "The clipboard holds no points; expected rows of number, name, x, y and state, as "
            "copying a face puts there."
        )
    places = np.array([(x, y) for x, y, _ in found.values()], dtype=np.float64)
    states = np.array([state for *_, state in found.values()], dtype=np.uint8)
    return CopiedPoints(tuple(found), places, states)


def coordinate(text: str) -> float | None:
    """Read a coordinate in pixels; None if it is none. Decimals may have a comma."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) <= FARTHEST else None


def _one_line(name: str) -> str:
    """Return a name that a cell can hold; one that it cannot is left out: its number is there."""
    return name if name == " ".join(name.split()) else ""


def _header(cells: Sequence[str]) -> tuple[str, ...] | None:
    names = tuple(cell.casefold() for cell in cells)
    return names if "x" in names and "y" in names else None


def _values(row: int, cells: list[str], columns: Iterable[str] | None) -> Mapping[str, str]:
    if columns is not None:
        cells = cells + [""] * max(0, len(tuple(columns)) - len(cells))
        return dict(zip(columns, cells, strict=False))
    while len(cells) > len(_COLUMNS) and not cells[-1]:
        cells = cells[:-1]
    if len(cells) not in _BY_COUNT:
        raise _bad(
            row, counted(len(cells), "column"), "number, name, x, y and state, with tabs between"
        )
    return dict(zip(_BY_COUNT[len(cells)], cells, strict=True))


def _point(row: int, values: Mapping[str, str], scheme: Scheme) -> int:
    name, number = unescape_formula(values.get("name", "")), values.get("number", "")
    if name:
        try:
            return scheme.point(name)
        except FaceloopError as error:
            raise InputError(f"Row {row} of the clipboard: {error}") from error
    known = number.isascii() and number.isdigit() and int(number[:6]) < len(scheme)
    if not known:
        found = f"the point {number!r:.40}"
        raise _bad(row, found, f"a name or a number from 0 to {len(scheme) - 1}")
    return int(number[:6])


def _place(row: int, values: Mapping[str, str]) -> tuple[float, float, PointState]:
    word = values.get("state", "").casefold()
    state = _STATES.get(word, _EARLIER.get(word))
    if word and state is None:
        raise _bad(row, f"the state {word!r:.40}", ", ".join(_STATES))
    x, y = values.get("x", ""), values.get("y", "")
    if not x and not y and state in (None, PointState.MISSING):
        return np.nan, np.nan, PointState.MISSING
    if state == PointState.MISSING:
        return np.nan, np.nan, state
    return _number(row, "x", x), _number(row, "y", y), state or PointState.VISIBLE


def _number(row: int, axis: str, text: str) -> float:
    value = coordinate(text)
    if value is None:
        raise _bad(row, f"{axis} is {text!r:.40}", f"a number of pixels, at most {FARTHEST:.0f}")
    return value


def _bad(row: int, found: str, expected: str) -> InputError:
    return InputError(f"Row {row} of the clipboard: {found}; expected {expected}.")
