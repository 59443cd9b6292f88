"""Training the regressor that corrects the search's result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from faceloop_runtime.regressor import ShapeRegressor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_KEEP_CELLS = 32
"""Principal components kept of one landmark's cells."""
_KEEP_FACE = 128
"""Principal components kept of the whole face."""
_STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Ridge strengths tried, as multiples of the mean squared length of a row."""


@dataclass(frozen=True, eq=False)
class Reducer:
    """Principal components of regression features, in three blocks of equal weight.

    Without it the normal equations would have a row for each of about 12,000 raw features;
    with it their size is bounded, and the cost grows with the number of faces only.
    """

    centre: Rows
    parts: tuple[tuple[slice, Rows], ...]

    @classmethod
    def fit(cls, features: Rows, landmarks: int, cells: int, shape: int) -> Reducer:
        """Learn the components.

        Parameters
        ----------
        features : ndarray, shape (M, F)
            Rows of `faceloop_runtime.regressor.regression_features`.
        landmarks, cells, shape : int
            Number of landmarks, features of one landmark, shape parameters.
        """
        centre = features.mean(axis=0)
        local = [
            _part(features, centre, slice(n * cells, (n + 1) * cells), _KEEP_CELLS)
            for n in range(landmarks)
        ]
        last = features.shape[1] - shape
        face = _part(features, centre, slice(landmarks * cells, last), _KEEP_FACE)
        own = (slice(last, features.shape[1]), np.eye(shape, dtype=np.float32))
        blocks = [local, [face], [own]]
        parts = [
            (where, basis / _energy(features, centre, block))
            for block in blocks
            for where, basis in block
        ]
        return cls(centre, tuple(parts))

    def __call__(self, features: Rows) -> Floats:
        """Reduce rows (M, F) to (M, R)."""
        centred = features - self.centre
        reduced = [centred[:, where] @ basis for where, basis in self.parts]
        return np.concatenate(reduced, axis=1).astype(np.float64)

    def expand(self, weights: Floats, offset: Floats) -> ShapeRegressor:
        """Turn weights (R, D) of reduced features into a regressor of raw ones."""
        full = np.zeros((len(self.centre), weights.shape[1]), np.float32)
        row = 0
        for where, basis in self.parts:
            full[where] = basis @ weights[row : row + basis.shape[1]]
            row += basis.shape[1]
        return ShapeRegressor(full, (offset - self.centre @ full).astype(np.float32))


def _part(features: Rows, centre: Rows, where: slice, keep: int) -> tuple[slice, Rows]:
    rows = features[:, where] - centre[where]
    if rows.shape[1] <= 512:
        _, vectors = np.linalg.eigh(rows.T @ rows)
        return where, np.ascontiguousarray(vectors[:, ::-1][:, :keep])
    from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415 - as in filters.py

    keep = min(keep, *rows.shape)
    _, _, components = randomized_svd(rows, keep, n_iter=3, random_state=0)
    return where, np.ascontiguousarray(components.T)


def _energy(features: Rows, centre: Rows, block: list[tuple[slice, Rows]]) -> float:
    """Root mean squared length of the block's reduced rows."""
    squares = sum(
        float((((features[:, where] - centre[where]) @ basis) ** 2).sum()) for where, basis in block
    )
    return float(np.sqrt(squares / len(features))) + 1e-9


@dataclass(frozen=True, eq=False)
class Regressors:
    """The regressor of all samples, and for each fold the one that never saw it."""

    whole: ShapeRegressor
    without: tuple[ShapeRegressor, ...]
    strength: float


def train_regressors(
    features: Rows,
    targets: Floats,
    folds: NDArray[np.intp],
    landmarks: int,
    cells: int,
) -> Regressors:
    """Ridge regression of the correction, its strength chosen by cross-validation.

    Parameters
    ----------
    features : ndarray, shape (M, F)
        One row a fit.
    targets : ndarray, shape (M, 4 + K)
        The correction that fit needed.
    folds : ndarray of int, shape (M,)
        Fold of each fit's subject.
    landmarks, cells : int
        Number of landmarks, and features of one landmark.

    Returns
    -------
    Regressors
    """
    reducer = Reducer.fit(features, landmarks, cells, targets.shape[1] - 4)
    rows = reducer(features)
    parts = [_Sums.of(rows[folds == f], targets[folds == f]) for f in range(folds.max() + 1)]
    total = sum(parts[1:], parts[0])
    errors = []
    for strength in _STRENGTHS:
        wrong = 0.0
        for f, part in enumerate(parts):
            weights, offset = (total - part).solve(strength)
            residual = targets[folds == f] - rows[folds == f] @ weights - offset
            wrong += float((residual**2).sum())
        errors.append(wrong)
    best = _STRENGTHS[int(np.argmin(errors))]
    return Regressors(
        whole=reducer.expand(*total.solve(best)),
        without=tuple(reducer.expand(*(total - part).solve(best)) for part in parts),
        strength=best,
    )


@dataclass(frozen=True, eq=False)
class _Sums:
    """Normal equations; additive over samples."""

    count: int
    x: Floats
    y: Floats
    xx: Floats
    xy: Floats

    @classmethod
    def of(cls, rows: Floats, targets: Floats) -> _Sums:
        return cls(len(rows), rows.sum(0), targets.sum(0), rows.T @ rows, rows.T @ targets)

    def __add__(self, o: _Sums) -> _Sums:
        return _Sums(
            self.count + o.count, self.x + o.x, self.y + o.y, self.xx + o.xx, self.xy + o.xy
        )

    def __sub__(self, o: _Sums) -> _Sums:
        return _Sums(
            self.count - o.count, self.x - o.x, self.y - o.y, self.xx - o.xx, self.xy - o.xy
        )

    def solve(self, strength: float) -> tuple[Floats, Floats]:
        mean_x, mean_y = self.x / self.count, self.y / self.count
        normal = self.xx - self.count * np.outer(mean_x, mean_x)
        right = self.xy - self.count * np.outer(mean_x, mean_y)
        normal[np.diag_indices_from(normal)] += strength * np.trace(normal) / self.count + 1e-9
        weights = cho_solve(cho_factor(normal, check_finite=False), right, check_finite=False)
        return weights, mean_y - mean_x @ weights
