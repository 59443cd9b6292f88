"""The least and greatest of many values in each column of pixels, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Values = NDArray[np.float32]

_STEP = 4
"""Values that one of the next level stands for."""
_FINEST = 256
"""Levels end where they are this short: that many are reduced in no time."""


class Extremes:
    """One value a frame, and the extremes of blocks of 4, 16, 64... of them.

    What a window of any width shows is reduced from at most sixteen values a column, so that a
    whole video is drawn as fast as a piece of it. Blocks are at most a quarter of a column wide:
    what is drawn is at most a quarter of a pixel beside its place.

    Parameters
    ----------
    values : array_like, shape (F,)
        NaN where there is none. Infinities count as values.
    """

    def __init__(self, values: ArrayLike) -> None:
        low = high = np.asarray(values, dtype=np.float32)
        self._levels: list[tuple[Values, Values]] = [(low, high)]
        while len(low) > _FINEST:
            blocks = np.arange(0, len(low), _STEP)
            low, high = np.fmin.reduceat(low, blocks), np.fmax.reduceat(high, blocks)
            self._levels.append((low, high))

    def __len__(self) -> int:
        return len(self._levels[0][0])

    @property
    def values(self) -> Values:
        """What it was made of, shape (F,)."""
        return self._levels[0][0]

    def columns(self, first: float, span: float, width: int) -> tuple[Values, Values]:
        """Shrink or stretch a piece to columns of pixels.

        Parameters
        ----------
        first, span : float
            Where the piece begins, and how many frames it has: within 0 and F.
        width : int
            How many columns.

        Returns
        -------
        low, high : ndarray of float32, shape (width,)
            Extremes of the frames that begin in each column; where none does, both are the value
            of the frame at the middle of the column. NaN where no frame has a value.
        """
        if not len(self):
            nothing = np.full(width, np.nan, dtype=np.float32)
            return nothing, nothing
        if span <= width:
            at = self._frames(first + (np.arange(width) + 0.5) * span / width, 1)
            return self.values[at], self.values[at]
        level = self._level(span / width)
        block = _STEP**level
        low, high = self._levels[level]
        edges = self._frames(first + np.arange(width) * span / width, block)
        stop = min(int(np.ceil((first + span) / block)), len(low))
        return (
            np.fmin.reduceat(low[:stop], edges),
            np.fmax.reduceat(high[:stop], edges),
        )

    def _level(self, frames: float) -> int:
        """Return the coarsest level whose blocks are a quarter of a column of frames."""
        finest = max(int(np.log(max(frames / _STEP, 1.0)) / np.log(_STEP)), 0)
        return min(finest, len(self._levels) - 1)

    def _frames(self, at: NDArray[np.float64], block: int) -> NDArray[np.intp]:
        last = (len(self) - 1) // block
        return np.clip(np.floor(at / block).astype(np.intp), 0, last)
