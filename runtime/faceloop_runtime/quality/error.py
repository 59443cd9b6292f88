"""How far off is this fit? The predictor of its normalised mean error."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .network import two_layers


@dataclass(frozen=True, eq=False)
class ErrorPredictor:
    """Predicts the normalised mean error of a fit from what all of it looked like.

    ``log NME`` is a small neural network of the standardised features.

    Parameters
    ----------
    centre, spread : ndarray of float32, shape (Q,)
        Standardise the features.
    hidden, out : ndarray of float32, shape (Q + 1, H) and (H + 1,)
        The network; see `two_layers`.
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
        """Return the logarithm of the predicted NME for `fit_features` (Q,)."""
        z = np.clip((features - self.centre) / self.spread, -6.0, 6.0)
        return float(two_layers(z, self.hidden, self.out))

    @cached_property
    def packed(self) -> NDArray[np.float32]:
        """All of it, as the kernel reads it."""
        parts = (self.centre, self.spread, self.hidden.reshape(-1), self.out)
        return np.concatenate(parts, dtype=np.float32)
