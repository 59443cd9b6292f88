"""Conversions between schemes: each target point is a weighted sum of source points."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.errors import SchemeError

from .scheme import Scheme

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    """

    source: str
    target: str
    weights: NDArray[np.float64]
    same_mark: NDArray[np.bool_]

    @classmethod
    def load(cls, source: str | Scheme, target: str | Scheme) -> Conversion:
        """Find the conversion between two schemes; between equal ones it changes nothing.

        Raises
        ------
        SchemeError
            If there is none.
        """
        names = tuple(s.name if isinstance(s, Scheme) else s for s in (source, target))
        if names[0] == names[1]:
            size = len(target if isinstance(target, Scheme) else Scheme.load(target))
            return cls(names[0], names[1], np.eye(size), np.ones(size, dtype=bool))
        return _bundled(names[0], names[1])

    @classmethod
    def parse(cls, text: str, file: str) -> Conversion:
        """Read a conversion between bundled schemes from the text of a TOML file.

        Raises
        ------
        SchemeError
            If the text is no TOML, or does not fit the two schemes.
        """
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SchemeError(f"{file} is not a TOML file: {error}.") from error
        return _Rows(values, file).conversion()

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
        if self.source == self.target:
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

    def scheme(self, key: str) -> Scheme:
        name = self.values.get(key)
        if not isinstance(name, str):
            self.fail(key, "must be the name of a scheme")
        return Scheme.load(name)

    def conversion(self) -> Conversion:
        source, target = self.scheme("source"), self.scheme("target")
        weights = np.zeros((len(target), len(source)))
        same_mark = np.ones(len(target), dtype=bool)
        for first_source, first_target, count in self.values.get("copies", []):
            for k in range(count):
                self.put(weights, first_target + k, {first_source + k: 1.0}, "copies")
        for number, row in enumerate(self.values.get("sums", [])):
            key = f"sums[{number}]"
            if set(row) != {"target", "same_mark", "weights"}:
                self.fail(key, "must have exactly the keys target, same_mark, weights")
            self.put(weights, row["target"], {int(p): w for p, w in row["weights"].items()}, key)
            same_mark[row["target"]] = row["same_mark"]
        return Conversion(source.name, target.name, weights, same_mark)

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


@cache
def _bundled(source: str, target: str) -> Conversion:
    folder = resources.files(__package__) / "conversions"
    file = folder / f"{source}-to-{target}.toml"
    if not file.is_file():
        names = [f.name.removesuffix(".toml").split("-to-") for f in folder.iterdir()]
        into = sorted(first for first, second in names if second == target)
        there = f"from {', '.join(into)} there is one" if into else "there is none from any scheme"
        raise SchemeError(
            f"There is no conversion from {source} to {target}; {there}. Use a project of the "
            f"scheme {source} for these annotations (faceloop init DIR --scheme {source}), or "
            "bring in the points of your own scheme by Project.import_entries (docs/schemes.md)."
        )
    return Conversion.parse(file.read_text(encoding="utf-8"), file.name)
