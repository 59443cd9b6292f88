"""Logistic regression and small networks, trained by L-BFGS.

The losses, the starts and the ends are those of scikit-learn's ``LogisticRegression``,
``MLPRegressor`` and ``MLPClassifier``; products of matrices are made in float32, which takes a
third of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rows = NDArray[np.float32]
    Floats = NDArray[np.float64]


def logistic(
    rows: Rows, goal: NDArray[np.bool_], each: Floats, steps: int, tolerance: float
) -> tuple[Rows, float]:
    """Minimise the weighted log loss plus half the squared length of the weights.

    Parameters
    ----------
    rows : ndarray of float32, shape (M, D)
        Examples.
    goal : ndarray of bool, shape (M,)
        Their class.
    each : ndarray, shape (M,)
        How much each one counts.
    steps : int
        Most steps.
    tolerance : float
        It ends where no entry of the gradient, over the sum of ``each``, is larger.

    Returns
    -------
    weights : ndarray of float32, shape (D,)
    bias : float
    """
    total = float(each.sum())
    shares, ridge = each / total, 1.0 / total

    def loss(x: Rows) -> tuple[float, Rows]:
        weights = x[:-1]
        values, slopes = _log_losses(rows @ weights + x[-1], goal)
        slopes = (shares * slopes).astype(np.float32)
        gradient = slopes @ rows + np.float32(ridge) * weights
        value = float(shares @ values) + 0.5 * ridge * float(weights @ weights)
        return value, np.append(gradient, slopes.sum())

    found = _least(loss, np.zeros(rows.shape[1] + 1), steps, tolerance)
    return found[:-1], float(found[-1])


def network(  # noqa: PLR0917 - the settings of a training
    rows: Rows, goal: NDArray[np.bool_] | Rows, hidden: int, alpha: float, seed: int, steps: int
) -> tuple[Rows, Rows]:
    """Train a network of one hidden layer of rectifiers.

    Its loss is the mean log loss, or half the mean squared error, plus ``alpha / 2 M`` of the
    squared lengths of the weights.

    Parameters
    ----------
    rows : ndarray of float32, shape (M, I)
        Inputs.
    goal : ndarray of bool or float32, shape (M,)
        Classes, or numbers.
    hidden : int
        Width of the hidden layer, H.
    alpha : float
        See above.
    seed : int
        Of the initial weights.
    steps : int
        Most steps of the optimiser.

    Returns
    -------
    hidden : ndarray of float32, shape (I + 1, H)
    out : ndarray of float32, shape (H + 1,)
        As `faceloop_runtime.quality.network.two_layers` takes them.
    """
    count, inputs = rows.shape
    rows = np.hstack([rows, np.ones((count, 1), np.float32)])
    split, strength = (inputs + 1) * hidden, alpha / count

    def loss(x: Rows) -> tuple[float, Rows]:
        first, second = x[:split].reshape(-1, hidden), x[split:-1]
        layer = rows @ first
        np.maximum(layer, 0.0, out=layer)
        found = layer @ second + x[-1]
        classes = goal.dtype == np.bool_
        values, slopes = (_log_losses if classes else _squared_errors)(found, goal)
        slopes /= np.float32(count)
        back = slopes[:, None] * second
        back *= layer > 0
        kept = x.copy()  # what the ridge holds: all but the biases
        kept[split - hidden : split] = kept[-1] = 0.0
        gradient = np.concatenate([(rows.T @ back).ravel(), slopes @ layer, [slopes.sum()]])
        value = float(values.mean()) + 0.5 * strength * float(kept @ kept)
        return value, gradient + np.float32(strength) * kept

    found = _least(loss, _start(inputs, hidden, seed), steps, 1e-4)
    return found[:split].reshape(-1, hidden), found[split:]


def _start(inputs: int, hidden: int, seed: int) -> Floats:
    """Draw weights and biases of one layer after the other as Glorot & Bengio (2010) say."""
    rng = np.random.RandomState(seed)
    drawn = []
    for before, after in ((inputs, hidden), (hidden, 1)):
        reach = np.sqrt(6.0 / (before + after))
        drawn += [rng.uniform(-reach, reach, before * after), rng.uniform(-reach, reach, after)]
    return np.concatenate(drawn)


def _log_losses(odds: Rows, goal: NDArray[Any]) -> tuple[Floats, Rows]:
    """Return the log loss of each of some log-odds (M,), and its slope."""
    small = np.exp(-np.abs(odds))
    values = np.maximum(np.where(goal, -odds, odds), 0.0) + np.log1p(small)
    slopes = np.where(odds > 0, np.float32(1), small) / (1 + small) - goal
    return values.astype(np.float64), np.asarray(slopes, np.float32)


def _squared_errors(found: Rows, goal: NDArray[Any]) -> tuple[Floats, Rows]:
    """Return half the squared error of each of some numbers (M,), and its slope."""
    wrong = found - goal
    return 0.5 * np.square(wrong, dtype=np.float64), wrong


def _least(
    loss: Callable[[Rows], tuple[float, Rows]], start: Floats, steps: int, tolerance: float
) -> Rows:
    # A third of a second, and a retraining learns nothing here.
    from scipy.optimize import fmin_l_bfgs_b  # noqa: PLC0415

    def exact(x: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        value, gradient = loss(x.astype(np.float32))
        return value, gradient.astype(np.float64)

    found, _, _ = fmin_l_bfgs_b(exact, start, maxiter=steps, pgtol=tolerance)
    return np.asarray(found, np.float32)
