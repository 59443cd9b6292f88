"""Pose and shape parameters of many faces at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from faceloop_runtime.geometry import as_complex
from faceloop_runtime.pdm.gaussian import prior_penalty

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    Floats = NDArray[np.float64]
    Complex = NDArray[np.complex128]

_ROUNDS = 3  # as PointDistributionModel.parameters


def parameters_of_all(pdm: PointDistributionModel, points: Floats) -> tuple[Floats, Floats]:
    """Explain many faces as `PointDistributionModel.parameters` explains each.

    Faces with the same points known share their normal equations: a hundredth of the time.

    Parameters
    ----------
    pdm : PointDistributionModel
        Describes the shapes.
    points : ndarray, shape (F, N, 2)
        In any frames; NaN where unknown.

    Returns
    -------
    poses : ndarray, shape (F, 4)
        Fields of the `Similarity` from the model frame to each face's.
    b : ndarray, shape (F, K)
        Shape parameters.
    """
    poses, b = np.empty((len(points), 4)), np.empty((len(points), len(pdm.variances)))
    known = ~np.isnan(points).any(axis=2)
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        own = which.reshape(-1) == number
        poses[own], b[own] = _with_known(pdm, points[own][:, pattern], pattern)
    return poses, b


def _with_known(
    pdm: PointDistributionModel, points: Floats, known: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return poses and parameters of faces (F, P, 2), all of whose points are those ``known``."""
    basis = pdm.components[:, np.repeat(known, 2)]
    penalty = prior_penalty(pdm.precision, pdm.variances, pdm.noise)
    factor = cho_factor(basis @ basis.T + penalty)
    mean, modes = as_complex(pdm.mean[known]), _complex_rows(basis)
    targets = as_complex(points)
    turn, shift = _onto(np.broadcast_to(mean, targets.shape), targets)
    b = np.zeros((len(points), len(modes)))
    for _ in range(_ROUNDS):
        residual = (targets - shift) / turn - mean
        flat = np.ascontiguousarray(residual).view(np.float64)
        b = cho_solve(factor, basis @ flat.T).T
        turn, shift = _onto(mean + b @ modes, targets)
    numbers = (turn.real, turn.imag, shift.real, shift.imag)
    return np.concatenate(numbers, axis=1), b


def _onto(shapes: Complex, targets: Complex) -> tuple[Complex, Complex]:
    """Return turns and shifts, (F, 1), that bring shapes nearest to targets, (F, P)."""
    middles = shapes.mean(axis=1, keepdims=True), targets.mean(axis=1, keepdims=True)
    own, goal = shapes - middles[0], targets - middles[1]
    turn = (own.conj() * goal).sum(axis=1, keepdims=True)
    turn = turn / (np.abs(own) ** 2).sum(axis=1, keepdims=True)
    return turn, middles[1] - turn * middles[0]


def _complex_rows(basis: Floats) -> Complex:
    return np.ascontiguousarray(basis).view(np.complex128)
