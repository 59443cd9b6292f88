"""Moments are what a direct loop over lags says, and they add up."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.kernels import library
from faceloop_runtime.responses.experts import windows
from faceloop_trainer.experts.channel_basis import mirrored_planes
from faceloop_trainer.experts.moments import (
    RADIUS,
    SPECTRUM,
    MomentGatherer,
    Moments,
    add_products,
    pairs,
    target_response,
)

CHANNELS, LANDMARKS, WIDTH = 2, 3, 2 * RADIUS + 1
REACH = 10


def example(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    cut = rng.normal(size=(CHANNELS, LANDMARKS, WIDTH, WIDTH)).astype(np.float32)
    return cut, rng.uniform(-2.5, 2.5, (LANDMARKS, 2))


def gathered(seeds: list[int], use: np.ndarray | None = None) -> MomentGatherer:
    gatherer = MomentGatherer(LANDMARKS, CHANNELS)
    for seed in seeds:
        gatherer.add(*example(seed), np.ones(LANDMARKS, bool) if use is None else use)
    return gatherer


def directly(seeds: list[int], n: int, i: int, j: int, lag: tuple[int, int]) -> float:
    """Mean of channel_i(u) channel_j(u + (dx, dy)) over the window; zero outside it."""
    total, (dx, dy) = 0.0, lag
    for seed in seeds:
        cut, offset = example(seed)
        maps = np.concatenate([cut[:, n], target_response(offset)[n : n + 1]]).astype(float)
        for y in range(WIDTH):
            for x in range(WIDTH):
                if 0 <= y + dy < WIDTH and 0 <= x + dx < WIDTH:
                    total += maps[i, y, x] * maps[j, y + dy, x + dx]
    return total / len(seeds) / WIDTH**2


@pytest.mark.parametrize(
    ("n", "i", "j", "dx", "dy"),
    [(0, 0, 0, 0, 0), (1, 0, 1, 3, -2), (2, 1, 0, -10, 10), (0, 1, 2, 5, 1), (2, 2, 0, -4, -7)],
)
def test_lags_equal_a_direct_loop(n: int, i: int, j: int, dx: int, dy: int) -> None:
    lags = gathered([1, 2]).sums.lags(REACH)
    assert lags.shape == (LANDMARKS, CHANNELS + 1, CHANNELS + 1, 2 * REACH + 1, 2 * REACH + 1)
    expected = directly([1, 2], n, i, j, (dx, dy))
    assert lags[n, i, j, REACH + dy, REACH + dx] == pytest.approx(expected, abs=2e-5)


@given(st.permutations([1, 2, 3, 4, 5, 6]), st.integers(0, 6))
def test_moments_add_up_to_the_same_bits_in_any_order(order: list[int], split: int) -> None:
    """Also in parts, and with faces that were in the sum for a while."""
    every = np.ones(LANDMARKS, bool)
    expected = gathered([1, 2, 3, 4]).sums
    gatherer = gathered(order[:split])
    rest = gathered(order[split:]).sums
    for seed in (5, 6):
        gatherer.add(*example(seed), every, -1)
    total = rest + gatherer.sums
    np.testing.assert_array_equal(total.spectra, expected.spectra)
    np.testing.assert_array_equal(total.count, expected.count)


@pytest.mark.parametrize("maps", [3, 8])
def test_compiled_products_are_the_same_to_the_bit(
    maps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(maps)
    shape = (5, maps, *SPECTRUM)
    spectra = (rng.normal(0, 9, shape) + 1j * rng.normal(0, 9, shape)).astype(np.complex64)
    times = np.array([1.0, 1, -1, 1, 1])
    sums = np.zeros((2, len(pairs(maps)), 3, *SPECTRUM), np.complex128)
    add_products(sums[0, :, 1], spectra, times)
    monkeypatch.setattr(library, "switched_off", True)
    add_products(sums[1, :, 1], spectra, times)
    np.testing.assert_array_equal(sums[0], sums[1])
    assert sums[0, :, 1].any(axis=(1, 2)).all()
    assert not sums[0, :, ::2].any()


def test_moments_of_a_mirrored_picture_are_the_mirrored_moments() -> None:
    """Of the crop's planes; one of them is moved by a pixel, which shows at the windows' edges."""
    rng = np.random.default_rng(0)
    crop = cv2.GaussianBlur(rng.uniform(0, 255, (61, 61)), (0, 0), 3.0).astype(np.float32)
    middle = np.array([[30, 30]])
    off = np.array([[1.25, -0.5]])
    families = ("gradient", "lbp")

    def lags(picture: np.ndarray, offset: np.ndarray) -> Moments:
        planes = CropChannels(np.ascontiguousarray(picture), families).planes
        gatherer = MomentGatherer(1, len(planes))
        gatherer.add(windows(planes, middle, WIDTH), offset, np.ones(1, bool))
        return gatherer.sums

    turned = lags(crop[:, ::-1], off * [-1, 1]).lags(REACH)
    expected = lags(crop, off).mirrored(mirrored_planes(families)).lags(REACH)
    exact = [i for i in range(8) if i != 6]
    size = np.abs(turned[0]).max(axis=(2, 3))
    close = np.abs(turned - expected)[0].max(axis=(2, 3)) / size.clip(1e-6)
    np.testing.assert_allclose(close[np.ix_(exact[:-1], exact)], 0, atol=2e-3)
    middle_lags = np.s_[0, 6, :, REACH - 3 : REACH + 4, REACH - 3 : REACH + 4]
    ratio = np.abs(turned - expected)[middle_lags].max(axis=(1, 2)) / size[6].clip(1e-6)
    assert ratio.max() < 0.15


def test_a_landmark_that_is_not_used_leaves_no_trace() -> None:
    moments = gathered([1, 2], np.array([True, False, True])).sums
    np.testing.assert_array_equal(moments.count, [2, 0, 2])
    assert not moments.spectra[:, 1].any()
    np.testing.assert_array_equal(moments.spectra[:, 0], gathered([1, 2]).sums.spectra[:, 0])


def test_the_wanted_response_peaks_at_the_landmark_and_has_no_mean() -> None:
    response = target_response(np.array([[2.0, -3.0], [0.0, 0.0]]))
    assert np.unravel_index(response[0].argmax(), (WIDTH, WIDTH)) == (RADIUS - 3, RADIUS + 2)
    np.testing.assert_allclose(response.mean(axis=(1, 2)), 0.0, atol=1e-6)


@pytest.mark.parametrize("offset", [(0.0, 0.0), (2.3, -4.1), (-10.0, 10.0)])
def test_the_wanted_response_is_a_gaussian_a_pixel_wide_less_its_mean(
    offset: tuple[float, float],
) -> None:
    grid = range(-RADIUS, RADIUS + 1)
    spelled = np.array(
        [
            [math.exp(-((x - offset[0]) ** 2 + (y - offset[1]) ** 2) / (2 * 1.0**2)) for x in grid]
            for y in grid
        ]
    )
    response = target_response(np.array([offset, (1.0, 1.0)]))
    assert response.dtype == np.float32
    np.testing.assert_allclose(response[0], spelled - spelled.mean(), atol=1e-6)


def test_a_sum_of_many_faces_is_the_sum_of_its_parts() -> None:
    """More than are multiplied at once; the last lag is that of the longest filter."""
    many = list(range(37))
    total = gathered(many).sums
    parts = gathered(many[:5]).sums + gathered(many[5:]).sums
    np.testing.assert_array_equal(total.spectra, parts.spectra)
    lags = total.lags(REACH)
    assert lags.dtype == np.float32
    expected = directly(many, 2, 0, 1, (3, -REACH))
    assert lags[2, 0, 1, 0, REACH + 3] == pytest.approx(expected, abs=2e-5)


def test_one_face_is_its_own_mean_and_none_is_zero() -> None:
    use = np.array([True, True, False])
    lags = gathered([3], use).sums.lags(REACH)
    expected = directly([3], 1, 0, 0, (0, 0))
    assert lags[1, 0, 0, REACH, REACH] == pytest.approx(expected, abs=2e-5)
    assert not lags[2].any()


def test_moments_of_some_landmarks_in_another_order() -> None:
    moments = gathered([1, 2], np.array([True, False, True])).sums
    some = moments.take([2, 0])
    np.testing.assert_array_equal(some.spectra, moments.spectra[:, [2, 0]])
    np.testing.assert_array_equal(some.count, [2, 2])
    assert some.maps == moments.maps == CHANNELS + 1
    product = moments.product(1, 0)
    np.testing.assert_array_equal(product, moments.product(0, 1).conj())


def test_more_can_be_gathered_on_what_there_is() -> None:
    gatherer = MomentGatherer(LANDMARKS, CHANNELS, gathered([1, 2]).sums)
    gatherer.add(*example(3), np.ones(LANDMARKS, bool))
    np.testing.assert_array_equal(gatherer.sums.spectra, gathered([1, 2, 3]).sums.spectra)
    np.testing.assert_array_equal(gatherer.sums.count, [3, 3, 3])
