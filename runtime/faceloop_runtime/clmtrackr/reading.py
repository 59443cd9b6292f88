"""Reading clmtrackr's model files, ``.js`` or their JSON body, which are not trusted.

Nothing is executed: the object that the ``.js`` assigns is JSON with comments, and is read as that.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from faceloop_datasets import ModelFileError
from faceloop_datasets.faults import in_words

from .model import POINTS, RAW, ClmtrackrModel, MossePatches, Scoring, SvmPatches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_MAX_BYTES = 32 * 2**20
"""clmtrackr's own have less than one megabyte."""
_MAX_MODES = 2 * POINTS
_MAX_SIDE = 1024
"""Of the canvas, in pixels."""
_MAX_PATCH = 41
_MOSSE_SIZES = (8, 16, 32)
_MAX_SCORED = 64
"""Width and height that the scoring looks at."""
_LARGE, _TINY = 1e9, 1e-30
_ASSIGNED = re.compile(r"(?:\bpModel\s*=|\bmodule\.exports\s*=|\bexport\s+default)\s*(?=\{)")
_COMMENT = re.compile(
    r"""("[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z))|//[^\n]*|/\*.*?(?:\*/|\Z)""", re.DOTALL
)
"""Texts, which stay as they are, and comments; each ends with the file at the latest."""
_HINTS = ("leftEye", "rightEye", "nose")
_ADVICE = "Get the file again, or export the model again."


def load(path: str | Path) -> ClmtrackrModel:
    """Read a clmtrackr model, with SVM or MOSSE patches.

    Parameters
    ----------
    path : path
        A ``.js`` file as clmtrackr comes with, which assigns ``pModel = {...}``, or the JSON
        object alone.

    Raises
    ------
    ModelFileError
        If the file is missing, no such model, or damaged; the message names file and field.
    """
    path = Path(path)
    with _with_file_name(path):
        return _model(_JsonObject(_body(_text(path))))


class _FieldError(Exception):
    def __init__(self, field: str, found: str, expected: str, advice: str = _ADVICE) -> None:
        super().__init__(f"{field}: found {found}, expected {expected}. {advice}")


@contextmanager
def _with_file_name(path: Path) -> Iterator[None]:
    try:
        yield
    except _FieldError as error:
        raise ModelFileError(f"The clmtrackr model {path} cannot be used: {error}") from error


def _text(path: Path) -> str:
    if not path.is_file():
        raise _FieldError(
            "file", "no such file", "a clmtrackr model", "Check the name and the folder."
        )
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise _FieldError("file", f"{size:,} bytes", f"at most {_MAX_BYTES:,}")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        advice = "Check that it can be read."
        raise _FieldError("file", in_words(error), "a readable file", advice) from error
    except UnicodeDecodeError as error:
        raise _FieldError("file", f"bytes that are no text ({error.reason})", "UTF-8") from error


def _body(text: str) -> dict[str, Any]:
    """Return the JSON object that is the text, or that the text assigns."""
    start = len(text) - len(text.lstrip())
    if not text.startswith("{", start):
        assigned = _ASSIGNED.search(text)
        if assigned is None:
            raise _FieldError(
                "file", "no model", "a JSON object, or JavaScript with pModel = {...}"
            )
        start = assigned.end()
    try:
        plain = _COMMENT.sub(lambda found: found[1] or " ", text[start:])
        body, _ = json.JSONDecoder(parse_constant=_reject_constant).raw_decode(plain)
    except (ValueError, RecursionError) as error:
        reason = str(error) or "nested too deeply"
        raise _FieldError("file", f"an object that is not JSON ({reason})", "JSON") from error
    return body  # type: ignore[no-any-return]


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


class _JsonObject:
    """A JSON object of the file, and its path in the file, for messages."""

    def __init__(self, content: dict[str, Any], name: str = "") -> None:
        self._content, self._name = content, name

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def name(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key

    def child(self, key: str) -> _JsonObject:
        return _JsonObject(self._typed(key, dict, "an object"), self.name(key))

    def names(self) -> list[str]:
        return list(self._content)

    def text(self, key: str) -> str:
        return str(self._typed(key, str, "a text"))

    def items(self, key: str) -> list[Any]:
        return list(self._typed(key, list, "a list"))

    def number(self, key: str) -> float:
        return float(self.array(key, ()))

    def whole(self, key: str, shape: tuple[int, ...], low: int, high: int) -> list[int]:
        numbers = self.array(key, shape, low, high)
        if (numbers % 1).any():
            raise _FieldError(self.name(key), _shown(numbers.tolist()), "whole numbers")
        return [int(n) for n in numbers.ravel()]

    def array(
        self,
        key: str,
        shape: Sequence[int],
        low: float = -_LARGE,
        high: float = _LARGE,
    ) -> Floats:
        """Return numbers of this shape, all from ``low`` to ``high``; -1 stands for any width."""
        value, name = self._get(key), self.name(key)
        try:
            array = np.array(value)
        except (ValueError, OverflowError):
            array = np.array(None)
        expected = " x ".join("any" if s < 0 else str(s) for s in shape) or "a number"
        if array.dtype.kind not in "iuf":
            raise _FieldError(name, f"something else ({_shown(value)})", f"numbers, {expected}")
        fits = array.ndim == len(shape) and all(
            s in (-1, found) for s, found in zip(shape, array.shape, strict=True)
        )
        if not fits:
            raise _FieldError(name, f"numbers of shape {array.shape}", expected)
        array = array.astype(np.float64)
        if not ((array >= low) & (array <= high)).all():
            raise _FieldError(
                name, "a number that is too small or too large", f"{low:.3g} to {high:.3g}"
            )
        array.flags.writeable = False
        return array

    def _typed(self, key: str, kind: type, expected: str) -> Any:
        value = self._get(key)
        if not isinstance(value, kind):
            raise _FieldError(self.name(key), _shown(value), expected)
        return value

    def _get(self, key: str) -> Any:
        if key not in self._content:
            raise _FieldError(self.name(key), "nothing", "a value")
        return self._content[key]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _model(body: _JsonObject) -> ClmtrackrModel:
    shape, patch = body.child("shapeModel"), body.child("patchModel")
    for part, key in ((patch, "numPatches"), (shape, "numPtsPerSample")):
        if part.number(key) != POINTS:
            raise _FieldError(
                part.name(key), f"{part.number(key):g} points", f"clmtrackr's {POINTS}"
            )
    (count,) = shape.whole("numEvalues", (), 1, _MAX_MODES)
    width, height = patch.whole("canvasSize", (2,), 1, _MAX_SIDE)
    side = float(max(width, height))
    mean = shape.array("meanShape", (POINTS, 2), -side, 2 * side)
    if np.ptp(mean, axis=0).min() < 1:
        raise _FieldError("shapeModel.meanShape", "points in one line", "a face")
    free = shape.whole("nonRegularizedVectors", (-1,), 0, _MAX_MODES)
    return ClmtrackrModel(
        mean=mean,
        modes=_leading_columns(shape, "eigenVectors", (2 * POINTS, -1), count),
        variances=_leading_columns(shape, "eigenValues", (-1,), count, _TINY),
        free=tuple(i for i in free if i < count),
        patches=_patches(patch),
        canvas=(width, height),
        scoring=_scoring(body.child("scoring")) if "scoring" in body else None,
        hints=_hints(body.child("hints")) if "hints" in body else {},
        path=_path(body.child("path")) if "path" in body else {},
    )


def _leading_columns(
    part: _JsonObject, key: str, shape: tuple[int, ...], count: int, low: float = -_LARGE
) -> Floats:
    """Return the first ``count`` columns. clmtrackr ignores the others."""
    array = part.array(key, shape, low)
    if array.shape[-1] < count:
        raise _FieldError(
            part.name(key), f"{array.shape[-1]} modes", f"{count}, as numEvalues says"
        )
    return array[..., :count]


def _patches(patch: _JsonObject) -> SvmPatches | MossePatches:
    kind = patch.text("patchType")
    width, height = patch.whole("patchSize", (2,), 1, _MAX_PATCH)
    svm = kind == "SVM"
    if kind not in ("SVM", "MOSSE"):
        raise _FieldError("patchModel.patchType", _shown(kind), "SVM or MOSSE")
    if width != height or (svm and width % 2 == 0) or (not svm and width not in _MOSSE_SIZES):
        expected = "an odd square" if svm else f"squares of {_MOSSE_SIZES}"
        raise _FieldError("patchModel.patchSize", f"{width} x {height}", expected)
    if svm:
        return _svm(patch.child("weights"), patch.child("bias"), width)
    filters = patch.array("weights", (POINTS, 2, width * width)).reshape(POINTS, 2, width, width)
    return MossePatches(filters[:, 0] + 1j * filters[:, 1])


def _svm(weights: _JsonObject, bias: _JsonObject, size: int) -> SvmPatches:
    kinds = [kind for kind in (RAW, "sobel", "lbp") if kind in weights or kind == RAW]
    return SvmPatches(
        weights={
            kind: weights.array(kind, (POINTS, size * size)).reshape(POINTS, size, size)
            for kind in kinds
        },
        bias={kind: bias.array(kind, (POINTS,)) for kind in kinds},
    )


def _scoring(scoring: _JsonObject) -> Scoring:
    width, height = scoring.whole("size", (2,), 1, _MAX_SCORED)
    coefficients = scoring.array("coef", (width * height,))
    return Scoring(coefficients.reshape(height, width), scoring.number("bias"))


def _hints(hints: _JsonObject) -> dict[str, Floats]:
    return {name: hints.array(name, (2,)) for name in _HINTS}


def _path(path: _JsonObject) -> dict[str, list[Any]]:
    """Return polylines of points and single points, which clmtrackr draws."""
    found: dict[str, list[Any]] = {}
    for name in path.names():
        lines = path.items(name)
        entries = _JsonObject({str(i): line for i, line in enumerate(lines)}, path.name(name))
        found[name] = [
            entries.whole(str(i), (-1,), 0, POINTS - 1)
            if isinstance(line, list)
            else entries.whole(str(i), (), 0, POINTS - 1)[0]
            for i, line in enumerate(lines)
        ]
    return found
