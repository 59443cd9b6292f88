"""Points at the same pixel in all pictures although the faces differ: nobody has placed them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarities, has_extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TOLERANCE = 0.5
"""Largest distance of a constant point from its median position, in pixels."""
_SHARE = 0.9
"""Share of the pictures in which it has to be there."""
_FEWEST = 5
"""Fewest different faces to decide on."""
_LOOSE = 2.0
"""A constant point moves at least so many times as much as the others relative to the face. In
pictures that were cropped by two points these are at one pixel too, but do not move in the face."""


def constant_points(points: Floats) -> list[int]:
    """Find points at the same pixel in nearly all pictures, although the faces differ.

    Parameters
    ----------
    points : ndarray, shape (F, N, 2)
        Annotations in pixels of their pictures; NaN where missing.

    Returns
    -------
    list of int
        Numbers of the points, ascending. Empty if the faces themselves do not move, as in
        duplicates of one picture.
    """
    if len(points) < _FEWEST:
        return []
    faces = _distinct(points)
    known = ~np.isnan(faces).any(axis=2)
    seen = known.sum(axis=0)
    median = np.full(faces.shape[1:], np.nan)
    often = seen >= _FEWEST
    if not often.any():
        return []
    median[often] = np.nanmedian(faces[:, often], axis=0)
    there = np.linalg.norm(faces - median, axis=2) <= _TOLERANCE
    fixed = often & (there.sum(axis=0) >= _SHARE * np.maximum(seen, 1))
    if not fixed.any() or (often & ~fixed).sum() < 2:
        return []
    spread = _spread_after_alignment(faces, often & ~fixed)
    others = float(np.nanmedian(spread[often & ~fixed]))
    return [int(n) for n in np.nonzero(fixed & (spread > _LOOSE * others))[0]]


def _distinct(points: Floats) -> Floats:
    """Return the faces without exact duplicates."""
    filled = np.nan_to_num(points.reshape(len(points), -1), nan=-1e9)
    _, first = np.unique(filled, axis=0, return_index=True)
    return np.asarray(points[np.sort(first)])


def _spread_after_alignment(faces: Floats, fit_by: NDArray[np.bool_]) -> Floats:
    """Return the mean distance of each point from its median when the faces are aligned, (N,).

    They are aligned by the points ``fit_by``.
    """
    known = ~np.isnan(faces[:, fit_by]).any(axis=2)
    model = faces[int(known.sum(axis=1).argmax())]
    told = np.where(fit_by[:, None] & ~np.isnan(model), faces, np.nan)
    usable = np.array([has_extent(one) for one in told])
    aligned = np.full_like(faces, np.nan)
    aligned[usable] = Similarities.onto(told[usable], model).apply(faces[usable])
    spread = np.full(faces.shape[1], np.nan)
    some = (~np.isnan(aligned).any(axis=2)).any(axis=0)
    away = np.linalg.norm(aligned[:, some] - np.nanmedian(aligned[:, some], axis=0), axis=2)
    spread[some] = np.nanmean(away, axis=0)
    return spread
