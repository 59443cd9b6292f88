from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_datasets import InputError
from faceloop_runtime import OneEuro
from faceloop_runtime.track.smoothing import PointFilter

IOD, RATE = 60.0, 25.0


def smoothed(frames: np.ndarray, settings: OneEuro | None = None, iod: float = IOD) -> np.ndarray:
    smooth = PointFilter(settings or OneEuro())
    return np.array([smooth(p, i / RATE, iod) for i, p in enumerate(frames)])


def trembling(seed: int = 0, iod: float = IOD) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.003 * iod, (200, 5, 2)) + 100


def test_a_point_at_rest_trembles_less_than_half_as_much() -> None:
    raw = trembling()
    second = [np.linalg.norm(np.diff(p, 2, axis=0), axis=2).mean() for p in (raw, smoothed(raw))]
    assert second[1] < 0.5 * second[0]


@given(st.integers(0, 2**32 - 1))
def test_it_never_leaves_what_it_has_seen(seed: int) -> None:
    raw = np.random.default_rng(seed).uniform(-50, 50, (30, 3, 2))
    out = smoothed(raw)
    low, high = np.minimum.accumulate(raw), np.maximum.accumulate(raw)
    assert (out >= low - 1e-9).all()
    assert (out <= high + 1e-9).all()


def test_a_fast_point_lags_by_less_than_half_a_frame() -> None:
    step = 0.1 * IOD
    raw = np.arange(40.0)[:, None, None] * [step, 0.0] + np.zeros((40, 3, 2))
    lag = (raw - smoothed(raw))[20:, :, 0] / step
    assert (lag > 0).all()
    assert (lag < 0.5).all()


def test_a_lower_cutoff_smooths_more_and_a_higher_beta_lags_less() -> None:
    raw = trembling()
    spread = [smoothed(raw, OneEuro(cutoff=c, beta=0.0))[50:].std() for c in (0.5, 1.0, 4.0)]
    assert spread == sorted(spread)
    ramp = np.arange(40.0)[:, None, None] * [2.0, 0.0] + np.zeros((40, 1, 2))
    behind = [(ramp - smoothed(ramp, OneEuro(beta=b)))[-1, 0, 0] for b in (40.0, 10.0, 0.0)]
    assert behind == sorted(behind)


def test_the_size_of_the_face_changes_nothing() -> None:
    small, large = smoothed(trembling()), smoothed(3 * trembling(), iod=3 * IOD)
    np.testing.assert_allclose(3 * small, large, rtol=1e-12)


def test_the_rate_of_frames_hardly_changes_the_lag() -> None:
    def at_one_second(rate: float) -> float:
        smooth, value = PointFilter(OneEuro()), 0.0
        for i in range(int(rate) + 1):
            value = smooth(np.full((1, 2), float(i / rate * IOD)), i / rate, IOD)[0, 0]
        return value

    assert at_one_second(25) == pytest.approx(at_one_second(100), abs=0.02 * IOD)


def test_where_time_does_not_go_on_it_begins_anew() -> None:
    smooth, far = PointFilter(OneEuro()), np.full((2, 2), 500.0)
    smooth(np.zeros((2, 2)), 1.0, IOD)
    np.testing.assert_array_equal(smooth(far, 1.0, IOD), far)
    np.testing.assert_array_equal(smooth(far + 50, 0.2, IOD), far + 50)


@pytest.mark.parametrize(
    "settings",
    [{"cutoff": 0.0}, {"cutoff": -1.0}, {"beta": -0.1}, {"speed_cutoff": 0.0}, {"beta": np.nan}],
)
def test_settings_that_cannot_be(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="Cannot smooth with cutoff"):
        OneEuro(**settings)
