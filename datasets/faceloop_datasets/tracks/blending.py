"""Shapes between two: what a face looks like between two frames in which it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def blend(one: ArrayLike, other: ArrayLike, share: ArrayLike) -> NDArray[np.float64]:
    """Shapes between two.

    The place is linear in the share, the size geometric, the turn in the picture goes along the
    shorter arc, and the shape is linear once both are aligned (ordinary Procrustes). A head that
    rolls keeps its size on the way, where points that move in straight lines would shrink it; a
    head that turns aside has the proportions between the two views.

    Parameters
    ----------
    one, other : array_like, shape (N, 2)
        ``(x, y)``; a point that one of them lacks (NaN) is in no shape between them.
    share : array_like, shape (K,)
        How far from ``one``, 0 to 1.

    Returns
    -------
    ndarray of float64, shape (K, N, 2)
    """
    a, b = (np.asarray(p, np.float64) @ [1, 1j] for p in (one, other))
    t = np.asarray(share, np.float64)[:, None]
    known = ~np.isnan(a + b)
    extent = np.ptp(a[known]) and np.ptp(b[known]) if known.any() else 0.0
    if not extent:  # one point has no size and no turn
        moved = (1 - t) * a + t * b
    else:
        middle, goal = a[known].mean(), b[known].mean()
        a, b = a - middle, b - goal
        turn = np.vdot(a[known], b[known]) / np.vdot(a[known], a[known]).real
        shape = (1 - t) * a + t * b / turn
        moved = shape * np.abs(turn) ** t * np.exp(1j * t * np.angle(turn))
        moved += (1 - t) * middle + t * goal
    return np.stack([moved.real, moved.imag], axis=-1)


def completed(shapes: ArrayLike, at: ArrayLike) -> NDArray[np.float64]:
    """Shapes one after the other, each with the points that it lacks and one of the others has.

    Such a point is where the shapes around have it: in the shape between the last one before that
    has it and the first one after, or in the one there is, moved, turned and scaled onto the
    points that are known (ordinary Procrustes).

    Parameters
    ----------
    shapes : array_like, shape (K, N, 2)
        ``(x, y)``; NaN where a point is missing.
    at : array_like, shape (K,)
        When each is, increasing.

    Returns
    -------
    ndarray of float64, shape (K, N, 2)
        NaN where no shape has the point, or none that has it has another one in common.
    """
    known, when = np.asarray(shapes, np.float64), np.asarray(at, np.float64)
    missing = np.isnan(known[..., 0] + known[..., 1])
    whole = known.copy()
    for shape, point in np.argwhere(missing).tolist():
        there = np.flatnonzero(~missing[:, point])
        around = [*there[there < shape][-1:], *there[there > shape][:1]]
        if not around:
            continue
        first, last = around[0], around[-1]
        share = (when[shape] - when[first]) / (when[last] - when[first]) if first != last else 0.0
        like = blend(known[first], known[last], [share])[0]
        whole[shape, point] = _onto(like, known[shape])[point]
    return whole


def _onto(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b = one @ [1, 1j], other @ [1, 1j]
    both = ~np.isnan(a + b)
    if not both.any():
        return np.full_like(one, np.nan)
    a, goal = a - a[both].mean(), b[both].mean()
    extent = np.vdot(a[both], a[both]).real
    moved = a * (np.vdot(a[both], b[both] - goal) / extent if extent else 1) + goal
    return np.stack([moved.real, moved.imag], axis=-1)
