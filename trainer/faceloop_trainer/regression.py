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


@dataclass(frozen=True, eq=False)
class Regressors:
    """The regressor of all samples, and the one that never saw the fold that is judged."""

    whole: ShapeRegressor
    without: ShapeRegressor
    strength: float


def train_regressors(
    features: Rows, targets: Floats, judged: NDArray[np.bool_], blocks: Sequence[int]
) -> Regressors:
    """Ridge regression of the correction, its strength chosen on the fold that is judged.

    There are fewer rows than features, so it is solved by the rows' scalar products (the dual
    form): ``weights = X' (X X' + strength)^-1 Y``.

    Parameters
    ----------
    features : ndarray, shape (M, F)
        One row a fit.
    targets : ndarray, shape (M, 4 + K)
        The correction that fit needed.
    judged : ndarray of bool, shape (M,)
        Rows of the fold that is judged.
    blocks : sequence of int
        Numbers of features of the blocks that are given equal weight; together F.

    Returns
    -------
    Regressors
    """
    centre = features.mean(axis=0)
    rows = features - centre
    scale = _block_scales(rows, blocks)
    rows *= scale
    gram = rows @ rows.T
    others, own = np.nonzero(~judged)[0], np.nonzero(judged)[0]
    errors = []
    for strength in _STRENGTHS:
        dual, offset = _solve(gram, targets, others, strength)
        residual = targets[own] - gram[np.ix_(own, others)] @ dual - offset
        errors.append(float((residual**2).sum()))
    best = _STRENGTHS[int(np.argmin(errors))]

    def regressor(which: NDArray[np.intp]) -> ShapeRegressor:
        dual, offset = _solve(gram, targets, which, best)
        weights = (rows[which].T @ dual.astype(np.float32)) * scale[:, None]
        return ShapeRegressor(weights, (offset - centre @ weights).astype(np.float32))

    return Regressors(regressor(np.arange(len(rows))), regressor(others), best)


def _block_scales(rows: Rows, blocks: Sequence[int]) -> Rows:
    """One over the root mean squared length of each block's rows, for each feature."""
    squares = np.einsum("mf,mf->f", rows, rows, dtype=np.float64) / len(rows)
    ends = np.cumsum(blocks)
    lengths = [np.sqrt(part.sum()) + 1e-9 for part in np.split(squares, ends[:-1])]
    return np.repeat(1 / np.array(lengths), blocks).astype(np.float32)


def _solve(
    gram: Rows, targets: Floats, which: NDArray[np.intp], strength: float
) -> tuple[Floats, Floats]:
    """Return a weight for each row and the offset, for rows that are not centred by themselves."""
    part = gram[np.ix_(which, which)]
    mean = part.mean(axis=0)
    centred = part - mean - mean[:, None]
    centred += mean.mean()
    centred[np.diag_indices_from(centred)] += strength * np.trace(centred) / len(which) + 1e-9
    about = targets[which].mean(axis=0)
    right = np.ascontiguousarray((targets[which] - about).T, dtype=np.float32)
    dual = solve_symmetric(centred, right).T.astype(np.float64)
    dual -= dual.mean(axis=0)
    return dual, about - mean @ dual
