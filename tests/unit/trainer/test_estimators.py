"""Quality models learn what was planted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from faceloop_runtime.quality.features import POINT_FEATURES, FitFeatures
from faceloop_runtime.quality.validator import FaceValidator
from faceloop_trainer.quality.conformal import conformal_calibration
from faceloop_trainer.quality.estimators import (
    QualityEstimators,
    QualityExample,
    train_error_predictor,
    train_estimators,
    train_validator,
    typical_cells,
)


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
    guess = np.exp([predictor(row) for row in features])
    ranks = [np.argsort(np.argsort(v)) for v in (errors, guess)]
    assert np.corrcoef(*ranks)[0, 1] > 0.8
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
    assert np.isfinite([predictor(row) for row in features]).all()


def predictions(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Opinions that are wrong by more the worse they are, and all of them by the same half."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(-4, -1, count)
    return predicted, predicted + 0.5 + (0.1 + 0.15 * (predicted + 4)) * rng.normal(size=count)


def test_the_bound_holds_for_new_fits_of_every_predicted() -> None:
    calibration = conformal_calibration(*predictions(600, 0))
    predicted, logs = predictions(20_000, 1)
    median, bound = np.log([calibration(o) for o in predicted]).T
    assert abs((logs <= bound).mean() - 0.9) < 0.03
    assert abs((logs <= median).mean() - 0.5) < 0.05
    for low in (-4.0, -3.0, -2.0):
        part = (predicted >= low) & (predicted < low + 1)
        assert abs((logs <= bound)[part].mean() - 0.9) < 0.06


@pytest.mark.parametrize("count", [1, 8, 9, 10, 19, 20, 60, 119])
def test_the_bound_is_the_conformal_rank(count: int) -> None:
    """Of n fits of one predicted it is the ceil(0.9 (n + 1))-th smallest error, or the largest."""
    logs = np.random.default_rng(count).normal(-3.5, 0.4, count)
    calibration = conformal_calibration(np.full(count, -3.0), logs)
    rank = math.ceil(9 * (count + 1) / 10)
    expected = sorted(logs)[min(rank, count) - 1]
    median, bound = calibration(-3.0)
    assert math.log(bound) == pytest.approx(expected, abs=1e-6)
    assert math.log(median) == pytest.approx(np.median(logs), abs=1e-6)


def test_each_part_of_the_predictions_has_a_rank_of_its_own() -> None:
    """Two ranges of 60 fits each, the better predictions first, whatever the order of fits."""
    rng = np.random.default_rng(5)
    predicted = np.append(np.full(60, -4.0), np.full(60, -2.0))
    logs = predicted + np.append(0.1 * rng.normal(size=60), 0.5 * rng.normal(size=60))
    mixed = rng.permutation(120)
    calibration = conformal_calibration(predicted[mixed], logs[mixed])
    np.testing.assert_allclose(calibration.predicted, [-4, -2])
    for part in (slice(0, 60), slice(60, 120)):
        _, bound = calibration(predicted[part][0])
        assert math.log(bound) == pytest.approx(np.sort(logs[part])[54], abs=1e-6)  # the 55th


def test_the_bound_holds_for_nine_of_ten_of_the_next_fits() -> None:
    """Of 19 fits it is the 18th: 18 of 20 draws lie below it, be they distributed as they may."""
    rng = np.random.default_rng(6)
    drawn = -rng.exponential(size=(4000, 20))
    held = [bound_of(row[:19]) >= row[19] for row in drawn]
    assert np.mean(held) == pytest.approx(0.9, abs=0.015)


def bound_of(logs: np.ndarray) -> float:
    return float(np.float64(conformal_calibration(np.zeros(len(logs)), logs).bound[0]))


def test_calibration_keep_the_order_of_predictions() -> None:
    """Chance alone would let the median of some calibration fall."""
    rng = np.random.default_rng(3)
    predicted = rng.uniform(-3.6, -3.5, 500)
    calibration = conformal_calibration(predicted, -3.5 + 0.5 * rng.normal(size=500))
    found = np.array([calibration(o) for o in np.linspace(-5, 0, 200)])
    assert (np.diff(found, axis=0) > 0).all()


@pytest.mark.parametrize("count", [1, 3, 40])
def test_few_fits_make_one_level(count: int) -> None:
    calibration = conformal_calibration(*predictions(count, 2))
    assert len(calibration.predicted) == 1
    median, bound = calibration(-2.0)
    assert 0 < median <= bound


PLACES = np.random.default_rng(9).uniform(-1, 1, (12, 2))


def examples(count: int, seed: int) -> list[QualityExample]:
    """Fits in which peaks tell the error of a point, and likeness whether it is hidden."""
    rng = np.random.default_rng(seed)
    fits = []
    for _ in range(count):
        signs = rng.normal(size=(12, POINT_FEATURES))
        hidden = rng.random(12) < 0.2
        signs[:, 2] += np.where(hidden, -4, 0)
        signs[:, 0] = rng.normal() + 0.5 * signs[:, 0]
        errors = 0.03 * np.exp(-0.6 * signs[:, 0])
        errors[3] = np.nan  # measured in no face
        fits.append(
            QualityExample(
                features=FitFeatures(
                    whole_face=np.zeros(4, np.float32),
                    points=signs.astype(np.float32),
                    z=rng.normal(size=5),
                    displacement=0.05 * rng.normal(size=(12, 2)),
                    correction=0.02,
                ),
                error=float(np.nanmean(errors)),
                point_errors=errors,
                hidden=hidden,
                occluded=False,
            )
        )
    return fits


def learned(fits: list[QualityExample]) -> QualityEstimators:
    validators = [FaceValidator(np.zeros(4, np.float32), 0.0)] * 2
    typical = np.ones((12, 3), np.float32)
    return train_estimators(fits, np.arange(len(fits)) % 2, validators, PLACES, typical, seed=0)


def test_the_point_predictor_tells_errors_and_hidden_points() -> None:
    models = learned(examples(300, 0))
    errors, guesses, hidden, seen = [], [], [], []
    for fit in examples(100, 1):
        inputs = models.points.inputs(fit.features, 0.0)
        errors.append(fit.error)
        guesses.append(models.points.log_error(inputs))
        hidden.append(fit.hidden)
        seen.append(models.points.visibility(inputs))
    ranks = [np.argsort(np.argsort(v)) for v in (errors, guesses)]
    assert np.corrcoef(*ranks)[0, 1] > 0.9
    known = np.arange(12) != 3
    away, there = np.array(hidden)[:, known], np.array(seen)[:, known]
    assert ((there < 0.5) == away).mean() > 0.9
    assert models.points.weights[3] == 0.0
    assert models.points.weights.sum() == pytest.approx(1.0)


def test_points_that_nobody_saw_hidden_are_seen() -> None:
    fits = [replace(fit, hidden=np.zeros(12, dtype=bool)) for fit in examples(60, 0)]
    points = learned(fits).points
    assert points.visibility(points.inputs(fits[0].features, 0.0)).min() > 0.99


def test_typical_cells_are_unit_rows() -> None:
    cells = np.random.default_rng(0).random((6, 4, 5)).astype(np.float32)
    cells[:, 2] = 0.0
    rows = typical_cells([face.reshape(-1) for face in cells], cells.shape[1])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 1, 0, 1], atol=1e-4)
