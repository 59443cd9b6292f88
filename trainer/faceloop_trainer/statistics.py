"""Second moments of search windows: all that ridge and MOSSE experts need of the pictures.

They are sums over faces, so they can be gathered in any order, added and taken apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RADIUS = 10
"""Half width of the training window round a landmark, in pixels of the crop."""
LENGTH = 32
"""Length of the transform: window plus the longest lag, rounded up."""
TARGET_SIGMA = 1.0
"""Width of the Gaussian that a response should be, in pixels of the crop."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Cross-spectra of the channels and the wanted response, summed over faces.

    Parameters
    ----------
    spectra : ndarray of complex64, shape (C + 1, C + 1, N, LENGTH, LENGTH // 2 + 1)
        ``spectra[i, j]`` is the sum of ``conj(channel_i) channel_j``; the last row and
        column belong to the wanted response.
    count : ndarray, shape (N,)
        Faces summed, by landmark.
    """

    spectra: NDArray[np.complex64]
    count: NDArray[np.float64]

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.spectra + other.spectra, self.count + other.count)

    def mirrored(self, landmarks: Sequence[int], channels: Sequence[int]) -> Moments:
        """Return the moments of the same faces in a mirror.

        Mirroring negates the horizontal frequency, and at a negative frequency a real
        signal has the conjugate of its value at the opposite one.

        Parameters
        ----------
        landmarks, channels : sequence of int
            Which landmark and channel each one is the mirror image of.
        """
        which = [*channels, len(channels)]
        order = list(landmarks)
        opposite = -np.arange(LENGTH) % LENGTH
        turned = self.spectra[which][:, which][:, :, order][..., opposite, :]
        return Moments(turned.conj(), self.count[order])

    def lags(self, reach: int) -> NDArray[np.float32]:
        """Return correlations by lag, shape (N, C + 1, C + 1, 2 reach + 1, 2 reach + 1).

        Entry ``[n, i, j, reach + dy, reach + dx]`` is the mean of
        ``channel_i(u) channel_j(u + (dx, dy))`` over window and faces.
        """
        full = scipy.fft.irfft2(self.spectra, (LENGTH, LENGTH))
        lag = np.arange(-reach, reach + 1) % LENGTH
        part = full[..., lag, :][..., lag].transpose(2, 0, 1, 3, 4)
        scale = np.maximum(self.count, 1.0) * (2 * RADIUS + 1) ** 2
        return np.asarray(part / scale[:, None, None, None, None], dtype=np.float32)


class MomentGatherer:
    """Adds the windows of one face after the other to moments."""

    def __init__(self, landmarks: int, channels: int) -> None:
        self._shape = (landmarks, LENGTH, LENGTH // 2 + 1)
        self._sum = np.zeros((channels + 1, channels + 1, *self._shape), np.complex64)
        # Kept, since only the windows in it change: the border stays zero.
        self._padded = np.zeros((channels + 1, landmarks, LENGTH, LENGTH), np.float32)
        self._count = np.zeros(landmarks)

    def add(
        self,
        cut: NDArray[np.float32],
        offset: NDArray[np.float64],
        use: NDArray[np.bool_],
    ) -> None:
        """Add one face.

        Parameters
        ----------
        cut : ndarray, shape (C, N, 2 RADIUS + 1, 2 RADIUS + 1)
            Windows of the channel maps.
        offset : ndarray, shape (N, 2)
            Where the landmark lies, against the middle of its window, in pixels.
        use : ndarray of bool, shape (N,)
            Landmarks to learn from.
        """
        width, padded = 2 * RADIUS + 1, self._padded
        padded[:-1, :, :width, :width] = cut
        padded[-1, :, :width, :width] = wanted_response(offset)
        padded[:, ~use] = 0.0
        spectra = scipy.fft.rfft2(padded)
        # Pair by pair, since the products of one pair stay in the cache; the lower
        # triangle is the conjugate of the upper one.
        product = np.empty_like(spectra[0])
        for i, one in enumerate(spectra):
            conjugate = one.conj()
            for j in range(i, len(spectra)):
                self._sum[i, j] += np.multiply(conjugate, spectra[j], out=product)
        self._count += use

    def moments(self) -> Moments:
        """Return what has been gathered."""
        full = self._sum.copy()
        for i in range(1, len(full)):
            full[i, :i] = full[:i, i].conj()
        return Moments(full, self._count.copy())


def wanted_response(offset: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return zero-mean Gaussians at the landmarks, shape (N, 2 RADIUS + 1, 2 RADIUS + 1)."""
    grid = np.arange(-RADIUS, RADIUS + 1)
    x = np.exp(-((grid - offset[:, :1]) ** 2) / (2 * TARGET_SIGMA**2))
    y = np.exp(-((grid - offset[:, 1:]) ** 2) / (2 * TARGET_SIGMA**2))
    response = y[:, :, None] * x[:, None, :]
    response -= response.mean(axis=(1, 2), keepdims=True)
    return response.astype(np.float32)
