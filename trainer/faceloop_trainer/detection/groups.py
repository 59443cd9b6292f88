"""Groups of faces of similar shape: a template cannot be a left and a right profile at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEWEST = 60
"""Faces that a group needs, about."""
_MOST = 4
_STEPS = 30


def shape_groups(shapes: NDArray[np.float64]) -> NDArray[np.intp]:
    """Group shapes by k-means, begun along what they differ most in.

    Parameters
    ----------
    shapes : ndarray, shape (M, W)
        Aligned shapes.

    Returns
    -------
    ndarray of int, shape (M,)
        The group of each, from 0; all of them have members.
    """
    count = int(np.clip(len(shapes) // _FEWEST, 1, _MOST))
    centred = shapes - shapes.mean(axis=0)
    main = np.linalg.svd(centred, full_matrices=False)[2][0]
    order = np.argsort(centred @ main, kind="stable")
    group = np.empty(len(shapes), np.intp)
    for number, part in enumerate(np.array_split(order, count)):
        group[part] = number
    for _ in range(_STEPS):
        middles = np.array([centred[group == g].mean(axis=0) for g in range(group.max() + 1)])
        apart = ((centred[:, None] - middles) ** 2).sum(axis=2)
        nearest = np.unique(apart.argmin(axis=1), return_inverse=True)[1]
        if (nearest == group).all():
            break
        group = nearest
    return group
