"""The reference backend: correlation as matrix products."""

from __future__ import annotations

import math
from functools import cache
from threading import local
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from faceloop_runtime.channels import CropChannels, plane_count, terms
from faceloop_runtime.experts import SEARCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.experts import PatchExperts

    from .base import ChannelMaps

    Floats = NDArray[np.float32]

_BLOCK = 3
"""Neighbouring columns of a response that one product computes."""
_BLOCKS = -(-SEARCH // _BLOCK)


class CpuResponses:
    """Response maps on the CPU.

    A correlation is written as few, dense matrix products: every row of a window, all its
    channels, times every row of the filter; which rows belong together is a sum along diagonals
    afterwards. Each number is so computed with about twice the operations it needs, but at the
    rate of a matrix product and without laying out a patch. With 70 landmarks and 7 planes that
    takes 0.55 ms on one core; by FFT it took 1.1.

    A product yields ``_BLOCK`` columns of the response: the filter is written down as often, each
    time a pixel further right (times at 10 channels: 3 columns .47 ms; 1: .62; 4: .56; 11: .95).
    """

    name = "cpu"

    def __init__(self, experts: Sequence[PatchExperts]) -> None:
        self._experts = tuple(experts)
        self._banks: dict[tuple[int, tuple[str, ...]], _Bank] = {}
        self._memory = _Memory()

    def responses(
        self, level: int, channels: ChannelMaps, centres: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Correlate every landmark's patch expert with its search window.

        See `ResponseBackend.responses`.
        """
        if isinstance(channels, CropChannels):
            bank = self._bank(level, channels.families)
            return bank.responses(channels.planes, centres, self._memory)
        return self._bank(level, ()).responses(channels, centres, self._memory)

    def _bank(self, level: int, families: tuple[str, ...]) -> _Bank:
        """Return filters for the planes of these families, or for the channels themselves."""
        key = level, families
        if key not in self._banks:
            experts = self._experts[level]
            weights = on_planes(experts.weights, families) if families else experts.weights
            before = experts.patch // 2 + weights.shape[-1] - experts.patch
            self._banks[key] = _Bank(weights, experts.bias, before)
        return self._banks[key]


def on_planes(weights: Floats, families: Sequence[str]) -> Floats:
    """Turn filters on channels into filters on their planes.

    Parameters
    ----------
    weights : ndarray, shape (N, C, P, P)
        Filters on the channels of these families.

    Returns
    -------
    ndarray, shape (N, B, Q, Q)
        Filters on the planes, with Q - P more rows above and columns on the left.
    """
    parts = terms(families)
    more = -min(min(t.dy, t.dx) for t in parts)
    count, _, patch, _ = weights.shape
    size = patch + more
    folded = np.zeros((count, plane_count(families), size, size))
    for t in parts:
        y, x = more + t.dy, more + t.dx
        folded[:, t.plane, y : y + patch, x : x + patch] += t.share * weights[:, t.channel]
    return folded.astype(np.float32)


class _Bank:
    """The filters of one level, (N, C, P, P), laid out for products.

    ``before`` pixels of a filter lie left of (and above) the place that its response is for.
    """

    def __init__(self, weights: Floats, bias: Floats, before: int) -> None:
        count, channels, patch, _ = weights.shape
        self.patch, self.bias, self.before = patch, bias, before
        filters = np.zeros((count, _BLOCK - 1 + patch, channels, patch, _BLOCK), np.float32)
        for column in range(_BLOCK):
            filters[:, column : column + patch, :, :, column] = weights.transpose(0, 3, 1, 2)
        self.filters = filters.reshape(count, 1, -1, patch * _BLOCK)

    def responses(self, channels: Floats, centres: NDArray[np.intp], memory: _Memory) -> Floats:
        rows = self._rows(channels, centres, memory)
        # (N, blocks, row of the window, row of the filter x column in the block)
        shape = (*rows.shape[:3], self.patch * _BLOCK)
        parts = np.matmul(rows, self.filters, out=memory.array("parts", shape))
        n, b, r, f = parts.strides
        diagonals = np.lib.stride_tricks.as_strided(
            parts,
            (len(centres), _BLOCKS, SEARCH, self.patch, _BLOCK),
            (n, b, r, r + _BLOCK * f, f),
            writeable=False,
        )
        # The landmarks last in memory: what follows takes sums over the places of each.
        maps = np.einsum("nbiuj->ibjn", diagonals, order="C").reshape(SEARCH, -1, len(centres))
        maps += self.bias
        result: Floats = maps[:, :SEARCH].transpose(2, 0, 1)
        return result

    def _rows(self, channels: Floats, centres: NDArray[np.intp], memory: _Memory) -> Floats:
        """View the rows of all windows (N, blocks, rows, pixels x channels) block by block."""
        count, height, width = channels.shape
        size = SEARCH + self.patch - 1
        # Filters on planes look one pixel further to the left and up. There lies another row of
        # zeros: what planes are beyond the edge, and at the right end of every row.
        pixels = memory.array("pixels", ((1 + height) * width, count))
        pixels[:width] = 0.0
        cv2.transpose(channels.reshape(count, -1), dst=pixels[width:])
        corners = centres - SEARCH // 2 - self.before
        first = (1 + corners[:, 1]) * width + corners[:, 0]
        window = _window(size, width)
        places = memory.array("places", (len(first), len(window)), np.intp)
        np.add(first[:, None], window, out=places)
        # The last block reads on into the next row, for a column that is cut off afterwards.
        # After the last row of all there lies a zero.
        cut = memory.array("windows", (places.size + 1, count))
        cut[-1] = 0.0
        np.take(pixels, places.reshape(-1), axis=0, out=cut[:-1], mode="clip")
        row, item = size * cut.strides[0], cut.itemsize
        return np.lib.stride_tricks.as_strided(
            cut,
            (len(centres), _BLOCKS, size, (_BLOCK - 1 + self.patch) * count),
            (row * size, item * _BLOCK * count, row, item),
            writeable=False,
        )


@cache
def _window(size: int, width: int) -> NDArray[np.intp]:
    """Where the pixels of a square lie behind its first one, in a crop of this width."""
    across = np.arange(size)
    return (width * across[:, None] + across).reshape(-1)


class _Memory(local):
    """Arrays that a thread uses again at every call.

    They are large enough for the C library to give them back to the system each time, and to
    get their pages anew costs more than the sums (1.4 of 4.4 ms a tracked frame).
    """

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[Any]] = {}

    def array(
        self, name: str, shape: tuple[int, ...], dtype: type[np.generic] = np.float32
    ) -> NDArray[Any]:
        """Return memory of this shape; what it holds is finite and otherwise undefined."""
        size = math.prod(shape)
        if name not in self._kept or self._kept[name].size < size:
            self._kept[name] = np.zeros(size, dtype)
        return self._kept[name][:size].reshape(shape)
