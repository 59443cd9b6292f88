"""Crops of faces of every size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.crop import FaceImage

SIZE, SCALE, EXTENT = 121, 54.0, 1.0
IODS = (6.0, 30.0, 80.0, 82.0, 107.0, 109.0, 215.0, 219.0, 430.0, 440.0, 600.0)


def pose_of(iod: float) -> Similarity:
    """A face in the middle of a picture of 2000 x 2100 pixels, a little turned."""
    return Similarity(iod * np.cos(0.3), iod * np.sin(0.3), 1000.3, 1050.6)


def crop(picture: np.ndarray, pose: Similarity) -> np.ndarray:
    return FaceImage(picture, pose, EXTENT, SCALE).crop(pose, SCALE, SIZE)


@pytest.mark.parametrize("iod", IODS)
def test_every_pixel_is_where_it_belongs(iod: float) -> None:
    rows, columns = np.mgrid[:2100, :2000]
    step = 100 / (SIZE * iod / SCALE)  # gray levels a pixel, so that the crop spans about 100
    places = np.mgrid[:SIZE, :SIZE].reshape(2, -1).T[:, ::-1]
    seen = pose_of(iod).apply((places - (SIZE - 1) / 2) / SCALE)
    for axis, ramp in enumerate((columns, rows)):
        middle = seen[:, axis].mean()
        picture = (128 + step * (ramp - middle)).clip(0, 255).round().astype(np.uint8)
        expected = 128 + step * (seen[:, axis] - middle)
        # Two roundings to bytes where the face is large.
        np.testing.assert_allclose(crop(picture, pose_of(iod)).ravel(), expected, atol=1.05)


@pytest.mark.parametrize("iod", IODS)
def test_poses_a_hair_apart_see_the_same(iod: float) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2100, 2000), np.uint8)
    pose = pose_of(iod)
    near = replace(pose, a=pose.a + 1e-7, tx=pose.tx + 1e-7)
    assert np.abs(crop(picture, near) - crop(picture, pose)).max() < 0.02
