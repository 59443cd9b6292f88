"""Probabilistic PCA with missing points, by EM: the point distribution model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.pdm import PointDistributionModel
from faceloop_runtime.pdm.gaussian import condition
from faceloop_runtime.pdm.tangent import pose_tangent

from .procrustes import aligned, procrustes_mean
from .weights import repeated_measures_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]

_EM_ROUNDS = 40
_SHRUNK = 0.5
"""Shapes that have nothing in common average to a mean smaller than this, in IOD."""


@dataclass(frozen=True, eq=False)
class ShapePrior:
    """How faces vary that were annotated elsewhere.

    Parameters
    ----------
    covariance : ndarray, shape (2N, 2N)
        Of aligned shapes about their own mean, in IOD squared.
    weight : float
        So many faces of different people it counts for.
    """

    covariance: Points
    weight: float


def fit_pdm(
    scheme: Scheme,
    shapes: Points,
    components: int,
    *,
    people: Sequence[str] | None = None,
    prior: ShapePrior | None = None,
) -> PointDistributionModel:
    """Fit probabilistic PCA to aligned shapes with missing points by EM.

    Tipping & Bishop, "Probabilistic principal component analysis", 1999, appendix B; missing
    coordinates are latent and enter each round with their conditional mean and covariance. With
    a prior each round's covariance is the maximum a posteriori under an inverse Wishart
    distribution.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    shapes : ndarray, shape (F, N, 2)
        NaN where a point is unknown.
    components : int
        Most modes to keep; without a prior never more than faces - 1 allow.
    people : sequence of str, length F, optional
        Whom each face shows; repeated views then count as `repeated_measures_weights` says.
    prior : ShapePrior, optional
        What is known about faces beforehand.

    Raises
    ------
    TrainingError
        If there are fewer than two faces, a landmark has no position anywhere, or the shapes
        have nothing in common.
    """
    if len(shapes) < 2:
        raise TrainingError(f"A shape model needs at least 2 faces but got {len(shapes)}.")
    mean = procrustes_mean(scheme, shapes)
    weights = np.ones(len(shapes))
    if people is not None:
        near = np.where(np.isnan(rows := aligned(shapes, mean)), mean.reshape(-1), rows)
        weights = repeated_measures_weights(near, people)
        mean = procrustes_mean(scheme, shapes, weights)
    rows = aligned(shapes, mean)
    count = min(components, rows.shape[1] - 4 if prior else len(shapes) - 1, rows.shape[1] - 4)
    missing = np.isnan(rows)
    rounds = _EM_ROUNDS if missing.any() else 1
    # Of few points the modes would take in all that is left, growth too, which belongs to the pose.
    pose = _pose(mean) if rows.shape[1] - 4 <= 2 * components else None
    # Where nothing is known about an unknown coordinate yet, the mean shape stands in.
    centre = mean.reshape(-1)
    covariance = _covariance(np.where(missing, centre, rows), weights, prior)
    for _ in range(rounds):
        basis, variances, noise = _principal(covariance, count, pose)
        low_rank = (basis.T * variances) @ basis + noise * np.eye(len(centre))
        filled, extra = _expect(rows, missing, centre, low_rank, weights)
        before, centre = centre, np.average(filled, axis=0, weights=weights)
        covariance = _covariance(filled, weights, prior, extra)
        if np.abs(centre - before).max() < 1e-5:
            break
    basis, variances, noise = _principal(covariance, count, pose)
    if not scheme.inter_ocular_distance(centre.reshape(-1, 2)) > _SHRUNK:
        raise TrainingError(
            "The annotated faces have no shape in common; check the annotations (are points in "
            "the scheme's order, and do they belong to these pictures?)."
        )
    return PointDistributionModel(centre.reshape(-1, 2), basis, variances, noise)


def _covariance(
    filled: Points, weights: Points, prior: ShapePrior | None, extra: Points | float = 0.0
) -> Points:
    own = np.cov(filled, rowvar=False, bias=True, aweights=weights) + extra
    if prior is None:
        return np.asarray(own)
    total = weights.sum()
    return np.asarray((total * own + prior.weight * prior.covariance) / (total + prior.weight))


def _pose(mean: Points) -> Points:
    """Return the directions in which growing, turning and moving change the mean, (4, 2N)."""
    rows = pose_tangent(mean)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _principal(covariance: Points, count: int, pose: Points | None) -> tuple[Points, Points, float]:
    if pose is not None:
        left = np.eye(len(covariance)) - pose.T @ pose
        covariance = left @ covariance @ left
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    rest = values[count:]
    noise = max(float(rest.clip(0).mean()) if len(rest) else 0.0, 1e-8)
    basis = vectors[:, :count].T
    # The sign of an eigenvector is arbitrary; fixing it makes training repeatable.
    signs = np.sign(basis[np.arange(count), np.abs(basis).argmax(axis=1)])
    return basis * signs[:, None], values[:count].clip(noise), noise


def _expect(
    rows: Points,
    missing: NDArray[np.bool_],
    centre: Points,
    covariance: Points,
    weights: Points,
) -> tuple[Points, Points]:
    """Fill unknown coordinates with their conditional mean; return their covariance too."""
    filled, extra = rows.copy(), np.zeros_like(covariance)
    for pattern in np.unique(missing[missing.any(axis=1)], axis=0):
        members = (missing == pattern).all(axis=1)
        known = ~pattern
        gain, conditional = condition(covariance, known)
        filled[np.ix_(members, pattern)] = (
            centre[pattern] + (rows[np.ix_(members, known)] - centre[known]) @ gain
        )
        extra[np.ix_(pattern, pattern)] += conditional * weights[members].sum() / weights.sum()
    return filled, extra
