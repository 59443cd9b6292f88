"""Face crops: the picture around a face, brought to a fixed size and upright."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Level = tuple[NDArray[np.float32], Similarity]

_Part = TypeVar("_Part", "NDArray[np.uint8]", "NDArray[np.float32]")

_MARGIN = 1.6
"""How far round the face the picture is kept, in units of the crop's half width: what a
start can be wrong by, and what a fit can walk."""
_LEAST = 64
"""Pictures of fewer pixels a side are not halved any more."""


class FaceImage:
    """A gray picture, reduced around one face.

    A crop taken straight from a large picture would alias, and smoothing the whole picture
    would cost by its size. So the surroundings of the face are reduced once to little more than
    the largest crop; every crop of a fit is then a bilinear warp of about the same cost, whatever
    the size of the face. While it is large it is halved in bytes, which is fast, on a grid that
    stays where it is while the face moves; the rest is done in floats. Rounded to bytes there, or
    in the crop, pixels would turn over with poses that differ by 1e-7 (from another response
    backend), and fits be 0.1 px apart.

    The rest is a bilinear step to no less than a half: it skips no pixel, looks like an average
    over areas, and takes a seventh of the time.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
        The whole picture. It is never copied as a whole and never written.
    pose : Similarity
        Rough pose of the face: model frame to pixels of ``gray``.
    extent : float
        Half width of the largest crop in the model frame (units of IOD).
    scale : float
        IOD in pixels of the largest crop that will be asked for.
    """

    def __init__(self, gray: Gray, pose: Similarity, extent: float, scale: float) -> None:
        reach = _MARGIN * extent * pose.scale
        ratio = pose.scale / scale
        factor = 1.25 / ratio if ratio > 1.5 else 1.0
        halvings = int(np.log2(1 / factor))
        x0, y0 = _start(pose.tx - reach), _start(pose.ty - reach)
        x0, y0 = min(x0, gray.shape[1] - 1), min(y0, gray.shape[0] - 1)
        x0, y0 = x0 >> halvings << halvings, y0 >> halvings << halvings
        part = gray[y0 : max(y0, int(pose.ty + reach)) + 2, x0 : max(x0, int(pose.tx + reach)) + 2]
        to_part = Similarity(1.0, 0.0, -float(x0), -float(y0))
        for _ in range(halvings):
            part, to_part = _half(part, to_part)
        self._levels = [_shrink(part.astype(np.float32), to_part, factor * 2**halvings)]

    def crop(self, pose: Similarity, scale: float, size: int) -> NDArray[np.float32]:
        """Warp the face upright.

        Parameters
        ----------
        pose : Similarity
            From the model frame to pixels of the whole picture.
        scale : float
            IOD of the crop, in pixels.
        size : int
            Width and height of the crop; the model's origin falls on its centre.

        Returns
        -------
        ndarray of float32, shape (size, size)
            Gray values 0..255; beyond the picture's edge its last pixels repeat.
        """
        part, to_part = self._level(scale / pose.scale)
        middle = (size - 1) / 2
        from_crop = to_part.after(pose).after(
            Similarity(1 / scale, 0.0, -middle / scale, -middle / scale)
        )
        warped = cv2.warpAffine(
            part,
            from_crop.matrix(),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(warped, dtype=np.float32)

    def _level(self, wanted: float) -> Level:
        """Halve the picture while it keeps ``wanted`` pixels for one of the whole picture."""
        number = 0
        part, to_part = self._levels[0]
        while min(part.shape) >= _LEAST and 0.5 * to_part.scale >= wanted:
            number += 1
            if number == len(self._levels):
                self._levels.append(_half(part, to_part))
            part, to_part = self._levels[number]
        return part, to_part


def _start(edge: float) -> int:
    return max(0, int(np.floor(edge)))


def _half(part: _Part, to_part: Similarity) -> tuple[_Part, Similarity]:
    return _reduce(part, to_part, 0.5, cv2.INTER_AREA)


def _shrink(part: NDArray[np.float32], to_part: Similarity, factor: float) -> Level:
    return _reduce(part, to_part, factor, cv2.INTER_LINEAR) if factor < 1 else (part, to_part)


def _reduce(part: _Part, to_part: Similarity, factor: float, how: int) -> tuple[_Part, Similarity]:
    # The factors are given, not the size: OpenCV then scales by them exactly, and one
    # factor for both axes keeps the map a similarity. Pixel centres: x' = (x + 0.5) f - 0.5.
    factor = max(factor, 1 / min(part.shape))  # a pixel at least must remain
    small = np.asarray(
        cv2.resize(part, None, fx=factor, fy=factor, interpolation=how), dtype=part.dtype
    )
    shift = 0.5 * factor - 0.5
    return small, Similarity(factor, 0.0, shift, shift).after(to_part)
