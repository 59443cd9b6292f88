"""Help from the model while points are dragged: where the others most probably are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel

    Points = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """How far points are expected from their true places, as a Gaussian process over the face.

    All lengths are in units of IOD.

    Parameters
    ----------
    pose : float
        Standard deviation of the shift, of the relative scale and of the rotation (radians).
    shape : float
        Share of each shape mode's variance that is unknown.
    local : float
        Standard deviation of an error that neighbouring points share.
    width : float
        How far that error reaches.
    single : float
        Standard deviation of each coordinate's own error.
    """

    pose: float
    shape: float
    local: float
    width: float
    single: float


_OF_SHAPE = Spread(pose=3.0, shape=1.0, local=0.01, width=0.15, single=0.008)
"""Of the mean shape, with a pose that is hardly known."""
_OF_REFERENCE = Spread(pose=0.02, shape=0.1, local=0.02, width=0.2, single=0.012)
"""Of a fit."""
_ROUNDS = 2
"""Times that the pose is linearised."""


def most_probable(
    model: FaceModel,
    points: Points,
    placed: NDArray[np.bool_],
    reference: Points | None = None,
) -> Points:
    """Move the points that nobody has placed to where they most probably are.

    Parameters
    ----------
    model : FaceModel
        Knows which shapes a face can take.
    points : ndarray, shape (N, 2)
        The face as it is now, in pixels; NaN where missing.
    placed : ndarray of bool, shape (N,)
        Points that a person put where they are.
    reference : ndarray, shape (N, 2), optional
        The face before the person placed anything, say the model's fit: evidence about the
        others beside the shape model. Without it only the placed points count, and the pose
        of ``points`` as far as they leave it open.

    Returns
    -------
    ndarray, shape (N, 2)
        Placed points are exactly where they were, missing ones still missing
        (`PointDistributionModel.complete` gives those a place).
    """
    known = ~np.isnan(points).any(axis=1)
    fixed = np.asarray(placed & known)
    if not fixed.any() or known.sum() < 2:
        return points.copy()
    if reference is None:
        result = _from_shape(model.pdm, points, fixed)
    else:
        result = _from_reference(model.pdm, points, fixed, model.pdm.complete(reference))
    result[fixed] = points[fixed]
    result[~known] = np.nan
    return result


def _from_shape(pdm: PointDistributionModel, points: Points, fixed: NDArray[np.bool_]) -> Points:
    result = points
    for _ in range(_ROUNDS):
        pose = Similarity.between(pdm.mean, result)
        result = _conditional(pdm, _OF_SHAPE, pdm.mean, pose, points, fixed)
    return result


def _from_reference(
    pdm: PointDistributionModel, points: Points, fixed: NDArray[np.bool_], reference: Points
) -> Points:
    pose = Similarity.between(pdm.mean, reference)
    expected = pose.inverse().apply(reference)
    return _conditional(pdm, _OF_REFERENCE, expected, pose, points, fixed)


def _conditional(  # noqa: PLR0917 - the parts of one formula
    pdm: PointDistributionModel,
    spread: Spread,
    expected: Points,
    pose: Similarity,
    points: Points,
    fixed: NDArray[np.bool_],
) -> Points:
    """Mean of all points given the fixed ones: expected + K_OP K_PP^-1 (points - expected)_P."""
    rows = np.repeat(fixed, 2)
    shared, own = _covariance(pdm, spread)
    known = shared[np.ix_(rows, rows)]
    known[np.diag_indices_from(known)] += own
    correction = (pose.inverse().apply(points) - expected).ravel()[rows]
    weights = cho_solve(cho_factor(known, check_finite=False), correction, check_finite=False)
    moved = expected + (shared[:, rows] @ weights).reshape(-1, 2)
    return pose.apply(moved)


@lru_cache(maxsize=8)
def _covariance(pdm: PointDistributionModel, spread: Spread) -> tuple[Points, float]:
    """Covariance that coordinates share, (2N, 2N), and the variance that is each one's own."""
    x, y = pdm.mean.T
    one = np.ones_like(x)
    tangent = np.stack([_row(x, y), _row(-y, x), _row(one, 0 * one), _row(0 * one, one)])
    pose = spread.pose**2 * tangent.T @ tangent
    modes = (pdm.components.T * pdm.variances) @ pdm.components
    squared = ((pdm.mean[:, None] - pdm.mean[None]) ** 2).sum(axis=2)
    near = spread.local**2 * np.exp(-0.5 * squared / spread.width**2)
    return pose + spread.shape * modes + np.kron(near, np.eye(2)), spread.single**2


def _row(x: Points, y: Points) -> Points:
    return np.stack([x, y], axis=1).ravel()
