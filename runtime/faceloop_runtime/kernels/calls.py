"""Calling the kernels."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

from .library import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_Byte = ctypes.c_char


class _Array:
    """How an array is given to a kernel: by the address of its values."""

    @classmethod
    def from_param(cls, array: NDArray[Any] | None) -> Any:
        """Return what ctypes takes instead."""
        if array is None:
            return None
        try:  # three times as fast as ``array.ctypes``
            return ctypes.byref(_Byte.from_buffer(array))  # type: ignore[arg-type]
        except (TypeError, ValueError):  # may not be written, or is empty
            return ctypes.c_void_p(array.ctypes.data)


_KINDS: dict[str, Any] = {
    "a": _Array,
    "p": ctypes.c_void_p,
    "n": ctypes.c_int64,
    "x": ctypes.c_double,
}


def kernel(name: str, arguments: str) -> Callable[..., int] | None:
    """Return one of the kernels, None where there are none.

    Parameters
    ----------
    name : str
        Of the function, without what all of them begin with.
    arguments : str
        What it takes, a letter each: ``a`` an array that is contiguous and of the type the kernel
        expects, or None; ``p`` an address; ``n`` a whole number, ``x`` a number.
    """
    library = compiled()
    return None if library is None else _function(library, name, arguments)


@cache
def _function(library: ctypes.CDLL, name: str, arguments: str) -> Callable[..., int]:
    function = library[f"faceloop_{name}"]
    function.argtypes = [_KINDS[kind] for kind in arguments]
    function.restype = ctypes.c_int32
    return function
