"""How a picture is searched by a network that finds upright faces of many sizes at once."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from .boxes import surest
from .roll import looked_at_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .boxes import FaceBox
    from .views import Image, View

_SIDE = 320
"""The longer side of the copy that is searched first, in pixels."""
_TURNED_SIDE = 240
"""... and of the copy that is turned. A face that is tilted fills more of it."""
_TILE, _SHARED = 640, 96
"""Side of the tiles that larger copies are cut into, and how much of it neighbours share."""
_LEAST = 28
"""Width of the smallest face in the copy in which it is looked for. Of 32 rendered faces 26 are
found at 24 pixels of height between the outermost points, 31 at 32, 13 at 16."""
_PART_SIDE, _PART_TILE, _PART_SHARED = 160, 192, 56
"""The same for a part of a search."""
_SAME = 0.3
"""Boxes that overlap by more show one face."""
_LEAST_SCORE, _LEAST_TURNED = 0.5, 0.7
"""Least score of a face that is found upright, and of one that is found when all is turned: these
searches are seven times as many."""
_ENLARGED = 2.0
"""A smaller picture is enlarged to that side, by no more than this: of 77 rendered heads in profile
73 are then beyond doubt, else 70."""
_BEYOND_DOUBT = 0.7
"""Of a face that is found upright; see `looked_at_again`. All of 570 faces in the wild had more
than .8, none of a thousand pictures without a face had .7."""


class NetworkSearch:
    """Searches pictures by a network.

    Parameters
    ----------
    find : callable
        Finds upright faces of 16 pixels and more in a picture of at most a thousand pixels a side.
    smallest : float
        Least width of a face's box, in pixels of the picture.
    """

    def __init__(self, find: Callable[[Image], list[FaceBox]], smallest: float) -> None:
        self._find, self._smallest = find, smallest

    def searches(self, picture: View, wanted: int) -> Iterator[list[FaceBox]]:
        """Search the picture, in ways that find more and more and take longer and longer.

        Several faces are small rather than dark or tilted: those are looked for first.
        """
        whole = picture.scaled(min(_ENLARGED, _SIDE / max(picture.size)))
        larger = self._in_larger(picture)
        yield self._searched(picture, [whole], _LEAST_SCORE)
        if wanted > 1:
            yield from islice(larger, 1)
        yield self._searched(picture, [whole.evened()], _LEAST_SCORE)
        small = picture.within(_TURNED_SIDE)
        turned = (small.turned(roll) for roll in range(45, 360, 45))
        yield self._searched(picture, turned, _LEAST_TURNED)
        yield from larger

    def _in_larger(self, picture: View) -> Iterator[list[FaceBox]]:
        for scale in self._scales(picture, _SIDE):
            tiles = picture.tiles(int(_TILE / scale), int(_SHARED / scale))
            yield self._searched(picture, (tile.scaled(scale) for tile in tiles), _LEAST_SCORE)

    def part(self, picture: View, call: int, width: float | None) -> list[FaceBox]:
        """Do a part of a search, another one in each call; see `Detector.detect_part`."""
        turn, kind = divmod(call, 4)
        scales = list(self._scales(picture, _PART_SIDE))
        if kind % 2 == 0 or not scales:
            return self._whole(picture, call // 2, width)
        scales = scales[:2] if kind == 1 else scales[2:] or scales
        tiles = [
            (tile, scale)
            for scale in scales
            for tile in picture.tiles(int(_PART_TILE / scale), int(_PART_SHARED / scale))
        ]
        tile, scale = tiles[turn % len(tiles)]
        return self._searched(picture, [tile.scaled(scale)], _LEAST_SCORE)

    def _whole(self, picture: View, number: int, width: float | None) -> list[FaceBox]:
        """Search a small copy of all: mostly upright, in turn also turned or lightened."""
        side = float(_PART_SIDE)
        if width is not None:
            side = min(max(side, max(picture.size) * _LEAST / width), 2.0 * _PART_SIDE)
        small = picture.within(side)
        turn, kind = divmod(number, 4)
        if kind < 3:
            return self._searched(picture, [small], _LEAST_SCORE)
        if turn % 4 == 0:
            return self._searched(picture, [small.evened()], _LEAST_SCORE)
        return self._searched(picture, [small.turned(90.0 * (turn % 4))], _LEAST_TURNED)

    def _scales(self, picture: View, side: float) -> Iterator[float]:
        """Yield the scales of larger and larger copies, up to the smallest faces."""
        scale, last = side / max(picture.size), _LEAST / self._smallest
        while scale < last:
            scale = min(2 * scale, last)
            yield scale

    def _searched(self, picture: View, views: Iterable[View], least: float) -> list[FaceBox]:
        """Return the faces in the views of a picture, looked at again in the picture itself."""
        found = (box for view in views for box in view.boxes(self._find(view.pixels)))
        likely = surest((box for box in found if box.score >= least), _SAME)
        doubt = _BEYOND_DOUBT if least < _LEAST_TURNED else np.inf
        again = (looked_at_again(self._find, picture, b, doubt) for b in likely)
        return [
            box
            for box in again
            if box is not None and box.score >= least and box.width >= self._smallest
        ]
