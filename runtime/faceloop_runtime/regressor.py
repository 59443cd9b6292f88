"""The last step of a fit: shape corrections learned from the picture round the points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.kernels import kernel

from .imaging.channels import channel_count, terms

if TYPE_CHECKING:
    from .imaging.channels import CropChannels

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
        return np.asarray(self._rows @ features + self.offset, dtype=np.float64)

    def correction(
        self,
        cells: NDArray[np.float32],
        whole_face: NDArray[np.float32],
        b: NDArray[np.float64],
        deviations: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the correction for what `regression_features` joins, shape (4 + K,)."""
        found = self._compiled(cells, whole_face, b, deviations)
        if found is None:
            found = self(regression_features(cells, whole_face, b, deviations))
        return found

    def _compiled(
        self,
        cells: NDArray[np.float32],
        whole_face: NDArray[np.float32],
        b: NDArray[np.float64],
        deviations: NDArray[np.float64],
    ) -> NDArray[np.float64] | None:
        """Return the same by the kernel, None if there is none."""
        function = kernel("correction", "nnnnaaaaaaa")
        if function is None:
            return None
        rows, found = self._rows, np.empty(len(self.offset))
        looks = (np.ascontiguousarray(look, np.float32) for look in (cells, whole_face))
        shape = (np.ascontiguousarray(one, np.float64) for one in (b, deviations))
        counts = cells.size, whole_face.size, b.size
        function(len(rows), *counts, rows, self._offsets, *looks, *shape, found)
        return found

    @cached_property
    def _rows(self) -> NDArray[np.float32]:
        """The weights as BLAS reads them fastest: a row for each number of the correction."""
        return np.ascontiguousarray(self.weights.T, np.float32)

    @cached_property
    def _offsets(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.offset, np.float32)


def cell_features(channels: CropChannels, points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Describe the surroundings of each landmark by channel means in a grid of cells.

    Parameters
    ----------
    channels : CropChannels
        Channels of the crop.
    points : ndarray, shape (N, 2)
        Landmarks, in pixels of the crop.

    Returns
    -------
    ndarray of float32, shape (N, C * GRID * GRID)
        Each landmark's row has unit length, so that contrast does not matter (as in
        Dalal & Triggs, CVPR 2005).
    """
    mixture = _mixture(channels.families)
    rows = _compiled_cells(channels.planes, points, mixture)
    return _cells(channels.planes, points, mixture) if rows is None else rows


def _cells(
    planes: NDArray[np.float32], points: NDArray[np.float64], mixture: _Mixture
) -> NDArray[np.float32]:
    cells = _plane_cells(planes, points, mixture)
    mixed = (mixture.shares @ cells.reshape(len(cells), -1)).reshape(-1, len(points), GRID * GRID)
    rows: NDArray[np.float32] = mixed.transpose(1, 0, 2).reshape(len(points), -1)
    rows /= np.sqrt(np.einsum("nf,nf->n", rows, rows))[:, None] + 1e-3
    return rows


def _compiled_cells(
    planes: NDArray[np.float32], points: NDArray[np.float64], mixture: _Mixture
) -> NDArray[np.float32] | None:
    """Return the same by the kernel, None if there is none or it cannot."""
    function = kernel("cell_features", "nnnnnaaaaa")
    if function is None:
        return None
    (count, moved), (_, height, width) = mixture.shares.shape, planes.shape
    rows = np.empty((len(points), count * GRID * GRID), np.float32)
    planes, points = np.ascontiguousarray(planes), np.ascontiguousarray(points, np.float64)
    made = function(
        height,
        width,
        len(points),
        count,
        moved,
        planes,
        points,
        mixture.shares,
        mixture.moves,
        rows,
    )
    return rows if made else None


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Channels (C) as sums of planes that are moved by whole pixels (M).

    Parameters
    ----------
    shares : ndarray of float32, shape (C, M)
    moves : ndarray of int64, shape (3, M)
        Which plane it is, and how far it is moved in y and x.
    """

    shares: NDArray[np.float32]
    moves: NDArray[np.int64]


@cache
def _mixture(families: tuple[str, ...]) -> _Mixture:
    parts = terms(families)
    moved = sorted({(t.plane, t.dy, t.dx) for t in parts})
    shares = np.zeros((channel_count(families), len(moved)), np.float32)
    for t in parts:
        shares[t.channel, moved.index((t.plane, t.dy, t.dx))] += t.share
    return _Mixture(shares, np.ascontiguousarray(np.array(moved, np.int64).T))


def _plane_cells(
    planes: NDArray[np.float32], points: NDArray[np.float64], mixture: _Mixture
) -> NDArray[np.float32]:
    """Means of the moved planes in the cells round each point, shape (M, N, GRID, GRID)."""
    _, height, width = planes.shape
    pooled = np.empty_like(planes)
    for plane, out in zip(planes, pooled, strict=True):
        cv2.blur(plane, (CELL, CELL), dst=out)
    steps = CELL * (np.arange(GRID) - (GRID - 1) / 2)
    # Between pixels: on whole ones a landmark that hardly moves could see another picture.
    x, right = _between(points[:, :1] + steps, width)
    y, below = _between(points[:, 1:] + steps, height)
    plane, dy, dx = mixture.moves
    first = (plane * height + dy) * width + dx
    places = first[:, None, None, None] + (y * width)[:, :, None] + x[:, None]
    flat, down, across = pooled.reshape(-1), below[:, :, None], right[:, None]
    upper = flat.take(places) * (1 - across) + flat.take(places + 1) * across
    lower = flat.take(places + width) * (1 - across) + flat.take(places + width + 1) * across
    cells: NDArray[np.float32] = upper * (1 - down) + lower * down
    return cells


def _between(
    places: NDArray[np.float64], size: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the pixel before each place along an axis, and how far it is to the next."""
    inside = np.minimum(np.maximum(places, 1.0), size - 2.0)
    before = inside.astype(np.intp)
    return before, (inside - before).astype(np.float32)


def regression_features(
    cells: NDArray[np.float32],
    whole_face: NDArray[np.float32],
    b: NDArray[np.float64],
    deviations: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Join what the regressor looks at: the landmarks' cells, the whole face, and the shape.

    Parameters
    ----------
    cells : ndarray, shape (N, D)
        From `cell_features`.
    whole_face : ndarray, shape (W,)
        Pooled channels of the coarse crop.
    b, deviations : ndarray, shape (K,)
        Shape parameters and their standard deviations.

    Returns
    -------
    ndarray of float32, shape (N * D + W + K,)
    """
    unit = whole_face / (np.linalg.norm(whole_face) + np.float32(1e-3))
    z = (b / deviations).astype(np.float32)
    return np.concatenate([cells.ravel(), unit, z])
