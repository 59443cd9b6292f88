"""Training of clmtrackr's score: a logistic regression on the central region of the face."""

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

    from .face_windows import CanvasRenderer

_PER_FACE, _PER_PICTURE = 2, 12
_GOOD_ANGLE, _GOOD_LOG_SCALE, _GOOD_SHIFT = 0.08, 0.06, 0.04
"""Errors of a fit that is good enough (one standard deviation; angle in radians, shift in IOD)."""


def train_scoring(renderer: CanvasRenderer, faces: Sequence[TrainingFace], seed: int) -> Scoring:
    """Train on faces at nearly the true pose, against faces at wrong poses and other pictures."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as in filters.py

    rng = np.random.default_rng(seed)
    good = [_region(renderer, face, _small_move(rng)) for face in faces for _ in range(_PER_FACE)]
    bad = [_region(renderer, face, _wrong_move(kind, rng)) for face in faces for kind in range(3)]
    for path in sample_negatives():
        picture = read_image(path, "gray")
        bad += [
            renderer.scored_region(picture, _any_pose(renderer, picture, rng))
            for _ in range(_PER_PICTURE)
        ]
    rows = [row.ravel() for row in (*good, *bad) if row is not None]
    labels = np.arange(len(rows)) < sum(row is not None for row in good)
    # Balanced, since clmtrackr takes a face and no face as equally likely.
    model = LogisticRegression(C=0.001, max_iter=300, class_weight="balanced", tol=1e-3)
    model.fit(np.array(rows), labels)
    shape = next(row.shape for row in good if row is not None)
    return Scoring(model.coef_[0].reshape(shape), float(model.intercept_[0]))


def _region(
    renderer: CanvasRenderer, face: TrainingFace, move: Similarity
) -> NDArray[np.float64] | None:
    assert face.picture is not None  # noqa: S101 - callers pass faces with pictures only
    return renderer.scored_region(face.picture, renderer.moved_pose(face, move))


def _small_move(rng: np.random.Generator) -> Similarity:
    log_scale, angle, *shift = rng.standard_normal(4) * (
        _GOOD_LOG_SCALE,
        _GOOD_ANGLE,
        _GOOD_SHIFT,
        _GOOD_SHIFT,
    )
    return Similarity.from_polar(float(np.exp(log_scale)), float(angle), *map(float, shift))


def _wrong_move(kind: int, rng: np.random.Generator) -> Similarity:
    """Return a large move: kind 0 shifts, kind 1 scales and kind 2 rotates the face."""
    log_scale, angle = rng.normal(0, 0.1), rng.normal(0, 0.15)
    x, y = rng.normal(0, 0.05, 2)
    if kind == 0:
        direction, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 1.0)
        x, y = far * np.cos(direction), far * np.sin(direction)
    elif kind == 1:
        log_scale = rng.choice([-1, 1]) * rng.uniform(0.35, 0.8)
    else:
        angle = rng.choice([-1, 1]) * rng.uniform(0.6, np.pi)
    return Similarity.from_polar(float(np.exp(log_scale)), float(angle), float(x), float(y))


def _any_pose(
    renderer: CanvasRenderer, picture: NDArray[np.uint8], rng: np.random.Generator
) -> Similarity:
    height, width = picture.shape
    share = rng.uniform(0.3, 1.0) * min(height, width) / max(renderer.model.canvas)
    x, y = rng.uniform(0.2, 0.8, 2) * (width, height)
    middle = renderer.model.mean.mean(axis=0) * share
    return Similarity(float(share), 0.0, float(x - middle[0]), float(y - middle[1]))
