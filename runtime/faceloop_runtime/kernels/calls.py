"""Calling the kernels."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

from .library import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

_KINDS: dict[str, Any] = {"a": ctypes.c_void_p, "n": ctypes.c_int64, "x": ctypes.c_double}


def kernel(name: str, arguments: str) -> Callable[..., int] | None:
    """Return one of the kernels, None where there are none.

    Parameters
    ----------
    name : str
        Of the function, without what all of them begin with.
    arguments : str
        What it takes, a letter each: ``a`` the address of an array (``array.ctypes.data``; None is
        no array), ``n`` a whole number, ``x`` a number.
    """
    library = compiled()
    return None if library is None else _function(library, name, arguments)


@cache
def _function(library: ctypes.CDLL, name: str, arguments: str) -> Callable[..., int]:
    function = library[f"faceloop_{name}"]
    function.argtypes = [_KINDS[kind] for kind in arguments]
    function.restype = ctypes.c_int32
    return function
