"""Sparse PCA of a shape model: modes that leave most of the face exactly where it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.model.layout import LEAST_EIGENVALUE
from faceloop_trainer.parallel import solvers_may_stop_early

from .varimax import varimax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    Floats = NDArray[np.float64]

_STRENGTH = 0.02
"""Weight of the coefficients' absolute values, as a share of how far a coordinate usually is from
its mean. docs/explanation/modes.md has the table that it was chosen by."""
_ROUNDS, _SETTLED = 30, 1e-3
"""Most rounds, and the relative gain of one that ends them."""
_SHRINKAGE = 10 * LEAST_EIGENVALUE
"""Of correlations, so that no eigenvalue is smaller, however alike two modes have become."""


def sparse(pdm: PointDistributionModel, strength: float = _STRENGTH) -> PointDistributionModel:
    """Make the modes sparse: each moves some coordinates and leaves the others exactly alone.

    Sparse PCA (Mairal, Bach, Ponce & Sapiro, "Online dictionary learning for sparse coding", 2009)
    needs only the covariance of the shapes, which the modes scaled to one standard deviation have
    too. scikit-learn's `SparsePCA` is the same with the mean taken off, which modes have not. It
    begins with the varimax modes: from where `SparsePCA` begins, most modes become zero.

    A shape's parameters are those nearest to it. Their covariance follows from that of the shapes,
    and they correlate; what no sparse mode can show becomes noise.

    Parameters
    ----------
    pdm : PointDistributionModel
        With principal modes.
    strength : float
        The more, the sparser.

    Returns
    -------
    PointDistributionModel
        Modes of unit length, largest variance first; fewer, if some have become zero.
    """
    modes = _sparse_modes(pdm, strength)
    nearest = np.linalg.solve(modes @ modes.T, modes)
    shapes = _shape_covariance(pdm)
    covariance = nearest @ shapes @ nearest.T
    order = np.argsort(-np.diag(covariance), kind="stable")
    covariance = covariance[np.ix_(order, order)]
    shown = np.sum(nearest @ shapes * modes)
    return replace(
        pdm,
        components=modes[order],
        variances=np.diag(covariance).copy(),
        noise=float((np.trace(shapes) - shown) / (len(shapes) - len(modes))),
        correlation=_correlation(covariance),
    )


def _sparse_modes(pdm: PointDistributionModel, strength: float) -> Floats:
    """Return sparse modes of unit length, (M, 2N), of which the largest coefficient is positive."""
    from sklearn.decomposition import dict_learning  # noqa: PLC0415 - as in experts/filters.py

    begin = varimax(pdm)
    loadings = begin.components * np.sqrt(begin.variances)[:, None]
    with solvers_may_stop_early():  # coefficients that have not settled go on in the next round
        coefficients, *_ = dict_learning(
            loadings.T,
            len(loadings),
            alpha=strength * np.sqrt(pdm.variances.sum() / loadings.shape[1]),
            max_iter=_ROUNDS,
            tol=_SETTLED,
            method="cd",
            code_init=loadings.T.copy(),
            dict_init=np.eye(len(loadings)),
            random_state=0,
        )
    rows = np.asarray(coefficients.T)[np.any(coefficients.T, axis=1)]
    signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    return np.asarray(rows * (signs / np.linalg.norm(rows, axis=1))[:, None])


def _shape_covariance(pdm: PointDistributionModel) -> Floats:
    """Return the covariance of shapes, (2N, 2N): noise where principal modes show nothing."""
    kept = (pdm.components.T * (pdm.variances - pdm.noise)) @ pdm.components
    return np.asarray(kept + pdm.noise * np.eye(len(kept)))


def _correlation(covariance: Floats) -> Floats:
    """Return correlations, symmetric to the last bit and with a diagonal of 1."""
    deviations = np.sqrt(np.diag(covariance))
    matrix = (1 - _SHRINKAGE) * covariance / np.outer(deviations, deviations)
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(matrix)
