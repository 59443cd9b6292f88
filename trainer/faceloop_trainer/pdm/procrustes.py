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
        Gives the points that fix size and, if they are two that mirror each other, roll; else the
        mean stands as shapes usually do.
    shapes : ndarray, shape (F, N, 2)
        NaN where a point is unknown.
    weights : ndarray, shape (F,), optional
        How much each counts; all the same by default.

    Returns
    -------
    ndarray, shape (N, 2)
        Mean shape: centred, of size 1 (inter-ocular distance), upright.

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
        onto = Similarities.onto(shapes, mean)
        total = np.nansum(onto.apply(shapes) * counts[..., None], axis=0)
        before, mean = mean, _upright(scheme, total / counts.sum(axis=0)[:, None], onto)
        if np.abs(mean - before).max() < _ALIGNED:
            break
    return mean


def _upright(scheme: Scheme, shape: Points, onto: Similarities) -> Points:
    """Bring a mean shape to size 1 and upright; ``onto`` laid the shapes over it."""
    if scheme.has_level_iod:
        left, right = shape[scheme.iod[0]], shape[scheme.iod[1]]
        a, b = (right - left) / float(((right - left) ** 2).sum())
        a, b = (a, b) if scheme.size_in_iod is None else np.array([a, b]) * scheme.size_in_iod
    else:
        usual = complex((onto.turn / np.abs(onto.turn)).sum())
        turn = usual / (abs(usual) or 1.0) / scheme.inter_ocular_distance(shape)
        a, b = turn.real, turn.imag
    turned = Similarity(float(a), -float(b), 0.0, 0.0).apply(shape)
    return np.asarray(turned - turned.mean(axis=0), dtype=np.float64)


def aligned(shapes: Points, mean: Points) -> Points:
    """Lay shapes (F, N, 2) over the mean (N, 2) by similarities; rows (F, 2N)."""
    return Similarities.onto(shapes, mean).apply(shapes).reshape(len(shapes), -1)
