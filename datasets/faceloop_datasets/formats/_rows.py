"""What the readers share: numbers out of text, points out of numbers, subjects out of names."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.errors import InputError
from faceloop_datasets.files import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

_FAR = 20.0
"""A point this many times as far from the middle of the face as half of the points is a typing
error. In every set at hand the farthest point is at most 4 times as far."""

MOST = 1e6
"""Greatest coordinate: no picture is as large, and beyond it arithmetic would overflow."""

_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0e-\x1f]")
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Byte order marks of spreadsheets' "Unicode text"."""

_MUCT_NAME = re.compile(r"i(\d{3})[q-z][a-e]-[fm][gn]")
_MUCT_TWINS = {"247": "247-248", "248": "247-248"}


class BadRow(Exception):  # noqa: N818 - it becomes a Refusal and never reaches a user
    """A row that cannot be used; the text is the reason."""


def read_text(path: Path) -> str:
    """Text of a file, see `decode_text`.

    Raises
    ------
    InputError
        If it cannot be read or is no text.
    """
    return decode_text(read_regular(path), path)


def decode_text(data: bytes, where: object) -> str:
    """Text in UTF-8, in UTF-16 with a byte order mark, or else in Latin-1.

    Older systems write file names in Latin-1; every byte is a character there, so that what is no
    text at all is told by its control characters.

    Raises
    ------
    InputError
        If it is no text.
    """
    try:
        text = data.decode(MARKS.get(data[:2], "utf-8-sig"))
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if _NO_TEXT.search(text):
        raise InputError(f"{where} is not a text file. Save it as text in UTF-8.")
    return text.lstrip("\ufeff")


def is_missing_point(x: float, y: float) -> bool:
    """Whether coordinates, as they stand in a file, are what tools write for a missing point."""
    return math.isnan(x) or math.isnan(y) or (x, y) in ((0.0, 0.0), (-1.0, -1.0))


def coordinate(text: str, what: str) -> float:
    """Read a finite number, or nan; also with a decimal comma."""
    if text.strip().lower() == "nan":
        return math.nan
    return number(text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text, what)


def number(text: str, what: str) -> float:
    """Read a finite number; ``what`` names it in the reason of the refusal."""
    try:
        value = math.nan if "_" in text else float(text)  # Python takes 1_0 for ten
    except ValueError:
        raise BadRow(f"{what} is {text!r:.40}; expected a number") from None
    if not math.isfinite(value):
        raise BadRow(f"{what} is {text.strip():.40}; expected a finite number")
    if abs(value) > MOST:
        raise BadRow(f"{what} is {value:g}; expected at most {MOST:g}")
    return value


def annotation(
    scheme: str,
    points: Iterable[Sequence[float]],
    source: str,
    states: ArrayLike | None = None,
) -> Annotation:
    """Make an annotation of points in pixels; NaN is a point that is missing.

    Points outside the image are kept, since the edge of an image may cut a face.

    Raises
    ------
    BadRow
        If no point has a position, or one is absurdly far from the others.
    """
    xy = np.array(points if isinstance(points, np.ndarray) else list(points), dtype=np.float64)
    code = np.array([PointState.VISIBLE] * len(xy) if states is None else states)
    code[np.isnan(xy).any(axis=1)] = PointState.MISSING
    present = np.flatnonzero(code != PointState.MISSING)
    if not len(present):
        raise BadRow("no point has a position")
    if len(present) == 1:  # somebody has begun with it
        return Annotation(scheme, xy, code, source)
    distance = np.linalg.norm(xy[present] - _median(xy[present]), axis=1)
    typical = float(_median(distance))
    if typical == 0:
        raise BadRow("most points are in one place")
    if distance.max() > _FAR * typical:
        worst = int(present[distance.argmax()])
        raise BadRow(
            f"point {worst} at ({xy[worst, 0]:g}, {xy[worst, 1]:g}) is "
            f"{distance.max() / typical:.0f} times as far from the face as its other points"
        )
    return Annotation(scheme, xy, code, source)


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median of finite values over the first axis; numpy's own takes ten times as long for few."""
    ordered, count = np.sort(values, axis=0), len(values)
    median: NDArray[np.float64] = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    return median


def points_of(rows: Iterable[Sequence[float]]) -> list[tuple[float, float]]:
    """Points of rows as they stand in a file: those that are missing are NaN."""
    return [(math.nan, math.nan) if is_missing_point(x, y) else (x, y) for x, y in rows]


def positions(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (N, 2) as numbers in a file: those that are no numbers are NaN, both x and y.

    Raises
    ------
    BadRow
        If one is farther away than any picture is large.
    """
    points = np.where(np.isfinite(raw).all(axis=1, keepdims=True), raw, np.nan)
    far = np.flatnonzero((np.abs(points) > MOST).any(axis=1))
    if len(far):
        x, y = points[far[0]]
        raise BadRow(f"point {far[0]} is at ({x:g}, {y:g}); expected at most {MOST:g}")
    return np.asarray(points)


def muct_subject(stem: str) -> str | None:
    """Subject of a MUCT image by its name, None if it is none.

    The twins 247 and 248 count as one subject: a model that knows one knows the other.
    """
    match = _MUCT_NAME.fullmatch(stem)
    if match is None:
        return None
    return f"muct-{_MUCT_TWINS.get(match[1], match[1])}"
