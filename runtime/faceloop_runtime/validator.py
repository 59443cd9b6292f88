"""Is this a face, and how far off is this fit? Whole-face validator and error predictor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .judges import Signs

VALIDATOR_SCALE = 16.0
"""IOD of the validator's crop, in pixels."""
VALIDATOR_POOL = 3
"""Channel maps are averaged over squares of this width."""


@dataclass(frozen=True, eq=False)
class FaceValidator:
    """Logistic regression on the channel maps of the whole face.

    Parameters
    ----------
    weights : ndarray of float32, shape (F,)
        One weight a feature of `face_features`.
    bias : float
        Added to the weighted sum.
    """

    weights: NDArray[np.float32]
    bias: float

    def logit(self, features: NDArray[np.float32]) -> float:
        """Log-odds that the crop shows a face in this place."""
        return float(features @ self.weights) + self.bias


def face_features(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pool channel maps (C, H, W) of a face crop into one vector (F,)."""
    down, across = (_pooling(n) for n in channels.shape[1:])
    return (down @ (channels @ across.T)).reshape(-1)


@cache
def _pooling(size: int) -> NDArray[np.float32]:
    """Means over neighbouring intervals of an axis, shape (size // VALIDATOR_POOL, size)."""
    line = np.eye(size, dtype=np.float32)
    # The whole line is covered, so that an interval is a little wider than VALIDATOR_POOL.
    pooled = cv2.resize(line, (size, size // VALIDATOR_POOL), interpolation=cv2.INTER_AREA)
    return np.asarray(pooled, np.float32)


@dataclass(frozen=True, eq=False)
class ErrorPredictor:
    """Predicts the normalised mean error of a fit from what all of it looked like.

    ``log NME`` is a small neural network of the standardised features.

    Parameters
    ----------
    centre, spread : ndarray of float32, shape (Q,)
        Standardise the features.
    hidden : ndarray of float32, shape (Q + 1, H)
        First layer, its bias in the last row; the activation is a rectifier.
    out : ndarray of float32, shape (H + 1,)
        Second layer, its bias last.
    """

    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    hidden: NDArray[np.float32]
    out: NDArray[np.float32]

    @classmethod
    def blank(cls, landmarks: int, components: int) -> ErrorPredictor:
        """Return a predictor that has learned nothing, for N landmarks and K components."""
        count = 2 * landmarks + components + 4
        return cls(
            centre=np.zeros(count, np.float32),
            spread=np.ones(count, np.float32),
            hidden=np.zeros((count + 1, 1), np.float32),
            out=np.zeros(2, np.float32),
        )

    def __call__(self, features: NDArray[np.float32]) -> float:
        """Return the logarithm of the predicted NME for features (Q,)."""
        z = np.clip((features - self.centre) / self.spread, -6.0, 6.0)
        h = np.maximum(z @ self.hidden[:-1] + self.hidden[-1], 0.0)
        return float(h @ self.out[:-1] + self.out[-1])


def quality_features(signs: Signs, face_logit: float) -> NDArray[np.float32]:
    """Gather what tells a good fit from a bad one.

    Parameters
    ----------
    signs : Signs
        What the fit looked like.
    face_logit : float
        The validator's log-odds.

    Returns
    -------
    ndarray of float32, shape (2N + K + 4,)
    """
    peaks, support = signs.points[:, 0], signs.points[:, 1]
    z = signs.z
    summary = [face_logit, signs.correction, float(z @ z) / len(z), float(support.mean())]
    return np.concatenate([peaks, support, np.abs(z), summary], dtype=np.float32)
