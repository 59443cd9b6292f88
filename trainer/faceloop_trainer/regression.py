"""Training the regressor that corrects the search's result."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.regressor import ShapeRegressor

from .lapack import solve_symmetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Ridge strengths tried, as multiples of the mean squared length of a row."""


class Corrections:
    """Ridge regression of the correction that a search needed.

    There are fewer rows than features, so it is solved by the rows' scalar products (the dual
    form): ``weights = X' (X X' + strength)^-1 Y``.

    Parameters
    ----------
    features : ndarray, shape (M, F)
        One row a search; changed in place.
    targets : ndarray, shape (M, 4 + K)
        The correction that it needed.
    folds : ndarray of int, shape (M,)
        Fold of each one's subject.
    blocks : sequence of int
        Numbers of features of the blocks that are given equal weight; together F.
    """

    def __init__(
        self, features: Rows, targets: Floats, folds: NDArray[np.intp], blocks: Sequence[int]
    ) -> None:
        self._rows, self._targets, self._folds = features, targets, folds
        self._centre = features.mean(axis=0)
        self._rows -= self._centre
        self._scale = _block_scales(self._rows, blocks)
        self._rows *= self._scale
        self._gram = self._rows @ self._rows.T

    @cached_property
    def strength(self) -> float:
        """The strength that corrects people best whom the regressor has not seen."""
        errors = []
        for strength in _STRENGTHS:
            wrong = 0.0
            for fold in range(int(self._folds.max()) + 1):
                own, kept = self._folds == fold, np.nonzero(self._folds != fold)[0]
                dual, offset = self._solve(kept, strength)
                residual = self._targets[own] - self._gram[own][:, kept] @ dual - offset
                wrong += float((residual**2).sum())
            errors.append(wrong)
        return _STRENGTHS[int(np.argmin(errors))]

    def whole(self, strength: float) -> ShapeRegressor:
        """Return the regressor of all rows."""
        return self._regressor(np.arange(len(self._rows)), strength)

    def without(self, fold: int, strength: float) -> ShapeRegressor:
        """Return the regressor that never saw a fold."""
        return self._regressor(np.nonzero(self._folds != fold)[0], strength)

    def _regressor(self, which: NDArray[np.intp], strength: float) -> ShapeRegressor:
        dual, offset = self._solve(which, strength)
        full = np.zeros((len(self._rows), dual.shape[1]), np.float32)
        full[which] = dual
        weights = (self._rows.T @ full) * self._scale[:, None]
        return ShapeRegressor(weights, (offset - self._centre @ weights).astype(np.float32))

    def _solve(self, which: NDArray[np.intp], strength: float) -> tuple[Floats, Floats]:
        """Return a weight for each row and the offset, for rows not centred by themselves."""
        part, targets = self._gram[which][:, which], self._targets[which]
        mean = part.mean(axis=0)
        part -= mean
        part -= mean[:, None]
        part += mean.mean()
        part[np.diag_indices_from(part)] += strength * np.trace(part) / len(which) + 1e-9
        about = targets.mean(axis=0)
        right = np.ascontiguousarray((targets - about).T, dtype=np.float32)
        dual = solve_symmetric(part, right).T.astype(np.float64)
        dual -= dual.mean(axis=0)
        return dual, about - mean @ dual


def _block_scales(rows: Rows, blocks: Sequence[int]) -> Rows:
    """One over the root mean squared length of each block's rows, for each feature."""
    squares = np.einsum("mf,mf->f", rows, rows).astype(np.float64) / len(rows)
    parts = np.split(squares, np.cumsum(blocks)[:-1])
    lengths = [float(np.sqrt(part.sum())) + 1e-9 for part in parts]
    return np.repeat(1 / np.array(lengths), blocks).astype(np.float32)
