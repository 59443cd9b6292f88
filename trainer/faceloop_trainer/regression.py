"""Training the regressor that corrects the search's result."""

from __future__ import annotations

from dataclasses import dataclass
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
_MOST_ROWS = 6000
"""Of more fits than this some are chosen: memory and time grow with their square."""


@dataclass(frozen=True, eq=False)
class Regressors:
    """The regressor of all samples, and for each fold the one that never saw it."""

    whole: ShapeRegressor
    without: tuple[ShapeRegressor, ...]
    strength: float


def train_regressors(
    features: Rows, targets: Floats, folds: NDArray[np.intp], blocks: Sequence[int]
) -> Regressors:
    """Ridge regression of the correction, its strength chosen by cross-validation.

    There are fewer rows than features, so it is solved by the rows' scalar products (the dual
    form): ``weights = X' (X X' + strength)^-1 Y``.

    Parameters
    ----------
    features : ndarray, shape (M, F)
        One row a fit; changed in place.
    targets : ndarray, shape (M, 4 + K)
        The correction that fit needed.
    folds : ndarray of int, shape (M,)
        Fold of each fit's subject.
    blocks : sequence of int
        Numbers of features of the blocks that are given equal weight; together F.

    Returns
    -------
    Regressors
    """
    if len(features) > _MOST_ROWS:
        chosen = np.random.default_rng(0).choice(len(features), _MOST_ROWS, replace=False)
        features, targets, folds = features[chosen], targets[chosen], folds[chosen]
    rows, centre = features, features.mean(axis=0)
    rows -= centre
    scale = _block_scales(rows, blocks)
    rows *= scale
    gram = rows @ rows.T
    numbers = range(int(folds.max()) + 1)
    every, others = np.arange(len(rows)), [np.nonzero(folds != f)[0] for f in numbers]
    errors = []
    for strength in _STRENGTHS:
        wrong = 0.0
        for f, kept in enumerate(others):
            own = folds == f
            dual, offset = _solve(gram, targets, kept, strength)
            residual = targets[own] - gram[own][:, kept] @ dual - offset
            wrong += float((residual**2).sum())
        errors.append(wrong)
    best = _STRENGTHS[int(np.argmin(errors))]

    def regressor(which: NDArray[np.intp]) -> ShapeRegressor:
        dual, offset = _solve(gram, targets, which, best)
        full = np.zeros((len(rows), dual.shape[1]), np.float32)
        full[which] = dual
        weights = (rows.T @ full) * scale[:, None]
        return ShapeRegressor(weights, (offset - centre @ weights).astype(np.float32))

    return Regressors(regressor(every), tuple(regressor(kept) for kept in others), best)


def _block_scales(rows: Rows, blocks: Sequence[int]) -> Rows:
    """One over the root mean squared length of each block's rows, for each feature."""
    squares = np.einsum("mf,mf->f", rows, rows).astype(np.float64) / len(rows)
    parts = np.split(squares, np.cumsum(blocks)[:-1])
    lengths = [float(np.sqrt(part.sum())) + 1e-9 for part in parts]
    return np.repeat(1 / np.array(lengths), blocks).astype(np.float32)


def _solve(
    gram: Rows, targets: Floats, which: NDArray[np.intp], strength: float
) -> tuple[Floats, Floats]:
    """Return a weight for each row and the offset, for rows that are not centred by themselves."""
    part = gram[which][:, which]
    mean = part.mean(axis=0)
    part -= mean
    part -= mean[:, None]
    part += mean.mean()
    part[np.diag_indices_from(part)] += strength * np.trace(part) / len(which) + 1e-9
    about = targets[which].mean(axis=0)
    right = np.ascontiguousarray((targets[which] - about).T, dtype=np.float32)
    dual = solve_symmetric(part, right).T.astype(np.float64)
    dual -= dual.mean(axis=0)
    return dual, about - mean @ dual
