"""Ridge regression whose strength is chosen afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ridge:
    """A ridge regression, solved for every strength at once by its principal axes.

    Parameters
    ----------
    centre, offset : ndarray, shape (F,) and (T,)
        Means of the features and of the targets.
    axes, variances : ndarray, shape (F, F) and (F,)
        Principal axes of the features in columns, and the variance along each.
    cross : ndarray, shape (F, T)
        Covariance of the axes with the targets.
    """

    centre: Floats
    offset: Floats
    axes: Floats
    variances: Floats
    cross: Floats

    @classmethod
    def of(cls, rows: Floats, targets: Floats) -> Ridge:
        """Prepare for features (M, F) and targets (M, T)."""
        centre, offset = rows.mean(axis=0), targets.mean(axis=0)
        centred = rows - centre
        variances, axes = np.linalg.eigh(centred.T @ centred / len(rows))
        cross = axes.T @ (centred.T @ (targets - offset)) / len(rows)
        return cls(centre, offset, axes, np.maximum(variances, 0.0), cross)

    def weights(self, strength: float) -> tuple[Floats, Floats]:
        """Return weights (F, T) and offset (T,), with this added to each variance."""
        weights = self.axes @ (self.cross / (self.variances + strength)[:, None])
        return weights, self.offset - self.centre @ weights
