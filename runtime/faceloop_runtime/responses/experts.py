"""Patch experts: one linear filter bank a landmark and scale."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.kernels import address, compiled

SEARCH = 11
"""Width of the search window, in pixels of the crop."""

_KERNEL_SEARCH = 11
"""The same in ``kernels/*.c``."""
_FLOOR = -30.0
"""Least logarithm of a probability over the largest of its map. Smaller ones say no more, and times
a kernel they are denormal numbers, with which a processor computes ten times as long."""


@dataclass(frozen=True, eq=False)
class PatchExperts:
    """The patch experts of all landmarks at one scale.

    Parameters
    ----------
    scale : float
        IOD of the crop they look at, in pixels.
    weights : ndarray of float32, shape (N, C, P, P)
        Filters; the response is their correlation with the channel maps, plus the bias.
    bias : ndarray of float32, shape (N,)
        Added to the response.
    gain : ndarray of float32, shape (N,)
        The probability that the landmark is at a place of its search window is the softmax
        of gain x response over the window.
    reliability : ndarray of float32, shape (N,)
        Factor of the landmark's weight against the shape's, 0 to 1. Training gives 0 to landmarks
        that were visible in no face, and 1 to all others.
    """

    scale: float
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    gain: NDArray[np.float32]
    reliability: NDArray[np.float32]

    @property
    def patch(self) -> int:
        """Width of a patch, in pixels of the crop."""
        return int(self.weights.shape[-1])

    def probabilities(self, responses: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn response maps (N, S, S) into probability maps that sum to 1 each."""
        # The landmarks last in memory: sums over places then run along it.
        library = search_kernels()
        if library is not None:
            return _by_kernel(library, responses, self.gain)
        z = np.ascontiguousarray(responses.transpose(1, 2, 0)).reshape(-1, len(responses))
        z = z * self.gain
        z -= z.max(axis=0)
        np.maximum(z, _FLOOR, out=z)
        np.exp(z, out=z)
        z /= z.sum(axis=0)
        return z.reshape(*responses.shape[1:], -1).transpose(2, 0, 1)


def search_kernels() -> ctypes.CDLL | None:
    """Return the compiled kernels of the search, None where NumPy has to do without."""
    return compiled() if SEARCH == _KERNEL_SEARCH else None


def _by_kernel(
    library: ctypes.CDLL, responses: NDArray[np.float32], gain: NDArray[np.float32]
) -> NDArray[np.float32]:
    logits = np.ascontiguousarray(responses.transpose(1, 2, 0), np.float32)
    gain = np.ascontiguousarray(gain, np.float32)
    maps, call = np.empty_like(logits), library.faceloop_probabilities
    call.argtypes = [
        *(ctypes.c_void_p, ctypes.c_void_p),
        *(ctypes.c_int64, ctypes.c_float, ctypes.c_void_p),
    ]
    call.restype = None
    call(address(logits), address(gain), len(gain), _FLOOR, address(maps))
    return maps.transpose(2, 0, 1)


def windows(
    channels: NDArray[np.float32], centres: NDArray[np.intp], width: int
) -> NDArray[np.float32]:
    """Cut a square of every channel around each centre.

    Parameters
    ----------
    channels : ndarray, shape (C, H, W)
    centres : ndarray of int, shape (N, 2)
        ``(x, y)``; must be at least ``width // 2`` inside the crop.
    width : int
        Odd width of the squares.

    Returns
    -------
    ndarray, shape (C, N, width, width)
    """
    half = width // 2
    views = np.lib.stride_tricks.sliding_window_view(channels, (width, width), axis=(1, 2))
    cut: NDArray[np.float32] = views[:, centres[:, 1] - half, centres[:, 0] - half]
    return cut


def crop_size(extent: float, scale: float, patch: int) -> int:
    """Width in pixels of a crop with room for search window and patch round every landmark."""
    return 2 * int(np.ceil(extent * scale + (SEARCH + patch) / 2)) + 1
