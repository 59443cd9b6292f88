"""The point distribution model: what shapes a face can take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.geometry import Similarity

from .gaussian import latent_mean, prior_penalty
from .tangent import pose_tangent, scaling_and_rotation

if TYPE_CHECKING:
    Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PointDistributionModel:
    """Mean shape and modes of variation (Cootes et al., CVIU 1995).

    Parameters
    ----------
    mean : ndarray, shape (N, 2)
        Mean shape in the model frame: centred, inter-ocular distance 1, eyes level.
    components : ndarray, shape (K, 2N)
        Modes of unit length; a row holds ``x0, y0, x1, y1, ...``. Principal modes are orthogonal.
    variances : ndarray, shape (K,)
        Variance of the parameter of each mode, in IOD squared, largest first.
    noise : float
        Variance of each coordinate that the modes do not explain (probabilistic PCA:
        Tipping & Bishop, 1999), in IOD squared.
    context : float
        Least half width, in IOD, of the square that a fit sees of the picture. Few points may lie
        close together, and say little of a face by themselves.
    correlation : ndarray, shape (K, K), or None
        Correlations of the parameters, which sparse modes have. None: they are independent, as
        those of principal modes and of their rotations are.
    regularisation : ndarray, shape (K,), or None
        Factors of the prior of each mode in a fit: 0 leaves a mode free, more than 1 holds it
        closer to the mean than faces are. None: 1 for all. What faces look like is the same: a
        shape's most probable parameters, and points that are filled in, do not change.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    variances: NDArray[np.float64]
    noise: float
    context: float = 0.0
    correlation: NDArray[np.float64] | None = None
    regularisation: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def extent(self) -> float:
        """Half width of the part of the picture that a crop shows, in IOD."""
        return max(self.context, face_extent(self))

    @cached_property
    def deviations(self) -> NDArray[np.float64]:
        """Standard deviation of the parameter of each mode, in IOD, (K,)."""
        return np.asarray(np.sqrt(self.variances))

    @cached_property
    def precision(self) -> NDArray[np.float64]:
        """Inverse correlation of the parameters, (K, K); the identity if independent."""
        if self.correlation is None:
            return np.eye(len(self.variances))
        return np.asarray(np.linalg.inv(self.correlation))

    @cached_property
    def fit_precision(self) -> NDArray[np.float64]:
        """The same as a fit takes it: with the factors of `regularisation`, (K, K)."""
        if self.regularisation is None:
            return self.precision
        roots = np.sqrt(self.regularisation)
        return np.asarray(roots[:, None] * self.precision * roots)

    @cached_property
    def independent(self) -> PointDistributionModel:
        """The same distribution of shapes by independent parameters; itself if they are so.

        The modes are then the principal ones, and nothing is regularised otherwise than learned.
        """
        if self.correlation is None:
            return self
        loadings = np.linalg.cholesky(self.correlation).T * np.sqrt(self.variances)
        _, deviations, modes = np.linalg.svd(loadings @ self.components, full_matrices=False)
        return replace(
            self,
            components=modes,
            variances=deviations**2,
            correlation=None,
            regularisation=None,
        )

    def shape(self, b: NDArray[np.float64]) -> Points:
        """Return the shape with parameters ``b`` (K,), in the model frame, (N, 2)."""
        return self.mean + self.displacement(b)

    def displacement(self, b: NDArray[np.float64]) -> Points:
        """Return how far the points of the shape with parameters ``b`` (K,) are off the mean."""
        return np.asarray((b @ self.components).reshape(-1, 2))

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

    def nearest(self, shapes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the parameters of what comes nearest to shapes, whatever is probable.

        Parameters
        ----------
        shapes : ndarray, shape (M, N, 2)
            In the model frame.

        Returns
        -------
        ndarray, shape (M, K)
        """
        return np.asarray((shapes - self.mean).reshape(len(shapes), -1) @ self._nearest)

    @cached_property
    def _nearest(self) -> NDArray[np.float64]:
        """Linear map from what a shape is off the mean to its nearest parameters, (2N, K)."""
        gram = self.components @ self.components.T
        if np.allclose(gram, np.eye(len(gram)), atol=1e-9):
            return self.components.T  # exact, and so is what a training makes of it
        return np.asarray(np.linalg.pinv(self.components))

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
        prior = prior_penalty(self.precision, self.variances, self.noise)
        pose = Similarity.between(self.mean, points)
        for _ in range(3):
            residual = (pose.inverse().apply(points) - self.mean).ravel()[rows]
            b = latent_mean(basis, prior, residual)
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
    modes, variances = pdm.independent.components, pdm.independent.variances
    deviation = np.sqrt((modes**2 * variances[:, None]).sum(axis=0)).reshape(-1, 2)
    return float((np.abs(pdm.mean) + deviation).max()) + 0.05
