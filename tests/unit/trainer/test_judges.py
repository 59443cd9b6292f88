"""Validator and error predictor learn what was planted."""

from __future__ import annotations

import numpy as np

from faceloop_trainer.judges import train_error_predictor, train_validator


def test_the_validator_separates_faces_and_holds_them_equally_likely() -> None:
    rng = np.random.default_rng(0)
    direction = rng.normal(size=30)

    def rows(count: int, sign: float) -> np.ndarray:
        return (rng.normal(size=(count, 30)) + sign * direction).astype(np.float32)

    # Twenty times as many others: without balance the bias would answer "no face".
    validator = train_validator(rows(50, 0.4), rows(1000, -0.4))
    good = np.array([validator.logit(r) for r in rows(300, 0.4)])
    bad = np.array([validator.logit(r) for r in rows(300, -0.4)])
    assert (good > 0).mean() > 0.9
    assert (bad < 0).mean() > 0.9
    assert abs((good > 0).mean() - (bad < 0).mean()) < 0.08


def fits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of which two tell the error, and not linearly."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 12)) * 5.0 + 7.0
    z = (features[:, :2] - 7.0) / 5.0
    return features.astype(np.float32), 0.03 * np.exp(0.8 * np.maximum(z[:, 0], z[:, 1]))


def test_the_predictor_ranks_fits_it_has_not_seen() -> None:
    predictor = train_error_predictor(*fits(600, 0), seed=0)
    features, errors = fits(200, 1)
    guess = np.array([predictor(row) for row in features])
    ranks = [np.argsort(np.argsort(v)) for v in (errors, guess)]
    assert np.corrcoef(*ranks)[0, 1] > 0.9
    assert abs(np.log(guess / errors).mean()) < 0.1


def test_the_predictor_is_the_same_for_the_same_seed() -> None:
    one, other = (train_error_predictor(*fits(100, 0), seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.hidden, other.hidden)
    np.testing.assert_array_equal(one.out, other.out)


def test_errors_of_zero_and_constant_features_are_no_trouble() -> None:
    features, errors = fits(80, 0)
    features[:, 3] = 1.0
    errors[:5] = 0.0
    predictor = train_error_predictor(features, errors, seed=0)
    guesses = np.array([predictor(row) for row in features])
    assert np.isfinite(guesses).all()
    assert (guesses > 0).all()
