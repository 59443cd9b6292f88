"""Copies of a picture in which faces are looked for, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from .boxes import FaceBox

    Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class View:
    """A picture, or a copy of it or of a part.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (H, W) or (H, W, 3)
        Gray or RGB.
    way_back : Similarity
        From pixels of the copy to pixels of the picture.
    """

    pixels: Image
    way_back: Similarity = field(default_factory=Similarity)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def boxes(self, found: Iterable[FaceBox]) -> list[FaceBox]:
        """Return boxes that were found in the copy as boxes of the picture."""
        return [box.moved(self.way_back) for box in found]

    def scaled(self, scale: float) -> View:
        """Return a copy that is smaller or larger."""
        if scale == 1:
            return self
        size = tuple(max(1, round(n * scale)) for n in self.size)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        # Pixel centres: x = (x' + 0.5) / scale - 0.5.
        back = Similarity(1 / scale, 0.0, 0.5 / scale - 0.5, 0.5 / scale - 0.5)
        return View(
            _u8(cv2.resize(self.pixels, size, interpolation=how)), self.way_back.after(back)
        )

    def within(self, side: float) -> View:
        """Return a copy of which no side is longer; never larger than this."""
        return self.scaled(min(1.0, side / max(self.size)))

    def part(self, x: int, y: int, width: int, height: int) -> View:
        """Return what lies in a rectangle."""
        pixels = self.pixels[y : y + height, x : x + width]
        return View(pixels, self.way_back.after(Similarity(tx=x, ty=y)))

    def tiles(self, side: int, shared: int) -> Iterator[View]:
        """Yield squares that cover all; what is no larger than ``shared`` is whole in one."""
        for y, height in _spans(self.size[1], side, shared):
            for x, width in _spans(self.size[0], side, shared):
                yield self.part(x, y, width, height)

    def around(self, centre: tuple[float, float], scale: float, roll: float, side: int) -> View:
        """Return a square round a place in which what has this roll, in degrees, is upright."""
        turn = Similarity.from_polar(1 / scale, np.deg2rad(roll), *centre)
        middle = (side - 1) / 2
        back = turn.after(Similarity(tx=-middle, ty=-middle))
        return self._warped(back, (side, side))

    def turned(self, roll: float) -> View:
        """Return all of it, turned so that what has this roll, in degrees, is upright."""
        turn = Similarity.from_polar(1.0, np.deg2rad(roll), 0.0, 0.0)
        corners = np.array([[x, y] for x in (0, self.size[0] - 1) for y in (0, self.size[1] - 1)])
        places = turn.inverse().apply(corners.astype(np.float64))
        low, high = places.min(axis=0), places.max(axis=0)
        width, height = (int(n) + 1 for n in np.rint(high - low))
        return self._warped(turn.after(Similarity(tx=low[0], ty=low[1])), (width, height))

    def evened(self) -> View:
        """Return a gray copy in which dark and flat places have contrast."""
        pixels = self.gray().pixels
        bright = np.clip(np.quantile(pixels, 0.98), 1, 255)
        table = np.clip(255 * np.sqrt(np.arange(256) / bright), 0, 255).astype(np.uint8)
        lifted = cv2.LUT(pixels, table)
        return View(_u8(cv2.createCLAHE(2.0, (4, 4)).apply(lifted)), self.way_back)

    def gray(self) -> View:
        """Return it without colours."""
        if self.pixels.ndim == 2:
            return self
        return View(_u8(cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY)), self.way_back)

    def _warped(self, back: Similarity, size: tuple[int, int]) -> View:
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        made = cv2.warpAffine(
            self.pixels, back.matrix(), size, flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        return View(_u8(made), self.way_back.after(back))


def _spans(length: int, side: int, shared: int) -> list[tuple[int, int]]:
    """Return where pieces of a line begin and how long they are, evenly laid."""
    if length <= side:
        return [(0, length)]
    count = 1 + -(-(length - side) // (side - shared))
    starts = np.rint(np.linspace(0, length - side, count)).astype(int)
    return [(int(start), side) for start in starts]


def _u8(image: Any) -> Image:
    return np.asarray(image, dtype=np.uint8)
