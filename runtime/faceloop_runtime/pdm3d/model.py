"""The point distribution model in space: what shapes a face can take, whatever its turn."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ShapeModel3D:
    """Mean shape and modes of variation in space, a linear Gaussian model.

    A face is seen by weak perspective: turned, its depth dropped, scaled and shifted (Torresani,
    Hertzmann & Bregler, PAMI 2008, eq. 4). The frame is x right, y down, z towards the viewer, of a
    face that looks into the camera; the unit is that of the model frame.

    Parameters
    ----------
    mean : ndarray, shape (N, 3)
        Mean shape, centred.
    components : ndarray, shape (K, 3N)
        Modes of unit length; a row holds ``x0, y0, z0, x1, ...``. None of them turns, shifts or
        scales the mean, nor does what a picture shows of it look as if it did.
    variances : ndarray, shape (K,)
        Variance of each mode, largest first.
    noise : ndarray, shape (N,)
        Variance of each coordinate of a point in the picture that modes and pose do not explain: of
        the contour, which is not a place on the skin, it is larger.
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    variances: NDArray[np.float64]
    noise: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.mean)

    @cached_property
    def loadings(self) -> NDArray[np.float64]:
        """Modes scaled to one standard deviation, (K, N, 3)."""
        scaled = self.components * np.sqrt(self.variances)[:, None]
        return np.asarray(scaled.reshape(-1, len(self), 3))

    def shape(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return shapes with parameters ``z`` (..., K), in standard deviations, (..., N, 3)."""
        return np.asarray(self.mean + np.tensordot(z, self.loadings, axes=1))

    @cached_property
    def affine(self) -> NDArray[np.float64]:
        """Brings points (N, 2) to the affine map of the mean onto them, (4, N).

        By weighted least squares; the map's last row is the shift.
        """
        ones = np.concatenate([self.mean, np.ones((len(self), 1))], axis=1)
        weighted = (ones / self.noise[:, None]).T
        return np.asarray(np.linalg.solve(stiffened(weighted @ ones), weighted))

    @cached_property
    def packed(self) -> NDArray[np.float64]:
        """What the kernel reads: `affine`, then mean (3, N), loadings (K, 3, N) and noise."""
        loadings = np.swapaxes(self.loadings, 1, 2)
        parts = [self.affine, self.mean.T, loadings, self.noise]
        return np.concatenate([part.reshape(-1) for part in parts])


def stiffened(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return normal equations (..., 4, 4) that a mean shape in one plane can be solved by, too."""
    trace = np.trace(normal, axis1=-2, axis2=-1)[..., None, None]
    return np.asarray(normal + 1e-6 * trace * np.eye(4))
