"""Generalised Procrustes analysis: shapes aligned to their mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_runtime.geometry import Similarities, Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]

_ALIGN_ROUNDS = 8
_ALIGNED = 1e-9
"""Alignment ends when the mean moves less than this, in IOD."""


def procrustes_mean(scheme: Scheme, shapes: Points, weights: Points | None = None) -> Points:
    """Align shapes to their mean (generalised Procrustes analysis: Gower, 1975).

    Parameters
    ----------
    scheme : Scheme
        Gives the two points that fix size and roll.
    shapes : ndarray, shape (F, N, 2)
        NaN where a point is unknown.
    weights : ndarray, shape (F,), optional
        How much each counts; all the same by default.

    Returns
    -------
    ndarray, shape (N, 2)
        Mean shape: centred, inter-ocular distance 1, eyes level.

    Raises
    ------
    TrainingError
        If some landmark is unknown in every face.
    """
    known = ~np.isnan(shapes).any(axis=2)
    unseen = ~known.any(axis=0)
    if unseen.any():
        names = ", ".join(f"{i} ({scheme.names[i]})" for i in np.nonzero(unseen)[0][:5])
        raise TrainingError(
            f"Landmarks that have no position in any face: {unseen.sum()}, points {names}"
            f"{', ...' if unseen.sum() > 5 else ''}. Annotate them in at least a few faces."
        )
    counts = known * (np.ones(len(shapes)) if weights is None else weights)[:, None]
    mean: Points = shapes[int(known.sum(axis=1).argmax())]
    for _ in range(_ALIGN_ROUNDS):
        laid = Similarities.onto(shapes, mean).apply(shapes)
        total = np.nansum(laid * counts[..., None], axis=0)
        before, mean = mean, _upright(scheme, total / counts.sum(axis=0)[:, None])
        if np.abs(mean - before).max() < _ALIGNED:
            break
    return mean


def _upright(scheme: Scheme, shape: Points) -> Points:
    left, right = shape[scheme.iod[0]], shape[scheme.iod[1]]
    a, b = (right - left) / float(((right - left) ** 2).sum())
    turned = Similarity(float(a), -float(b), 0.0, 0.0).apply(shape)
    return np.asarray(turned - turned.mean(axis=0), dtype=np.float64)


def aligned(shapes: Points, mean: Points) -> Points:
    """Lay shapes (F, N, 2) over the mean (N, 2) by similarities; rows (F, 2N)."""
    return Similarities.onto(shapes, mean).apply(shapes).reshape(len(shapes), -1)
