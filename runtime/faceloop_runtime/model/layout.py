"""The layout of the model file: its arrays, their shapes, sane values and names.

Widths that are constants of the code (`experts.SEARCH`, `validator.VALIDATOR_SCALE`, ...) are
not stored: who changes what such a constant means raises `VERSION`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 3
"""Version of the layout. A newer file is refused, never guessed at. Files of version 1 have no
point predictor and no calibration of errors; from version 3 on the metadata lists which of the
`OPTIONAL` parts a file has."""

MAX_EXTENT = 8.0  # a face is about three IOD high; crops grow with the square of this
MAX_LEVELS = 8
MAX_EXPRESSIONS = 200


@dataclass(frozen=True)
class Field:
    """One array of the file: its type, its shape in symbolic widths, and sane values."""

    name: str
    dtype: str
    shape: tuple[str, ...]
    low: float = -1e9
    high: float = 1e9
    rising: bool = False


_TINY = 1e-30
"""Least value of what must be positive, since it divides."""

PDM = (
    Field("pdm.variances", "F64", ("K",), low=_TINY),
    Field("pdm.mean", "F64", ("N", "2"), low=-MAX_EXTENT, high=MAX_EXTENT),
    Field("pdm.components", "F64", ("K", "2N"), low=-1.001, high=1.001),
)


def _bank(prefix: str, count: str, patch: str) -> tuple[Field, ...]:
    return (
        Field(f"{prefix}.weights", "F32", (count, "C", patch, patch)),
        Field(f"{prefix}.bias", "F32", (count,)),
        Field(f"{prefix}.gain", "F32", (count,)),
        Field(f"{prefix}.reliability", "F32", (count,), low=0.0, high=1.0),
    )


_REST = (
    *_bank("initialiser", "3", "initialiser patch"),
    Field("regressor.weights", "F32", ("regression features", "4+K")),
    Field("regressor.offset", "F32", ("4+K",)),
    Field("validator.weights", "F32", ("face features",)),
    Field("error_predictor.centre", "F32", ("2N+K+4",)),
    Field("error_predictor.spread", "F32", ("2N+K+4",), low=_TINY),
    Field("error_predictor.hidden", "F32", ("2N+K+5", "hidden")),
    Field("error_predictor.out", "F32", ("hidden+1",)),
)

_QUALITY = (
    Field("point_judges.places", "F32", ("N", "2"), low=-MAX_EXTENT, high=MAX_EXTENT),
    Field("point_judges.typical", "F32", ("N", "cells"), low=-1.001, high=1.001),
    Field("point_judges.centre", "F32", ("N", "signs")),
    Field("point_judges.spread", "F32", ("N", "signs"), low=_TINY),
    Field("point_judges.weights", "F32", ("N",), low=0.0, high=1.001),
    Field("point_judges.error.hidden", "F32", ("inputs+1", "point hidden")),
    Field("point_judges.error.out", "F32", ("point hidden+1",)),
    Field("point_judges.error.usual", "F32", ("N",)),
    Field("point_judges.sight.hidden", "F32", ("inputs+1", "sight hidden")),
    Field("point_judges.sight.out", "F32", ("sight hidden+1",)),
    Field("point_judges.sight.usual", "F32", ("N",)),
    Field("error_levels.opinion", "F32", ("levels",), low=-100.0, high=100.0, rising=True),
    Field("error_levels.median", "F32", ("levels",), low=-100.0, high=100.0, rising=True),
    Field("error_levels.bound", "F32", ("levels",), low=-100.0, high=100.0, rising=True),
)
"""From version 2 on."""

_WINDOW = ("rows", "columns", "directions")
OPTIONAL = {
    "pdm.correlation": (Field("pdm.correlation", "F64", ("K", "K"), low=-1.001, high=1.001),),
    "pdm.regularisation": (Field("pdm.regularisation", "F64", ("K",), low=0.0, high=1e3),),
    "start": (
        Field("start.weights", "F32", ("start features", "4+K+N"), low=-1e4, high=1e4),
        Field("start.offset", "F32", ("4+K+N",), low=-1e4, high=1e4),
        Field("start.spread", "F32", ("K",), low=_TINY, high=1e4),
        Field("start.place", "F32", ("4",), low=-100.0, high=100.0),
        Field("start.error", "F32", ("1",), low=0.0, high=1e3),
    ),
    "detector": (
        Field("detector.middle", "F32", ("2",), low=-MAX_EXTENT, high=MAX_EXTENT),
        Field("detector.cell", "F32", ("1",), low=1e-3, high=MAX_EXTENT),
        Field("detector.weights", "F32", ("templates", *_WINDOW), low=-1e4, high=1e4),
        Field("detector.gain", "F32", ("templates",), low=0.0, high=1e4),
        Field("detector.bias", "F32", ("templates",), low=-1e6, high=1e6),
        Field("detector.shift", "F32", ("templates", "4", *_WINDOW), low=-1e4, high=1e4),
        Field("detector.shift_bias", "F32", ("templates", "4"), low=-1e6, high=1e6),
    ),
    "shape3d": (
        Field("shape3d.mean", "F64", ("N", "3"), low=-MAX_EXTENT, high=MAX_EXTENT),
        Field("shape3d.components", "F64", ("K3", "3N"), low=-1.001, high=1.001),
        Field("shape3d.variances", "F64", ("K3",), low=_TINY, high=1e3),
        Field("shape3d.noise", "F64", ("N",), low=1e-9, high=1e3),
    ),
    "pose_correction": (
        Field("pose_correction.weights", "F32", ("pose features", "3"), low=-1e3, high=1e3),
        Field("pose_correction.offset", "F32", ("3",), low=-4.0, high=4.0),
        Field("pose_correction.reach", "F32", ("2",), low=0.0, high=180.0),
        Field("pose_correction.error", "F32", ("2",), low=0.0, high=360.0),
    ),
    "expressions": (
        Field("expressions.weights", "F32", ("pairs", "E"), low=-1e6, high=1e6),
        Field("expressions.cells", "F32", ("N cells", "E"), low=-1e6, high=1e6),
        Field("expressions.offset", "F32", ("E",), low=-1e6, high=1e6),
        Field("expressions.typical", "F32", ("E", "E"), low=-1e6, high=1e6),
    ),
}
"""Parts that a file of version 3 has or has not, by their path in `ModelParts`."""
NEEDED = {"pose_correction": "shape3d"}
"""Parts that are there only if others are."""
LEAST_EIGENVALUE = 1e-6
"""Of the correlation of the shape's parameters, whose inverse is the prior of a fit."""

HIDDEN = ("hidden", "point hidden", "sight hidden")
FREE = {"K": 1000, "K3": 200, "patch": 41, "initialiser patch": 41, "levels": 64}
FREE |= {"templates": 16, "rows": 48, "columns": 48}
FREE |= dict.fromkeys(HIDDEN, 4096)
"""Widths that the file itself decides, and the largest allowed."""

SCALARS = {
    "pdm.noise": (_TINY, 1e3),
    "initialiser.scale": (2.0, 500.0),
    "validator.bias": (-1e9, 1e9),
}
"""Numbers in the metadata, with their least and greatest value."""
OPTIONAL_SCALARS = {"pdm.context": (0.0, MAX_EXTENT)}
"""The same from version 3 on, 0 where absent."""
SCALE = (2.0, 500.0)

_NAMES = (
    ("point_predictor.visible.", "point_judges.sight."),
    ("point_predictor.", "point_judges."),
    ("error_calibration.predicted", "error_levels.opinion"),
    ("error_calibration.", "error_levels."),
)
"""Paths of `ModelParts` that have another name in files, from before they were called so."""


def path_of(name: str) -> str:
    """Return the path in `ModelParts` of an array of a file."""
    for own, stored in _NAMES:
        if name.startswith(stored):
            return own + name.removeprefix(stored)
    return name


def fields_of(version: int, levels: int, optional: Sequence[str] = ()) -> tuple[Field, ...]:
    """All arrays of a file with some of the optional parts."""
    experts = (f for k in range(levels) for f in _bank(f"experts.{k}", "N", "patch"))
    more = (f for name in optional for f in OPTIONAL[name])
    return (*PDM, *experts, *_REST, *(_QUALITY if version > 1 else ()), *more)
