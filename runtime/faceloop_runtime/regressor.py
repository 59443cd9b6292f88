"""The last step of a fit: shape corrections learned from the picture round the points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = 4
"""Cells a side that describe a landmark's surroundings."""
CELL = 4
"""Width of a cell, in pixels of the crop."""
REACH = CELL * GRID // 2
"""How far the cells reach from the landmark, in pixels of the crop."""


@dataclass(frozen=True, eq=False)
class ShapeRegressor:
    """Linear map from cell features to a correction of pose and shape.

    Mean-shift finds a mode of each response; the best guess of where a person would put
    the point is a mean, which this step learns (one step of the supervised descent method:
    Xiong & De la Torre, CVPR 2013, started from the mean-shift's result).

    Parameters
    ----------
    weights : ndarray of float32, shape (F, 4 + K)
        Columns: relative scale, rotation, x and y shift in IOD, then the shape parameters.
    offset : ndarray of float32, shape (4 + K,)
        Correction at zero features.
    """

    weights: NDArray[np.float32]
    offset: NDArray[np.float32]

    def scaled(self, factor: float) -> ShapeRegressor:
        """Return a regressor that goes this share of the way."""
        return ShapeRegressor(self.weights * np.float32(factor), self.offset * np.float32(factor))

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the correction for features (F,), shape (4 + K,)."""
        return np.asarray(features @ self.weights + self.offset, dtype=np.float64)


def cell_features(
    channels: NDArray[np.float32], points: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Describe the surroundings of each landmark by channel means in a grid of cells.

    Parameters
    ----------
    channels : ndarray, shape (C, H, W)
        Channel maps of the crop.
    points : ndarray, shape (N, 2)
        Landmarks, in pixels of the crop.

    Returns
    -------
    ndarray of float32, shape (N, C * GRID * GRID)
        Each landmark's row has unit length, so that contrast does not matter (as in
        Dalal & Triggs, CVPR 2005).
    """
    height, width = channels.shape[1:]
    pooled = np.stack([cv2.blur(c, (CELL, CELL)) for c in channels])
    steps = CELL * (np.arange(GRID) - (GRID - 1) / 2)
    x = np.rint(points[:, :1] + steps).astype(np.intp).clip(0, width - 1)
    y = np.rint(points[:, 1:] + steps).astype(np.intp).clip(0, height - 1)
    cells = pooled[:, y[:, :, None], x[:, None, :]]
    rows = cells.transpose(1, 0, 2, 3).reshape(len(points), -1)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True) + 1e-3
    return rows


def regression_features(
    cells: NDArray[np.float32],
    whole_face: NDArray[np.float32],
    b: NDArray[np.float64],
    variances: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Join what the regressor looks at: the landmarks' cells, the whole face, and the shape.

    Parameters
    ----------
    cells : ndarray, shape (N, D)
        From `cell_features`.
    whole_face : ndarray, shape (W,)
        Pooled channels of the coarse crop.
    b, variances : ndarray, shape (K,)
        Shape parameters and their variances.

    Returns
    -------
    ndarray of float32, shape (N * D + W + K,)
    """
    unit = whole_face / (np.linalg.norm(whole_face) + 1e-3)
    return np.concatenate([cells.ravel(), unit, b / np.sqrt(variances)]).astype(np.float32)
