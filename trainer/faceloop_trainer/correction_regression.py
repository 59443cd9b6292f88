"""Training the regressor that corrects the search's result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from faceloop_runtime.regressor import ShapeRegressor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_STRENGTHS = (0.5, 1.0, 2.0, 4.0, 100.0)
"""Ridge strengths tried, as multiples of the mean squared length of what a landmark sees. On
people who neither trained nor chose it, 1 to 2 is best at 25 and 100 faces, 2 to 4 at 300."""
_USUAL, _BETTER = 4.0, 0.97
"""A ridge stronger than the first is taken only if it leaves less than the second of the error: it
is for labels that are mostly noise. The few people of a small set may ask for 32 without need, and
lose half of what the correction gains."""
_SHARES = (1.0, 0.5, 0.3)
"""Weights of a landmark's own cells, the whole face, and the shape (mean squared lengths)."""
_NOTHING = 1e-5
"""Features whose spread has a length below this are the same in all faces."""
_TRIED, _FEW = 4, 50
"""The strength is chosen on every fourth landmark, for time; of few on all."""
_AT_ONCE = 10
"""Landmarks whose cells are copied at once: those of all of them, for thousands of searches, are
hundreds of megabytes."""


class CorrectionRegression:
    """Ridge regression of the correction that an out-of-fold fit needs.

    Each landmark's own movement is regressed on its own cells, the whole face and the shape:
    what is round the other landmarks says little more about it, and would be fitted to noise.
    Pose and shape then follow from the movements of all landmarks by least squares. All of it is
    linear, so that one matrix does it in a fit.

    Parameters
    ----------
    features : ndarray, shape (M, F)
        One row a fit; changed in place.
    targets : ndarray, shape (M, 4 + K)
        The correction that it needs.
    folds : ndarray of int, shape (M,)
        Fold of each one's subject.
    blocks : sequence of int
        Numbers of features: cells of all landmarks, the whole face, and the shape; together F.
    tangent : ndarray, shape (4 + K, 2N)
        How the points move with pose and shape; from `PointDistributionModel.tangent`.
    """

    def __init__(
        self,
        features: Rows,
        targets: Floats,
        folds: NDArray[np.intp],
        blocks: Sequence[int],
        tangent: Floats,
    ) -> None:
        landmarks = tangent.shape[1] // 2
        rows, self._folds = features, folds
        self._centre = rows.mean(axis=0)
        rows -= self._centre
        self._scale = _block_scales(rows, blocks, landmarks)
        rows *= self._scale
        cells = rows[:, : blocks[0]].reshape(len(rows), landmarks, -1)
        movements = (targets @ tangent).reshape(len(rows), -1, 2)
        self._examples = _Examples(cells, rows[:, blocks[0] :], movements)
        self._to_shape = np.asarray(np.linalg.pinv(tangent), dtype=np.float64)

    @cached_property
    def strength(self) -> float:
        """The strength that corrects people best whom the regressor has not seen."""
        landmarks = self._examples.cells.shape[1]
        few = self._examples.of_landmarks(slice(None, None, 1 if landmarks <= _FEW else _TRIED))
        best, least = _STRENGTHS[0], np.inf
        for strength in _STRENGTHS:
            folds = range(int(self._folds.max()) + 1)
            wrong = sum(few.error(self._folds != fold, strength) for fold in folds)
            if wrong < (_BETTER if strength > _USUAL else 1.0) * least:
                best, least = strength, wrong
        return best

    def whole(self, strength: float) -> ShapeRegressor:
        """Return the regressor of all rows."""
        return self._regressor(self._folds >= 0, strength)

    def without(self, fold: int, strength: float) -> ShapeRegressor:
        """Return the regressor that never saw a fold."""
        return self._regressor(self._folds != fold, strength)

    def _regressor(self, kept: NDArray[np.bool_], strength: float) -> ShapeRegressor:
        weights, offset = self._examples.learn(kept, strength).joined(self._to_shape)
        weights *= self._scale[:, None]
        return ShapeRegressor(
            weights.astype(np.float32), (offset - self._centre @ weights).astype(np.float32)
        )


def _block_scales(rows: Rows, blocks: Sequence[int], landmarks: int) -> Rows:
    """Return what gives each landmark's cells and the other blocks their shares of the length."""
    squares = np.einsum("mf,mf->f", rows, rows).astype(np.float64) / len(rows)
    counts = [blocks[0] // landmarks] * landmarks + list(blocks[1:])
    shares = np.array([_SHARES[0]] * landmarks + list(_SHARES[1:]))
    parts = np.split(squares, np.cumsum(counts)[:-1])
    lengths = np.sqrt([part.sum() for part in parts])
    # What is the same in all faces is rounding, and must not be blown up.
    scales = np.where(lengths > _NOTHING, np.sqrt(shares) / (lengths + 1e-9), 0.0)
    return np.repeat(scales, counts).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Movements:
    """Linear maps from features to movements of the landmarks.

    Parameters
    ----------
    own : ndarray, shape (N, D, 2)
        Weights of each landmark's own cells.
    shared : ndarray, shape (R, N, 2)
        Weights of the features that all landmarks share.
    offset : ndarray, shape (N, 2)
        Movement where all features are zero.
    """

    own: Floats
    shared: Floats
    offset: Floats

    def __call__(self, cells: Rows, shared: Rows) -> Floats:
        """Return the movements for cells (M, N, D) and shared features (M, R), (M, N, 2)."""
        moved = np.einsum("mnd,ndc->mnc", cells, self.own, optimize=True)
        return np.asarray(moved + np.tensordot(shared, self.shared, 1) + self.offset)

    def joined(self, to_shape: Floats) -> tuple[Floats, Floats]:
        """Return weights (F, 4 + K) and offset of the pose and shape that move points so.

        ``to_shape`` of shape (2N, 4 + K) finds pose and shape for movements of points.
        """
        each = to_shape.reshape(len(self.own), 2, -1)
        own = (self.own @ each).reshape(-1, each.shape[-1])
        shared = self.shared.reshape(len(self.shared), -1) @ to_shape
        return np.concatenate([own, shared]), self.offset.reshape(-1) @ to_shape


@dataclass(frozen=True, eq=False)
class _Examples:
    """Cells (M, N, D), shared features (M, R) and movements (M, N, 2)."""

    cells: Rows
    shared: Rows
    movements: Floats

    def of_landmarks(self, which: slice) -> _Examples:
        """Return the same for some of the landmarks."""
        return _Examples(self.cells[:, which], self.shared, self.movements[:, which])

    def error(self, kept: NDArray[np.bool_], strength: float) -> float:
        """Learn from the rows that are kept; return the squared error on the others."""
        guess = self.learn(kept, strength)(self.cells[~kept], self.shared[~kept])
        return float(((guess - self.movements[~kept]) ** 2).sum())

    def learn(self, kept: NDArray[np.bool_], strength: float) -> _Movements:
        """Ridge regression for each landmark, from the rows that are kept.

        There are fewer rows than features, so it is solved by the rows' scalar products (the
        dual form). Those of the shared features are the same for all landmarks, and with the
        strength on their diagonal are factored once, ``A = L L'``. A landmark's own cells ``X``
        are few: by the matrix inversion lemma their weights solve ``(1 + X' A^-1 X) w = X' A^-1
        Y``, and the shared features explain what is then left of ``Y``.
        """
        shared, movements = self.shared[kept], self.movements[kept]
        count, (_, landmarks, depth) = len(shared), self.cells.shape
        shared_mean, offset = shared.mean(axis=0), movements.mean(axis=0)
        shared -= shared_mean
        movements -= offset
        gram = shared @ shared.T
        gram[np.diag_indices_from(gram)] += strength * sum(_SHARES)
        lower = cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
        left = _by_landmark(_solved(lower, movements.reshape(count, -1)), landmarks)
        own = np.empty((landmarks, depth, 2))
        for first in range(0, landmarks, _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            cells = self.cells[:, some][kept]
            mean = cells.mean(axis=0)
            cells -= mean
            seen = _by_landmark(_solved(lower, cells.reshape(count, -1)), cells.shape[1])
            across = seen.transpose(0, 2, 1)
            found = np.linalg.solve(
                across @ seen + np.eye(depth, dtype=np.float32), across @ left[some]
            )
            left[some] -= seen @ found
            own[some] = found
            offset[some] -= np.einsum("nd,ndc->nc", mean, own[some])
        dual = _solved(lower, left.transpose(1, 0, 2).reshape(count, -1), transposed=True)
        weights = (shared.T @ dual).reshape(-1, landmarks, 2).astype(np.float64)
        return _Movements(own, weights, offset - np.tensordot(shared_mean, weights, 1))


def _solved(lower: Rows, right: NDArray[np.floating], *, transposed: bool = False) -> Rows:
    """Solve a triangular system for right sides (M, ...)."""
    copy = np.array(right, np.float32, order="F")
    return np.asarray(
        solve_triangular(
            lower,
            copy,
            trans=1 if transposed else 0,
            lower=True,
            overwrite_b=True,
            check_finite=False,
        )
    )


def _by_landmark(columns: Rows, landmarks: int) -> Rows:
    """Bring (M, N * D) to (N, M, D)."""
    return columns.reshape(len(columns), landmarks, -1).transpose(1, 0, 2).copy()
