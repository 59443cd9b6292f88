"""Where the faces are that a model is for: what finds faces in general, else what it learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.detect.boxes import FaceBox, surest
from faceloop_runtime.detect.views import View
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.pictures import as_picture

from .initialiser import BOX_CENTRE, BOX_IOD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.detect.detector import Detector
    from faceloop_runtime.detect.learned import FacePlace, LearnedDetector
    from faceloop_runtime.model import FaceModel

_SMALLEST = 0.15
"""Least size of a face that is looked for, as a share of the picture's smaller side."""
_LEAST = 0.0
"""Least log-odds of a face: 0 is as likely one as not."""
_APART = 0.3
"""Of boxes that overlap by more, the surer one is kept."""
_ROLLS = (-20.0, 20.0, -40.0, 40.0)
"""Degrees by which a picture is turned if no face stands upright in it."""
_LEAST_TURNED = float(np.log(len(_ROLLS)))
"""In these, since there are so many chances to be wrong."""
_SIDE = 480
"""Longer side of the copy that is turned, in pixels."""


def find_faces(
    detector: Detector, model: FaceModel | None, image: NDArray[np.uint8], *, wanted: int = 1
) -> list[FaceBox]:
    """Find faces by a detector; where it finds none, by what the model has learned.

    Parameters
    ----------
    detector : Detector
        Finds faces of people.
    model : FaceModel or None
        What its own detector knows, see `find_learned`.
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        The picture, gray or RGB.
    wanted : int
        As `Detector.detect` takes it.

    Returns
    -------
    list of FaceBox
        The surest first, all by the one or all by the other.

    Raises
    ------
    FaceloopError
        If it is no picture.
    """
    return detector.detect(image, wanted=wanted) or find_learned(model, image, wanted=wanted)


def find_learned(
    model: FaceModel | None, image: NDArray[np.uint8], *, wanted: int = 1
) -> list[FaceBox]:
    """Find faces such as a model was trained on.

    Parameters
    ----------
    model : FaceModel or None
        None, or one without a detector, as in files of version 1 and 2, finds none.
    image : ndarray of uint8, shape (H, W) or (H, W, 3)
        The picture, gray or RGB.
    wanted : int
        While fewer are found, tilted ones are looked for too, which takes five times as long.

    Returns
    -------
    list of FaceBox
        The surest first.

    Raises
    ------
    FaceloopError
        If it is no picture.
    """
    picture = View(as_picture(image)).gray()
    if model is None or model.detector is None:
        return []
    found = _upright(model, model.detector, picture, _LEAST)
    if len(found) < wanted:
        reduced = picture.within(_SIDE)
        turned = [reduced.turned(roll) for roll in _ROLLS]
        found += [
            box for view in turned for box in _upright(model, model.detector, view, _LEAST_TURNED)
        ]
    return surest(found, _APART)


def _upright(
    model: FaceModel, detector: LearnedDetector, picture: View, least: float
) -> list[FaceBox]:
    smallest = _SMALLEST * min(picture.size)
    places = detector.search(picture.pixels, smallest, least)
    return picture.boxes(surest((face_box(model, place) for place in places), _APART))


def face_box(model: FaceModel, place: FacePlace) -> FaceBox:
    """Return the box in which `box_pose` sees the pose of a place."""
    pose = place.pose
    width = pose.scale / BOX_IOD
    at = pose.apply(model.scheme.initialisation_points(model.pdm.mean)).mean(axis=0)
    turn = Similarity.from_polar(width, pose.angle, 0.0, 0.0)
    x, y = at - turn.apply(np.array([BOX_CENTRE]) - 0.5)[0]
    return FaceBox(
        x=float(x - width / 2),
        y=float(y - width / 2),
        width=width,
        height=width,
        roll=float(np.rad2deg(pose.angle)),
        score=float(0.5 * (1 + np.tanh(0.5 * place.log_odds))),
    )
