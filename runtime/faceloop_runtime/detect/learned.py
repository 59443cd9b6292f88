"""The detector that a model brings along: it knows the faces that the model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start.initialiser import BOX_CENTRE, BOX_IOD

from .boxes import FaceBox, apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.templates import FacePlace, FaceTemplates

    Gray = NDArray[np.uint8]

_SMALLEST = 0.15
"""Least size of a window, as a share of the picture's smaller side."""
_LEAST = 0.0
"""Least log-odds of a face: 0 is as likely one as not."""
_APART = 0.3
"""Boxes that overlap by more show the same face."""
_ROLLS = (-20.0, 20.0, -40.0, 40.0)
"""Degrees by which a picture is turned if no face stands upright in it. The templates find faces
that are tilted by half of it, and say by how much."""
_REDUCED = 320
"""Smaller side of the copy that is turned, in pixels."""


class LearnedDetector:
    """Finds faces such as a model was trained on.

    Parameters
    ----------
    model : FaceModel
        One that has templates.
    """

    def __init__(self, model: FaceModel, templates: FaceTemplates) -> None:
        self._model, self._templates = model, templates

    def find(self, gray: Gray, *, wanted: int = 1) -> list[FaceBox]:
        """Find faces.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture.
        wanted : int
            While fewer are found, faces are looked for that are tilted further, which takes three
            times as long.

        Returns
        -------
        list of FaceBox
            The surest first.
        """
        found = self._upright(gray)
        for roll in _ROLLS if len(found) < wanted else ():
            turned, back = _turned(gray, roll)
            found += [box.moved(back) for box in self._upright(turned)]
        return apart(sorted(found, key=lambda box: -box.score), _APART)

    def _upright(self, gray: Gray) -> list[FaceBox]:
        least = _SMALLEST * min(gray.shape)
        places = self._templates.search(gray, least, _LEAST)
        return apart((face_box(self._model, place) for place in places), _APART)


def face_box(model: FaceModel, place: FacePlace) -> FaceBox:
    """Return the box of a pose: `box_pose` of it, turned by its roll, gives the pose."""
    pose = place.pose
    width = pose.scale / BOX_IOD
    turn = Similarity.from_polar(width, pose.angle, 0.0, 0.0)
    at = pose.apply(model.scheme.initialisation_points(model.pdm.mean)).mean(axis=0)
    x, y = at - turn.apply(np.array([BOX_CENTRE]) - 0.5)[0]
    return FaceBox(
        float(x - width / 2),
        float(y - width / 2),
        width,
        width,
        float(np.rad2deg(pose.angle)),
        float(0.5 * (1 + np.tanh(0.5 * place.log_odds))),
    )


def _turned(gray: Gray, roll: float) -> tuple[Gray, Similarity]:
    """Return a reduced copy in which faces of this roll stand upright, and the way back."""
    height, width = gray.shape
    scale = min(1.0, _REDUCED / min(gray.shape))
    back = Similarity.from_polar(1 / scale, np.deg2rad(roll), 0.0, 0.0)
    corners = np.array([[0.0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]])
    reach = back.inverse().apply(corners)
    back = back.after(Similarity(1.0, 0.0, *map(float, reach.min(axis=0))))
    size = [int(n) + 1 for n in np.ptp(reach, axis=0)]
    turned = cv2.warpAffine(
        gray,
        back.matrix(),
        size,
        flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(turned, dtype=np.uint8), back
