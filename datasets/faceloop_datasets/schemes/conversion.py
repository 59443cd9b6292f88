"""Conversions between schemes: each target point is a weighted sum of source points."""

from __future__ import annotations

import glob
import math
import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.errors import SchemeError
from faceloop_datasets.files import as_file_name

from .scheme import Scheme, check_namesakes, read_text
from .toml import MAX_POINTS, MAX_SCHEME, quoted

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

_SUM_KEYS = {"target", "same_mark", "weights"}
_MAX_WEIGHT = 1000.0
_LONGEST = 80
_MOST_FACES = 10**9
_DIGITS = 4
"""Decimals of a weight in a file: a ten thousandth of a face is less than a pixel's tenth."""


@dataclass(frozen=True, eq=False)
class Conversion:
    """Makes annotations of one scheme from those of another. See ``schemes/conversions``.

    Parameters
    ----------
    source, target : str
        Names of the two schemes.
    weights : ndarray, shape (T, S)
        Row ``t`` holds the weights of the source points in target point ``t``. They sum
        to 1, so that a conversion commutes with every affine map of the image. A row of
        zeros is a target point that has no source.
    same_mark : ndarray of bool, shape (T,)
        Whether a target point is the same anatomical mark as its sources, so that a
        visible point stays visible, or only an estimate.
    expected_error : ndarray, shape (T,), optional
        Mean distance of each target point from where a person puts it, in inter-ocular
        distances, on faces of people that it was not learned from; NaN where that is not known.
    measured_on : str
        Which faces these were, in a few words; empty for those of a project.
    faces : int
        Of how many it was learned; 0 if that is not known.
    """

    source: str
    target: str
    weights: NDArray[np.float64]
    same_mark: NDArray[np.bool_]
    expected_error: NDArray[np.float64] | None = None
    measured_on: str = ""
    faces: int = 0

    @classmethod
    def load(cls, source: str | Scheme, target: str | Scheme) -> Conversion:
        """Find the conversion between two schemes; between equal ones it changes nothing.

        Parameters
        ----------
        source, target : str or Scheme
            From which points to which.

        Raises
        ------
        SchemeError
            If there is none, or the two have one name and different points.
        """
        if isinstance(source, Scheme) and isinstance(target, Scheme):
            check_namesakes(source, target)
        names = tuple(s.name if isinstance(s, Scheme) else s for s in (source, target))
        if names[0] == names[1]:
            size = len(target if isinstance(target, Scheme) else Scheme.load(target))
            return cls(names[0], names[1], np.eye(size), np.ones(size, dtype=bool))
        return _bundled(names[0], names[1])

    @classmethod
    def of_mesh(cls, source: Scheme, target: Scheme) -> Conversion | None:
        """Find the conversion from points that have numbers only, and no scheme that comes along.

        None if there is none from points of that name and number.

        Parameters
        ----------
        source, target : Scheme
            Where points come from, and what they become.
        """
        if source.names != tuple(str(k) for k in range(len(source))):
            return None
        file = _conversion_file(source.name, target.name)
        found = cls.load(source, target) if file.is_file() else None
        return found if found is not None and found.weights.shape[1] == len(source) else None

    @classmethod
    def read(cls, file: Path) -> Conversion:
        """Read a conversion from a TOML file, see `parse`."""
        return cls.parse(read_text(file, "conversion"), str(file))

    @classmethod
    def parse(cls, text: str, file: str) -> Conversion:
        """Read a conversion from the text of a TOML file; `to_toml` is the way back.

        The file says how many points the schemes have (``points = [S, T]``) if one of them does
        not come with faceloop.

        Raises
        ------
        SchemeError
            If the text is no TOML, or does not fit the two schemes.
        """
        if len(text) > MAX_SCHEME:
            raise SchemeError(
                f"{file} has more than {MAX_SCHEME:,} characters; it is none of ours."
            )
        try:
            values = tomllib.loads(text)
        # ValueError: a number of more digits than Python reads
        except (ValueError, RecursionError) as error:
            raise SchemeError(f"{file} is not a TOML file: {error}.") from error
        return _Rows(values, file).conversion()

    def to_toml(self) -> str:
        """Write it as the text of a TOML file; `parse` is the way back, but for rounding."""
        return _written(self)

    @property
    def expected(self) -> NDArray[np.float64]:
        """Expected error of each target point, shape (T,); NaN where it is not known."""
        unknown = np.full(len(self.weights), np.nan)
        return unknown if self.expected_error is None else self.expected_error

    @property
    def without_source(self) -> NDArray[np.bool_]:
        """Target points that nothing is known of, shape (T,): they are missing."""
        return np.asarray(~(self.weights != 0).any(axis=1))

    @property
    def estimated(self) -> NDArray[np.bool_]:
        """Target points that are only estimated, shape (T,)."""
        return ~self.same_mark & ~self.without_source

    @cached_property
    def _changes_nothing(self) -> bool:
        count, size = self.weights.shape
        return count == size and bool((self.weights == np.eye(count)).all() & self.same_mark.all())

    def apply(self, annotation: Annotation) -> Annotation:
        """Convert one face.

        A target point is as uncertain as the most uncertain of its sources, and missing if
        one of them is missing.

        Raises
        ------
        SchemeError
            If the annotation follows another scheme than `source`.
        """
        size = self.weights.shape[1]
        if annotation.scheme != self.source or len(annotation) != size:
            raise SchemeError(
                f"Expected an annotation of {self.source} with {size} points but got one of "
                f"{annotation.scheme} with {len(annotation)}."
            )
        if self.source == self.target and self._changes_nothing:
            return annotation
        used = self.weights != 0
        # PointState is ordered by doubt: VISIBLE < OCCLUDED < ESTIMATED < MISSING.
        states = np.where(used, annotation.states, PointState.VISIBLE).max(axis=1)
        states[~self.same_mark & (states < PointState.ESTIMATED)] = PointState.ESTIMATED
        states[~used.any(axis=1)] = PointState.MISSING
        points = self.weights @ np.nan_to_num(annotation.points)
        return Annotation(self.target, points, states, annotation.source)


@dataclass(frozen=True)
class _Rows:
    """A conversion's file, read row by row."""

    values: dict[str, Any]
    file: str

    def fail(self, key: str, problem: str) -> NoReturn:
        raise SchemeError(f"{self.file}: {key} {problem}.")

    def name(self, key: str) -> str:
        name = self.values.get(key)
        if not isinstance(name, str) or not name.strip():
            self.fail(key, "must be the name of a scheme")
        return name

    def sizes(self) -> tuple[int, int]:
        """How many points the two schemes have."""
        sizes = self.values.get("points")
        if sizes is None:
            source, target = (len(Scheme.load(self.name(key))) for key in ("source", "target"))
            return source, target
        if (
            not isinstance(sizes, list)
            or len(sizes) != 2
            or not all(type(size) is int and 1 <= size <= MAX_POINTS for size in sizes)
        ):
            self.fail("points", "must be how many points source and target have")
        return sizes[0], sizes[1]

    def rows(self, key: str) -> list[Any]:
        rows = self.values.get(key, [])
        if not isinstance(rows, list) or len(rows) > MAX_POINTS:
            self.fail(key, f"must be a list of at most {MAX_POINTS} rows")
        return rows

    def conversion(self) -> Conversion:
        size, count = self.sizes()
        weights = np.zeros((count, size))
        same_mark = np.ones(count, dtype=bool)
        error = np.full(count, np.nan)
        for row in self.rows("copies"):
            first_source, first_target, length = self.run(row)
            for k in range(length):
                self.put(weights, first_target + k, {first_source + k: 1.0}, "copies")
        for number, row in enumerate(self.rows("sums")):
            key = f"sums[{number}]"
            self.check_sum(row, key)
            target = row["target"]
            self.put(weights, target, self.row_weights(row["weights"], key), key)
            same_mark[target], error[target] = row["same_mark"], row.get("error", math.nan)
        known = None if np.isnan(error).all() else error
        names = self.name("source"), self.name("target")
        return Conversion(*names, weights, same_mark, known, self.measured_on(), self.faces())

    def faces(self) -> int:
        count = self.values.get("faces", 0)
        if type(count) is not int or not 0 <= count <= _MOST_FACES:
            self.fail("faces", "must be of how many faces the conversion was learned")
        return count

    def measured_on(self) -> str:
        said = self.values.get("measured_on", "")
        if not isinstance(said, str) or len(said) > _LONGEST or not said.isprintable():
            self.fail("measured_on", f"must be one line of at most {_LONGEST} characters")
        return said

    def run(self, row: object) -> tuple[int, int, int]:
        if (
            not isinstance(row, list)
            or len(row) != 3
            or not all(type(value) is int and 0 <= value <= MAX_POINTS for value in row)
        ):
            self.fail("copies", "needs rows of first source point, first target point, how many")
        return row[0], row[1], row[2]

    def check_sum(self, row: object, key: str) -> None:
        if not isinstance(row, dict) or set(row) - {"error"} != _SUM_KEYS:
            self.fail(key, "must have exactly the keys target, same_mark, weights, and may error")
        if type(row["target"]) is not int or not isinstance(row["same_mark"], bool):
            self.fail(key, "needs a number as target, and true or false as same_mark")
        error = row.get("error", 0.0)
        if type(error) not in (int, float) or not 0 <= error <= _MAX_WEIGHT:
            self.fail(key, "has an error that is no distance")

    def row_weights(self, row: object, key: str) -> dict[int, float]:
        if not isinstance(row, dict):
            self.fail(key, "needs weights by the number of a point")
        found = {}
        for point, weight in row.items():
            if not (point.isascii() and point.isdigit() and len(point) < 5):
                self.fail(key, f"has a weight of {point!r:.40}, which is no number of a point")
            if type(weight) not in (int, float) or not abs(weight) <= _MAX_WEIGHT:
                self.fail(key, f"has a weight of point {point} that is no small number")
            found[int(point)] = float(weight)
        return found

    def put(
        self, weights: NDArray[np.float64], target: int, row: dict[int, float], key: str
    ) -> None:
        if not 0 <= target < len(weights):
            self.fail(key, f"makes point {target}, but the target has {len(weights)} points")
        if weights[target].any():
            self.fail(key, f"makes point {target} a second time")
        for point, weight in row.items():
            if not 0 <= point < weights.shape[1]:
                self.fail(key, f"uses point {point}; the source has {weights.shape[1]} points")
            weights[target, point] = weight
        if not np.isclose(weights[target].sum(), 1.0, atol=1e-6):
            self.fail(key, f"has weights that sum to {weights[target].sum():g} and not to 1")


def _written(conversion: Conversion) -> str:
    count, size = conversion.weights.shape
    lines = [
        f"source = {quoted(conversion.source)}",
        f"target = {quoted(conversion.target)}",
        f"points = {[size, count]}",
        *([f"faces = {conversion.faces}"] if conversion.faces else []),
        *([f"measured_on = {quoted(said)}"] if (said := conversion.measured_on) else []),
    ]
    for target in np.flatnonzero(~conversion.without_source).tolist():
        error = float(conversion.expected[target])
        row = _rounded(conversion.weights[target])
        weights = ", ".join(f"{p} = {w!r}" for p, w in row.items())
        lines += [
            "\n[[sums]]",
            f"target = {target}",
            f"same_mark = {str(bool(conversion.same_mark[target])).lower()}",
            *([] if math.isnan(error) else [f"error = {round(error, _DIGITS)!r}"]),
            f"weights = {{ {weights} }}",
        ]
    return "\n".join(lines) + "\n"


def _rounded(row: NDArray[np.float64]) -> dict[int, float]:
    """Weights as they are written: the largest takes what is left to a sum of 1."""
    rounded = {int(p): round(float(row[p]), _DIGITS) for p in np.flatnonzero(row)}
    largest = max(rounded, key=lambda p: abs(rounded[p]))
    rest = sum(weight for point, weight in rounded.items() if point != largest)
    rounded[largest] = round(1.0 - rest, _DIGITS)
    return {point: weight for point, weight in rounded.items() if weight}


def conversions_beside(scheme: str | Path | Scheme) -> list[Conversion]:
    """Read the conversions to a scheme of one's own that lie beside its file.

    Their files are called ``SOURCE-to-NAME.toml``. There are none beside a scheme that is named
    and not given as a file.

    Raises
    ------
    SchemeError
        If one is no conversion.
    """
    if isinstance(scheme, Scheme) or Path(scheme).suffix.lower() != ".toml":
        return []
    name = Scheme.load(scheme).name
    found = sorted(Path(scheme).parent.glob(f"*-to-{glob.escape(as_file_name(name))}.toml"))
    return [Conversion.read(file) for file in found]


@cache
def _bundled(source: str, target: str) -> Conversion:
    file = _conversion_file(source, target)
    if not file.is_file():
        folder = resources.files(__package__) / "conversions"
        names = [f.name.removesuffix(".toml").split("-to-") for f in folder.iterdir()]
        into = sorted(first for first, second in names if second == target)
        there = f"from {', '.join(into)} there is one" if into else "there is none from any scheme"
        raise SchemeError(
            f"There is no conversion from {source} to {target}; {there}. Use a project of the "
            f"scheme {source} for these annotations (faceloop init DIR --scheme {source}), or "
            "learn a conversion from faces that have both: faceloop scheme learn-conversion "
            "(docs/how-to/schemes.md)."
        )
    return Conversion.parse(file.read_text(encoding="utf-8"), file.name)


def _conversion_file(source: str, target: str) -> Traversable:
    folder = resources.files(__package__) / "conversions"
    return folder / as_file_name(f"{source}-to-{target}.toml")
