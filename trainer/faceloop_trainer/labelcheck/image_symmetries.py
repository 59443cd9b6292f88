"""Rotations and reflections of the picture that annotations suffer from, and how to undo each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .point_permutations import LEFT_RIGHT_EXCHANGED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .faults import FaultKind

    Points = NDArray[np.float64]


@dataclass(frozen=True)
class ImageSymmetry:
    """One of the eight symmetries of a rectangle's axes, with or without exchanged sides.

    Parameters
    ----------
    matrix : (float, float, float, float)
        Row by row: from directions in the annotation to directions in the picture.
    exchanged : bool
        Whether the numbers of left and right points are exchanged too.
    kind : str
        The kind of fault.
    what : str
        A sentence that describes it.
    orientation : int or None
        EXIF orientation of a file whose stored pixels have the annotation's axes.
    in_place : bool
        Whether the centre of the face is fixed, instead of the centre of the picture.
    """

    matrix: tuple[float, float, float, float]
    exchanged: bool
    kind: FaultKind
    what: str
    orientation: int | None = None
    in_place: bool = False

    def undo(self, points: Points, size: tuple[int, int], mirror: Sequence[int]) -> Points:
        """Return the points of an annotation that has this fault as they should be.

        Parameters
        ----------
        points : ndarray, shape (N, 2)
            As annotated; NaN where missing.
        size : (int, int)
            Width and height of the picture as it is shown.
        mirror : sequence of int
            The scheme's map of mirrored points.
        """
        matrix = np.reshape(self.matrix, (2, 2))
        moved = points @ matrix.T
        if self.in_place:
            low, high = np.fmin.reduce(points), np.fmax.reduce(points)
            moved += (low + high) / 2 - matrix @ (low + high) / 2
        else:
            # An axis that was reversed counts from the picture's other edge.
            moved += np.where(matrix.sum(axis=1) < 0, np.array(size) - 1.0, 0.0)
        return np.asarray(moved[self.sources(mirror)])

    def sources(self, mirror: Sequence[int]) -> list[int]:
        """Return for each point the annotated point that it is taken from."""
        return list(mirror) if self.exchanged else list(range(len(mirror)))


_IDENTITY = (1.0, 0.0, 0.0, 1.0)
_MIRRORED = (-1.0, 0.0, 0.0, 1.0)
_ALSO_EXCHANGED = "and left and right are exchanged"


def _with_and_without_exchange(
    matrix: tuple[float, float, float, float],
    kind: FaultKind,
    what: str,
    orientation: int,
    what_exchanged: str,
) -> tuple[ImageSymmetry, ImageSymmetry]:
    return (
        ImageSymmetry(matrix, False, kind, f"The points look {what}.", orientation),
        ImageSymmetry(matrix, True, kind, f"The points look {what_exchanged}."),
    )


IMAGE_SYMMETRIES = (
    ImageSymmetry(
        _IDENTITY,
        exchanged=True,
        kind="exchanged",
        what=LEFT_RIGHT_EXCHANGED,
    ),
    *_with_and_without_exchange(
        (0.0, -1.0, 1.0, 0.0),
        "turned",
        "turned by 90 degrees counter-clockwise",
        6,
        f"turned by 90 degrees counter-clockwise, {_ALSO_EXCHANGED}",
    ),
    *_with_and_without_exchange(
        (-1.0, 0.0, 0.0, -1.0),
        "turned",
        "turned by 180 degrees, upside down",
        3,
        f"turned by 180 degrees, upside down, {_ALSO_EXCHANGED}",
    ),
    *_with_and_without_exchange(
        (0.0, 1.0, -1.0, 0.0),
        "turned",
        "turned by 90 degrees clockwise",
        8,
        f"turned by 90 degrees clockwise, {_ALSO_EXCHANGED}",
    ),
    *_with_and_without_exchange(
        _MIRRORED,
        "mirrored",
        "mirrored from left to right across the picture, with their numbers",
        2,
        "mirrored, as if they were placed in the mirrored picture",
    ),
    *_with_and_without_exchange(
        (1.0, 0.0, 0.0, -1.0),
        "mirrored",
        "mirrored upside down across the picture, with their numbers",
        4,
        "mirrored upside down, as if they were placed in the picture mirrored so",
    ),
    *_with_and_without_exchange(
        (0.0, 1.0, 1.0, 0.0),
        "mirrored",
        "mirrored across the picture's diagonal: x and y are exchanged",
        5,
        f"mirrored across the picture's diagonal: x and y are exchanged, {_ALSO_EXCHANGED}",
    ),
    *_with_and_without_exchange(
        (0.0, -1.0, -1.0, 0.0),
        "mirrored",
        "mirrored across the picture's other diagonal",
        7,
        f"mirrored across the picture's other diagonal, {_ALSO_EXCHANGED}",
    ),
    ImageSymmetry(
        _MIRRORED,
        exchanged=False,
        kind="mirrored",
        what="The points look mirrored from left to right where they lie, with their numbers.",
        in_place=True,
    ),
)
"""The most frequent first: several may fit equally well, since a face is nearly symmetric."""
