"""The regressor recovers a planted linear map, and fold-wise ones never see their fold."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from faceloop_runtime.regressor import ShapeRegressor
from faceloop_trainer.regression import Corrections

BLOCKS = (120, 60, 2)
FEATURES, OUTPUTS = sum(BLOCKS), 6


def whole(corrections: Corrections) -> ShapeRegressor:
    return corrections.whole(corrections.strength)


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
    trained = Corrections(*samples(400, 0.05), BLOCKS)
    features, targets, _ = samples(100, 0.0, seed=1)
    assert whole(trained).weights.shape == (FEATURES, OUTPUTS)
    parts = [trained.without(fold, trained.strength) for fold in (0, 1)]
    for regressor in (whole(trained), *parts):
        assert unexplained(regressor, features, targets) < 0.02


def test_noise_is_answered_with_a_stronger_ridge() -> None:
    clean = Corrections(*samples(60, 0.0), BLOCKS)
    noisy = Corrections(*samples(60, 30.0), BLOCKS)
    assert clean.strength < noisy.strength
    unsure = whole(noisy)
    # Nothing can be learned: the answer shrinks to the mean target instead of fitting noise.
    features, targets, _ = samples(100, 0.0, seed=1)
    wrong = np.array([unsure(row) for row in features]) - targets
    assert (wrong**2).mean() < 2 * (targets - 0.5).var() + 2 * 30.0**2 / 60


def test_a_fold_is_unknown_to_its_own_regressor() -> None:
    features, targets, folds = samples(200, 0.05)
    before = Corrections(features.copy(), targets, folds, BLOCKS)
    changed = targets.copy()
    changed[folds == 1] += np.random.default_rng(5).normal(0, 0.05, changed[folds == 1].shape)
    after = Corrections(features.copy(), changed, folds, BLOCKS)
    assert before.strength == after.strength
    own, others = (
        [trained.without(fold, before.strength).weights for trained in (before, after)]
        for fold in (1, 0)
    )
    np.testing.assert_array_equal(*own)
    assert not np.array_equal(*others)
    assert not np.array_equal(whole(before).weights, whole(after).weights)


def test_the_rows_products_give_the_ridge_of_the_features() -> None:
    features, targets, folds = samples(60, 0.3)
    trained = Corrections(features.copy(), targets, folds, BLOCKS)
    rows = features.astype(float) - features.mean(axis=0)
    ends = np.cumsum((0, *BLOCKS))
    for first, last in pairwise(ends):
        rows[:, first:last] /= np.sqrt((rows[:, first:last] ** 2).sum() / len(rows))
    normal = rows.T @ rows
    normal += trained.strength * np.trace(normal) / len(rows) * np.eye(FEATURES)
    weights = np.linalg.solve(normal, rows.T @ (targets - targets.mean(axis=0)))
    expected = rows @ weights + targets.mean(axis=0)
    regressor = whole(trained)
    found = np.array([regressor(row) for row in features])
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_blocks_weigh_the_same_whatever_their_unit() -> None:
    features, targets, folds = samples(80, 0.3)
    larger = features.copy()
    larger[:, : BLOCKS[0]] *= 64.0
    one, other = (
        whole(Corrections(f, targets, folds, BLOCKS)) for f in (features.copy(), larger.copy())
    )
    np.testing.assert_allclose(one(features[3]), other(larger[3]), rtol=1e-2, atol=1e-3)
