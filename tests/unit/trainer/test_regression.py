"""The regressor recovers a planted linear map, and fold-wise ones never see their fold."""

from __future__ import annotations

import numpy as np
import pytest

from faceloop_trainer.regression import Reducer, train_regressors

LANDMARKS, CELLS, FACE, SHAPE = 3, 40, 60, 2
FEATURES = LANDMARKS * CELLS + FACE + SHAPE
OUTPUTS = 4 + SHAPE


def samples(count: int, noise: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features of low rank, targets linear in them, folds."""
    rng = np.random.default_rng(seed)
    plan = np.random.default_rng(77)
    causes = rng.normal(size=(count, 10))
    mixing = plan.normal(size=(10, FEATURES))
    features = causes @ mixing + 0.01 * rng.normal(size=(count, FEATURES)) + 3.0
    targets = causes @ plan.normal(size=(10, OUTPUTS)) + noise * rng.normal(size=(count, OUTPUTS))
    return features.astype(np.float32), targets + 0.5, np.arange(count) % 2


def unexplained(regressor: object, features: np.ndarray, targets: np.ndarray) -> float:
    guess = np.array([regressor(row) for row in features])  # type: ignore[operator]
    return float(((guess - targets) ** 2).sum() / ((targets - targets.mean(axis=0)) ** 2).sum())


def test_a_planted_linear_map_is_recovered() -> None:
    trained = train_regressors(*samples(400, 0.05), LANDMARKS, CELLS)
    features, targets, _ = samples(100, 0.0, seed=1)
    assert trained.whole.weights.shape == (FEATURES, OUTPUTS)
    assert unexplained(trained.whole, features, targets) < 0.02
    for regressor in trained.without:
        assert unexplained(regressor, features, targets) < 0.02


def test_noise_is_answered_with_a_stronger_ridge() -> None:
    clean = train_regressors(*samples(60, 0.0), LANDMARKS, CELLS)
    noisy = train_regressors(*samples(60, 30.0), LANDMARKS, CELLS)
    assert clean.strength < noisy.strength
    # Nothing can be learned: the answer shrinks to the mean target instead of fitting noise.
    features, targets, _ = samples(100, 0.0, seed=1)
    wrong = np.array([noisy.whole(row) for row in features]) - targets
    assert (wrong**2).mean() < 2 * (targets - 0.5).var() + 2 * 30.0**2 / 60


def test_a_fold_is_unknown_to_its_own_regressor() -> None:
    features, targets, folds = samples(200, 0.05)
    before = train_regressors(features, targets, folds, LANDMARKS, CELLS)
    changed = targets.copy()
    changed[folds == 1] += np.random.default_rng(5).normal(0, 0.05, changed[folds == 1].shape)
    after = train_regressors(features, changed, folds, LANDMARKS, CELLS)
    assert before.strength == after.strength
    np.testing.assert_array_equal(before.without[1].weights, after.without[1].weights)
    for one, other in ((before.without[0], after.without[0]), (before.whole, after.whole)):
        assert not np.array_equal(one.weights, other.weights)


def test_reduction_keeps_what_matters_and_can_be_undone() -> None:
    features, _, _ = samples(120, 0.0)
    reducer = Reducer.fit(features, LANDMARKS, CELLS, SHAPE)
    rows = reducer(features)
    assert rows.shape[0] == 120
    weights = np.random.default_rng(0).normal(size=(rows.shape[1], 5))
    offset = np.arange(5.0)
    raw = reducer.expand(weights, offset)
    expected = rows @ weights + offset
    found = np.array([raw(row) for row in features])
    np.testing.assert_allclose(found, expected, atol=1e-2 * np.abs(expected).max())


def test_the_three_blocks_weigh_the_same() -> None:
    features, _, _ = samples(200, 0.0)
    features[:, : LANDMARKS * CELLS] *= 100.0
    rows = Reducer.fit(features, LANDMARKS, CELLS, SHAPE)(features)
    last = rows[:, -SHAPE:]
    local = rows[:, : 32 * LANDMARKS]
    assert (local**2).sum() == pytest.approx((last**2).sum(), rel=1e-2)
