"""How a found face is tilted, and whether a second look confirms it.

Networks find faces of any roll, many of them upside down, and do not say which it is. Seen turned
by every eighth of a turn, in gray and at one size, a face is found most surely where it stands
upright. The mean direction of the eight scores' high powers is its roll. Turns far from one at
which the face is seen surely have no share in it and are not looked at: 3 to 5 of the eight.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from .boxes import FaceBox
    from .views import Image, View

_TURNS = 8
_SIDE, _WIDTH = 128, 64
"""Side of the crop, and width of the face's box in it."""
_UPRIGHT = 0.9
"""A face that is so surely found upright is tilted by no more than about 25 degrees."""
_SURE = 0.85
"""A face that is so surely found at one turn, and less surely at both turns next to it, is no
fraction of a turn away. Of 249 rendered ones two were upside down at .8, none at .85."""
_POWER = 12
"""Of the scores; see above."""
_NEAR = 0.4
"""Greatest distance from the middle of the crop, in widths of the box."""


def looked_at_again(
    find: Callable[[Image], list[FaceBox]], picture: View, box: FaceBox, beyond_doubt: float
) -> FaceBox | None:
    """Look again at a found face.

    Parameters
    ----------
    find : callable
        Finds faces in a small picture.
    picture : View
        Where the box is.
    box : FaceBox
        Its roll counts only where the second look shows nothing.
    beyond_doubt : float
        A box of this score stays one, whatever the second look shows.

    Returns
    -------
    FaceBox
        With its roll. A box that may be doubted has as score the lesser of the two: its own and
        the greatest of the turned crops; None if no crop shows a face.
    """
    seen = _looks(find, picture, box)
    sure = box.score >= beyond_doubt
    if not seen:
        return box if sure else None
    best = max(seen, key=lambda look: look.score)
    score = box.score if sure else min(best.score, box.score)
    directions = [look.score**_POWER * np.exp(1j * np.deg2rad(look.roll)) for look in seen]
    return replace(best, roll=float(np.rad2deg(np.angle(sum(directions)))), score=score)


def _looks(find: Callable[[Image], list[FaceBox]], picture: View, box: FaceBox) -> list[FaceBox]:
    """Return what is seen of a face at the turns that tell its roll."""
    near, scale = _near(picture, box)
    looks: dict[int, FaceBox | None] = {}

    def score(turn: int) -> float:
        look = looks[turn]
        return 0.0 if look is None else look.score

    new = [0]
    while new:
        for turn in new:
            looks[turn] = _seen(find, near, box, scale, 360.0 / _TURNS * turn)
        best = max(looks, key=score)
        if len(looks) == 1:
            wanted = [] if score(best) >= _UPRIGHT else [1, _TURNS - 1]
        elif score(best) >= _SURE:
            wanted = [(best + 1) % _TURNS, (best - 1) % _TURNS]
        else:
            wanted = list(range(_TURNS))
        new = [turn for turn in wanted if turn not in looks]
    return [look for look in looks.values() if look is not None]


def _near(picture: View, box: FaceBox) -> tuple[View, float]:
    """Return the surroundings of a box, gray, so large that the box is about as in the crops."""
    reach = box.width * _SIDE / _WIDTH * 0.75  # half the diagonal of the crop and a little more
    (cx, cy), (width, height) = box.centre, picture.size
    x, y = (int(np.clip(c - reach, 0, n - 1)) for c, n in ((cx, width), (cy, height)))
    right, low = (int(np.clip(c + reach, 0, n - 1)) + 1 for c, n in ((cx, width), (cy, height)))
    part = picture.part(x, y, right - x, low - y).gray()
    scale = min(1.0, _WIDTH / box.width)
    return part.scaled(scale), scale


def _seen(
    find: Callable[[Image], list[FaceBox]], near: View, box: FaceBox, scale: float, roll: float
) -> FaceBox | None:
    """Return the surest face in the middle of the crop turned so, in pixels of the picture."""
    place = near.way_back.inverse().apply(np.array([box.centre]))[0]
    zoom = _WIDTH / (box.width * scale)
    crop = near.around((float(place[0]), float(place[1])), zoom, roll, _SIDE)
    middle, reach = (_SIDE - 1) / 2, _NEAR * _WIDTH
    found = [
        one
        for one in find(crop.pixels)
        if max(abs(one.centre[0] - middle), abs(one.centre[1] - middle)) < reach
    ]
    return max(crop.boxes(found), key=lambda one: one.score, default=None)
