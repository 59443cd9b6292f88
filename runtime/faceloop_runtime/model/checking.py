"""Checking the arrays of a model file against its layout before they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from faceloop_runtime.expressions import landmark_pairs
from faceloop_runtime.imaging.channels import ORIENTATIONS, channel_count
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.pdm3d.head_pose import TURNS
from faceloop_runtime.quality.features import POINT_FEATURES
from faceloop_runtime.quality.points import POINT_INPUTS
from faceloop_runtime.quality.validator import VALIDATOR_POOL, VALIDATOR_SCALE
from faceloop_runtime.regressor import GRID
from faceloop_runtime.responses.experts import crop_size
from faceloop_runtime.start_network.network import FEATURES

from .arrays import arrays_below, from_arrays
from .layout import (
    FREE,
    HIDDEN,
    LEAST_EIGENVALUE,
    MAX_EXTENT,
    OPTIONAL_SCALARS,
    SCALARS,
    fields_of,
    path_of,
)
from .metadata import (
    BadFieldError,
    channels_of,
    expression_names_of,
    number_of,
    optional_parts_of,
    provenance_of,
    scales_of,
    scheme_of,
)
from .parts import ModelParts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .layout import Field

    Array = NDArray[Any]


class ArraySource(Protocol):
    """Where arrays come from; their headers can be read without them."""

    def keys(self) -> list[str]:
        """Return the names of the arrays."""
        ...

    def header(self, name: str) -> tuple[str, tuple[int, ...]]:
        """Return type and shape of an array."""
        ...

    def array(self, name: str) -> Array:
        """Return an array."""
        ...


class ModelPartsReader:
    """Builds a model's parts from metadata and arrays, each checked before it is used."""

    def __init__(self, about: dict[str, Any], file: ArraySource) -> None:
        self.about, self.file = about, file
        self.scheme = scheme_of(about)
        self.channels = channels_of(about)
        self.scales = scales_of(about)
        self.version = int(about["version"])
        n = len(self.scheme)
        self.widths = {
            "1": 1,
            "2": 2,
            "3": 3,
            "4": 4,
            "N": n,
            "2N": 2 * n,
            "3N": 3 * n,
            "C": channel_count(self.channels),
            "directions": ORIENTATIONS,
            "signs": POINT_FEATURES,
            "inputs+1": POINT_INPUTS + 1,
            "start features": FEATURES,
        }
        self.expression_names = expression_names_of(about)
        if self.expression_names:
            self.widths["E"] = len(self.expression_names)

    def parts(self) -> ModelParts:
        """Return the parts; raises `BadFieldError` for the first thing that is wrong."""
        fields = fields_of(self.version, len(self.scales), optional_parts_of(self.about))
        self._check_names({f.name for f in fields}, set(self.file.keys()))
        # The other widths follow from the shape model; then all headers come before all data.
        shape_model = [f for f in fields if f.name.startswith("pdm.")]
        arrays = self._scalars() | {f.name: self._array(f) for f in shape_model}
        if "pdm.correlation" in arrays:
            _check_correlation(arrays["pdm.correlation"])
        self._derive(from_arrays(PointDistributionModel, arrays_below(arrays, "pdm")))
        for field in fields:
            self._check_header(field)
        arrays |= {path_of(f.name): self._array(f) for f in fields if f not in shape_model}
        self._check_rising(fields, arrays)
        if "start.place" in arrays and not arrays["start.place"][:2].any():
            raise BadFieldError("start.place", "a pose of size 0", "a pose")
        if "shape3d.mean" in arrays and not _spans_a_plane(arrays["shape3d.mean"]):
            raise BadFieldError("shape3d.mean", "points on one line", "points that tell a turn")
        return from_arrays(
            ModelParts,
            arrays,
            scheme=self.scheme,
            channels=self.channels,
            expression_names=self.expression_names,
            provenance=provenance_of(self.about),
        )

    def _scalars(self) -> dict[str, Array]:
        numbers = {name: number_of(self.about, name, span) for name, span in SCALARS.items()}
        for name, span in OPTIONAL_SCALARS.items():
            there = self.version > 2 and name in self.about
            numbers[name] = number_of(self.about, name, span) if there else 0.0
        numbers |= {f"experts.{k}.scale": scale for k, scale in enumerate(self.scales)}
        return {name: np.array(number) for name, number in numbers.items()}

    @staticmethod
    def _check_rising(fields: Sequence[Field], arrays: Mapping[str, Array]) -> None:
        for field in fields:
            if field.rising and (np.diff(arrays[path_of(field.name)]) < 0).any():
                raise BadFieldError(field.name, "values that fall", "values that rise")

    def _derive(self, pdm: PointDistributionModel) -> None:
        """Work out the widths that follow from the shape model."""
        extent = pdm.extent
        if extent > MAX_EXTENT:
            raise BadFieldError(
                "pdm", f"a face that reaches {extent:.3g} IOD", f"at most {MAX_EXTENT}"
            )
        w = self.widths
        pooled = crop_size(extent, VALIDATOR_SCALE, 1) // VALIDATOR_POOL
        w["4+K"] = 4 + w["K"]
        w["4+K+N"] = w["4+K"] + w["N"]
        w["face features"] = w["C"] * pooled * pooled
        w["cells"] = w["C"] * GRID * GRID
        w["N cells"] = w["N"] * w["cells"]
        w["regression features"] = w["N cells"] + w["face features"] + w["K"]
        w["pairs"] = len(landmark_pairs(pdm.mean))
        w["2N+K+4"] = w["2N"] + w["K"] + 4
        w["2N+K+5"] = w["2N+K+4"] + 1

    @staticmethod
    def _check_names(expected: set[str], found: set[str]) -> None:
        if missing := sorted(expected - found):
            raise BadFieldError(missing[0], "no such array", "an array")
        if unknown := sorted(found - expected):
            raise BadFieldError(repr(unknown[0])[:80], "an array", "no array of this name")

    def _check_header(self, field: Field) -> None:
        dtype, shape = self.file.header(field.name)
        if dtype != field.dtype:
            raise BadFieldError(field.name, f"numbers of type {dtype}", field.dtype)
        expected = " x ".join(field.shape)
        if len(shape) != len(field.shape):
            raise BadFieldError(
                field.name, f"shape {shape}", f"{expected}, {len(field.shape)} axes"
            )
        for symbol, width in zip(field.shape, shape, strict=True):
            if symbol in FREE and symbol not in self.widths:
                self._bind(field, symbol, width)
        widths = tuple(self.widths[symbol] for symbol in field.shape)
        if shape != widths:
            raise BadFieldError(field.name, f"shape {shape}", f"{widths} ({expected})")

    def _bind(self, field: Field, symbol: str, width: int) -> None:
        odd = symbol.endswith("patch")
        if not 1 <= width <= FREE[symbol] or (odd and width % 2 == 0):
            kind = "an odd number" if odd else "a number"
            raise BadFieldError(
                field.name, f"{symbol} = {width}", f"{kind} between 1 and {FREE[symbol]}"
            )
        self.widths[symbol] = width
        if symbol in HIDDEN:
            self.widths[f"{symbol}+1"] = width + 1
        if symbol == "K3":
            self.widths["pose features"] = TURNS + 2 * width

    def _array(self, field: Field) -> Array:
        self._check_header(field)
        array = self.file.array(field.name)
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).sum())
            raise BadFieldError(
                field.name, f"{bad} values that are NaN or infinite", "finite numbers"
            )
        low, high = float(array.min()), float(array.max())
        if low < field.low or high > field.high:
            found = f"values from {low:.3g} to {high:.3g}"
            raise BadFieldError(
                field.name, found, f"values from {field.low:.3g} to {field.high:.3g}"
            )
        return array


def _spans_a_plane(points: Array) -> bool:
    """Whether points (N, 3) are neither in one place nor on one line."""
    sizes = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(sizes[1] > 1e-3)


def _check_correlation(matrix: Array) -> None:
    field = "pdm.correlation"
    if not (np.array_equal(matrix, matrix.T) and (matrix.diagonal() == 1).all()):
        raise BadFieldError(
            field, "a matrix that is no correlation", "symmetry and a diagonal of 1"
        )
    try:
        np.linalg.cholesky(matrix - LEAST_EIGENVALUE * np.eye(len(matrix)))
    except np.linalg.LinAlgError as error:
        expected = f"eigenvalues of {LEAST_EIGENVALUE:g} or more"
        raise BadFieldError(field, "parameters that follow from each other", expected) from error
