"""From annotated points to a point distribution model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm import PointDistributionModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]

_ALIGN_ROUNDS = 8
_EM_ROUNDS = 40


def procrustes_mean(scheme: Scheme, shapes: Points) -> Points:
    """Align shapes to their mean (generalised Procrustes analysis: Gower, 1975).

    Parameters
    ----------
    scheme : Scheme
        Gives the two points that fix size and roll.
    shapes : ndarray, shape (F, N, 2)
        NaN where a point is unknown.

    Returns
    -------
    ndarray, shape (N, 2)
        Mean shape: centred, inter-ocular distance 1, eyes level.

    Raises
    ------
    TrainingError
        If some landmark is unknown in every face.
    """
    unseen = np.isnan(shapes).any(axis=2).all(axis=0)
    if unseen.any():
        names = ", ".join(scheme.names[i] for i in np.nonzero(unseen)[0][:5])
        raise TrainingError(
            f"{unseen.sum()} landmarks have no position in any face ({names}); "
            "annotate them in at least a few faces."
        )
    fullest = int(np.isnan(shapes).any(axis=2).sum(axis=1).argmin())
    mean: Points = shapes[fullest]
    for _ in range(_ALIGN_ROUNDS):
        aligned = np.array([Similarity.between(s, mean).apply(s) for s in shapes])
        mean = _upright(scheme, np.nanmean(aligned, axis=0))
    return mean


def _upright(scheme: Scheme, shape: Points) -> Points:
    left, right = shape[scheme.iod[0]], shape[scheme.iod[1]]
    a, b = (right - left) / float(((right - left) ** 2).sum())
    turned = Similarity(float(a), -float(b), 0.0, 0.0).apply(shape)
    return np.asarray(turned - turned.mean(axis=0), dtype=np.float64)


def fit_pdm(scheme: Scheme, shapes: Points, components: int) -> PointDistributionModel:
    """Fit probabilistic PCA to aligned shapes with missing points by EM.

    Tipping & Bishop, "Probabilistic principal component analysis", 1999, appendix B; missing
    coordinates are latent and enter each round with their conditional mean and covariance.

    Parameters
    ----------
    scheme : Scheme
        The landmarks.
    shapes : ndarray, shape (F, N, 2)
        NaN where a point is unknown.
    components : int
        Most modes to keep; never more than faces - 1 allow.

    Raises
    ------
    TrainingError
        If there are fewer than two faces, or a landmark has no position anywhere.
    """
    if len(shapes) < 2:
        raise TrainingError(f"A shape model needs at least 2 faces but got {len(shapes)}.")
    mean = procrustes_mean(scheme, shapes)
    rows = np.array([Similarity.between(s, mean).apply(s) for s in shapes]).reshape(len(shapes), -1)
    count = min(components, len(shapes) - 1, rows.shape[1] - 4)
    missing = np.isnan(rows)
    rounds = _EM_ROUNDS if missing.any() else 1
    centre = np.nanmean(rows, axis=0)
    covariance = np.cov(np.where(missing, centre, rows), rowvar=False, bias=True)
    for _ in range(rounds):
        basis, variances, noise = _principal(covariance, count)
        low_rank = (basis.T * variances) @ basis + noise * np.eye(len(centre))
        filled, extra = _expect(rows, missing, centre, low_rank)
        change = np.abs(filled.mean(axis=0) - centre).max()
        centre = filled.mean(axis=0)
        covariance = np.cov(filled, rowvar=False, bias=True) + extra
        if change < 1e-5:
            break
    basis, variances, noise = _principal(covariance, count)
    return PointDistributionModel(centre.reshape(-1, 2), basis, variances, noise)


def _principal(covariance: Points, count: int) -> tuple[Points, Points, float]:
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    rest = values[count:]
    noise = max(float(rest.clip(0).mean()) if len(rest) else 0.0, 1e-8)
    basis = vectors[:, :count].T
    # The sign of an eigenvector is arbitrary; fixing it makes training repeatable.
    signs = np.sign(basis[np.arange(count), np.abs(basis).argmax(axis=1)])
    return basis * signs[:, None], values[:count].clip(noise), noise


def _expect(
    rows: Points, missing: NDArray[np.bool_], centre: Points, covariance: Points
) -> tuple[Points, Points]:
    """Fill unknown coordinates with their conditional mean; return their covariance too."""
    filled, extra = rows.copy(), np.zeros_like(covariance)
    for pattern in np.unique(missing[missing.any(axis=1)], axis=0):
        members = (missing == pattern).all(axis=1)
        known = ~pattern
        gain = np.linalg.solve(covariance[np.ix_(known, known)], covariance[np.ix_(known, pattern)])
        filled[np.ix_(members, pattern)] = (
            centre[pattern] + (rows[np.ix_(members, known)] - centre[known]) @ gain
        )
        conditional = (
            covariance[np.ix_(pattern, pattern)] - covariance[np.ix_(pattern, known)] @ gain
        )
        extra[np.ix_(pattern, pattern)] += conditional * members.sum() / len(rows)
    return filled, extra
