from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from faceloop_datasets.formats import FaceRecord
from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel, Fitter


@pytest.fixture(scope="session")
def starter() -> FaceModel:
    return FaceModel.starter()


@pytest.fixture(scope="session")
def fitter(starter: FaceModel) -> Fitter:
    return Fitter(starter, backend="cpu")


@pytest.fixture(scope="session")
def faces() -> list[tuple[np.ndarray, np.ndarray]]:
    """Every tenth still, gray, and its points. The starter was trained on them: this tests the
    machinery, not the model."""
    records: list[FaceRecord] = list(sample_faces())[::10]
    return [(read_image(r.image.path), r.annotation.points) for r in records if r.image is not None]


@pytest.fixture(scope="session")
def nme() -> Callable[[np.ndarray, np.ndarray], float]:
    """Mean distance of points over the distance of the outer eye corners."""

    def error(found: np.ndarray, true: np.ndarray) -> float:
        left, right = true[[23, 28]]
        distance = np.linalg.norm(found - true, axis=1).mean()
        return float(distance / np.linalg.norm(right - left))

    return error
