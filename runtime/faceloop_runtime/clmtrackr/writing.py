"""Writing clmtrackr's model files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import ModelFileError
from faceloop_datasets.files import atomic_path

from .model import POINTS, SvmPatches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .model import ClmtrackrModel

_DIGITS = 7
"""Significant digits of the numbers, more than the filters need."""
_BEFORE = """(function (global) {
  'use strict';

  var pModel = """
_AFTER = """;

  if (typeof module !== 'undefined' && module.exports) {
    module.exports = pModel;
    module.exports.pModel = pModel;
  } else {
    global.pModel = pModel;
  }
})(this);
"""


def save(model: ClmtrackrModel, path: str | Path) -> None:
    """Write a clmtrackr model; the file appears complete or not at all.

    Parameters
    ----------
    model : ClmtrackrModel
        What to write.
    path : path
        A ``.js`` file, which a page includes before clmtrackr and then finds as ``pModel`` (or
        gets from ``require``), or a ``.json`` file with the object alone.

    Raises
    ------
    ModelFileError
        If the name ends in neither, or the model holds what is no number.
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".js", ".json"):
        raise ModelFileError(
            f"{path}: found the ending {suffix!r}, expected .js or .json. Choose another name."
        )
    try:
        text = json.dumps(_body(model), separators=(",", ":"), allow_nan=False)
    except ValueError as error:
        raise ModelFileError(
            f"The model for {path} holds numbers that are infinite or none. Train it again."
        ) from error
    with atomic_path(path) as part:
        js = suffix == ".js"
        part.write_text(f"{_BEFORE}{text}{_AFTER}" if js else f"{text}\n", encoding="utf-8")


def _body(model: ClmtrackrModel) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if model.scoring is not None:
        body["scoring"] = {
            "size": list(model.scoring.weights.shape[::-1]),
            "bias": float(model.scoring.bias),
            "coef": _numbers(model.scoring.weights.ravel()),
        }
    body["path"] = dict(model.path)
    body["patchModel"] = {
        **_patches(model),
        "numPatches": POINTS,
        "patchSize": [model.patches.size] * 2,
        "canvasSize": list(model.canvas),
    }
    body["shapeModel"] = {
        "eigenVectors": _numbers(model.modes),
        "numEvalues": len(model.variances),
        "eigenValues": _numbers(model.variances),
        "numPtsPerSample": POINTS,
        "nonRegularizedVectors": list(model.free),
        "meanShape": _numbers(model.mean),
    }
    if model.hints:
        body["hints"] = {name: _numbers(place) for name, place in model.hints.items()}
    return body


def _patches(model: ClmtrackrModel) -> dict[str, Any]:
    patches = model.patches
    if isinstance(patches, SvmPatches):
        return {
            "patchType": "SVM",
            "bias": {kind: _numbers(bias) for kind, bias in patches.bias.items()},
            "weights": {
                kind: _numbers(weights.reshape(POINTS, -1))
                for kind, weights in patches.weights.items()
            },
        }
    parts = np.stack([patches.transfer.real, patches.transfer.imag], axis=1)
    return {"patchType": "MOSSE", "weights": _numbers(parts.reshape(POINTS, 2, -1))}


def _numbers(array: NDArray[np.float64]) -> Any:
    """Return nested lists, of numbers with `_DIGITS` digits."""
    if array.ndim > 1:
        return [_numbers(row) for row in array]
    return [float(f"{value:.{_DIGITS}g}") for value in array]
