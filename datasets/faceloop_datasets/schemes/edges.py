"""Lines and symmetries of a scheme, as skeletons of other tools have them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .scheme import Scheme


def edges_of(scheme: Scheme) -> list[tuple[int, int]]:
    """Return the pairs of points that a scheme's contours join, each once."""
    found: dict[tuple[int, int], None] = {}
    for contour in scheme.contours:
        points = list(contour.points)
        points += points[:1] if contour.closed and len(points) > 2 else []
        for a, b in pairwise(points):
            if (b, a) not in found and a != b:
                found[a, b] = None
    return list(found)


def mirrored_pairs(scheme: Scheme) -> list[tuple[int, int]]:
    """Return the pairs of points that swap places when a face is mirrored."""
    return [(a, b) for a, b in enumerate(scheme.mirror) if a < b]
