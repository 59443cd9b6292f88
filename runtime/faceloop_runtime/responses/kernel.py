"""Correlation by the compiled kernel."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from faceloop_runtime.kernels import address

from .experts import SEARCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

ARGUMENTS = "pannaa"
_STRIDE = 12
"""Columns of a piece, at most; as in ``kernels/responses.c``, like all that follows here."""
_FAST_ROWS = 11
_MOST_ROWS = 48
_MOST_PIECES = 64


class _Piece(NamedTuple):
    """A rectangle of the filters on one plane, outside of which they are 0."""

    plane: int
    top: int
    left: int
    rows: int
    columns: int


class _Bank(ctypes.Structure):
    """``struct bank``."""

    _fields_ = (
        ("landmarks", ctypes.c_int64),
        ("pieces", ctypes.c_int64),
        ("piece", ctypes.c_void_p),
        ("weights", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("before", ctypes.c_int64),
    )


class KernelBank:
    """Filters (N, C, P, P) of one level, laid out for the kernel.

    Parameters
    ----------
    function : callable
        The kernel ``responses``, of the arguments `ARGUMENTS`.
    weights : ndarray of float32, shape (N, C, P, P)
    bias : ndarray of float32, shape (N,)
    before : int
        Pixels of a filter left of (and above) the place that its response is for.
    """

    def __init__(
        self, function: Callable[..., int], weights: Floats, bias: Floats, before: int
    ) -> None:
        pieces = list(_pieces(weights))
        parts = [_laid_out(weights, piece) for piece in pieces]
        rows = np.concatenate([*parts, np.zeros((len(weights), 0, _STRIDE), np.float32)], axis=1)
        # What the structure points to lives as long as it.
        self._kept = (
            np.array(pieces, np.int64).reshape(-1, len(_Piece._fields)),
            np.ascontiguousarray(rows, np.float32),
            np.ascontiguousarray(bias, np.float32),
        )
        piece, laid_out, biases = (address(array) for array in self._kept)
        self._bank = _Bank(len(weights), len(pieces), piece, laid_out, biases, before)
        self._address = ctypes.addressof(self._bank)
        self._call = function
        self._channels = weights.shape[1]

    @staticmethod
    def takes(weights: Floats) -> bool:
        """Say whether the kernel is made for filters of this shape."""
        _, channels, _, width = weights.shape
        pieces = channels * -(-width // _STRIDE)
        return bool(width <= _MOST_ROWS and pieces <= _MOST_PIECES)

    def responses(self, channels: Floats, centres: NDArray[np.intp]) -> Floats:
        """Correlate the filters with channels (C, H, W) round each centre."""
        channels = np.ascontiguousarray(channels, np.float32)
        places = np.ascontiguousarray(centres, np.int64)
        count, height, width = channels.shape
        if count != self._channels or places.shape != (self._bank.landmarks, 2):
            raise ValueError(
                f"filters of other maps or landmarks: {channels.shape}, {places.shape}"
            )
        # The landmarks last in memory: what follows takes sums over the places of each.
        maps = np.empty((SEARCH, SEARCH, len(places)), np.float32)
        self._call(self._address, channels, height, width, places, maps)
        return maps.transpose(2, 0, 1)


def _pieces(weights: Floats) -> Iterator[_Piece]:
    for plane in range(weights.shape[1]):
        used = (weights[:, plane] != 0).any(axis=0)
        rows, columns = np.flatnonzero(used.any(axis=1)), np.flatnonzero(used.any(axis=0))
        if not len(rows):
            continue
        top, height = int(rows[0]), int(rows[-1] - rows[0]) + 1
        for left in range(int(columns[0]), int(columns[-1]) + 1, _STRIDE):
            across = min(_STRIDE, int(columns[-1]) + 1 - left)
            yield _Piece(plane, top, left, _rows(height), across)


def _rows(height: int) -> int:
    """Return how many rows the kernel computes: it is fast with elevens, slow with single ones."""
    elevens, more = divmod(height, _FAST_ROWS)
    return height if elevens and more <= _FAST_ROWS // 2 else (elevens + (more > 0)) * _FAST_ROWS


def _laid_out(weights: Floats, piece: _Piece) -> Floats:
    """Return the rows of a piece, (N, rows, _STRIDE)."""
    plane, top, left, rows, columns = piece
    part = weights[:, plane, top : top + rows, left : left + columns]
    out = np.zeros((len(weights), rows, _STRIDE), np.float32)
    out[:, : part.shape[1], :columns] = part
    return out
