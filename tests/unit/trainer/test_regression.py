"""The regressor recovers a planted linear map, and fold-wise ones never see their fold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from faceloop_trainer.regression import train_regressors

BLOCKS = (120, 60, 2)
FEATURES, OUTPUTS = sum(BLOCKS), 6


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
    trained = train_regressors(*samples(400, 0.05), BLOCKS)
    features, targets, _ = samples(100, 0.0, seed=1)
    assert trained.whole.weights.shape == (FEATURES, OUTPUTS)
    for regressor in (trained.whole, *trained.without):
        assert unexplained(regressor, features, targets) < 0.02


def test_noise_is_answered_with_a_stronger_ridge() -> None:
    clean = train_regressors(*samples(60, 0.0), BLOCKS)
    noisy = train_regressors(*samples(60, 30.0), BLOCKS)
    assert clean.strength < noisy.strength
    # Nothing can be learned: the answer shrinks to the mean target instead of fitting noise.
    features, targets, _ = samples(100, 0.0, seed=1)
    wrong = np.array([noisy.whole(row) for row in features]) - targets
    assert (wrong**2).mean() < 2 * (targets - 0.5).var() + 2 * 30.0**2 / 60


def test_a_fold_is_unknown_to_its_own_regressor() -> None:
    features, targets, folds = samples(200, 0.05)
    before = train_regressors(features.copy(), targets, folds, BLOCKS)
    changed = targets.copy()
    changed[folds == 1] += np.random.default_rng(5).normal(0, 0.05, changed[folds == 1].shape)
    after = train_regressors(features.copy(), changed, folds, BLOCKS)
    assert before.strength == after.strength
    np.testing.assert_array_equal(before.without[1].weights, after.without[1].weights)
    for one, other in ((before.without[0], after.without[0]), (before.whole, after.whole)):
        assert not np.array_equal(one.weights, other.weights)


def test_the_rows_products_give_the_ridge_of_the_features() -> None:
    features, targets, folds = samples(60, 0.3)
    trained = train_regressors(features.copy(), targets, folds, BLOCKS)
    rows = features.astype(float) - features.mean(axis=0)
    ends = np.cumsum((0, *BLOCKS))
    for first, last in pairwise(ends):
        rows[:, first:last] /= np.sqrt((rows[:, first:last] ** 2).sum() / len(rows))
    normal = rows.T @ rows
    normal += trained.strength * np.trace(normal) / len(rows) * np.eye(FEATURES)
    weights = np.linalg.solve(normal, rows.T @ (targets - targets.mean(axis=0)))
    expected = rows @ weights + targets.mean(axis=0)
    found = np.array([trained.whole(row) for row in features])
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_blocks_weigh_the_same_whatever_their_unit() -> None:
    features, targets, folds = samples(80, 0.3)
    larger = features.copy()
    larger[:, : BLOCKS[0]] *= 64.0
    one, other = (
        train_regressors(f.copy(), targets, folds, BLOCKS).whole for f in (features, larger)
    )
    np.testing.assert_allclose(one(features[3]), other(larger[3]), rtol=1e-2, atol=1e-3)
