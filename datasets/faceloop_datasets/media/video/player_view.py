"""From stored pixels to the picture that a player shows: pixel aspect, turning, mirroring.

Players stretch the stored picture to square pixels first, its height kept, and turn it then by the
display matrix of the file. The matrix of a front camera also mirrors, which an angle cannot say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    import av
    from av.buffer import Buffer
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

_FLIPS = {(True, False): 1, (False, True): 0, (True, True): -1}  # OpenCV's codes
_SAME_WIDTH = 1000  # encoders round: a pixel aspect that changes less than a pixel of so many is 1


@dataclass(frozen=True)
class PlayerView:
    """How stored pixels become the picture that a player shows.

    Parameters
    ----------
    stored : (int, int)
        Width and height in stored pixels.
    width : int
        Width once the pixels are square, before turning.
    transposed : bool
        Whether rows become columns ...
    flip_x, flip_y : bool
        ... and whether left and right, top and bottom, change places after that.
    """

    stored: tuple[int, int]
    width: int
    transposed: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def of(cls, frame: av.VideoFrame, aspect: Fraction | None) -> PlayerView:
        """Read the view of a video.

        Parameters
        ----------
        frame : av.VideoFrame
            Its first frame.
        aspect : Fraction or None
            Width of a pixel by its height; None and 0 say nothing.
        """
        width = max(1, round(frame.width * (aspect or 1)))
        if abs(width - frame.width) * _SAME_WIDTH <= frame.width:
            width = frame.width
        return cls((frame.width, frame.height), width, *_turning(_display_matrix(frame)))

    @property
    def mirrored(self) -> bool:
        """Whether left and right change places, however it is turned."""
        return self.transposed ^ self.flip_x ^ self.flip_y

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture that is shown."""
        shown = (self.width, self.stored[1])
        return shown[::-1] if self.transposed else shown

    def show(self, pixels: Image) -> Image:
        """Show a stored picture, (H, W) or (H, W, 3); one that is right already stays itself."""
        height, width = pixels.shape[:2]
        if self.width != width:
            how = cv2.INTER_LINEAR if self.width > width else cv2.INTER_AREA
            pixels = _image(cv2.resize(pixels, (self.width, height), interpolation=how))
        if self.transposed:
            pixels = _image(cv2.transpose(pixels))
        flip = _FLIPS.get((self.flip_x, self.flip_y))
        return pixels if flip is None else _image(cv2.flip(pixels, flip))


def _image(pixels: object) -> Image:
    return cast("Image", pixels)


def _turning(matrix: NDArray[np.int32]) -> tuple[bool, bool, bool]:
    """Whether to transpose, and then to flip x and y: the turn by quarters that is nearest.

    FFmpeg multiplies rows: x' = a x + c y, y' = b x + d y.
    """
    (a, b), (c, d) = matrix[:2, :2].tolist()
    if abs(b) + abs(c) > abs(a) + abs(d):
        return True, c < 0, b < 0
    return False, a < 0, d < 0


def _display_matrix(frame: av.VideoFrame) -> NDArray[np.int32]:
    try:
        data = cast("Mapping[str, Buffer]", frame.side_data)["DISPLAYMATRIX"]
    except KeyError:
        return np.eye(3, dtype=np.int32)
    except ValueError:  # beside it is data that PyAV has no name for, and it shows none then
        return _rotation(frame.rotation)
    return np.frombuffer(bytes(data), np.int32).reshape(3, 3)


def _rotation(degrees: int) -> NDArray[np.int32]:
    angle = math.radians(degrees)  # counter-clockwise
    cos, sin = round(math.cos(angle)), round(math.sin(angle))
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.int32)
