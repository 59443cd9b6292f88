"""A face that is drawn: something to place points on where there is no picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import Scheme

from .draft import placed

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIDE = 480.0
_SCHEME = "face70"


def drawn_face() -> tuple[float, Sequence[Sequence[tuple[float, float]]]]:
    """Return the side of a square picture, in pixels, and the lines of a mean face in it."""
    scheme = Scheme.load(_SCHEME)
    points = [(float(x), float(y)) for x, y in placed(scheme, _SIDE, _SIDE)]
    lines = []
    for line in scheme.contours:
        numbers = [*line.points, *(line.points[:1] if line.closed else ())]
        if len(numbers) > 1:
            lines.append([points[k] for k in numbers])
    return _SIDE, lines
