"""Face crops: the picture around a face, brought to a fixed size and upright."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from .geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Part = NDArray[np.uint8] | NDArray[np.float32]

_MARGIN = 1.6
"""How far round the face the picture is kept, in units of the crop's half width: what a
start can be wrong by, and what a fit can walk."""


class FaceImage:
    """A gray picture, reduced around one face.

    A crop taken straight from a large picture would alias, and smoothing the whole picture
    would cost by its size. So the surroundings of the face are reduced once, by area
    averaging, to little more than the largest crop; every crop of a fit is then a bilinear
    warp of about the same cost, whatever the size of the face. While it is large it is halved
    in bytes, which is fast, on a grid that stays where it is while the face moves; the rest is
    done in floats. Rounded to bytes there, or in the crop, pixels would turn over with poses
    that differ by 1e-7 (from another response backend), and fits be 0.1 px apart.

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
        small: tuple[Part, Similarity] = part, Similarity(1.0, 0.0, -float(x0), -float(y0))
        for _ in range(halvings):
            small = _reduce(*small, 0.5)
        small = _reduce(small[0].astype(np.float32), small[1], factor * 2**halvings)
        self._levels = [small]
        while min(small[0].shape) >= 64:
            small = _reduce(*small, 0.5)
            self._levels.append(small)

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
        part, to_part = self._levels[0]
        for smaller, to_smaller in self._levels[1:]:
            if to_smaller.scale * pose.scale < scale:
                break
            part, to_part = smaller, to_smaller
        middle = (size - 1) / 2
        from_crop = to_part.after(pose).after(
            Similarity(1 / scale, 0.0, -middle / scale, -middle / scale)
        )
        warped: NDArray[np.float32] = cv2.warpAffine(
            part,
            from_crop.matrix(),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32, copy=False)
        return warped


def _start(edge: float) -> int:
    return max(0, int(np.floor(edge)))


def _reduce(part: Part, to_part: Similarity, factor: float) -> tuple[Part, Similarity]:
    # The factors are given, not the size: OpenCV then scales by them exactly, and one
    # factor for both axes keeps the map a similarity. Pixel centres: x' = (x + 0.5) f - 0.5.
    factor = max(factor, 1 / min(part.shape))  # a pixel at least must remain
    small: Any = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    shift = 0.5 * factor - 0.5
    return small, Similarity(factor, 0.0, shift, shift).after(to_part)
