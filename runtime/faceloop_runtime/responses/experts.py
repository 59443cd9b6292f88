"""Patch experts: one linear filter bank a landmark and scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.kernels import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

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
        function = search_kernel("probabilities", "aanxa")
        if function is not None:
            logits = np.ascontiguousarray(responses.transpose(1, 2, 0), np.float32)
            maps, gain = np.empty_like(logits), np.ascontiguousarray(self.gain, np.float32)
            function(logits, gain, len(gain), _FLOOR, maps)
            return maps.transpose(2, 0, 1)
        z = np.ascontiguousarray(responses.transpose(1, 2, 0)).reshape(-1, len(responses))
        z = z * self.gain
        z -= z.max(axis=0)
        np.maximum(z, _FLOOR, out=z)
        np.exp(z, out=z)
        z /= z.sum(axis=0)
        return z.reshape(*responses.shape[1:], -1).transpose(2, 0, 1)


def search_kernel(name: str, arguments: str) -> Callable[..., int] | None:
    """Return one of the search's kernels, see `kernel`; None if windows are of another width."""
    return kernel(name, arguments) if SEARCH == _KERNEL_SEARCH else None


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
