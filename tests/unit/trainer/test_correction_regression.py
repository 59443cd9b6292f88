"""The regressor recovers a planted linear map, and fold-wise ones never see their fold."""

from __future__ import annotations

import numpy as np

from faceloop_runtime.regressor import ShapeRegressor
from faceloop_trainer.correction_regression import CorrectionRegression

LANDMARKS = 10
BLOCKS = (12 * LANDMARKS, 60, 2)
FEATURES, OUTPUTS = sum(BLOCKS), 6
TANGENT = np.random.default_rng(78).normal(size=(OUTPUTS, 2 * LANDMARKS))
SHARES = (1.0, 0.5, 0.3)


def learned(features: np.ndarray, targets: np.ndarray, folds: np.ndarray) -> CorrectionRegression:
    return CorrectionRegression(features, targets, folds, BLOCKS, TANGENT)


def whole(corrections: CorrectionRegression) -> ShapeRegressor:
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
    trained = learned(*samples(400, 0.05))
    features, targets, _ = samples(100, 0.0, seed=1)
    assert whole(trained).weights.shape == (FEATURES, OUTPUTS)
    parts = [trained.without(fold, trained.strength) for fold in (0, 1)]
    for regressor in (whole(trained), *parts):
        assert unexplained(regressor, features, targets) < 0.02


def test_noise_is_answered_with_a_stronger_ridge() -> None:
    clean = learned(*samples(60, 0.0))
    noisy = learned(*samples(60, 30.0))
    assert clean.strength < noisy.strength
    # Nothing can be learned: the answer shrinks to the mean target instead of fitting noise.
    unsure = whole(noisy)
    features, targets, _ = samples(100, 0.0, seed=1)
    wrong = np.array([unsure(row) for row in features]) - targets
    assert (wrong**2).mean() < 2 * (targets - 0.5).var() + 2 * 30.0**2 / 60


def test_a_fold_is_unknown_to_its_own_regressor() -> None:
    features, targets, folds = samples(200, 0.05)
    before = learned(features.copy(), targets, folds)
    changed = targets.copy()
    changed[folds == 1] += np.random.default_rng(5).normal(0, 0.05, changed[folds == 1].shape)
    after = learned(features.copy(), changed, folds)
    assert before.strength == after.strength
    own, others = (
        [trained.without(fold, before.strength).weights for trained in (before, after)]
        for fold in (1, 0)
    )
    np.testing.assert_array_equal(*own)
    assert not np.array_equal(*others)
    assert not np.array_equal(whole(before).weights, whole(after).weights)


def test_each_landmark_is_moved_by_the_ridge_of_what_it_sees() -> None:
    features, targets, folds = samples(60, 0.3)
    trained = learned(features.copy(), targets, folds)
    rows = features.astype(float) - features.mean(axis=0)
    own, shared = np.split(rows, BLOCKS[:1], axis=1)
    wanted = (targets - targets.mean(axis=0)) @ TANGENT
    moved = np.empty_like(wanted)
    for n, cells in enumerate(np.split(own, LANDMARKS, axis=1)):
        parts = (cells, *np.split(shared, BLOCKS[1:2], axis=1))
        seen = np.hstack(
            [
                part * np.sqrt(share * len(rows) / (part**2).sum())
                for part, share in zip(parts, SHARES, strict=True)
            ]
        )
        normal = seen.T @ seen + trained.strength * sum(SHARES) * np.eye(seen.shape[1])
        xy = slice(2 * n, 2 * n + 2)
        moved[:, xy] = seen @ np.linalg.solve(normal, seen.T @ wanted[:, xy])
    expected = moved @ np.linalg.pinv(TANGENT) + targets.mean(axis=0)
    regressor = whole(trained)
    found = np.array([regressor(row) for row in features])
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_a_landmark_does_not_look_at_the_cells_of_others() -> None:
    features, _, folds = samples(200, 0.0)
    # Only the first landmark moves, and only the last one's cells say so.
    features[:] = np.random.default_rng(3).normal(size=features.shape)
    movement = np.zeros((len(features), 2 * LANDMARKS))
    movement[:, 0] = features[:, BLOCKS[0] - 1]
    trained = learned(features.copy(), movement @ np.linalg.pinv(TANGENT), folds)
    weights = np.abs(whole(trained).weights)
    assert np.isfinite(weights).all()
    assert weights.max() < 0.3


def test_a_landmark_that_sees_nothing_follows_the_others() -> None:
    features, targets, folds = samples(200, 0.05)
    features[:, :12] = 0.0
    trained = learned(features.copy(), targets, folds)
    assert unexplained(whole(trained), features, targets) < 0.05


def test_blocks_weigh_the_same_whatever_their_unit() -> None:
    features, targets, folds = samples(80, 0.3)
    larger = features.copy()
    larger[:, : BLOCKS[0]] *= 64.0
    one, other = (whole(learned(f.copy(), targets, folds)) for f in (features, larger))
    np.testing.assert_allclose(one(features[3]), other(larger[3]), rtol=1e-2, atol=1e-3)


def test_what_is_the_same_in_all_faces_is_not_blown_up() -> None:
    features, targets, folds = samples(80, 0.05)
    shared = slice(BLOCKS[0], BLOCKS[0] + BLOCKS[1])
    features[:, shared] = 0.1 + 1e-8 * np.random.default_rng(0).normal(size=(80, BLOCKS[1]))
    regressor = whole(learned(features.copy(), targets, folds))
    assert not regressor.weights[shared].any()
    assert unexplained(regressor, features, targets) < 0.2
