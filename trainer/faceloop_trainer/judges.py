"""Training the judges of a fit: the face validator and the error predictor."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.validator import ErrorPredictor, FaceValidator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

_HIDDEN = 16
_SMALLEST = 0.005
"""Errors below this are not told apart."""


def train_validator(faces: Rows, others: Rows) -> FaceValidator:
    """Logistic regression: face in place, or not.

    Parameters
    ----------
    faces, others : ndarray, shape (M, W)
        Whole-face features of well placed faces, and of backgrounds and misplaced faces.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as in filters.py

    rows = np.concatenate([faces, others]).astype(np.float64)
    labels = np.arange(len(rows)) < len(faces)
    # Many negatives make the bias too pessimistic; a face and no face are equally likely
    # where the tracker asks.
    model = LogisticRegression(C=0.01, max_iter=300, class_weight="balanced", tol=1e-3)
    model.fit(rows, labels)
    return FaceValidator(model.coef_[0].astype(np.float32), float(model.intercept_[0]))


def train_error_predictor(features: Rows, errors: NDArray[np.float64], seed: int) -> ErrorPredictor:
    """Regress the logarithm of a fit's NME on what the fit looked like.

    Parameters
    ----------
    features : ndarray, shape (M, Q)
        Quality features of fits by models that never saw the subject.
    errors : ndarray, shape (M,)
        Their NME.
    seed : int
        Initial weights.
    """
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - as in filters.py
    from sklearn.neural_network import MLPRegressor  # noqa: PLC0415

    centre, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    rows = np.clip((features - centre) / spread, -6, 6).astype(np.float64)
    network = MLPRegressor(
        hidden_layer_sizes=(_HIDDEN,),
        alpha=3.0,
        solver="lbfgs",
        max_iter=150,
        random_state=seed,
        tol=1e-4,
    )
    with warnings.catch_warnings():
        # lbfgs stops at max_iter on purpose: early stopping is part of the regularisation.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(rows, np.log(np.maximum(errors, _SMALLEST)))
    (first, second), (first_bias, second_bias) = network.coefs_, network.intercepts_
    return ErrorPredictor(
        centre=centre.astype(np.float32),
        spread=spread.astype(np.float32),
        hidden=np.vstack([first, first_bias]).astype(np.float32),
        out=np.append(second[:, 0], second_bias).astype(np.float32),
    )
