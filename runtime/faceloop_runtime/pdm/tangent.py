"""How the points of a shape move with its pose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def scaling_and_rotation(shapes: Floats) -> Floats:
    """Return how points move when their shapes grow by 1, and turn by 1 radian, about the origin.

    Parameters
    ----------
    shapes : ndarray, shape (..., N, 2)

    Returns
    -------
    ndarray, shape (..., 2, 2N)
        Rows hold ``x0, y0, x1, y1, ...``: ``(x, y)`` for growing, ``(-y, x)`` for turning.
    """
    rows = np.empty((*shapes.shape[:-2], 2, *shapes.shape[-2:]))
    rows[..., 0, :, :] = shapes
    rows[..., 1, :, 0], rows[..., 1, :, 1] = -shapes[..., 1], shapes[..., 0]
    return rows.reshape(*rows.shape[:-2], -1)


def pose_tangent(shape: Floats) -> Floats:
    """Return how points move with scale, rotation, and shifts in x and y.

    Parameters
    ----------
    shape : ndarray, shape (N, 2)

    Returns
    -------
    ndarray, shape (4, 2N)
        Rows hold ``x0, y0, x1, y1, ...``, per unit of growth, radian, and unit of length.
    """
    rows = np.zeros((4, shape.size))
    rows[:2] = scaling_and_rotation(shape)
    rows[2, 0::2] = rows[3, 1::2] = 1.0
    return rows
