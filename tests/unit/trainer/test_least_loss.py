"""What is trained by L-BFGS, against scikit-learn's estimators of the same losses."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

from faceloop_runtime.quality.network import two_layers
from faceloop_trainer.quality.least_loss import logistic, network


def examples(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers that depend on the first two inputs, and not linearly."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, 6)).astype(np.float32)
    noise = 0.2 * rng.normal(size=count)
    return rows, (np.maximum(rows[:, 0], rows[:, 1]) + noise).astype(np.float32)


def test_logistic_regression_is_the_same() -> None:
    rows, numbers = examples(300)
    goal = numbers > 1
    each = np.where(goal, 3.0, 1.0)
    weights, bias = logistic(rows, goal, 0.05 * each, steps=300, tolerance=1e-6)
    theirs = LogisticRegression(C=0.05, tol=1e-6).fit(rows.astype(float), goal, each)
    np.testing.assert_allclose(weights, theirs.coef_[0], atol=2e-4)
    assert bias == pytest.approx(theirs.intercept_[0], abs=2e-4)


@pytest.mark.parametrize("classes", [False, True])
def test_networks_start_there_and_say_the_same(classes: bool) -> None:
    rows, goal = examples(400)
    kind = {"hidden_layer_sizes": (5,), "solver": "lbfgs", "random_state": 3, "alpha": 20.0}
    theirs = MLPClassifier(**kind) if classes else MLPRegressor(**kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stops before it has converged, as ours
        theirs.set_params(max_iter=60).fit(rows.astype(float), goal > 1 if classes else goal)
    found = two_layers(rows, *network(rows, goal > 1 if classes else goal, 5, 20.0, 3, 60))
    if classes:
        np.testing.assert_allclose(
            1 / (1 + np.exp(-found)), theirs.predict_proba(rows)[:, 1], atol=0.02
        )
    else:
        assert found.std() > 0.4
        np.testing.assert_allclose(found, theirs.predict(rows), atol=0.05)
