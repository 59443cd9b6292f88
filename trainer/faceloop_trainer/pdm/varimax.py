"""Varimax rotation of the modes of a shape model: each then moves one part of the face."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    Floats = NDArray[np.float64]

_ROUNDS = 200
_SETTLED = 1e-7


def varimax(pdm: PointDistributionModel) -> PointDistributionModel:
    """Rotate the modes so that each moves few points: a jaw, a mouth, a pair of brows.

    A varimax rotation (Kaiser, 1958) of the modes scaled to one standard deviation, with the two
    coordinates of a point taken together. A rotation of such modes changes no shape's
    probability, so the model fits as before; zeros by force, as sparse PCA makes them, would.
    The modes then are no longer orthogonal, but independent, so that a diagonal prior
    suits them.

    Parameters
    ----------
    pdm : PointDistributionModel
        With principal modes.

    Returns
    -------
    PointDistributionModel
        Modes of unit length, largest variance first.
    """
    loadings = (pdm.components * np.sqrt(pdm.variances)[:, None]).T
    turned = (loadings @ _varimax(loadings)).T
    variances = (turned**2).sum(axis=1)
    order = np.argsort(-variances, kind="stable")
    rows = turned[order] / np.sqrt(variances[order])[:, None]
    # A mode may point either way; fixing it makes training repeatable.
    signs = np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])
    return replace(pdm, components=rows * signs[:, None], variances=variances[order])


def _varimax(loadings: Floats) -> Floats:
    """Return the rotation (K, K) of loadings (2N, K) that makes them simplest, point by point."""
    turn = np.eye(loadings.shape[1])
    reached = 0.0
    for _ in range(_ROUNDS):
        now = loadings @ turn
        size = np.repeat((now**2).reshape(-1, 2, now.shape[1]).sum(axis=1), 2, axis=0)
        gradient = loadings.T @ (now * (size - size.mean(axis=0)))
        left, values, right = np.linalg.svd(gradient)
        turn = left @ right
        if values.sum() < reached * (1 + _SETTLED):
            break
        reached = float(values.sum())
    return turn
