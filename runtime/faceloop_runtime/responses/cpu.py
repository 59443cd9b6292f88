"""The reference backend: correlation by the compiled kernel, or as matrix products."""

from __future__ import annotations

from threading import local
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.imaging.channels import CropChannels, plane_count, terms

from .experts import SEARCH, search_kernel
from .kernel import ARGUMENTS, KernelBank

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .base import ChannelMaps
    from .experts import PatchExperts

    Floats = NDArray[np.float32]

_BLOCK = 3
"""Neighbouring columns of a response that one product computes."""
_BLOCKS = -(-SEARCH // _BLOCK)


class CpuResponses:
    """Response maps on the CPU.

    Sums in float32 are the compiled kernel's (``kernels/responses.c``), where there is one. With
    70 landmarks and 7 planes it takes .13 ms on one core where the following takes .80.

    Without it a correlation is written as few, dense matrix products: every row of a window, all
    its channels, times every row of the filter; which rows belong together is a sum along diagonals
    afterwards. Each number is so computed with about twice the operations it needs, but at the
    rate of a matrix product and without laying out a patch.

    A product yields ``_BLOCK`` columns of the response: the filter is written down as often, each
    time a pixel further right (times at 10 channels: 3 columns .47 ms; 1: .62; 4: .56; 11: .95).

    Parameters
    ----------
    experts : sequence of PatchExperts
        One a scale.
    dtype : type
        What the sums are made in. Only who follows another program step by step needs float64.
    """

    name = "cpu"

    def __init__(
        self,
        experts: Sequence[PatchExperts],
        dtype: type[np.float32 | np.float64] = np.float32,
    ) -> None:
        self._experts, self._dtype = tuple(experts), dtype
        self._banks: dict[tuple[int, tuple[str, ...], bool], _Bank | KernelBank] = {}
        self._workspaces = _Workspaces()

    def responses(
        self, level: int, channels: ChannelMaps, centres: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Correlate every landmark's patch expert with its search window.

        See `ResponseBackend.responses`.
        """
        if isinstance(channels, CropChannels):
            families, maps = channels.families, channels.planes
        else:
            families, maps = (), channels
        bank = self._bank(level, families)
        if isinstance(bank, KernelBank):
            return bank.responses(maps, centres)
        return bank.responses(maps, centres, self._workspaces.get(bank, maps.shape))

    def _bank(self, level: int, families: tuple[str, ...]) -> _Bank | KernelBank:
        """Return filters for the planes of these families, or for the channels themselves."""
        single = self._dtype is np.float32
        function = search_kernel("responses", ARGUMENTS) if single else None
        key = level, families, function is not None
        if key not in self._banks:
            experts = self._experts[level]
            weights = on_planes(experts.weights, families) if families else experts.weights
            before = experts.patch // 2 + weights.shape[-1] - experts.patch
            if function is not None and KernelBank.takes(weights):
                self._banks[key] = KernelBank(function, weights, experts.bias, before)
            else:
                self._banks[key] = _Bank(weights, experts.bias, before, self._dtype)
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

    def __init__(
        self,
        weights: Floats,
        bias: Floats,
        before: int,
        dtype: type[np.float32 | np.float64],
    ) -> None:
        count, channels, patch, _ = weights.shape
        self.patch, self.bias, self.before = patch, bias, before
        filters = np.zeros((count, _BLOCK - 1 + patch, channels, patch, _BLOCK), dtype)
        for column in range(_BLOCK):
            filters[:, column : column + patch, :, :, column] = weights.transpose(0, 3, 1, 2)
        filters = filters.reshape(count, 1, -1, patch * _BLOCK)
        # The first pixel of a row is looked at on the last planes only.
        self.skipped = int(filters.any(axis=(0, 1, 3)).argmax())
        self.filters = np.ascontiguousarray(filters[:, :, self.skipped :])

    def responses(self, channels: Floats, centres: NDArray[np.intp], work: _Workspace) -> Floats:
        """Correlate the filters with channels (C, H, W) round each centre."""
        count, _, width = channels.shape
        # Of another type, OpenCV would write into an array of its own.
        given = channels.astype(self.filters.dtype, copy=False)
        cv2.transpose(given.reshape(count, -1), dst=work.crop)
        corners = centres - SEARCH // 2 - self.before
        first = (1 + corners[:, 1]) * width + corners[:, 0]
        np.add(first[:, None], work.window, out=work.places)
        np.take(work.pixels, work.places.reshape(-1), axis=0, out=work.windows, mode="clip")
        np.matmul(work.rows, self.filters, out=work.parts)
        # The landmarks last in memory: what follows takes sums over the places of each.
        maps = np.einsum("nbiuj->ibjn", work.diagonals, order="C")
        maps = maps.reshape(SEARCH, -1, len(centres))[:, :SEARCH] + self.bias
        result: Floats = maps.transpose(2, 0, 1)
        return result


class _Workspace:
    """Memory for the responses of a bank to crops of one size, and views of it.

    It is used again at every call: it is large enough for the C library to give it back to the
    system each time, and to get the pages anew costs more than the sums (1.4 of 4.4 ms a frame).

    Parameters
    ----------
    bank : _Bank
    shape : (C, H, W)
        Of the channels.
    """

    def __init__(self, bank: _Bank, shape: tuple[int, ...]) -> None:
        channels, height, width = self.shape = shape
        count, _, depth, products = bank.filters.shape
        size = SEARCH + bank.patch - 1
        # Filters on planes look one pixel further to the left and up. There lies another row of
        # zeros: what planes are beyond the edge, and at the right end of every row.
        dtype = bank.filters.dtype
        self.pixels = np.zeros(((1 + height) * width, channels), dtype)
        self.crop = self.pixels[width:]
        across = np.arange(size)
        self.window = (width * across[:, None] + across).reshape(-1)
        self.places = np.empty((count, size * size), np.intp)
        # The last block of a row reads on into the next one, for columns that are cut off
        # afterwards. After the last row of all there lie zeros.
        beyond = _BLOCKS * _BLOCK - SEARCH
        windows = np.zeros((self.places.size + beyond, channels), dtype)
        self.windows = windows[: self.places.size]
        row, item = size * windows.strides[0], windows.itemsize
        self.rows = np.lib.stride_tricks.as_strided(
            windows.reshape(-1)[bank.skipped :],
            (count, _BLOCKS, size, depth),
            (row * size, item * _BLOCK * channels, row, item),
            writeable=False,
        )
        # (landmark, block, row of the window, row of the filter x column in the block)
        self.parts = np.zeros((count, _BLOCKS, size, products), dtype)
        n, b, r, f = self.parts.strides
        self.diagonals = np.lib.stride_tricks.as_strided(
            self.parts,
            (count, _BLOCKS, SEARCH, bank.patch, _BLOCK),
            (n, b, r, r + _BLOCK * f, f),
            writeable=False,
        )


class _Workspaces(local):
    """The workspaces of one thread."""

    def __init__(self) -> None:
        self._of: dict[_Bank, _Workspace] = {}

    def get(self, bank: _Bank, shape: tuple[int, ...]) -> _Workspace:
        """Return memory for responses to channels of this shape."""
        found = self._of.get(bank)
        if found is None or found.shape != shape:
            found = self._of[bank] = _Workspace(bank, shape)
        return found
