"""Which points of a landmark scheme lines join."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceloop_datasets import Scheme


def contour_lines(scheme: Scheme) -> list[tuple[int, int]]:
    """Return the two points of each line, along the contours and round the closed ones."""
    joined: list[tuple[int, int]] = []
    for contour in scheme.contours:
        following = contour.points[1:] + (contour.points[:1] if contour.closed else ())
        joined.extend(zip(contour.points, following, strict=False))
    return joined
