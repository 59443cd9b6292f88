"""Ways in which all points of a face come to lie wrong in its picture, and how to undo each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .orders import EXCHANGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .doubt import Kind

    Points = NDArray[np.float64]


@dataclass(frozen=True)
class Turn:
    """A symmetry of the picture's frame, and of the face's numbering.

    Parameters
    ----------
    across : (float, float, float, float)
        The matrix, row by row, that brings directions of the annotation to those of the picture.
    exchanged : bool
        Whether the numbers of left and right have to change places too.
    kind : str
        What to call it.
    what : str
        A sentence.
    orientation : int or None
        EXIF orientation of a file that is stored as the annotation sees the picture.
    in_place : bool
        Whether it keeps the middle of the face, and not that of the picture.
    """

    across: tuple[float, float, float, float]
    exchanged: bool
    kind: Kind
    what: str
    orientation: int | None = None
    in_place: bool = False

    def undone(self, points: Points, size: tuple[int, int], mirror: Sequence[int]) -> Points:
        """Bring the points of an annotation to where they belong.

        Parameters
        ----------
        points : ndarray, shape (N, 2)
            As annotated; NaN where missing.
        size : (int, int)
            Width and height of the picture as it is shown.
        mirror : sequence of int
            The scheme's.
        """
        matrix = np.reshape(self.across, (2, 2))
        moved = points @ matrix.T
        if self.in_place:
            low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
            moved += (low + high) / 2 - matrix @ (low + high) / 2
        else:
            # What points to the left or up counts from the other edge.
            moved += np.where(matrix.sum(axis=1) < 0, np.array(size) - 1.0, 0.0)
        return np.asarray(moved[self.order(mirror)])

    def order(self, mirror: Sequence[int]) -> list[int]:
        """Which point of the annotation each one is taken from."""
        return list(mirror) if self.exchanged else list(range(len(mirror)))


_RIGHT_WAY = (1.0, 0.0, 0.0, 1.0)
_MIRRORED = (-1.0, 0.0, 0.0, 1.0)
_ALSO = "and left and right are exchanged"


def _both(
    across: tuple[float, float, float, float],
    kind: Kind,
    what: str,
    orientation: int,
    exchanged: str,
) -> tuple[Turn, Turn]:
    return (
        Turn(across, False, kind, f"The points look {what}.", orientation),
        Turn(across, True, kind, f"The points look {exchanged}."),
    )


TURNS = (
    Turn(
        _RIGHT_WAY,
        exchanged=True,
        kind="exchanged",
        what=EXCHANGED,
    ),
    *_both(
        (0.0, -1.0, 1.0, 0.0),
        "turned",
        "turned by 90 degrees counter-clockwise",
        6,
        f"turned by 90 degrees counter-clockwise, {_ALSO}",
    ),
    *_both(
        (-1.0, 0.0, 0.0, -1.0),
        "turned",
        "turned by 180 degrees, upside down",
        3,
        f"turned by 180 degrees, upside down, {_ALSO}",
    ),
    *_both(
        (0.0, 1.0, -1.0, 0.0),
        "turned",
        "turned by 90 degrees clockwise",
        8,
        f"turned by 90 degrees clockwise, {_ALSO}",
    ),
    *_both(
        _MIRRORED,
        "mirrored",
        "mirrored from left to right across the picture, with their numbers",
        2,
        "mirrored, as if they were placed in the mirrored picture",
    ),
    *_both(
        (1.0, 0.0, 0.0, -1.0),
        "mirrored",
        "mirrored upside down across the picture, with their numbers",
        4,
        "mirrored upside down, as if they were placed in the picture mirrored so",
    ),
    *_both(
        (0.0, 1.0, 1.0, 0.0),
        "mirrored",
        "mirrored across the picture's diagonal: x and y are exchanged",
        5,
        f"mirrored across the picture's diagonal: x and y are exchanged, {_ALSO}",
    ),
    *_both(
        (0.0, -1.0, -1.0, 0.0),
        "mirrored",
        "mirrored across the picture's other diagonal",
        7,
        f"mirrored across the picture's other diagonal, {_ALSO}",
    ),
    Turn(
        _MIRRORED,
        exchanged=False,
        kind="mirrored",
        what="The points look mirrored from left to right where they lie, with their numbers.",
        in_place=True,
    ),
)
"""The plainest first of those that may look alike: a face is nearly symmetric."""
