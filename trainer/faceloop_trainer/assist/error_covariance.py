"""The covariance of the errors of points, which predicts the others' errors from a dragged point's.

It covers all coordinates, (2N, 2N), in the model frame, where the inter-ocular distance is 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm.gaussian import condition
from faceloop_runtime.pdm.tangent import pose_tangent
from faceloop_runtime.quality.thresholds import FAILURE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel

    Floats = NDArray[np.float64]

_VARIANCE_EXPONENT = 0.55
"""Exponent of the points' relative variances: 0 makes the errors of all points equally large."""
_PRIOR_FACES = 200
"""Weight of the prior covariance, in corrected faces."""
_SHRINKAGE = 0.1
"""Correlations are reduced by this share: the points that a person drags are those with the largest
errors of their own."""
_FREEDOM = 4.0
"""Degrees of freedom of Student's t distribution of a face's errors: some fits are far off."""
_ROUNDS = 10


@dataclass(frozen=True)
class CovarianceParameters:
    """Parameters of the prior covariance, the same for every face model.

    Parameters
    ----------
    pose : float
        Standard deviation of shift (IOD), relative scale and rotation (radians).
    shape : float
        Share of the shape model's variance.
    power : float
        Exponent of the modes' variances: below 1 the finer modes count more.
    local : float
        Standard deviation of the error that neighbours share, in IOD.
    reach : float
        Length over which that error's correlation decays, in IOD.
    cross : float
        Factor of that correlation between points of different groups.
    single : float
        Standard deviation of the independent error of each point, in IOD.
    """

    pose: float
    shape: float
    power: float
    local: float
    reach: float
    cross: float
    single: float


@lru_cache(maxsize=8)
def prior_covariance(model: FaceModel, spread: CovarianceParameters) -> Floats:
    """Return the covariance of the errors of a model's points without any data, (2N, 2N)."""
    pdm = model.pdm.independent
    tangent = pose_tangent(pdm.mean)
    pose = spread.pose**2 * tangent.T @ tangent
    variances = pdm.variances**spread.power * pdm.variances.sum() ** (1 - spread.power)
    modes = spread.shape * (pdm.components.T * variances) @ pdm.components
    apart = np.linalg.norm(pdm.mean[:, None] - pdm.mean[None], axis=2)
    near = spread.local**2 * np.exp(-apart / spread.reach)
    near *= np.where(_same_group(model.scheme), 1.0, spread.cross)
    near[np.diag_indices_from(near)] += spread.single**2
    uneven = _relative_error_roots(pdm)
    size = 2 * len(pdm)
    own = np.einsum("nm,nij,mjk->nimk", near, uneven, uneven).reshape(size, size)
    return np.asarray(pose + modes + own)


def learned_covariance(model: FaceModel, spread: CovarianceParameters, errors: Floats) -> Floats:
    """Return the covariance of observed errors, shrunk to the prior covariance, (2N, 2N).

    Parameters
    ----------
    model : FaceModel
        The model whose fits have these errors.
    spread : CovarianceParameters
        Parameters of the prior.
    errors : ndarray, shape (F, N, 2)
        True minus fitted points of some faces in the model frame; NaN where unknown. Mirror images
        are added, where the scheme knows them.
    """
    prior = prior_covariance(model, spread)
    errors = errors[np.isfinite(errors).any(axis=(1, 2))]
    errors = errors[np.nanmean(np.linalg.norm(errors, axis=2), axis=1) < FAILURE]
    if not len(errors):
        return prior
    order = np.asarray(model.scheme.mirror_or_self)
    mirrored = (errors * [-1.0, 1.0])[:, order] if model.scheme.mirror else errors
    rows = np.concatenate([errors, mirrored]).reshape(2 * len(errors), -1)
    rows = np.array([_filled(row, prior) for row in rows])
    size = len(prior)
    # EM for Student's t: a fit that is far off everywhere counts less.
    total, weights = prior, np.ones(len(rows))
    for _ in range(_ROUNDS):
        seen = (rows.T * weights) @ rows / len(rows)
        even = seen * np.trace(prior) / np.trace(seen)
        share = len(errors) / (len(errors) + _PRIOR_FACES)
        total = (1 - share) * prior + share * even
        scale = np.trace(seen) / np.trace(prior)
        distance = np.einsum("fi,fi->f", rows, np.linalg.solve(scale * total, rows.T).T)
        weights = (_FREEDOM + size) / (_FREEDOM + distance)
    return np.asarray((1 - _SHRINKAGE) * total + _SHRINKAGE * np.diag(np.diag(total)))


def errors_in_model_frame(
    pdm: PointDistributionModel, pairs: Iterable[tuple[Floats, Floats]]
) -> Floats:
    """Return true minus fitted points of pairs (fitted, true), each (N, 2) in pixels.

    Shape (F, N, 2), NaN where a true point is.
    """
    rows = []
    for fitted, true in pairs:
        back = Similarity.between(pdm.mean, fitted).inverse()
        rows.append(back.apply(true) - back.apply(fitted))
    return np.array(rows).reshape(-1, len(pdm), 2)


def _filled(row: Floats, covariance: Floats) -> Floats:
    """Fill unknown errors with their conditional mean given the known ones."""
    known = ~np.isnan(row)
    if known.all():
        return row
    filled = row.copy()
    filled[~known] = row[known] @ condition(covariance, known)[0]
    return filled


def _same_group(scheme: Scheme) -> NDArray[np.bool_]:
    group = np.zeros(len(scheme), dtype=np.intp)
    for number, members in enumerate(scheme.groups.values()):
        group[list(members)] = number
    return np.asarray(group[:, None] == group[None])


def _relative_error_roots(pdm: PointDistributionModel) -> Floats:
    """Square roots of the points' relative error covariances, (N, 2, 2).

    Points that vary much from face to face are fitted worse, and along the same direction: those
    of the jaw slide along it. Measured on four sets of fits, the logarithm of a point's error
    correlates .85 to .92 with that of its part in the modes, if each mode is taken with the
    square root of its variance.
    """
    modes = pdm.components.reshape(len(pdm.variances), -1, 2)
    block = np.einsum("kni,k,knj->nij", modes, np.sqrt(pdm.variances), modes)
    values, axes = np.linalg.eigh(block)
    values = (values / np.median(values.mean(axis=1))).clip(1e-4)
    return np.asarray(np.einsum("nik,nk,njk->nij", axes, values ** (_VARIANCE_EXPONENT / 2), axes))
