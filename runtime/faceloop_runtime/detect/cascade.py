"""scikit-image's LBP cascade, which is there wherever the package is.

It finds upright faces that look ahead. A picture is searched for faces whose width is between a
fifth and all of its smaller side; then turned, and then in larger copies for smaller ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarity

from .boxes import FaceBox, overlap
from .views import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]

_SIDE = 240
"""The smaller side of the copy that is searched for faces of the usual sizes, in pixels."""
_LARGEST_SIDE = 960
"""... and of the largest copy, which takes sixteen times as long."""

_TURNED_SIDE = 400
"""The longer side of the copy that is turned: a strip that is turned needs a large square."""


@dataclass(frozen=True)
class _Search:
    """How a copy is searched.

    Parameters
    ----------
    smallest : float
        Least width of a face, as a share of the copy's smaller side.
    step : float
        Ratio of the widths that are tried.
    even : bool
        Whether contrast is evened out first (CLAHE).
    largest : float
        Greatest width, as `smallest`.
    stride : float
        Distance of the places that are tried, in pixels of the cascade's own size.
    margin : float
        Margin round the copy, as a share of its smaller side. The cascade wants the whole head,
        and pictures are often nearly filled by it.
    """

    smallest: float
    step: float
    even: bool
    largest: float = np.inf
    stride: float = 1.0
    margin: float = 0.2


_QUICK = _Search(0.25, 1.15, even=False)
_THOROUGH = _Search(0.2, 1.1, even=True)
_EDGES = (0.25, 0.2875, 0.33, 0.38, 0.5, np.inf)
_PARTS = tuple(
    _Search(smallest, 1.15, even, largest, stride=1.4)
    for even in (False, True)
    for smallest, largest in pairwise(_EDGES)
)
"""A whole search, cut by the width of the faces into parts that take about as long."""
_HALF = 0.25
"""Greatest width of a face that is half as wide as usual, in a copy twice as large."""
_TILE = _Search(0.25, 1.15, even=True, largest=0.5, stride=1.4, margin=0.0)
"""For small faces, in a part of the picture."""
_TILE_EVERY = 3
"""Calls of which one searches such a part ..."""
_TILE_SHARES = (0.5, 0.5, 0.25)
"""... by turns of these sizes, as shares of the picture's smaller side."""
_VOTES = 2
"""Windows that must agree on a face."""
_SAME = 0.4
"""Windows that overlap by more (intersection over union) show the same face."""
_APART = 0.2
"""Faces that overlap by more are one, the one with more votes."""


class CascadeSearch:
    """Searches pictures by the cascade; its own box is the common one (see `FaceBox`).

    Parameters
    ----------
    smallest : float
        Least width of a face's box, in pixels of the picture. The cascade's window has 24.
    """

    def __init__(self, smallest: float) -> None:
        self._smallest = smallest

    def searches(self, picture: View, wanted: int) -> Iterator[list[FaceBox]]:  # noqa: ARG002
        """Search the picture, in ways that find more and more and take longer and longer."""
        gray = picture.gray()
        usual = _smaller(gray, _SIDE)
        for how in (_QUICK, _THOROUGH):
            yield self._searched(usual, how)
        small = usual.within(_TURNED_SIDE)
        turned = [
            box for roll in range(45, 360, 45) for box in self._searched(small.turned(roll), _QUICK)
        ]
        yield sorted(turned, key=lambda box: -box.score)
        side, share = 2 * _SIDE, _HALF
        while side <= _LARGEST_SIDE and side < 2 * min(gray.size):
            yield self._searched(
                _smaller(gray, side), _Search(share / 2, 1.15, even=False, largest=share)
            )
            side, share = 2 * side, share / 2

    def part(self, picture: View, call: int, width: float | None) -> list[FaceBox]:
        """Do a small part of a search, another one in each call; see `Detector.detect_part`."""
        gray = picture.gray()
        if width is not None:
            call, again = divmod(call, 2)
            share = width / min(gray.size)
            if again and share >= _EDGES[0]:
                return self._part(gray, _expected(share, even=call % 2 == 1))
        rest, tile = call % _TILE_EVERY, call // _TILE_EVERY
        if rest == _TILE_EVERY - 1:
            return self._tile(gray, tile)
        number = tile * (_TILE_EVERY - 1) + rest
        return self._part(gray, _PARTS[number % len(_PARTS)])

    def _part(self, gray: View, how: _Search) -> list[FaceBox]:
        return self._searched(_smaller(gray, _SIDE), how)

    def _tile(self, gray: View, number: int) -> list[FaceBox]:
        turn, kind = divmod(number, len(_TILE_SHARES))
        share = _TILE_SHARES[kind]
        side = max(1, int(share * min(gray.size)))
        tiles = list(gray.tiles(side, side // 2))  # no face is wider, so each is whole in one
        place = 2 * turn + kind if kind < 2 else turn
        return self._searched(_smaller(tiles[place % len(tiles)], _SIDE), _TILE)

    def _searched(self, view: View, how: _Search) -> list[FaceBox]:
        found = view.boxes(_search(view.pixels, how))
        return [box for box in found if box.width >= self._smallest]


def _smaller(view: View, side: float) -> View:
    return view.scaled(min(1.0, side / min(view.size)))


def _expected(share: float, *, even: bool) -> _Search:
    # A face that turns away or comes from the edge is found in windows of other widths.
    return _Search(0.8 * share, 1.15, even, largest=1.2 * share, stride=1.4)


def _search(small: Gray, how: _Search) -> list[FaceBox]:
    side = min(small.shape)
    pad = int(how.margin * side)
    if how.even:
        small = np.asarray(cv2.createCLAHE(2.0, (4, 4)).apply(small), dtype=np.uint8)
    padded = cv2.copyMakeBorder(small, pad, pad, pad, pad, cv2.BORDER_REPLICATE)
    widest = int(min(*padded.shape, how.largest * side))
    cascade = _cascade()
    narrowest = max(cascade.window_width, int(how.smallest * side))
    if narrowest > widest:
        return []
    # Windows as they are: the cascade's own merging does not tell how many agreed.
    found = cascade.detect_multi_scale(
        padded,
        scale_factor=how.step,
        step_ratio=how.stride,
        min_size=(narrowest, narrowest),
        max_size=(widest, widest),
        min_neighbor_number=0,
        intersection_score_threshold=2.0,
    )
    windows = np.array([[w["c"], w["r"], w["width"], w["height"]] for w in found], np.float64)
    merged = merge(windows.reshape(-1, 4))
    return [box.moved(Similarity(tx=-pad, ty=-pad)) for box in merged]


@cache
def _cascade() -> Any:
    # Imported here: it takes as long as the rest of the package, and a video needs it rarely.
    from skimage.data import lbp_frontal_face_cascade_filename  # noqa: PLC0415
    from skimage.feature import Cascade  # noqa: PLC0415

    return Cascade(lbp_frontal_face_cascade_filename())  # type: ignore[no-untyped-call]


def merge(windows: NDArray[np.float64]) -> list[FaceBox]:
    """Merge windows that show the same face.

    Parameters
    ----------
    windows : ndarray, shape (M, 4)
        ``(x, y, width, height)`` each.

    Returns
    -------
    list of FaceBox
        The median window of each group of at least two, the largest group first; groups that
        overlap a larger one are left out. The score grows with the group: .5 for the least.
    """
    same = overlap(windows, windows) > _SAME
    left = np.ones(len(windows), dtype=bool)
    kept: list[FaceBox] = []
    while left.any():
        members = (same & left) * left[:, None]
        votes = members.sum(axis=1)
        if votes.max() < _VOTES:
            break
        group = members[votes.argmax()]
        left &= ~group
        median = np.median(windows[group], axis=0)
        others = np.array([box.upright() for box in kept]).reshape(-1, 4)
        if not kept or overlap(median[None], others).max() < _APART:
            x, y, width, height = (float(v) for v in median)
            score = float(1 - 1 / votes.max())
            kept.append(FaceBox(x, y, width, height, 0.0, score))
    return kept
