"""Second moments of search windows: all that ridge and MOSSE experts need of the pictures.

They are sums over faces, and exact ones: the spectrum of each window is rounded to whole numbers
(of `_STEP`), and sums of products of whole numbers below 2^53 have no rounding error in float64.
So they can be gathered in any order, added, and taken apart again, to the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from faceloop_runtime.kernels import address, kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .channel_basis import MirroredPlane

RADIUS = 10
"""Half width of the training window round a landmark, in pixels of the crop."""
WIDTH = 2 * RADIUS + 1
MAX_LAG = 11
"""Longest lag that anybody asks for: a patch on planes may be one wider than on channels."""
LENGTH = (WIDTH + MAX_LAG, WIDTH + MAX_LAG + 1)
"""Height and width of the transform: window plus the longest lag, and one pixel across, by which
a mirrored plane may be moved."""
SPECTRUM = (LENGTH[0], LENGTH[1] // 2 + 1)
TARGET_SIGMA = 1.0
"""Width of the Gaussian that a response should be, in pixels of the crop."""
_STEP = 2.0**-7
"""Spectra are rounded to this. Window values of about 1 give spectra of about 10; the noise that
rounding adds has a millionth of their power, and 10,000 faces stay far below 2^53 steps squared."""


_AT_ONCE = 16
"""Faces whose products are added at once: the sums, 22 megabytes, are then read and written once
for all of them. A compiled kernel has room for so many."""


@cache
def pairs(maps: int) -> list[tuple[int, int]]:
    """Return which maps are multiplied, the first never after the second.

    The last map, the wanted response, is not multiplied by itself.
    """
    return [(i, j) for i in range(maps - 1) for j in range(i, maps)]


@dataclass(frozen=True, eq=False)
class Moments:
    """Cross-spectra of the maps and the wanted response, summed over faces.

    Parameters
    ----------
    spectra : ndarray of complex128, shape (P, N, *SPECTRUM)
        The sum of ``conj(map_i) map_j`` for each of `pairs`, in steps squared. The last map is
        the wanted response.
    count : ndarray, shape (N,)
        Faces summed, by landmark.
    """

    spectra: NDArray[np.complex128]
    count: NDArray[np.float64]

    @property
    def maps(self) -> int:
        """Number of maps, the wanted response included."""
        return round((float(np.sqrt(9 + 8 * len(self.spectra))) - 1) / 2)

    def product(self, i: int, j: int) -> NDArray[np.complex128]:
        """Return the sum of ``conj(map_i) map_j``, shape (N, *SPECTRUM)."""
        order = {pair: k for k, pair in enumerate(pairs(self.maps))}
        one: NDArray[np.complex128] = self.spectra[order[min(i, j), max(i, j)]]
        return one if i <= j else one.conj()

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.spectra + other.spectra, self.count + other.count)

    def take(self, landmarks: Sequence[int]) -> Moments:
        """Return the moments of some landmarks, in this order."""
        which = list(landmarks)
        return Moments(self.spectra[:, which], self.count[which])

    def mirrored(self, planes: Sequence[MirroredPlane]) -> Moments:
        """Return the moments of the same windows in a mirror.

        Mirroring negates the horizontal frequency, and at a negative frequency a real
        signal has the conjugate of its value at the opposite one.

        Parameters
        ----------
        planes : sequence of MirroredPlane
            What each map but the last shows in a mirror.
        """
        opposite = -np.arange(LENGTH[0]) % LENGTH[0]
        across = 2j * np.pi * np.arange(SPECTRUM[1]) / LENGTH[1]
        out = np.empty_like(self.spectra)
        shown = [*((m.plane, m.sign, m.shift) for m in planes), (self.maps - 1, 1.0, 0)]
        for k, (i, j) in enumerate(pairs(self.maps)):
            (p, sign_p, shift_p), (q, sign_q, shift_q) = shown[i], shown[j]
            # what lies at (y, -x) is the conjugate of what is kept at (-y, x)
            there = self.product(q, p)[:, opposite]
            factor = sign_p * sign_q * np.exp((shift_q - shift_p) * across)
            np.multiply(there, factor, out=out[k])
        return Moments(out, self.count)

    def lags(self, reach: int) -> NDArray[np.float32]:
        """Return correlations by lag, shape (N, C + 1, C + 1, 2 reach + 1, 2 reach + 1).

        Entry ``[n, i, j, reach + dy, reach + dx]`` is the mean of
        ``map_i(u) map_j(u + (dx, dy))`` over window and faces. The wanted response with itself is
        left at zero.
        """
        size, lag = 2 * reach + 1, np.arange(-reach, reach + 1)
        out = np.zeros((len(self.count), self.maps, self.maps, size, size), np.float32)
        scale = (_STEP**2 / (np.maximum(self.count, 1.0) * WIDTH**2))[:, None, None]
        for k, (i, j) in enumerate(pairs(self.maps)):
            full = scipy.fft.irfft2(self.spectra[k], LENGTH)
            part = full[:, lag % LENGTH[0]][..., lag % LENGTH[1]] * scale
            out[:, i, j] = part
            out[:, j, i] = part[:, ::-1, ::-1]
        return out


class MomentGatherer:
    """Adds the windows of one face after the other to moments.

    Parameters
    ----------
    landmarks, maps : int
        How many landmarks, and maps of each without the wanted response.
    start : Moments, optional
        What has been gathered before; it is gathered on in place.
    """

    def __init__(self, landmarks: int, maps: int, start: Moments | None = None) -> None:
        shape = (len(pairs(maps + 1)), landmarks, *SPECTRUM)
        self._sums = start or Moments(np.zeros(shape, np.complex128), np.zeros(landmarks))
        self._waiting: list[_Windows] = []

    @property
    def sums(self) -> Moments:
        """What has been gathered so far."""
        self._take_in()
        return self._sums

    def add(
        self,
        cut: NDArray[np.float32],
        offset: NDArray[np.float64],
        use: NDArray[np.bool_],
        times: int = 1,
    ) -> None:
        """Add one face.

        Parameters
        ----------
        cut : ndarray, shape (C, N, WIDTH, WIDTH)
            Windows of the maps.
        offset : ndarray, shape (N, 2)
            Where the landmark lies, against the middle of its window, in pixels.
        use : ndarray of bool, shape (N,)
            Landmarks to learn from.
        times : int
            -1 takes the face out again.
        """
        self._waiting.append(_Windows(cut, target_response(offset), use, times))
        self._sums.count[:] += times * use
        if len(self._waiting) == _AT_ONCE:
            self._take_in()

    def _take_in(self) -> None:
        """Add the faces that wait, landmark by landmark: the spectra of one fit the cache."""
        if not self._waiting:
            return
        times = np.array([face.times for face in self._waiting], np.float64)
        # Kept, since only the windows in them change: what is beside them stays zero.
        shape = (len(times), len(self._waiting[0].cut) + 1)
        rows = np.zeros((*shape, WIDTH, LENGTH[1]), np.float32)
        for n in range(len(self._sums.count)):
            for face, own in zip(self._waiting, rows, strict=True):
                own[:-1, :, :WIDTH] = face.cut[:, n] if face.use[n] else 0.0
                own[-1, :, :WIDTH] = face.target[n] if face.use[n] else 0.0
            spectra = np.zeros((*shape, *SPECTRUM), np.complex64)
            spectra[:, :, :WIDTH] = scipy.fft.rfft(rows)
            spectra = scipy.fft.fft(spectra, axis=2, overwrite_x=True)
            add_products(self._sums.spectra[:, n], spectra, times)
        self._waiting.clear()


@dataclass(frozen=True, eq=False)
class _Windows:
    """One face, see `MomentGatherer.add`; ``target`` is the wanted response."""

    cut: NDArray[np.float32]
    target: NDArray[np.float32]
    use: NDArray[np.bool_]
    times: int


def add_products(
    sums: NDArray[np.complex128], spectra: NDArray[np.complex64], times: NDArray[np.float64]
) -> None:
    """Add the products of some faces' spectra of one landmark, rounded to steps.

    Compiled or not, it gives the same bits.

    Parameters
    ----------
    sums : ndarray of complex128, shape (P, *SPECTRUM)
        By pair of maps; changed in place.
    spectra : ndarray of complex64, shape (F, C + 1, *SPECTRUM)
        By face and map.
    times : ndarray, shape (F,)
        How often each face counts.
    """
    (faces, maps), size = spectra.shape[:2], SPECTRUM[0] * SPECTRUM[1]
    stride = sums.strides[0] // sums.itemsize
    add = kernel("add_products", "pnaannnx")
    if add and add(address(sums[0]), stride, spectra, times, faces, maps, size, 1 / _STEP):
        return
    spectra = spectra * np.float32(1 / _STEP)
    whole = np.rint(spectra.view(np.float32)).view(np.complex64).astype(np.complex128)
    rows = whole.reshape(faces, maps, -1).transpose(2, 1, 0).copy()
    products = (rows.conj() * times) @ rows.transpose(0, 2, 1)
    for k, (i, j) in enumerate(pairs(maps)):
        sums[k] += products[:, i, j].reshape(SPECTRUM)


def target_response(offset: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return zero-mean Gaussians at the landmarks, shape (N, WIDTH, WIDTH)."""
    grid = np.arange(-RADIUS, RADIUS + 1)
    x = np.exp(-((grid - offset[:, :1]) ** 2) / (2 * TARGET_SIGMA**2))
    y = np.exp(-((grid - offset[:, 1:]) ** 2) / (2 * TARGET_SIGMA**2))
    response = y[:, :, None] * x[:, None, :]
    response -= response.mean(axis=(1, 2), keepdims=True)
    return response.astype(np.float32)
