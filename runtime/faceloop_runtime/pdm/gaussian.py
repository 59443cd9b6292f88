"""Gaussian conditioning: what the known part of something says about the rest of it.

Shapes and their errors are Gaussian here, with covariance ``C`` and precision ``P = C^-1``, known
(``k``) and unknown (``u``) coordinates, and deviations ``x`` from the mean. Equation numbers are
those of Bishop, "Pattern recognition and machine learning", 2006.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]


def condition(covariance: Floats, known: Mask) -> tuple[Floats, Floats]:
    """Condition unknown coordinates on known ones (eqs. 2.81 and 2.82).

    Parameters
    ----------
    covariance : ndarray, shape (D, D)
        Of all coordinates.
    known : ndarray of bool, shape (D,)
        Which are known.

    Returns
    -------
    gain : ndarray, shape (K, D - K)
        ``C_kk^-1 C_ku``: the unknown deviations are expected at ``x_k @ gain``.
    remaining : ndarray, shape (D - K, D - K)
        ``C_uu - C_uk C_kk^-1 C_ku``: their covariance then.
    """
    unknown = ~known
    gain = np.linalg.solve(covariance[np.ix_(known, known)], covariance[np.ix_(known, unknown)])
    remaining = covariance[np.ix_(unknown, unknown)] - covariance[np.ix_(unknown, known)] @ gain
    return np.asarray(gain), remaining


class Explanation(NamedTuple):
    """What a Gaussian makes of the deviations of some coordinates; see `explain`.

    Parameters
    ----------
    mean : ndarray, shape (D,)
        Expected deviation of every coordinate; known ones keep theirs.
    distance : float
        Squared Mahalanobis distance of the known ones, ``x_k' C_kk^-1 x_k``.
    log_determinant : float
        Of ``C_kk``.
    """

    mean: Floats
    distance: float
    log_determinant: float


def explain(covariance: Floats, known: Mask, deviations: Floats) -> Explanation:
    """Condition on known deviations (eq. 2.81), and say how probable they are.

    Parameters
    ----------
    covariance : ndarray, shape (D, D)
        Of all coordinates.
    known : ndarray of bool, shape (D,)
        Which are known.
    deviations : ndarray, shape (K,)
        Their deviations from the mean.
    """
    factor = cho_factor(covariance[np.ix_(known, known)], lower=True, check_finite=False)
    weights = cho_solve(factor, deviations, check_finite=False)
    log_determinant = 2.0 * float(np.log(np.diag(factor[0])).sum())
    return Explanation(covariance[:, known] @ weights, float(deviations @ weights), log_determinant)


def observe(covariance: Floats, observation: Floats, noise: float) -> Floats:
    """Condition all coordinates on noisy linear combinations of them (eqs. 2.113 to 2.117).

    Parameters
    ----------
    covariance : ndarray, shape (D, D)
        Of the coordinates.
    observation : ndarray, shape (M, D)
        ``H``: what is observed is ``H x`` and noise.
    noise : float
        Variance of the noise of each observation.

    Returns
    -------
    ndarray, shape (D, M)
        ``C H' (H C H' + noise I)^-1``: brings observed deviations to expected deviations.
    """
    across = covariance @ observation.T
    own = observation @ across + noise * np.eye(len(observation))
    return np.asarray(np.linalg.solve(own, across.T).T)


def prior_penalty(precision: Floats, variances: Floats, noise: float) -> Floats:
    """Return what a Gaussian prior adds to the normal equations of a least-squares problem.

    Parameters
    ----------
    precision : ndarray, shape (K, K)
        Inverse correlation of the latent variables; the identity if they are independent.
    variances : ndarray, shape (K,)
        Their variances.
    noise : float
        Variance of the noise of each observation.

    Returns
    -------
    ndarray, shape (K, K)
        ``noise`` times the inverse covariance.
    """
    return np.asarray(precision * (noise / np.sqrt(np.outer(variances, variances))))


def latent_mean(basis: Floats, penalty: Floats, deviations: Floats) -> Floats:
    """Posterior mean of the latent variables of a linear Gaussian model (eqs. 2.116 and 12.48).

    The model is ``x = b @ basis`` and noise.

    Parameters
    ----------
    basis : ndarray, shape (K, D)
        Columns of the coordinates that are known.
    penalty : ndarray, shape (K, K)
        Prior of the latent variables, from `prior_penalty`.
    deviations : ndarray, shape (D,)
        Known deviations from the mean.

    Returns
    -------
    ndarray, shape (K,)
        ``(basis basis' + penalty)^-1 basis x``.
    """
    precision = basis @ basis.T + penalty
    return np.asarray(np.linalg.solve(precision, basis @ deviations), dtype=np.float64)


def marginal_distance(precision: Floats, known: Mask, deviations: Floats) -> float:
    """Squared Mahalanobis distance of known coordinates, by the precision of all.

    The precision of a part is the Schur complement ``P_kk - P_ku P_uu^-1 P_uk`` (eqs. 2.91 and
    2.79 to 2.82).

    Parameters
    ----------
    precision : ndarray, shape (D, D)
        Inverse covariance of all coordinates.
    known : ndarray of bool, shape (D,)
        Which are known.
    deviations : ndarray, shape (K,)
        Their deviations from the mean.
    """
    pulled = precision[np.ix_(~known, known)] @ deviations
    given_up = pulled @ np.linalg.solve(precision[np.ix_(~known, ~known)], pulled)
    return float(deviations @ precision[np.ix_(known, known)] @ deviations - given_up)


def residual_of_rest(block: Floats, pull: Floats) -> Floats:
    """How far coordinates are from where all the others expect them (eqs. 2.73 and 2.75).

    Given the rest, a block ``i`` of coordinates has covariance ``P_ii^-1`` and deviates from its
    mean by ``P_ii^-1 (P x)_i``.

    Parameters
    ----------
    block : ndarray, shape (..., d, d)
        ``P_ii``.
    pull : ndarray, shape (..., d)
        ``(P x)_i``.

    Returns
    -------
    ndarray, shape (..., d)
    """
    return np.asarray(np.linalg.solve(block, pull[..., None])[..., 0])
