"""Crops of faces of every size."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.crop import FaceImage

SIZE, SCALE, EXTENT = 121, 54.0, 1.2
IODS = (6.0, 30.0, 80.0, 82.0, 134.0, 136.0, 268.0, 272.0, 535.0, 545.0, 600.0)


def pose_of(iod: float) -> Similarity:
    """A face in the middle of a picture of 2000 x 2100 pixels, a little turned."""
    return Similarity(iod * np.cos(0.3), iod * np.sin(0.3), 1000.3, 1050.6)


def crop(picture: np.ndarray, pose: Similarity) -> np.ndarray:
    return FaceImage(picture, pose, EXTENT, SCALE).crop(pose, SCALE, SIZE)


@pytest.mark.skipif(cv2.__version__ < "5", reason="OpenCV 4 rounds places to 1/32 px")
@pytest.mark.parametrize("iod", IODS)
def test_poses_a_hair_apart_see_the_same(iod: float) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (2100, 2000), np.uint8)
    pose = pose_of(iod)
    near = replace(pose, a=pose.a + 1e-7, tx=pose.tx + 1e-7)
    assert np.abs(crop(picture, near) - crop(picture, pose)).max() < 0.02


def reductions(pose: Similarity) -> int:
    """How often a face of this size is halved in bytes: to no less than 1.25 times the crop."""
    return max(0, int(np.log2(pose.scale / SCALE / 1.25)))


def ramp(shape: tuple[int, int], axis: int, halvings: int, darkest: float) -> np.ndarray:
    """One gray level more for every block of pixels that becomes one: no byte is rounded."""
    places = np.arange(shape[1 - axis]) >> halvings
    levels = (places - int(darkest) // 2**halvings).clip(0, 255).astype(np.uint8)
    return np.broadcast_to(levels if axis == 0 else levels[:, None], shape)


def read(
    pose: Similarity, shape: tuple[int, int], axis: int, halvings: int, first: float
) -> np.ndarray:
    """What `ramp` is in the middle of each pixel of a crop, whatever it was reduced by."""
    places = np.mgrid[:SIZE, :SIZE].reshape(2, -1).T[:, ::-1]
    seen = pose.apply((places - (SIZE - 1) / 2) / SCALE)[:, axis]
    block = 2**halvings
    # Beyond the edge the last (reduced) pixel repeats.
    at = ((seen + 0.5) / block - 0.5).clip(0, shape[1 - axis] // block - 1)
    return np.asarray(at - int(first) // block).reshape(SIZE, SIZE)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("iod", IODS)
def test_the_middles_of_pixels_are_read_to_a_twentieth_of_a_gray_level(
    iod: float, axis: int
) -> None:
    pose = pose_of(iod)
    first = (pose.tx, pose.ty)[axis] - 1.5 * iod
    halvings = reductions(pose)
    picture = ramp((2100, 2000), axis, halvings, first)
    seen = crop(picture, pose)
    expected = read(pose, picture.shape, axis, halvings, first)
    inside = (expected > 2) & (expected < 253)  # a large face spans more levels than there are
    assert inside.mean() > 0.6
    # OpenCV weighs neighbours in 32nds of a pixel.
    np.testing.assert_allclose(seen[inside], expected[inside], atol=0.05)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("x", "y"),
    [(3.0, 4.0), (296.0, 3.0), (298.0, 278.5), (2.0, 275.0), (-90.0, 400.0), (700.0, 700.0)],
)
@pytest.mark.parametrize("iod", [30.0, 60.0, 80.0])
def test_beyond_the_edge_the_last_pixels_repeat(x: float, y: float, iod: float, axis: int) -> None:
    """Also where a face lies outside the picture as a whole."""
    pose, shape = Similarity(iod, 0.0, x, y), (280, 300)
    halvings = reductions(pose)
    picture = ramp(shape, axis, halvings, 30)
    seen = crop(picture, pose)
    expected = read(pose, shape, axis, halvings, 30).clip(0, 255)
    np.testing.assert_allclose(seen, expected, atol=0.05)


@pytest.mark.parametrize("iod", [40.0, 100.0, 300.0])
def test_a_fit_may_walk_three_quarters_of_an_inter_ocular_distance(iod: float) -> None:
    """What a crop shows after that is in the part that was kept."""
    start = Similarity(iod, 0.0, 1000.3, 1050.6)
    halvings = reductions(start)
    for dx, dy in ((0.75, 0.0), (-0.75, 0.0), (0.0, 0.75), (0.0, -0.75)):
        pose = replace(start, tx=start.tx + dx * iod, ty=start.ty + dy * iod)
        for axis, middle in enumerate((pose.tx, pose.ty)):
            first = middle - 1.2 * iod
            picture = ramp((2100, 2000), axis, halvings, first)
            seen = FaceImage(picture, start, EXTENT, SCALE).crop(pose, SCALE, SIZE)
            expected = read(pose, picture.shape, axis, halvings, first)
            np.testing.assert_allclose(seen, expected, atol=0.05)


@pytest.mark.parametrize("scale", [54.0, 30.0, 26.0, 13.0, 6.0])
def test_a_smaller_crop_reads_the_same_places(scale: float) -> None:
    """It is taken from a picture that was halved until it is less than twice as fine."""
    pose = pose_of(54.0)
    size = 2 * int(scale) + 1
    places = np.mgrid[:size, :size].reshape(2, -1).T[:, ::-1]
    seen = pose.apply((places - (size - 1) / 2) / scale)
    for axis in range(2):
        first = (pose.tx, pose.ty)[axis] - 100
        picture = ramp((2100, 2000), axis, 0, first)
        image = FaceImage(picture, pose, EXTENT, SCALE)
        for _ in range(2):  # what was halved is kept for the next crop
            values = image.crop(pose, scale, size).ravel()
            np.testing.assert_allclose(values, seen[:, axis] - int(first), atol=0.3)
            np.testing.assert_allclose(values.mean(), seen[:, axis].mean() - int(first), atol=0.02)


def test_a_smaller_crop_does_not_alias() -> None:
    """Stripes a pixel wide are gray in a crop of half the size, and stay in one as large."""
    picture = np.zeros((400, 400), np.uint8)
    picture[:, ::2] = 200
    pose = Similarity(54.0, 0.0, 200.0, 200.0)
    image = FaceImage(picture, pose, EXTENT, SCALE)
    fine, coarse = image.crop(pose, 54.0, 109), image.crop(pose, 27.0, 55)
    assert fine.std() > 90
    np.testing.assert_allclose(coarse, 100, atol=0.01)


def test_a_small_picture_is_not_halved() -> None:
    """Of 63 pixels none is left out; of 64 every second would be."""
    pose = Similarity(54.0, 0.0, 32.0, 32.0)
    for side, finest in ((63, 200.0), (64, 100.0)):
        picture = np.zeros((side, side), np.uint8)
        picture[:, ::2] = 200
        seen = FaceImage(picture, pose, EXTENT, SCALE).crop(pose, 27.0, 21)
        assert seen.max() == pytest.approx(finest)


@pytest.mark.parametrize(("iod", "sees"), [(81.0, True), (83.0, False)])
def test_a_face_is_reduced_when_it_is_half_as_large_again(iod: float, sees: bool) -> None:
    """One that is not keeps stripes of a pixel."""
    picture = np.zeros((600, 600), np.uint8)
    picture[:, ::2] = 200
    pose = Similarity(iod, 0.0, 300.0, 300.0)
    seen = FaceImage(picture, pose, EXTENT, SCALE).crop(pose, iod, 163)
    assert bool(seen.max() > 199.5) is sees


@pytest.mark.parametrize("iod", [150.0, 200.0, 260.0])
def test_what_was_halved_is_reduced_to_a_quarter_more_than_the_crop(iod: float) -> None:
    """Stripes of two pixels are such of one when the picture is halved, and gray after that."""
    picture = np.zeros((1600, 1600), np.uint8)
    picture[:, ::4] = picture[:, 1::4] = 200
    pose = Similarity(iod, 0.0, 800.5, 800.5)
    seen = FaceImage(picture, pose, EXTENT, SCALE).crop(pose, iod / 2, 201)
    assert seen.dtype == np.float32
    assert seen.max() < 199


def test_pictures_of_one_pixel_and_faces_larger_than_any_picture() -> None:
    for shape in ((1, 1), (1, 9), (9, 1)):
        picture = np.full(shape, 77, np.uint8)
        picture.flags.writeable = False
        for iod in (20.0, 500.0, 5000.0):
            assert (crop(picture, Similarity(iod, 0.0, 0.0, 0.0)) == 77).all()
