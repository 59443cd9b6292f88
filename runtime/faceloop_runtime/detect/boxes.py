"""A found face, and what can be said of many."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Box = NDArray[np.float64]


@dataclass(frozen=True)
class FaceBox:
    """Where a face is.

    Whatever found it, the box means the same place: from mid-forehead to below the mouth, as wide
    as high or nearly. A face that is tilted lies in a box of the same size that is turned by
    `roll` round its middle; `x`, `y`, `width` and `height` are those of the box before the turn.

    Parameters
    ----------
    x, y : float
        The upper left corner, in pixels of the picture: pixel centres are whole numbers. It may
        lie outside.
    width, height : float
        In pixels, positive.
    roll : float
        In degrees, from -180 to 180; above 0 the top of the head leans to the right of the picture.
    score : float
        How sure the detector is, 0 to 1. Scores of different detectors do not compare; whether it
        is a face is for the fit to say.
    """

    x: float
    y: float
    width: float
    height: float
    roll: float = 0.0
    score: float = 1.0

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box (x, y), round which it is turned."""
        return self.x + self.width / 2, self.y + self.height / 2

    def upright(self) -> Box:
        """Return ``(x, y, width, height)``, float64 of shape (4,), as if the face stood upright."""
        return np.array([self.x, self.y, self.width, self.height])

    def corners(self) -> NDArray[np.float64]:
        """Return the corners of the turned box, shape (4, 2), in pixels.

        They are the face's upper left, upper right, lower right and lower left one.
        """
        half = np.array([self.width, self.height]) / 2
        signs = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        turn = Similarity.from_polar(1.0, np.deg2rad(self.roll), *self.centre)
        return turn.apply(signs * half)

    def moved(self, by: Similarity) -> FaceBox:
        """Return the box of the same face in another picture, ``by`` giving places there."""
        (x, y), scale = by.apply(np.array([self.centre]))[0], by.scale
        width, height = self.width * scale, self.height * scale
        roll = (self.roll + float(np.rad2deg(by.angle)) + 180.0) % 360.0 - 180.0
        return replace(
            self,
            x=float(x - width / 2),
            y=float(y - height / 2),
            width=width,
            height=height,
            roll=roll,
        )


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of upright boxes (M, 4) with boxes (L, 4), shape (M, L)."""
    a, b = first[:, None], second[None]
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.clip(high - low, 0.0, None).prod(axis=-1)
    union = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - common
    return np.asarray(common / union)


def apart(boxes: Iterable[FaceBox], most: float) -> list[FaceBox]:
    """Keep of boxes that overlap by more (intersection over union) the first one alone."""
    kept: list[FaceBox] = []
    for box in boxes:
        others = np.array([other.upright() for other in kept]).reshape(-1, 4)
        if not kept or overlap(box.upright()[None], others).max() <= most:
            kept.append(box)
    return kept


def surest(boxes: Iterable[FaceBox], most: float) -> list[FaceBox]:
    """Return boxes by their score; of those that overlap by more, the surest alone."""
    return apart(sorted(boxes, key=lambda box: -box.score), most)
