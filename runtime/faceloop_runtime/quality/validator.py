"""Is this a face? The whole-face validator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

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
        One weight a feature of `whole_face_features`.
    bias : float
        Added to the weighted sum.
    """

    weights: NDArray[np.float32]
    bias: float

    def logit(self, features: NDArray[np.float32]) -> float:
        """Log-odds that the crop shows a face in this place."""
        return float(features @ self.weights) + self.bias


def whole_face_features(channels: NDArray[np.float32]) -> NDArray[np.float32]:
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
