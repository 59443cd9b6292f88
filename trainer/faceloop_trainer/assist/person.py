"""What a model is always wrong by in one person's face: known once faces of theirs are corrected.

Fits of the faces of one person, or of the frames of one video, have much of their error in common:
what the model knows too little of, and what whoever corrects them sees otherwise than those who
annotated the training set. With errors ``e`` of ``n`` corrected faces, each the sum of the person's
own and of one of that moment, the next is expected to be wrong by ``sum(e) / (n + r)``, the
posterior mean of a Gaussian whose two variances have the ratio ``r`` (Bishop, "Pattern recognition
and machine learning", 2006, eq. 2.141).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime import FaceModel

    Points = NDArray[np.float64]

ENOUGH = 10
"""So many corrected faces of a person are asked; more improve little."""
_RATIO = 1.0
"""Variance of what is of the moment, over that of what is the person's own."""


def expected_error(errors: Points) -> Points:
    """Return what the next fit is expected to be wrong by.

    Parameters
    ----------
    errors : ndarray, shape (F, N, 2)
        Of fits to corrected faces of one person, in the model frame (`errors_in_model_frame`); NaN
        where unknown.

    Returns
    -------
    ndarray, shape (N, 2)
        In the model frame; 0 where nothing is known.
    """
    known = np.asarray(np.isfinite(errors).all(axis=2))
    total = np.where(known[..., None], errors, 0.0).sum(axis=0)
    return np.asarray(total / (known.sum(axis=0) + _RATIO)[:, None])


def without_expected_error(model: FaceModel, points: Points, expected: Points) -> Points:
    """Move a fit by what it is expected to be wrong by.

    Parameters
    ----------
    model : FaceModel
        The model that was fitted.
    points : ndarray, shape (N, 2)
        The fit, in pixels.
    expected : ndarray, shape (N, 2)
        From `expected_error`.

    Returns
    -------
    ndarray, shape (N, 2)
        In pixels.
    """
    pose = Similarity.between(model.pdm.mean, points)
    return np.asarray(points + Similarity(pose.a, pose.b).apply(expected))
