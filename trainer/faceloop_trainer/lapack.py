"""Symmetric systems solved in threads.

SciPy's own functions hold Python's lock while LAPACK works, so threads that solve wait for each
other. SciPy also offers LAPACK to compiled code (`scipy.linalg.cython_lapack`); called from there
by ctypes, the lock is free.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.linalg import cython_lapack

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NAMES = {"f": "sposv", "d": "dposv"}


def solve_symmetric(matrix: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Solve ``matrix @ x = right`` by Cholesky; both arguments are overwritten.

    Parameters
    ----------
    matrix : ndarray of float32 or float64, shape (M, M)
        Positive definite, contiguous; only its upper triangle is read.
    right : ndarray of the same type, shape (M,) or (D, M)
        Right sides, one a row; contiguous.

    Returns
    -------
    ndarray
        ``right``, which now holds the solutions.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.
    """
    size, many = ctypes.c_int(len(matrix)), ctypes.c_int(right.size // max(len(matrix), 1))
    info = ctypes.c_int(0)
    # Rows are columns to LAPACK: the upper triangle of a row-by-row matrix is its lower one.
    _function(matrix.dtype.char)(
        b"L",
        ctypes.byref(size),
        ctypes.byref(many),
        ctypes.c_void_p(matrix.ctypes.data),
        ctypes.byref(size),
        ctypes.c_void_p(right.ctypes.data),
        ctypes.byref(size),
        ctypes.byref(info),
    )
    if info.value:
        raise np.linalg.LinAlgError(f"The matrix is not positive definite ({info.value}).")
    return right


@cache
def _function(kind: str) -> Any:
    capsules: dict[str, Any] = vars(cython_lapack)["__pyx_capi__"]
    capsule = capsules[_NAMES[kind]]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(capsule, name(capsule))
    return ctypes.CFUNCTYPE(None, ctypes.c_char_p, *[ctypes.c_void_p] * 7)(address)
