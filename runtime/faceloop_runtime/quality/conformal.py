"""Conformal calibration: what a predicted error means."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

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
        places, median, bound = self._lines
        # Beyond the ends the distance to the prediction stays what it is there.
        inside = min(max(predicted, places[0]), places[-1])
        beyond = predicted - inside
        right = min(bisect_right(places, inside), len(places) - 1)
        left = max(right - 1, 0)
        width = places[right] - places[left]
        share = (inside - places[left]) / width if width else 0.0
        levels = ((1 - share) * line[left] + share * line[right] for line in (median, bound))
        middle, upper = (math.exp(min(level + beyond, 3.0)) for level in levels)
        return middle, upper

    @cached_property
    def _lines(self) -> tuple[list[float], ...]:
        """The three arrays as lists: of one number NumPy takes ten times as long."""
        return self.predicted.tolist(), self.median.tolist(), self.bound.tolist()
