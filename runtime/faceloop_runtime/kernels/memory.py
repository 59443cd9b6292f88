"""Memory for large arrays that live for one crop only."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from .library import address

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEPT = 4
"""Blocks at most that wait for the next array."""
_free: list[NDArray[np.float32]] = []


class _Lease:
    """Holds a block for as long as an array, or a view of it, lies in there."""

    def __init__(self, block: NDArray[np.float32], shape: tuple[int, ...]) -> None:
        self._block = block
        self.__array_interface__ = {
            "shape": shape,
            "typestr": block.dtype.str,
            "data": (address(block), False),
            "version": 3,
        }

    def __del__(self) -> None:
        if len(_free) < _KEPT:
            _free.append(self._block)


def reused(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return an array of float32, not initialised, in memory that is used again after it.

    The C library gives large blocks back to the system when they are freed. To get the pages anew
    costs several times what the kernels compute in them.
    """
    return np.asarray(_Lease(_block(prod(shape)), shape))


def _block(size: int) -> NDArray[np.float32]:
    """Take a block that waits, if it is large enough and not much too large."""
    for _ in range(len(_free)):
        try:
            block = _free.pop(0)
        except IndexError:  # another thread took it
            break
        if size <= len(block) <= 2 * size:
            return block
        _free.append(block)
    return np.empty(max(size, 1), np.float32)
