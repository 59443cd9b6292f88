"""Points that stay at one pixel whatever the faces do: nobody has placed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarities, has_extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TOLERANCE = 0.5
"""So far from its usual pixel a constant point may be, in pixels."""
_SHARE = 0.9
"""In so many of the pictures it has to be there."""
_FEWEST = 5
"""Different faces that are needed to say so."""
_LOOSE = 2.0
"""So many times as much as the others a constant point moves in the face. In pictures that were cut
out by two points, those two are at one pixel too, but at their place in every face."""


def constant_points(points: Floats) -> list[int]:
    """Find points at the same pixel in nearly all pictures, although the faces differ.

    Parameters
    ----------
    points : ndarray, shape (F, N, 2)
        Of F faces, in pixels of their pictures; NaN where missing.

    Returns
    -------
    list of int
        Numbers of the points, rising. None where the faces themselves do not move, as in copies
        of one picture.
    """
    if len(points) < _FEWEST:
        return []
    faces = _different(points)
    known = ~np.isnan(faces).any(axis=2)
    seen = known.sum(axis=0)
    usual = np.full(faces.shape[1:], np.nan)
    often = seen >= _FEWEST
    if not often.any():
        return []
    usual[often] = np.nanmedian(faces[:, often], axis=0)
    there = np.linalg.norm(faces - usual, axis=2) <= _TOLERANCE
    fixed = often & (there.sum(axis=0) >= _SHARE * np.maximum(seen, 1))
    if not fixed.any() or (often & ~fixed).sum() < 2:
        return []
    spread = _spread_in_the_face(faces, often & ~fixed)
    others = float(np.nanmedian(spread[often & ~fixed]))
    return [int(n) for n in np.nonzero(fixed & (spread > _LOOSE * others))[0]]


def _different(points: Floats) -> Floats:
    """Return each set of points once."""
    filled = np.nan_to_num(points.reshape(len(points), -1), nan=-1e9)
    _, first = np.unique(filled, axis=0, return_index=True)
    return np.asarray(points[np.sort(first)])


def _spread_in_the_face(faces: Floats, steady: NDArray[np.bool_]) -> Floats:
    """Return how far each point is from its usual place when faces lie over each other, (N,).

    They are laid over each other by the points that are ``steady``.
    """
    known = ~np.isnan(faces[:, steady]).any(axis=2)
    model = faces[int(known.sum(axis=1).argmax())]
    told = np.where(steady[:, None] & ~np.isnan(model), faces, np.nan)
    usable = np.array([has_extent(one) for one in told])
    laid = np.full_like(faces, np.nan)
    laid[usable] = Similarities.onto(told[usable], model).apply(faces[usable])
    spread = np.full(faces.shape[1], np.nan)
    some = (~np.isnan(laid).any(axis=2)).any(axis=0)
    away = np.linalg.norm(laid[:, some] - np.nanmedian(laid[:, some], axis=0), axis=2)
    spread[some] = np.nanmean(away, axis=0)
    return spread
