"""What tracking says about a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.fit.result import Fit


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face in a frame.

    Attributes
    ----------
    id : int
        Stays the same while the face is followed, also behind another face. A face that was gone
        for more than half a second keeps it only if it comes back near within two seconds and
        looks as it did.
    fit : Fit
        Where it is. Its points are never smoothed.
    quality : float
        Running face score, 0 to 1.
    smoothed : ndarray, shape (N, 2), optional
        Smoothed points in pixels, if the tracker smooths.
    """

    id: int
    fit: Fit
    quality: float
    smoothed: NDArray[np.float64] | None = None

    @property
    def points(self) -> NDArray[np.float64]:
        """Points in pixels, (N, 2): the smoothed ones, if the tracker smooths."""
        return self.fit.points if self.smoothed is None else self.smoothed

    @property
    def roll(self) -> float:
        """Turn in the picture plane, in degrees; positive is clockwise."""
        return float(np.degrees(self.fit.pose.angle))

    @property
    def scale(self) -> float:
        """Size: the IOD of the mean shape, in pixels."""
        return self.fit.pose.scale


@dataclass(frozen=True, eq=False)
class FrameResult:
    """What was found in a frame.

    Attributes
    ----------
    index : int
        Number of the frame, from 0.
    time : float
        Seconds after the first frame.
    faces : tuple of TrackedFace
        Faces in the order of their identity; empty while there is none.
    """

    index: int
    time: float
    faces: tuple[TrackedFace, ...]

    @property
    def points(self) -> NDArray[np.float64] | None:
        """Points of the first face, (N, 2) in pixels; None while it is lost."""
        return self.faces[0].points if self.faces else None

    @property
    def lost(self) -> bool:
        """Whether there is no face."""
        return not self.faces
