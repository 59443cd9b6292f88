"""What a face expresses, in the words of those who labelled the faces of a training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ExpressionClassifier:
    """Multinomial logistic regression on what a fit looked like, calibrated.

    Parameters
    ----------
    weights : ndarray of float32, shape (F, E)
        By feature of `faceloop_runtime.regressor.regression_features`, a column an expression.
    offset : ndarray of float32, shape (E,)
        Log-odds at zero features.
    """

    weights: NDArray[np.float32]
    offset: NDArray[np.float32]

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of each expression for features (F,), (E,); their sum is 1."""
        logits = (features @ self.weights + self.offset).astype(np.float64)
        shares = np.exp(logits - logits.max())
        return np.asarray(shares / shares.sum())
