"""Whether a model knows well enough where a face is for another to be drawn over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.quality.thresholds import FAILURE
from faceloop_runtime.render.average import AVERAGE_SCHEME, average_picture
from faceloop_runtime.track.tracker import Tracker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.model import FaceModel

_LEAST_POINTS = 6
"""Fewer landmarks say too little of where ears, hair and jaw are."""
_LEAST_REACH = 0.3
"""The same of landmarks of only a part of a face: they reach over less of it, across or down, than
this share of the landmarks of a whole one. Eyes and brows reach over .25 of its height."""


def can_draw_average(model: FaceModel) -> bool:
    """Whether the average face, drawn by a model's landmarks, would cover the face below.

    Not by a model of a few landmarks, or of those of a part of the face, nor by one that is not
    sure where they are in the average face.
    """
    if len(model.scheme.names) < _LEAST_POINTS:
        return False
    if model.scheme.has_points_of(AVERAGE_SCHEME):
        return True
    image, whole = average_picture()
    found = next(iter(Tracker(model).track([image]))).faces
    return any(
        face.fit.predicted_error <= FAILURE and _reaches(face.fit.points, whole) for face in found
    )


def _reaches(points: NDArray[np.float64], whole: NDArray[np.float64]) -> bool:
    """Whether landmarks (N, 2) are of more than a part of the face that others (M, 2) are of."""
    return bool((np.ptp(points, axis=0) >= _LEAST_REACH * np.ptp(whole, axis=0)).all())
