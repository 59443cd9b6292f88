"""The most probable positions of the other points while some are dragged.

A person corrects some points. Their errors predict those of the others: errors of the pose are
shared by all points, errors of the shape by many, and local errors by neighbours.
With a covariance K of all errors and corrections d of the placed points P, the others move by
``K_OP K_PP^-1 d`` (a Gaussian process over the face's points: Rasmussen & Williams, 2006).

Two covariances are weighted by their likelihood given the corrections, since the initial points may
be good or bad: the covariance of fit errors, which are local, and that of the shape model itself,
for a mean shape placed by three clicks or a fit that has failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity, has_extent
from faceloop_runtime.pdm.gaussian import explain

from .error_covariance import CovarianceParameters, prior_covariance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime import FaceModel

    Points = NDArray[np.float64]

FIT_ERRORS = CovarianceParameters(
    pose=0.01, shape=0.022, power=0.29, local=0.036, reach=0.45, cross=0.1, single=0.016
)
SHAPE_ERRORS = CovarianceParameters(
    pose=0.1, shape=0.52, power=0.81, local=0.028, reach=0.2, cross=0.34, single=0.01
)
"""Both were chosen to need few drags (tests/benchmarks/drags.py) on faces of a training set only:
MUCT's and the sample's, fitted by models of the other half of the people."""
_FREEDOM = 4.0
"""Degrees of freedom of Student's t distribution: all errors of a face may be larger than usual."""
_ROUNDS = 2
"""Iterations of the estimate of the pose if there is no reference."""


def most_probable(
    model: FaceModel,
    points: Points,
    placed: NDArray[np.bool_],
    reference: Points | None = None,
    errors: Points | None = None,
) -> Points:
    """Move the points that nobody has placed to where they most probably are.

    Parameters
    ----------
    model : FaceModel
        Gives the shape model.
    points : ndarray, shape (N, 2)
        The face as it is now, in pixels; NaN where missing.
    placed : ndarray of bool, shape (N,)
        Points that a person put where they are.
    reference : ndarray, shape (N, 2), optional
        The face before the person placed anything, such as the model's fit. The errors of the
        others are predicted from those of the placed points in it. Without it the others take the
        most probable shape, in the pose of ``points`` as far as the placed ones leave it open.
        NaN where unknown; it is ignored if it has fewer than two points.
    errors : ndarray, shape (2N, 2N), optional
        Covariance of this model's errors, from `fit_errors.error_covariance`; a general one by
        default.

    Returns
    -------
    ndarray, shape (N, 2)
        Placed points are exactly where they were, missing ones still missing
        (`PointDistributionModel.complete` gives those a place). While none is placed, all are
        where the reference has them.
    """
    known = np.asarray(~np.isnan(points).any(axis=1))
    fixed = np.asarray(placed & known)
    if reference is not None and not has_extent(reference):
        reference = None
    if not has_extent(points if reference is None else reference):
        return points.copy()
    rough = prior_covariance(model, SHAPE_ERRORS)
    if not fixed.any():
        result = points if reference is None else model.pdm.complete(reference)
    elif reference is None:
        result = points
        for _ in range(_ROUNDS):
            pose = Similarity.between(model.pdm.mean, result)
            start = pose.apply(model.pdm.mean)
            result = start + _moves(pose, points - start, fixed, (rough,))
    else:
        fits = prior_covariance(model, FIT_ERRORS) if errors is None else errors
        start = model.pdm.complete(reference)
        pose = Similarity.between(model.pdm.mean, start)
        result = start + _moves(pose, points - start, fixed, (fits, rough))
    result = np.where(fixed[:, None], points, result)
    return np.where(known[:, None], result, np.nan)


def _moves(
    pose: Similarity,
    corrections: Points,
    fixed: NDArray[np.bool_],
    covariances: tuple[Points, ...],
) -> Points:
    """Return the expected moves of all points, (N, 2) in pixels, given those of the fixed ones."""
    turn = Similarity(pose.a, pose.b)
    known = np.repeat(fixed, 2)
    seen = turn.inverse().apply(corrections).ravel()[known]
    moves, evidence = [], []
    for covariance in covariances:
        found = explain(covariance, known, seen)
        moves.append(found.mean)
        tail = 0.5 * (_FREEDOM + len(seen)) * np.log1p(found.distance / _FREEDOM)
        evidence.append(-0.5 * found.log_determinant - tail)
    shares = np.exp(np.array(evidence) - max(evidence))
    mean = (shares / shares.sum()) @ np.array(moves)
    return turn.apply(mean.reshape(-1, 2))
