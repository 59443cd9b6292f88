from __future__ import annotations

import cv2
import numpy as np
import pytest

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.track.appearance import appearance_of, correlation, matched_pose


def grain(size: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 1, (400, 500)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), size)
    return np.asarray(cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX), np.uint8)


@pytest.fixture(scope="module")
def texture() -> np.ndarray:
    return grain(12)


@pytest.mark.parametrize("scale", [15.0, 30.0, 61.3, 140.0])
@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.31, -0.2), (-0.6, 0.55)])
def test_a_shift_is_measured(scale: float, dx: float, dy: float) -> None:
    texture = grain(0.15 * scale)  # as the parts of a face
    here = Similarity.from_polar(scale, 0.2, 240.0, 210.0)
    there = here.after(Similarity(tx=dx, ty=dy))
    found = matched_pose(texture, here, appearance_of(texture, there))
    off = np.hypot(found.tx - there.tx, found.ty - there.ty) / scale
    assert off < 0.05, "half a pixel of the small picture"
    assert (found.a, found.b) == (here.a, here.b)


def test_beyond_its_reach_it_stays_within(texture: np.ndarray) -> None:
    here = Similarity(60.0, 0.0, 100.0, 100.0)
    found = matched_pose(texture, here, appearance_of(texture, Similarity(60.0, 0.0, 400.0, 300.0)))
    assert max(abs(found.tx - here.tx), abs(found.ty - here.ty)) <= 60 * 8 / 12


def test_likeness_knows_neither_brightness_nor_contrast_nor_size(texture: np.ndarray) -> None:
    look = appearance_of(texture, Similarity(60.0, 5.0, 200.0, 200.0))
    assert correlation(look, 0.5 * look + 40) == pytest.approx(1.0, abs=1e-4)
    double = np.asarray(cv2.resize(texture, None, fx=2, fy=2), np.uint8)
    larger = appearance_of(double, Similarity(120.0, 10.0, 400.5, 400.5))
    assert correlation(look, larger) > 0.99
    other = appearance_of(texture, Similarity(60.0, 5.0, 400.0, 150.0))
    assert correlation(look, other) < 0.7


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (40, 40)])
@pytest.mark.parametrize(
    "pose",
    [
        Similarity(60.0, 0.0, -100.0, 50.0),
        Similarity(7.0, 0.0, 39.0, 39.0),
        Similarity(500.0, 90.0, 20.0, 20.0),
        Similarity(60.0, 0.0, 1e6, -1e6),
    ],
)
def test_faces_at_the_edge_and_beyond(shape: tuple[int, int], pose: Similarity) -> None:
    gray = np.full(shape, 90, np.uint8)
    look = appearance_of(gray, pose)
    np.testing.assert_array_equal(look, np.full((24, 24), 90, np.float32))
    there = matched_pose(gray, pose, look)
    assert np.isfinite([there.tx, there.ty]).all()
