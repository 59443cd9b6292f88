"""The metadata of the model file: JSON that is checked before it is used."""

from __future__ import annotations

import json
import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from faceloop_datasets import InputError, Scheme, SchemeError
from faceloop_datasets.expressions import check_expression
from faceloop_datasets.plain import is_deep
from faceloop_runtime.imaging.channels import CHANNELS

from .layout import (
    MAX_EXPRESSIONS,
    MAX_LEVELS,
    NEEDED,
    OPTIONAL,
    OPTIONAL_SCALARS,
    SCALARS,
    SCALE,
    VERSION,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .parts import ModelParts

KEY = "faceloop"
"""The one key that everything is under, since safetensors writes several in an order of chance."""
_FORMAT = "faceloop face model"
_AGAIN = "Get the file again, or train the model again."


class BadFieldError(Exception):
    """What is wrong with a field; becomes a ModelFileError once the file's name is known."""

    def __init__(self, field: str, found: str, expected: str, advice: str = _AGAIN) -> None:
        super().__init__(f"{field}: found {found}, expected {expected}. {advice}")


def parse_metadata(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of a file's metadata, if it is that of a model."""
    text = metadata.get(KEY)
    if text is None:
        raise BadFieldError("metadata", f"no entry {KEY!r}", "a file that FaceModel.save wrote")
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFieldError("metadata", f"text that is no JSON ({error})", "JSON") from error
    if not isinstance(about, dict) or about.get("format") != _FORMAT:
        raise BadFieldError("metadata.format", "another kind of file", repr(_FORMAT))
    version = about.get("version")
    if type(version) is not int or version < 1:
        raise BadFieldError("metadata.version", repr(version)[:40], f"a number from 1 to {VERSION}")
    if version > VERSION:
        raise BadFieldError(
            "metadata.version",
            f"{version}, which a newer faceloop wrote",
            f"at most {VERSION}",
            "Update faceloop, or train the model again with this version.",
        )
    return about


def metadata_of(model: ModelParts, scalars: Mapping[str, float]) -> dict[str, Any]:
    """Return what a model's metadata says; numbers by path."""
    parts = [name for name in OPTIONAL if attrgetter(name)(model) is not None]
    optional = {name: scalars[name] for name in OPTIONAL_SCALARS if scalars.get(name)}
    version = _version(model, newest=bool(parts or optional))
    if parts and version < VERSION:
        raise BadFieldError(
            parts[0],
            "a model of an earlier version of faceloop",
            "one that estimates the error of each point",
            "Train the model again.",
        )
    return {
        "format": _FORMAT,
        "version": version,
        **({"parts": parts} if version > 2 else {}),
        "scheme": model.scheme.to_toml(),
        "channels": list(model.channels),
        **({"expressions": list(model.expression_names)} if "expressions" in parts else {}),
        "scales": [float(e.scale) for e in model.experts],
        **{name: scalars[name] for name in SCALARS},
        **optional,
        "provenance": model.provenance,
    }


def _version(model: ModelParts, *, newest: bool) -> int:
    """Return the first version that could hold a model, which more programs can read."""
    if model.point_predictor is None or model.error_calibration is None:
        return 1
    return VERSION if newest else 2


def _typed(about: dict[str, Any], key: str, kind: type, name: str) -> Any:
    value = about.get(key)
    if not isinstance(value, kind):
        raise BadFieldError(f"metadata.{key}", repr(value)[:40], name)
    return value


def scheme_of(about: dict[str, Any]) -> Scheme:
    """Return the landmarks."""
    text = _typed(about, "scheme", str, "the text of a scheme")
    try:
        return Scheme.parse(text, "the scheme in the file")
    except (SchemeError, RecursionError) as error:
        raise BadFieldError(
            "metadata.scheme", f"an unusable scheme ({error})", "a scheme"
        ) from error


def channels_of(about: dict[str, Any]) -> tuple[str, ...]:
    """Return the channel families."""
    names = _typed(about, "channels", list, "a list of channels")
    unknown = [n for n in names if not isinstance(n, str) or n not in CHANNELS]
    if not names or unknown or len(set(names)) < len(names):
        raise BadFieldError(
            "metadata.channels", repr(names)[:80], f"different ones of {list(CHANNELS)}"
        )
    return tuple(names)


def scales_of(about: dict[str, Any]) -> tuple[float, ...]:
    """Return the scales of the experts, coarse to fine."""
    scales = _typed(about, "scales", list, "a list of scales")
    if not 1 <= len(scales) <= MAX_LEVELS:
        raise BadFieldError("metadata.scales", f"{len(scales)} scales", f"1 to {MAX_LEVELS}")
    return tuple(number_of({"scales": scale}, "scales", SCALE) for scale in scales)


def optional_parts_of(about: dict[str, Any]) -> tuple[str, ...]:
    """Return which of the optional parts a file has."""
    if about["version"] < 3:
        return ()
    names = _typed(about, "parts", list, "a list of parts")
    if [name for name in OPTIONAL if name in names] != names:
        raise BadFieldError("metadata.parts", repr(names)[:80], f"some of {list(OPTIONAL)}")
    for name, other in NEEDED.items():
        if name in names and other not in names:
            raise BadFieldError("metadata.parts", f"{name} without {other}", "both or neither")
    return tuple(names)


def expression_names_of(about: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the expressions that a file knows; none where it has no such part."""
    if "expressions" not in optional_parts_of(about):
        return ()
    names = _typed(about, "expressions", list, "a list of names")
    if not all(isinstance(name, str) and _is_label(name) for name in names):
        raise BadFieldError("metadata.expressions", repr(names)[:80], "short texts of one line")
    if not 2 <= len(set(names)) == len(names) <= MAX_EXPRESSIONS:
        raise BadFieldError(
            "metadata.expressions", repr(names)[:80], f"2 to {MAX_EXPRESSIONS} different names"
        )
    return tuple(names)


def _is_label(name: str) -> bool:
    try:
        return bool(name) and check_expression(name) == name
    except InputError:
        return False


def provenance_of(about: dict[str, Any]) -> dict[str, Any]:
    """Return where a model comes from; who asks for its parts can rely on their types."""
    known: dict[str, Any] = _typed(about, "provenance", dict, "an object")
    lists = ("training_subjects", "training_pictures")
    for key, kind in (*((key, list) for key in lists), ("config", dict), ("versions", dict)):
        if not isinstance(known.get(key, kind()), kind):
            raise BadFieldError(
                f"metadata.provenance.{key}", repr(known[key])[:40], f"a {kind.__name__}"
            )
    for key in lists:
        if not all(isinstance(mark, str) for mark in known.get(key, ())):
            raise BadFieldError(f"metadata.provenance.{key}", "other than texts", "texts")
    if is_deep(known):
        raise BadFieldError("metadata.provenance", "objects deep in each other", "a few levels")
    return known


def number_of(about: dict[str, Any], key: str, span: tuple[float, float]) -> float:
    """Return a number within a span."""
    value = about.get(key)
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not span[0] <= number <= span[1]:
        expected = f"a number from {span[0]:.3g} to {span[1]:.3g}"
        raise BadFieldError(f"metadata.{key}", repr(value)[:40], expected)
    return float(number)
