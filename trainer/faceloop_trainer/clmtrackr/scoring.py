"""clmtrackr's score: a logistic regression on the middle of the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_negatives
from faceloop_runtime.clmtrackr import Scoring
from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_trainer.data.faces import TrainingFace

    from .views import Looker

_PER_FACE, _PER_PICTURE = 2, 12
_NEAR_TURN, _NEAR_STRETCH, _NEAR_SHIFT = 0.08, 0.06, 0.04
"""How far a fit that is good enough may be off (one standard deviation; shifts in IOD)."""


def train_scoring(looker: Looker, faces: Sequence[TrainingFace], seed: int) -> Scoring:
    """Train on faces in their place against faces beside it, and pictures without one."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as in filters.py

    rng = np.random.default_rng(seed)
    good = [_look(looker, face, _near(rng)) for face in faces for _ in range(_PER_FACE)]
    bad = [_look(looker, face, _wrong(kind, rng)) for face in faces for kind in range(3)]
    for path in sample_negatives():
        picture = read_image(path, "gray")
        bad += [
            looker.middle(picture, _anywhere(looker, picture, rng)) for _ in range(_PER_PICTURE)
        ]
    rows = [row.ravel() for row in (*good, *bad) if row is not None]
    labels = np.arange(len(rows)) < sum(row is not None for row in good)
    # A face and no face are equally likely where clmtrackr asks.
    model = LogisticRegression(C=0.001, max_iter=300, class_weight="balanced", tol=1e-3)
    model.fit(np.array(rows), labels)
    shape = next(row.shape for row in good if row is not None)
    return Scoring(model.coef_[0].reshape(shape), float(model.intercept_[0]))


def _look(looker: Looker, face: TrainingFace, move: Similarity) -> NDArray[np.float64] | None:
    assert face.picture is not None  # noqa: S101 - callers pass faces with pictures only
    return looker.middle(face.picture, looker.near(face, move))


def _near(rng: np.random.Generator) -> Similarity:
    stretch, angle, *shift = rng.standard_normal(4) * (
        _NEAR_STRETCH,
        _NEAR_TURN,
        _NEAR_SHIFT,
        _NEAR_SHIFT,
    )
    return Similarity.from_polar(float(np.exp(stretch)), float(angle), *map(float, shift))


def _wrong(kind: int, rng: np.random.Generator) -> Similarity:
    """Return a move that is clearly wrong: beside the face, of another size, or turned."""
    stretch, angle = rng.normal(0, 0.1), rng.normal(0, 0.15)
    x, y = rng.normal(0, 0.05, 2)
    if kind == 0:
        direction, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.0)
        x, y = far * np.cos(direction), far * np.sin(direction)
    elif kind == 1:
        stretch = rng.choice([-1, 1]) * rng.uniform(0.35, 0.8)
    else:
        angle = rng.choice([-1, 1]) * rng.uniform(0.6, np.pi)
    return Similarity.from_polar(float(np.exp(stretch)), float(angle), float(x), float(y))


def _anywhere(looker: Looker, picture: NDArray[np.uint8], rng: np.random.Generator) -> Similarity:
    height, width = picture.shape
    share = rng.uniform(0.3, 1.0) * min(height, width) / max(looker.model.canvas)
    x, y = rng.uniform(0.2, 0.8, 2) * (width, height)
    middle = looker.model.mean.mean(axis=0) * share
    return Similarity(float(share), 0.0, float(x - middle[0]), float(y - middle[1]))
