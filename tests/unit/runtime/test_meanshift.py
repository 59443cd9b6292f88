from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceloop_runtime.fit.meanshift import (
    Evidence,
    ShapeState,
    landmark_weights,
    mean_shift,
    settle,
)
from faceloop_runtime.geometry import as_complex, as_points
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.responses.experts import SEARCH

HALF = SEARCH // 2
SCALE = 40.0


def bumps(peaks: np.ndarray, width: float) -> np.ndarray:
    """Maps with a Gaussian at each peak, (x, y) from the middle of the window."""
    at = np.arange(SEARCH) - HALF
    x = np.exp(-((at - peaks[:, :1]) ** 2) / (2 * width**2))
    y = np.exp(-((at - peaks[:, 1:]) ** 2) / (2 * width**2))
    maps = y[:, :, None] * x[:, None, :]
    return np.asarray(maps / maps.sum(axis=(1, 2), keepdims=True), np.float32)


def evidence(peaks: np.ndarray, centres: np.ndarray, width: float = 0.8) -> Evidence:
    maps = bumps(peaks, width)
    weights = landmark_weights(maps, np.ones(len(maps), np.float32))
    return Evidence(maps, centres, SCALE, weights)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_point_climbs_to_a_known_peak(x: float, y: float) -> None:
    centre = np.array([0.3 + 0.1j])
    seen = evidence(np.array([[x, y]]), centre)
    at = centre.copy()
    for variance in (20.0, 10.0, 5.0, 2.5, 1.0, 1.0, 1.0, 1.0):
        at = at + mean_shift(seen, at, variance)
    found = (at - centre)[0] * SCALE
    assert found == pytest.approx(x + 1j * y, abs=0.35)


def test_a_wide_kernel_gives_the_mean_and_a_narrow_one_the_mode() -> None:
    maps = 0.7 * bumps(np.array([[-3.0, 0.0]]), 0.7) + 0.3 * bumps(np.array([[4.0, 0.0]]), 0.7)
    seen = Evidence(maps.astype(np.float32), np.zeros(1, complex), SCALE, np.ones(1))
    wide = mean_shift(seen, np.zeros(1, complex), 1e4)[0] * SCALE
    assert wide == pytest.approx(0.7 * -3 + 0.3 * 4, abs=0.05)
    near = mean_shift(seen, np.array([-2.5 / SCALE + 0j]), 1.0)[0] * SCALE - 2.5
    assert near == pytest.approx(-3.0, abs=0.25)


def test_a_sharp_response_weighs_more_than_a_flat_one() -> None:
    sharp, flat = bumps(np.zeros((1, 2)), 0.6), bumps(np.zeros((1, 2)), 5.0)
    maps = np.concatenate([sharp, flat, sharp])
    weights = landmark_weights(maps, np.array([1, 1, 0], np.float32))
    assert weights[0] > 3 * weights[1] > 0
    assert weights[2] == 0
    assert weights.mean() == pytest.approx(1)
    assert (landmark_weights(maps, np.zeros(3, np.float32)) == 0).all()


def test_settle_recovers_pose_and_shape(small_pdm: PointDistributionModel) -> None:
    b = np.array([0.5, -0.5, 0.3]) * np.sqrt(small_pdm.variances)
    turn, shift = 1.03 * np.exp(0.05j), 0.02 - 0.03j
    wanted = turn * as_complex(small_pdm.shape(b)) + shift
    centres = np.round(wanted * SCALE) / SCALE
    seen = evidence(as_points((wanted - centres) * SCALE), centres)
    start = ShapeState(1 + 0j, 0j, np.zeros(3))
    state, step = settle(small_pdm, seen, start, [20.0, 10, 5, 2.5, 1, 1, 1, 1], prior=0.01)
    found = state.turn * as_complex(small_pdm.shape(state.b)) + state.shift
    assert np.abs(found - wanted).mean() * SCALE < 0.5
    assert step * SCALE < 0.2


def test_without_any_evidence_a_shape_stays(small_pdm: PointDistributionModel) -> None:
    n = len(small_pdm)
    maps = np.full((n, SEARCH, SEARCH), 1 / SEARCH**2, np.float32)
    seen = Evidence(maps, as_complex(small_pdm.mean) + 0.1, SCALE, np.zeros(n))
    start = ShapeState(1.1 + 0.1j, 0.2j, np.zeros(3))
    state, step = settle(small_pdm, seen, start, [5.0], prior=1.0)
    assert state.turn == pytest.approx(start.turn)
    assert state.shift == pytest.approx(start.shift)
    assert step == pytest.approx(0)


def test_the_prior_keeps_the_shape_near_the_mean(small_pdm: PointDistributionModel) -> None:
    b = 2.0 * np.sqrt(small_pdm.variances)
    wanted = as_complex(small_pdm.shape(b))
    seen = evidence(np.zeros((len(wanted), 2)), wanted)
    start = ShapeState(1 + 0j, 0j, np.zeros(3))
    loose, _ = settle(small_pdm, seen, start, [5.0] * 3, prior=0.01)
    tight, _ = settle(small_pdm, seen, start, [5.0] * 3, prior=1e4)
    assert np.linalg.norm(tight.b) < 0.2 * np.linalg.norm(loose.b)
    far = evidence(np.zeros((len(wanted), 2)), as_complex(small_pdm.shape(10 * b)))
    pulled, _ = settle(small_pdm, far, start, [20.0] * 5, prior=0.01)
    assert (np.abs(pulled.b) <= 3 * np.sqrt(small_pdm.variances) + 1e-12).all()
