"""Errors of a model on single faces, as a project keeps them beside the model's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.plain import is_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faceloop_trainer import Evaluation

KEY = "face_errors"
"""Where they stand in a model's metrics: the numbers of faces, and nothing that names anybody."""


def face_errors(evaluation: Evaluation | None) -> dict[str, float]:
    """Errors (NME) of the faces that a model was measured on, by their numbers in the project.

    A face that was not found has no error.
    """
    if evaluation is None:
        return {}
    return {
        str(item): round(float(error), 5)
        for item, error in zip(evaluation.items, evaluation.errors, strict=True)
        if item is not None and np.isfinite(error)
    }


def read_face_errors(metrics: Mapping[str, Any]) -> dict[int, float]:
    """Read them from a model's metrics; what is not as `face_errors` writes it is left out."""
    found = metrics.get(KEY)
    if not isinstance(found, dict):
        return {}
    return {
        int(item): float(error)
        for item, error in found.items()
        if item.isascii() and item.isdigit() and len(item) < 10 and is_number(error) and error >= 0
    }
