"""The model file: one safetensors file with JSON metadata, checked before it is used.

The metadata has one key, since safetensors writes several in an order of chance and the same
model shall give the same bytes. Everything else about the layout is in the tables below.
Widths that are constants of the code (`experts.SEARCH`, `validator.VALIDATOR_SCALE`, ...) are
not stored: who changes what such a constant means raises `VERSION`.
"""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
from safetensors.numpy import save as to_bytes

from faceloop_datasets import ModelFileError, Scheme, SchemeError
from faceloop_datasets.files import atomic_path
from faceloop_datasets.plain import is_deep
from faceloop_runtime.imaging.channels import CHANNELS, channel_count
from faceloop_runtime.pdm import PointDistributionModel, face_extent
from faceloop_runtime.quality import (
    POINT_FEATURES,
    POINT_INPUTS,
    VALIDATOR_POOL,
    VALIDATOR_SCALE,
    ConformalCalibration,
    ErrorPredictor,
    FaceValidator,
    PointNetwork,
    PointPredictor,
)
from faceloop_runtime.regressor import GRID, ShapeRegressor
from faceloop_runtime.responses.experts import PatchExperts, crop_size

from .parts import ModelParts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[Any]

VERSION = 2
"""Version of the layout. A newer file is refused, never guessed at. Files of version 1 have no
point predictor and no calibration of errors."""

_KEY = "faceloop"
_FORMAT = "faceloop face model"
_MAX_BYTES = 512 * 2**20
_MAX_HEADER = 4 * 2**20
_MAX_EXTENT = 8.0  # a face is about three IOD high; crops grow with the square of this
_MAX_LEVELS = 8
_AGAIN = "Get the file again, or train the model again."


@dataclass(frozen=True)
class _Field:
    """One array of the file: its type, its shape in symbolic widths, and sane values."""

    name: str
    dtype: str
    shape: tuple[str, ...]
    low: float = -1e9
    high: float = 1e9


_TINY = 1e-30
"""Least value of what must be positive, since it divides."""

_PDM = (
    _Field("pdm.variances", "F64", ("K",), low=_TINY),
    _Field("pdm.mean", "F64", ("N", "2"), low=-_MAX_EXTENT, high=_MAX_EXTENT),
    _Field("pdm.components", "F64", ("K", "2N"), low=-1.001, high=1.001),
)


def _bank(prefix: str, count: str, patch: str) -> tuple[_Field, ...]:
    return (
        _Field(f"{prefix}.weights", "F32", (count, "C", patch, patch)),
        _Field(f"{prefix}.bias", "F32", (count,)),
        _Field(f"{prefix}.gain", "F32", (count,)),
        _Field(f"{prefix}.reliability", "F32", (count,), low=0.0, high=1.0),
    )


_REST = (
    *_bank("initialiser", "3", "initialiser patch"),
    _Field("regressor.weights", "F32", ("regression features", "4+K")),
    _Field("regressor.offset", "F32", ("4+K",)),
    _Field("validator.weights", "F32", ("face features",)),
    _Field("error_predictor.centre", "F32", ("2N+K+4",)),
    _Field("error_predictor.spread", "F32", ("2N+K+4",), low=_TINY),
    _Field("error_predictor.hidden", "F32", ("2N+K+5", "hidden")),
    _Field("error_predictor.out", "F32", ("hidden+1",)),
)

_QUALITY = (
    _Field("point_judges.places", "F32", ("N", "2"), low=-_MAX_EXTENT, high=_MAX_EXTENT),
    _Field("point_judges.typical", "F32", ("N", "cells"), low=-1.001, high=1.001),
    _Field("point_judges.centre", "F32", ("N", "signs")),
    _Field("point_judges.spread", "F32", ("N", "signs"), low=_TINY),
    _Field("point_judges.weights", "F32", ("N",), low=0.0, high=1.001),
    _Field("point_judges.error.hidden", "F32", ("inputs+1", "point hidden")),
    _Field("point_judges.error.out", "F32", ("point hidden+1",)),
    _Field("point_judges.error.usual", "F32", ("N",)),
    _Field("point_judges.sight.hidden", "F32", ("inputs+1", "sight hidden")),
    _Field("point_judges.sight.out", "F32", ("sight hidden+1",)),
    _Field("point_judges.sight.usual", "F32", ("N",)),
    _Field("error_levels.opinion", "F32", ("levels",), low=-100.0, high=100.0),
    _Field("error_levels.median", "F32", ("levels",), low=-100.0, high=100.0),
    _Field("error_levels.bound", "F32", ("levels",), low=-100.0, high=100.0),
)
"""From version 2 on."""

_HIDDEN = ("hidden", "point hidden", "sight hidden")
_FREE = {"K": 1000, "patch": 41, "initialiser patch": 41, "levels": 64}
_FREE |= dict.fromkeys(_HIDDEN, 4096)
"""Widths that the file itself decides, and the largest allowed."""

_SCALARS = {
    "pdm.noise": (_TINY, 1e3),
    "initialiser.scale": (2.0, 500.0),
    "validator.bias": (-1e9, 1e9),
}
"""Numbers in the metadata, with their least and greatest value."""
_SCALE = (2.0, 500.0)


def save(model: ModelParts, path: Path) -> None:
    """Write a model; the file appears complete or not at all. The same model, the same bytes.

    Parameters
    ----------
    model : ModelParts
        What to write.
    path : Path
        The file, by custom ``*.safetensors``; an existing one is replaced.

    Raises
    ------
    ModelFileError
        If the model's own arrays do not fit together or hold NaN.
    InputError
        If the file cannot be written, or the disk is full.
    """
    about = _about(model)
    arrays = _arrays(model)
    dtypes = {"F32": np.float32, "F64": np.float64}
    if model.point_predictor is None or model.error_calibration is None:
        about["version"] = 1  # one that was read from such a file
    fields = _fields(about["version"], len(model.experts))
    stored = {f.name: np.ascontiguousarray(arrays[f.name], dtypes[f.dtype]) for f in fields}
    with _named(path):
        _Checked(about, _Memory(stored)).model()
    text = json.dumps(about, sort_keys=True, ensure_ascii=True)
    with atomic_path(path) as part:
        part.write_bytes(to_bytes(stored, {_KEY: text}))


def load(path: Path) -> ModelParts:
    """Read a model; every array is checked against its header before it is touched.

    Parameters
    ----------
    path : Path
        The file. It is mapped into memory and nothing in it is executed.

    Raises
    ------
    ModelFileError
        If the file is missing, no model, damaged, of a newer version, or its arrays do not
        fit together; the message names the file and the field.
    """
    with _named(path):
        _check_size(path)
        with _opened(path) as file:
            return _Checked(_metadata(file), file).model()


class _Memory:
    """Arrays of a model about to be written, read like an open file."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = arrays

    def keys(self) -> list[str]:
        return list(self._arrays)

    def header(self, name: str) -> tuple[str, tuple[int, ...]]:
        array = self._arrays[name]
        return {4: "F32", 8: "F64"}[array.itemsize], array.shape

    def array(self, name: str) -> Array:
        return self._arrays[name]


class _File:
    """An open safetensors file."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def metadata(self) -> dict[str, str]:
        return self._handle.metadata() or {}

    def keys(self) -> list[str]:
        return list(self._handle.keys())

    def header(self, name: str) -> tuple[str, tuple[int, ...]]:
        part = self._handle.get_slice(name)
        return part.get_dtype(), tuple(part.get_shape())

    def array(self, name: str) -> Array:
        array: Array = self._handle.get_tensor(name)
        array.flags.writeable = False
        return array


class _Checked:
    """Builds a model from metadata and arrays that it does not trust."""

    def __init__(self, about: dict[str, Any], file: _File | _Memory) -> None:
        self.about, self.file = about, file
        self.scheme = _scheme(about)
        self.channels = _channels(about)
        self.scales = _scales(about)
        self.version = int(about["version"])
        self.scalars = {key: _number(about, key, span) for key, span in _SCALARS.items()}
        n = len(self.scheme)
        self.widths = {
            "2": 2,
            "3": 3,
            "N": n,
            "2N": 2 * n,
            "C": channel_count(self.channels),
            "signs": POINT_FEATURES,
            "inputs+1": POINT_INPUTS + 1,
        }

    def model(self) -> ModelParts:
        fields = _fields(self.version, len(self.scales))
        self._check_names({f.name for f in fields})
        # The other widths follow from the shape model; then all headers come before all data.
        pdm = PointDistributionModel(
            noise=self.scalars["pdm.noise"], **self._group("pdm", _PDM, self._array)
        )
        self._derive(pdm)
        for field in fields:
            self._check_header(field)
        experts = tuple(
            PatchExperts(scale, **self._group(f"experts.{k}", fields, self._array))
            for k, scale in enumerate(self.scales)
        )
        rest = {
            group: self._group(group, _REST, self._array)
            for group in ("initialiser", "regressor", "validator", "error_predictor")
        }
        return ModelParts(
            scheme=self.scheme,
            pdm=pdm,
            channels=self.channels,
            experts=experts,
            regressor=ShapeRegressor(**rest["regressor"]),
            initialiser=PatchExperts(self.scalars["initialiser.scale"], **rest["initialiser"]),
            validator=FaceValidator(bias=self.scalars["validator.bias"], **rest["validator"]),
            error_predictor=ErrorPredictor(**rest["error_predictor"]),
            point_predictor=self._point_predictor() if self.version > 1 else None,
            error_calibration=self._calibration() if self.version > 1 else None,
            provenance=_provenance(self.about),
        )

    def _point_predictor(self) -> PointPredictor:
        return PointPredictor(
            **self._group("point_judges", _QUALITY, self._array),
            error=PointNetwork(**self._group("point_judges.error", _QUALITY, self._array)),
            visible=PointNetwork(**self._group("point_judges.sight", _QUALITY, self._array)),
        )

    def _calibration(self) -> ConformalCalibration:
        levels = self._group("error_levels", _QUALITY, self._array)
        for name, values in levels.items():
            if (np.diff(values) < 0).any():
                raise _Bad(f"error_levels.{name}", "values that fall", "values that rise")
        levels["predicted"] = levels.pop("opinion")  # its name in files
        return ConformalCalibration(**levels)

    def _derive(self, pdm: PointDistributionModel) -> None:
        """Work out the widths that follow from the shape model."""
        extent = face_extent(pdm)
        if extent > _MAX_EXTENT:
            raise _Bad("pdm", f"a face that reaches {extent:.3g} IOD", f"at most {_MAX_EXTENT}")
        w = self.widths
        pooled = crop_size(extent, VALIDATOR_SCALE, 1) // VALIDATOR_POOL
        w["4+K"] = 4 + w["K"]
        w["face features"] = w["C"] * pooled * pooled
        w["cells"] = w["C"] * GRID * GRID
        w["regression features"] = w["N"] * w["cells"] + w["face features"] + w["K"]
        w["2N+K+4"] = w["2N"] + w["K"] + 4
        w["2N+K+5"] = w["2N+K+4"] + 1

    def _check_names(self, expected: set[str]) -> None:
        found = set(self.file.keys())
        if missing := sorted(expected - found):
            raise _Bad(missing[0], "no such array", "an array")
        if unknown := sorted(found - expected):
            raise _Bad(repr(unknown[0])[:80], "an array", "no array of this name")

    def _check_header(self, field: _Field) -> None:
        dtype, shape = self.file.header(field.name)
        if dtype != field.dtype:
            raise _Bad(field.name, f"numbers of type {dtype}", field.dtype)
        expected = " x ".join(field.shape)
        if len(shape) != len(field.shape):
            raise _Bad(field.name, f"shape {shape}", f"{expected}, {len(field.shape)} axes")
        for symbol, width in zip(field.shape, shape, strict=True):
            if symbol in _FREE and symbol not in self.widths:
                self._bind(field, symbol, width)
        widths = tuple(self.widths[symbol] for symbol in field.shape)
        if shape != widths:
            raise _Bad(field.name, f"shape {shape}", f"{widths} ({expected})")

    def _bind(self, field: _Field, symbol: str, width: int) -> None:
        odd = symbol.endswith("patch")
        if not 1 <= width <= _FREE[symbol] or (odd and width % 2 == 0):
            kind = "an odd number" if odd else "a number"
            raise _Bad(field.name, f"{symbol} = {width}", f"{kind} between 1 and {_FREE[symbol]}")
        self.widths[symbol] = width
        if symbol in _HIDDEN:
            self.widths[f"{symbol}+1"] = width + 1

    def _group(
        self, prefix: str, fields: tuple[_Field, ...], read: Callable[[_Field], Array]
    ) -> dict[str, Array]:
        chosen = [f for f in fields if f.name.rpartition(".")[0] == prefix]
        return {f.name.rpartition(".")[2]: read(f) for f in chosen}

    def _array(self, field: _Field) -> Array:
        self._check_header(field)
        array = self.file.array(field.name)
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            raise _Bad(field.name, f"{bad} values that are NaN or infinite", "finite numbers")
        low, high = float(array.min()), float(array.max())
        if low < field.low or high > field.high:
            found = f"values from {low:.3g} to {high:.3g}"
            raise _Bad(field.name, found, f"values from {field.low:.3g} to {field.high:.3g}")
        return array


class _Bad(Exception):  # noqa: N818 - becomes a ModelFileError once the file's name is known
    def __init__(self, field: str, found: str, expected: str, advice: str = _AGAIN) -> None:
        super().__init__(f"{field}: found {found}, expected {expected}. {advice}")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give errors the name of the file."""
    try:
        yield
    except _Bad as error:
        raise ModelFileError(f"The model file {path} cannot be used: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[_File]:
    try:
        with safetensors.safe_open(path, framework="numpy") as handle:
            yield _File(handle)
    except (safetensors.SafetensorError, OSError) as error:
        # its messages are safe to show: they name offsets and lengths, not content
        raise _Bad("header", f"a damaged file ({error})", "a safetensors file") from error


def _check_size(path: Path) -> None:
    if not path.is_file():
        raise _Bad("file", "no such file", "a model file", "Check the name and the folder.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        advice = "Check that it can be read."
        raise _Bad("file", error.strerror or str(error), "a readable file", advice) from error
    if size > _MAX_BYTES:
        raise _Bad("file", f"{size:,} bytes", f"at most {_MAX_BYTES:,}")
    header = int.from_bytes(start, "little")
    if len(start) < 8 or header > min(size - 8, _MAX_HEADER):
        found = f"{size:,} bytes that are truncated or in another format"
        raise _Bad("file", found, "a safetensors file that FaceModel.save wrote")


def _metadata(file: _File) -> dict[str, Any]:
    text = file.metadata().get(_KEY)
    if text is None:
        raise _Bad("metadata", f"no entry {_KEY!r}", "a file that FaceModel.save wrote")
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _Bad("metadata", f"text that is no JSON ({error})", "JSON") from error
    if not isinstance(about, dict) or about.get("format") != _FORMAT:
        raise _Bad("metadata.format", "another kind of file", repr(_FORMAT))
    version = about.get("version")
    if type(version) is not int or version < 1:
        raise _Bad("metadata.version", repr(version)[:40], f"a number from 1 to {VERSION}")
    if version > VERSION:
        raise _Bad(
            "metadata.version",
            f"{version}, which a newer faceloop wrote",
            f"at most {VERSION}",
            "Update faceloop, or train the model again with this version.",
        )
    return about


def _about(model: ModelParts) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "version": VERSION,
        "scheme": model.scheme.to_toml(),
        "channels": list(model.channels),
        "scales": [float(e.scale) for e in model.experts],
        "pdm.noise": float(model.pdm.noise),
        "initialiser.scale": float(model.initialiser.scale),
        "validator.bias": float(model.validator.bias),
        "provenance": model.provenance,
    }


def _arrays(model: ModelParts) -> dict[str, Array]:
    parts: dict[str, object] = {f"experts.{k}": e for k, e in enumerate(model.experts)}
    for name in ("pdm", "initialiser", "regressor", "validator", "error_predictor"):
        parts[name] = getattr(model, name)
    if model.point_predictor is not None and model.error_calibration is not None:
        parts["point_judges"] = model.point_predictor
        parts["point_judges.error"] = model.point_predictor.error
        parts["point_judges.sight"] = model.point_predictor.visible
        parts["error_levels"] = model.error_calibration
    arrays = {
        f"{prefix}.{key}": value
        for prefix, part in parts.items()
        for key, value in vars(part).items()
        if isinstance(value, np.ndarray)
    }
    if "error_levels.predicted" in arrays:
        arrays["error_levels.opinion"] = arrays.pop("error_levels.predicted")
    return arrays


def _fields(version: int, levels: int) -> tuple[_Field, ...]:
    """All arrays of a file."""
    experts = (f for k in range(levels) for f in _bank(f"experts.{k}", "N", "patch"))
    return (*_PDM, *experts, *_REST, *(_QUALITY if version > 1 else ()))


def _typed(about: dict[str, Any], key: str, kind: type, name: str) -> Any:
    value = about.get(key)
    if not isinstance(value, kind):
        raise _Bad(f"metadata.{key}", repr(value)[:40], name)
    return value


def _scheme(about: dict[str, Any]) -> Scheme:
    text = _typed(about, "scheme", str, "the text of a scheme")
    try:
        return Scheme.parse(text, "the scheme in the file")
    except (SchemeError, RecursionError) as error:
        raise _Bad("metadata.scheme", f"an unusable scheme ({error})", "a scheme") from error


def _channels(about: dict[str, Any]) -> tuple[str, ...]:
    names = _typed(about, "channels", list, "a list of channels")
    unknown = [n for n in names if not isinstance(n, str) or n not in CHANNELS]
    if not names or unknown or len(set(names)) < len(names):
        raise _Bad("metadata.channels", repr(names)[:80], f"different ones of {list(CHANNELS)}")
    return tuple(names)


def _scales(about: dict[str, Any]) -> tuple[float, ...]:
    scales = _typed(about, "scales", list, "a list of scales")
    if not 1 <= len(scales) <= _MAX_LEVELS:
        raise _Bad("metadata.scales", f"{len(scales)} scales", f"1 to {_MAX_LEVELS}")
    return tuple(_number({"scales": scale}, "scales", _SCALE) for scale in scales)


def _provenance(about: dict[str, Any]) -> dict[str, Any]:
    """Return where a model comes from; who asks for its parts can rely on their types."""
    known: dict[str, Any] = _typed(about, "provenance", dict, "an object")
    lists = ("training_subjects", "training_pictures")
    for key, kind in (*((key, list) for key in lists), ("config", dict), ("versions", dict)):
        if not isinstance(known.get(key, kind()), kind):
            raise _Bad(f"metadata.provenance.{key}", repr(known[key])[:40], f"a {kind.__name__}")
    for key in lists:
        if not all(isinstance(mark, str) for mark in known.get(key, ())):
            raise _Bad(f"metadata.provenance.{key}", "other than texts", "texts")
    if is_deep(known):
        raise _Bad("metadata.provenance", "objects deep in each other", "a few levels")
    return known


def _number(about: dict[str, Any], key: str, span: tuple[float, float]) -> float:
    value = about.get(key)
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not span[0] <= number <= span[1]:
        expected = f"a number from {span[0]:.3g} to {span[1]:.3g}"
        raise _Bad(f"metadata.{key}", repr(value)[:40], expected)
    return float(number)
