"""The point distribution model: what shapes a face can take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.geometry import Similarity

from .gaussian import latent_mean
from .tangent import pose_tangent, scaling_and_rotation

if TYPE_CHECKING:
    Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointDistributionModel:
    """Mean shape and principal modes of variation (Cootes et al., CVIU 1995).

    Parameters
    ----------
    mean : ndarray, shape (N, 2)
        Mean shape in the model frame: centred, inter-ocular distance 1, eyes level.
    components : ndarray, shape (K, 2N)
        Orthonormal modes; a row holds ``x0, y0, x1, y1, ...``.
    variances : ndarray, shape (K,)
        Variance of each mode, in IOD squared, largest first.
    noise : float
        Variance of each coordinate that the modes do not explain (probabilistic PCA:
        Tipping & Bishop, 1999), in IOD squared.
    context : float
        Least half width, in IOD, of the square that a fit sees of the picture. Few points may lie
        close together, and say little of a face by themselves.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    variances: NDArray[np.float64]
    noise: float
    context: float = 0.0

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def extent(self) -> float:
        """Half width of the part of the picture that a crop shows, in IOD."""
        return max(self.context, face_extent(self))

    def shape(self, b: NDArray[np.float64]) -> Points:
        """Return the shape with parameters ``b`` (K,), in the model frame, (N, 2)."""
        return self.mean + (b @ self.components).reshape(-1, 2)

    def tangent(self, b: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how the points move with pose and shape, (4 + K, 2N), rows like components.

        The rows: growing by 1, turning by 1 radian, shifts in x and y, then the modes.
        """
        rows = self._tangent.copy()
        rows[:2] = scaling_and_rotation(self.shape(b))
        return rows

    @cached_property
    def _tangent(self) -> NDArray[np.float64]:
        """The tangent at the mean shape."""
        return np.concatenate([pose_tangent(self.mean), self.components])

    def parameters(self, points: Points) -> tuple[Similarity, NDArray[np.float64]]:
        """Explain points by a pose and the most probable shape.

        Parameters
        ----------
        points : ndarray, shape (N, 2)
            In any frame; NaN where unknown.

        Returns
        -------
        pose : Similarity
            From the model frame to the frame of ``points``.
        b : ndarray, shape (K,)
            Posterior mean of the shape parameters given the known points.
        """
        b: NDArray[np.float64] = np.zeros(len(self.variances))
        known = ~np.isnan(points).any(axis=1)
        rows = np.repeat(known, 2)
        basis = self.components[:, rows]
        pose = Similarity.between(self.mean, points)
        for _ in range(3):
            residual = (pose.inverse().apply(points) - self.mean).ravel()[rows]
            b = latent_mean(basis, self.variances, self.noise, residual)
            # Against the current shape, so that what follows from it is not taken for pose.
            pose = Similarity.between(self.shape(b), points)
        return pose, b

    def complete(self, points: Points) -> Points:
        """Fill unknown (NaN) points with their conditional mean given the known ones, (N, 2)."""
        known = np.asarray(~np.isnan(points).any(axis=1))
        if known.all():
            return points.copy()
        pose, b = self.parameters(points)
        return np.where(known[:, None], points, pose.apply(self.shape(b)))


def face_extent(pdm: PointDistributionModel) -> float:
    """Half width, in IOD, of a square that holds the mean shape and its usual variation."""
    deviation = np.sqrt((pdm.components**2 * pdm.variances[:, None]).sum(axis=0)).reshape(-1, 2)
    return float((np.abs(pdm.mean) + deviation).max()) + 0.05
