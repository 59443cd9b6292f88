"""Fits and response maps as napari's layers want them: row before column. Without napari."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_workbench.services.contour_lines import contour_lines
from faceloop_workbench.services.overlay import head_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime import Fit
    from faceloop_runtime.geometry import Similarity


def segments(points: NDArray[np.float64], scheme: Scheme) -> NDArray[np.float64]:
    """Lines between points along the contours of a scheme.

    Parameters
    ----------
    points : ndarray, shape (N, 2)
        ``(x, y)``.
    scheme : Scheme
        Contours.

    Returns
    -------
    ndarray, shape (M, 2, 2)
        Start and direction of each line, ``(row, column)``.
    """
    ends = points[np.array(contour_lines(scheme))][..., ::-1]
    return np.stack([ends[:, 0], ends[:, 1] - ends[:, 0]], axis=1)


def axis_segments(fits: Sequence[Fit], scheme: Scheme) -> NDArray[np.float64]:
    """Lines that show how heads are turned, three of each whose turn is known.

    Returns
    -------
    ndarray, shape (3 M, 2, 2)
        As `segments` returns them.
    """
    ends = np.concatenate([head_axes(fit, scheme) for fit in fits])[..., ::-1]
    return np.stack([ends[:, 0], ends[:, 1] - ends[:, 0]], axis=1)


def nearest(
    fits: Sequence[Fit], place: tuple[float, float], reach: float
) -> tuple[int, int] | None:
    """Which point of which face lies nearest to a place.

    Parameters
    ----------
    fits : sequence of Fit
        The faces.
    place : (float, float)
        ``(x, y)`` in pixels.
    reach : float
        Greatest distance, in pixels.

    Returns
    -------
    (int, int) or None
        Number of the face and of the point; None if none is within reach.
    """
    if not fits:
        return None
    points = np.stack([fit.points for fit in fits])
    away = np.linalg.norm(points - place, axis=2)
    face, point = np.unravel_index(int(away.argmin()), away.shape)
    return (int(face), int(point)) if away[face, point] <= reach else None


def affine(to_picture: Similarity) -> NDArray[np.float64]:
    """Matrix, (3, 3), of a transform of ``(x, y)``, for ``(row, column)``."""
    t = to_picture
    return np.array([[t.a, t.b, t.ty], [-t.b, t.a, t.tx], [0.0, 0.0, 1.0]])
