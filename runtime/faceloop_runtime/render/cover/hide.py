"""What is drawn over faces so that nobody knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.render.blend import put_over, soft_edge
from faceloop_runtime.render.mask import Mask
from faceloop_runtime.render.mesh import FaceMesh
from faceloop_runtime.render.portrait import Portrait
from faceloop_runtime.render.warp import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.render.warp import Warper

    from .search import Cover

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

_CELLS = 8
"""Cells of a head's width that is pixelated: its face has six of them."""
_CELLS_OF_ALL = 10
"""Cells of a whole frame's shorter side."""
_FACE, _HEAD = 0.8, 1.4
"""Size of the mesh that is drawn, and of what is blurred below it."""
_EDGE = 0.08
"""Width of the blur's soft edge, in IOD: it is opaque over a head of size 1.25."""


def pixelate(part: Image, cell: float, *, smooth: bool = False) -> Image:
    """Return a picture (H, W, 3) in squares of about ``cell`` pixels, or as blurred as that."""
    height, width = part.shape[:2]
    across, down = max(1, int(width / cell)), max(1, int(height / cell))
    small = cv2.resize(part, (across, down), interpolation=cv2.INTER_AREA)
    how = cv2.INTER_CUBIC if smooth else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(small, (width, height), interpolation=how), np.uint8)


def pixelated_whole(image: Image) -> Image:
    """Return a frame of which nothing is known: pixelated all over."""
    return pixelate(image, min(image.shape[:2]) / _CELLS_OF_ALL)


def cover_places(image: Image, cover: Cover) -> None:
    """Pixelate the places of a cover, in place."""
    height, width = image.shape[:2]
    for place in cover.places:
        window = Window.round(place.reshape(2, 2), (width, height))
        if window is not None:
            part = window.of(image)
            part[:] = pixelate(part, (place[2] - place[0]) / _CELLS)


class FaceReplacer:
    """Draws the average face over others, as they move, and blurs the heads round them.

    Parameters
    ----------
    model : FaceModel
        Whose landmarks the faces have.
    warper : Warper
        What draws.

    Raises
    ------
    InputError
        If the model does not find the average face.
    """

    def __init__(self, model: FaceModel, warper: Warper) -> None:
        self._head = FaceMesh.of(model.scheme, model.pdm.mean, _HEAD)
        self._mask = Mask(model, Portrait.average(model), warper, _FACE)
        self._scheme = model.scheme

    def replace(self, image: Image, points: Points, shape: Points) -> None:
        """Draw over the face with landmarks (N, 2), in place, a face with others, ``shape``."""
        seen = image.copy()
        self._blur(image, points)
        self._mask.draw(image, shape, seen)

    def _blur(self, image: Image, points: Points) -> None:
        ring = self._head.ring_of(points)
        window = Window.round(ring, (image.shape[1], image.shape[0]))
        if window is None:
            return
        part = window.of(image)
        inside = np.zeros(part.shape[:2], np.uint8)
        hull = cv2.convexHull((ring - (window.x, window.y)).astype(np.float32))
        cv2.fillConvexPoly(inside, np.rint(hull).astype(np.int32), 1)
        blurred = pixelate(part, float(np.ptp(ring[:, 0])) / _CELLS, smooth=True)
        put_over(part, blurred, soft_edge(inside > 0, _EDGE * self._scheme.frontal_iod(points)))
