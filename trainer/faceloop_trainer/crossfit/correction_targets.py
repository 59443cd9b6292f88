"""What would have brought each out-of-fold fit to the truth: the targets of the correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm.tangent import scaling_and_rotation
from faceloop_runtime.regressor import regression_features
from faceloop_trainer.correction_regression import CorrectionRegression

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    from .fit_store import OutOfFoldFit

    Floats = NDArray[np.float64]

_LEAST_FOUND = 0.5
"""Where a smaller share of the fits ends near the face, something is wrong with the labels."""
LOST = 0.15
"""Fits that end this far off, in IOD, are not learned from."""


def correction_regression(
    pdm: PointDistributionModel,
    points: Sequence[Floats],
    fits: Sequence[OutOfFoldFit],
    folds: NDArray[np.intp],
    lost: float = LOST,
) -> CorrectionRegression:
    """Prepare the regression of what would have brought each fit to the truth.

    Parameters
    ----------
    pdm : PointDistributionModel
        Describes shapes; it may be another one than the fits were made with.
    points : sequence of ndarray, shape (N, 2)
        True points of each face, in the picture; NaN where unknown.
    fits : sequence of OutOfFoldFit
        Where the searches ended.
    folds : ndarray of int, shape (M,)
        Fold of each one's subject.
    lost : float
        Fits that end this far off, in IOD, are not learned from.

    Raises
    ------
    TrainingError
        If hardly any of them ended near the face.
    """
    kept = [i for i, one in enumerate(fits) if one.error < lost]
    if not are_found(fits, lost):
        raise TrainingError(
            "The patch experts find hardly any training face again; check the annotations "
            "(are points in the scheme's order?) and the scheme's mirror."
        )
    shapes = np.array([fits[i].shape for i in kept])
    found = pdm.nearest(shapes)
    first, modes = fits[0], len(pdm.variances)
    blocks = (len(first.cells), len(first.whole_face), modes)
    features, truth = np.empty((len(kept), sum(blocks)), np.float32), np.empty_like(shapes)
    for row, goal, i, b in zip(features, truth, kept, found, strict=True):
        one = fits[i]
        row[:] = regression_features(one.cells, one.whole_face, b, pdm.deviations)
        pose = Similarity(*map(float, one.pose))
        goal[:] = pose.inverse().apply(pdm.complete(points[i]))
    tangent = pdm.tangent(np.zeros(modes))
    return CorrectionRegression(
        features, required_updates(pdm, found, truth), folds[kept], blocks, tangent
    )


def are_found(fits: Sequence[OutOfFoldFit], lost: float) -> bool:
    """Whether enough fits end nearer than that, in IOD."""
    found = sum(float(one.error) < lost for one in fits)
    return found >= _LEAST_FOUND * len(fits)


def required_updates(pdm: PointDistributionModel, found: Floats, truth: Floats) -> Floats:
    """Return the updates of pose and shape that bring found shapes nearest to the truth.

    Least squares in the tangent of `PointDistributionModel.tangent`. Of its rows only growing and
    turning depend on the shape, so the others are projected out once.

    Parameters
    ----------
    pdm : PointDistributionModel
        Describes the shapes.
    found : ndarray, shape (M, K)
        Shape parameters.
    truth : ndarray, shape (M, N, 2)
        True points, in the model frame.

    Returns
    -------
    ndarray, shape (M, 4 + K)
    """
    fixed = pdm.tangent(np.zeros(len(pdm.variances)))[2:]
    explain = np.linalg.solve(fixed @ fixed.T, fixed)
    base = pdm.mean.reshape(-1) + found @ pdm.components
    missing = truth.reshape(len(truth), -1) - base
    moving = scaling_and_rotation(base.reshape(truth.shape))
    alone = moving - moving @ explain.T @ fixed
    normal = alone @ moving.transpose(0, 2, 1)
    first = np.linalg.solve(normal, alone @ missing[:, :, None])
    rest = missing - (first.transpose(0, 2, 1) @ moving)[:, 0]
    return np.concatenate([first[:, :, 0], rest @ explain.T], axis=1)
