"""The linear learners of the detector, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from faceloop_trainer.detection.groups import shape_groups
from faceloop_trainer.detection.hinge import log_odds_of, regress, separate


def two_clouds(width: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    apart = rng.normal(0, 0.5, width)
    faces = rng.normal(0, 1, (15, width)) + apart
    return faces.astype(np.float32), rng.normal(0, 1, (60, width)).astype(np.float32)


@pytest.mark.parametrize("width", [5, 120])
@pytest.mark.parametrize("strength", [0.01, 0.3])
def test_the_squared_hinge_is_least(width: int, strength: float) -> None:
    faces, others = two_clouds(width)
    rows = np.concatenate([faces, others]).astype(np.float64)
    goal = np.repeat([1.0, -1.0], [15, 60])
    each = np.repeat([0.5 / 15, 0.5 / 60], [15, 60])
    middle = each @ rows
    ridge = strength * (each @ ((rows - middle) ** 2).sum(axis=1))

    def loss(x: np.ndarray) -> float:
        missing = np.maximum(0, 1 - goal * (rows @ x[:-1] + x[-1]))
        return float(each @ missing**2 + ridge * x[:-1] @ x[:-1])

    weights, bias = separate(faces, others, strength)
    best = minimize(loss, np.zeros(width + 1), method="L-BFGS-B", options={"maxiter": 2000}).fun
    assert loss(np.append(weights.astype(np.float64), bias)) <= best * 1.001 + 1e-9
    again, moved = separate(faces, others, strength, (weights, bias))
    np.testing.assert_allclose(again, weights, atol=1e-4)
    assert moved == pytest.approx(bias, abs=1e-4)


def test_regression_of_several_numbers() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(2, 1, (200, 6)).astype(np.float32)
    true = rng.normal(0, 1, (3, 6))
    weights, bias = regress(rows, rows @ true.T + [1.0, 2.0, 3.0], 1e-9)
    np.testing.assert_allclose(weights, true, atol=1e-4)
    np.testing.assert_allclose(bias, [1, 2, 3], atol=1e-3)


def test_scores_that_tell_apart_give_odds_and_those_that_do_not_give_none() -> None:
    rng = np.random.default_rng(5)
    faces, others = rng.normal(3, 0.5, 80), rng.normal(-1, 0.5, 300)
    gain, bias = log_odds_of(faces, others)
    assert gain > 0
    assert gain * 1.0 + bias == pytest.approx(0, abs=0.8)  # half-way, whatever their numbers
    assert gain * 3 + bias > 2
    gain, bias = log_odds_of(others, others)
    assert abs(gain * others + bias).max() < 0.1


@pytest.mark.parametrize("share", [0.5, 1.0, 4.0])
def test_odds_of_scores_are_those_of_the_clouds(share: float) -> None:
    # Of equal normal clouds the log-odds are linear: (m1 - m0) / s^2 x (score - middle).
    rng = np.random.default_rng(6)
    gain, bias = log_odds_of(rng.normal(share, 1, 4000), rng.normal(0, 1, 9000))
    assert gain == pytest.approx(share, rel=0.12, abs=0.05)
    assert gain * share / 2 + bias == pytest.approx(0, abs=0.12)


def test_left_and_right_are_groups_of_their_own() -> None:
    rng = np.random.default_rng(7)
    turned = np.repeat([-1.0, 1.0], [90, 60])
    shapes = rng.normal(0, 0.1, (150, 12)) + turned[:, None] * np.arange(12)
    groups = shape_groups(shapes)
    assert set(groups) == {0, 1}
    assert len({*zip(groups.tolist(), turned.tolist(), strict=True)}) == 2


@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_no_group_is_empty(count: int, seed: int) -> None:
    groups = shape_groups(np.random.default_rng(seed).normal(0, 1, (count, 6)))
    assert set(groups) == set(range(groups.max() + 1))
    assert groups.max() < max(1, count // 60)
