"""Conformal calibration: what a predicted error means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ConformalCalibration:
    """Median and 90 % bound of the NME by its prediction, learned from fits to unseen people.

    Split conformal prediction (Papadopoulos et al., ECML 2002) of the logarithm of the NME, one
    quantile for each range of the prediction (Mondrian: Vovk et al., "Algorithmic Learning in a
    Random World", 2005, section 4.5), with straight lines between.

    Parameters
    ----------
    predicted : ndarray of float32, shape (L,)
        Predicted logarithm of the NME; rising.
    median, bound : ndarray of float32, shape (L,)
        Logarithm of the NME that half and 90 % of the fits of this prediction stay below; rising.
    """

    predicted: NDArray[np.float32]
    median: NDArray[np.float32]
    bound: NDArray[np.float32]

    def __call__(self, predicted: float) -> tuple[float, float]:
        """Return the median NME and its 90 % quantile for a predicted log NME."""
        return self._at(self.median, predicted), self._at(self.bound, predicted)

    def _at(self, quantile: NDArray[np.float32], predicted: float) -> float:
        # Beyond the ends the distance to the prediction stays what it is there.
        inside = min(max(predicted, float(self.predicted[0])), float(self.predicted[-1]))
        level = float(np.interp(inside, self.predicted, quantile)) + predicted - inside
        return float(np.exp(min(level, 3.0)))
