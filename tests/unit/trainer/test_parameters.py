"""Many faces are explained as each is by itself."""

from __future__ import annotations

import numpy as np

from faceloop_runtime import FaceModel
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.pdm.parameters import parameters_of_all


def test_poses_and_shapes_are_those_of_each_face() -> None:
    pdm, rng = FaceModel.starter().pdm, np.random.default_rng(0)
    shapes = [pdm.shape(rng.normal(0, np.sqrt(pdm.variances))) for _ in range(9)]
    points = np.array(
        [
            Similarity.from_polar(80.0 + 5 * k, 0.2 * k - 1, 30.0 * k, -20.0).apply(shape)
            for k, shape in enumerate(shapes)
        ]
    )
    points += rng.normal(0, 1.0, points.shape)
    points[1, 3:9] = points[4, 3:9] = np.nan
    points[7, 40] = np.nan
    poses, b = parameters_of_all(pdm, points)
    for face, numbers, own in zip(points, poses, b, strict=True):
        pose, expected = pdm.parameters(face)
        wanted = (pose.a, pose.b, pose.tx, pose.ty)
        np.testing.assert_allclose(numbers, wanted, rtol=1e-9, atol=1e-8)
        np.testing.assert_allclose(own, expected, rtol=1e-7, atol=1e-9)
