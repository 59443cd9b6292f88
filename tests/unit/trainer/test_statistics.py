"""Moments are what a direct loop over lags says, and they add up."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_trainer.statistics import RADIUS, MomentGatherer, wanted_response

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
        maps = np.concatenate([cut[:, n], wanted_response(offset)[n : n + 1]]).astype(float)
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
    lags = gathered([1, 2]).moments().lags(REACH)
    assert lags.shape == (LANDMARKS, CHANNELS + 1, CHANNELS + 1, 2 * REACH + 1, 2 * REACH + 1)
    expected = directly([1, 2], n, i, j, (dx, dy))
    assert lags[n, i, j, REACH + dy, REACH + dx] == pytest.approx(expected, abs=2e-5)


def test_moments_add_up_in_any_order() -> None:
    together = gathered([1, 2, 3]).moments()
    apart = gathered([3]).moments() + gathered([2, 1]).moments()
    np.testing.assert_allclose(together.spectra, apart.spectra, atol=1e-2, rtol=1e-4)
    np.testing.assert_array_equal(together.count, [3, 3, 3])
    np.testing.assert_array_equal(apart.count, [3, 3, 3])


def test_gathering_on_does_not_change_moments_that_were_taken() -> None:
    gatherer = gathered([1])
    before = gatherer.moments()
    kept = before.spectra.copy()
    gatherer.add(*example(2), np.ones(LANDMARKS, bool))
    np.testing.assert_array_equal(before.spectra, kept)


def test_a_landmark_that_is_not_used_leaves_no_trace() -> None:
    moments = gathered([1, 2], np.array([True, False, True])).moments()
    np.testing.assert_array_equal(moments.count, [2, 0, 2])
    assert not moments.spectra[:, :, 1].any()
    np.testing.assert_array_equal(
        moments.spectra[:, :, 0], gathered([1, 2]).moments().spectra[:, :, 0]
    )


def test_the_wanted_response_peaks_at_the_landmark_and_has_no_mean() -> None:
    response = wanted_response(np.array([[2.0, -3.0], [0.0, 0.0]]))
    assert np.unravel_index(response[0].argmax(), (WIDTH, WIDTH)) == (RADIUS - 3, RADIUS + 2)
    np.testing.assert_allclose(response.mean(axis=(1, 2)), 0.0, atol=1e-6)
