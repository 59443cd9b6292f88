"""The tangent of a pose, against differences of moved shapes."""

from __future__ import annotations

import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm.tangent import pose_tangent, scaling_and_rotation

STEP = 1e-6
MOVES = (
    Similarity.from_polar(1 + STEP, 0.0, 0.0, 0.0),
    Similarity.from_polar(1.0, STEP, 0.0, 0.0),
    Similarity(tx=STEP),
    Similarity(ty=STEP),
)


def test_the_rows_are_the_derivatives_of_the_points() -> None:
    shape = np.random.default_rng(0).normal(size=(7, 2))
    differences = [(move.apply(shape) - shape).ravel() / STEP for move in MOVES]
    np.testing.assert_allclose(pose_tangent(shape), differences, atol=1e-5)


def test_many_shapes_at_once_are_each_by_itself() -> None:
    shapes = np.random.default_rng(1).normal(size=(5, 7, 2))
    rows = scaling_and_rotation(shapes)
    assert rows.shape == (5, 2, 14)
    for shape, own in zip(shapes, rows, strict=True):
        np.testing.assert_array_equal(own, pose_tangent(shape)[:2])
