"""Few numbers instead of many that say the same: what a regression of few faces can bear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_trainer.data.split import subsample_by_content

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_KEPT = 0.999
"""Share of the variance that is kept of distances, which some dozens of shape parameters made."""
_MOST_AXES, _FACES_EACH = 200, 5
"""Axes that are kept of the cells at most, and faces that there have to be for each: of 320 faces
of the sample, 60 axes tell more than 30 or 120."""
_MOST_FACES = 600
"""Of more faces so many find the axes of the cells: the time grows with their square."""
_LEAST_SPREAD = 1e-3


@dataclass(frozen=True, eq=False)
class Projection:
    """A linear map of features.

    Parameters
    ----------
    centre : ndarray, shape (F,)
        Is mapped to zero.
    axes : ndarray, shape (F, R)
        Features to numbers.
    """

    centre: Floats
    axes: Floats

    @classmethod
    def of_distances(cls, features: Floats) -> Self:
        """Turn distances (M, F), each with a spread of 1, to their principal axes.

        The axes keep their lengths, so that a penalty on weights stays what it is without them.
        """
        centre = features.mean(axis=0)
        scale = 1.0 / (features.std(axis=0) + _LEAST_SPREAD)
        _, spread, axes = np.linalg.svd((features - centre) * scale, full_matrices=False)
        share = np.cumsum(spread**2) / max(float((spread**2).sum()), _LEAST_SPREAD)
        count = int(np.searchsorted(share, _KEPT)) + 1
        return cls(centre, scale[:, None] * axes[:count].T)

    @classmethod
    def of_cells(cls, features: Rows, keys: Sequence[str]) -> Self:
        """Find the principal axes of cells (M, F) in which faces differ most, of spread 1.

        Parameters
        ----------
        features : ndarray of float32, shape (M, F)
            Surroundings of all landmarks.
        keys : sequence of str
            Of the faces; of many, some are chosen by these.
        """
        chosen = features[subsample_by_content(keys, _MOST_FACES)]
        centre = chosen.mean(axis=0)
        rows = chosen - centre
        # There are fewer rows than columns.
        variances, turns = np.linalg.eigh((rows @ rows.T).astype(np.float64))
        count = max(1, min(_MOST_AXES, len(features) // _FACES_EACH, len(rows) - 1))
        largest = np.maximum(variances[::-1][:count], _LEAST_SPREAD)
        axes = rows.T @ (turns[:, ::-1][:, :count] / largest).astype(np.float32)
        return cls(centre.astype(np.float64), axes * np.sqrt(len(rows)))

    def rows(self, features: Floats | Rows) -> Floats:
        """Map features (M, F) to (M, R)."""
        return np.asarray((features - self.centre) @ self.axes)

    def folded(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return weights (F, E) of the features, and offset (E,), for weights (R, E) of rows."""
        own = self.axes @ weights
        return own, -self.centre @ own
