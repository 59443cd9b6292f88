"""Points that lie at one pixel in all pictures: a program put them there, and nobody."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST = 3
"""Faces that a point must have a position in before anything is said of it."""
_STILL, _MOVES = 0.5, 5.0
"""A point that spans less than the first, in pixels, while the median point spans at least the
second, is at one pixel. In a clip of somebody who keeps still all points span little."""


def constant_points(points: NDArray[np.float64]) -> list[int]:
    """Find points that lie at the same pixel in every face although the faces do not.

    Parameters
    ----------
    points : ndarray, shape (F, N, 2)
        In pixels of each face's own picture; NaN where missing.

    Returns
    -------
    list of int
        Their numbers, rising.
    """
    known = ~np.isnan(points).any(axis=2)
    enough = known.sum(axis=0) >= _FEWEST
    if not enough.any():
        return []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN")
        spans = (np.nanmax(points, axis=0) - np.nanmin(points, axis=0)).max(axis=1)
    if np.median(spans[enough]) < _MOVES:
        return []
    return [int(k) for k in np.flatnonzero(enough & (spans <= _STILL))]
