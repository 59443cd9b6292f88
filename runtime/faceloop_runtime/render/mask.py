"""Another face in a face's place: substitution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .blend import matched_colours, put_over, soft_edge
from .mesh import FaceMesh, doubled_areas
from .warp import Window, labels_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.model import FaceModel

    from .portrait import Portrait
    from .warp import Warper

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

_EDGE = 0.2
"""Width of the soft edge, in IOD."""
_SQUEEZED = 2.0
"""The same above which one is squeezed: teeth and lips would be seen as single dots of a line."""
_CALMED = 0.07
"""Size of the blur there, in IOD."""
_REACH = 0.8
"""Size of a mask, see `FaceMesh`: below the hair of most."""
_CLOSED = 0.35
"""Share of its usual area below which a mouth or an eye is closed, all of it or nothing: half a
mouth would have a hard edge."""


class Mask:
    """A face that is drawn over others and moves as they do.

    Where the face has its mouth closed and the other opens it, or so with the eyes, there is
    nothing to draw, and what is in the picture stays.

    Parameters
    ----------
    model : FaceModel
        Whose landmarks the faces have.
    portrait : Portrait
        The face that is drawn.
    warper : Warper
        What draws.
    reach : float
        Size of the mask; 1 is the face itself.
    """

    def __init__(
        self, model: FaceModel, portrait: Portrait, warper: Warper, reach: float = _REACH
    ) -> None:
        self._scheme, self._warper = model.scheme, warper
        self._mesh = FaceMesh.of(model.scheme, model.pdm.mean, reach)
        self._texture = portrait.texture(self._mesh, model.scheme)
        triangles = self._mesh.triangles
        lids = [line.points for line in model.scheme.contours if line.closed]
        self._within = [np.isin(triangles, lid).all(axis=1) for lid in lids]

    def draw(self, image: Image, points: Points, light: Image | None = None) -> None:
        """Draw it over the face with these landmarks, in place.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W, 3)
            RGB.
        points : ndarray, shape (N, 2)
            In pixels.
        light : ndarray of uint8, shape (H, W, 3), optional
            The picture whose colours the mask takes on in this place; ``image`` by default.
        """
        vertices = self._mesh.vertices(points)
        window = Window.round(vertices, (image.shape[1], image.shape[0]))
        if window is None:
            return
        closed, squeezed = self._openings(vertices)
        drawn, where = self._warper.warp(
            self._texture, vertices, self._mesh.triangles[~closed], window
        )
        iod = self._scheme.frontal_iod(points)
        between = labels_of(vertices[self._mesh.triangles[squeezed]], window) >= 0
        width = max(3, round(_CALMED * iod))
        np.copyto(drawn, cv2.blur(drawn, (width, width)), where=between[..., None])
        alpha = self._alpha(vertices[len(points) :], where, window, iod)
        scene = window.of(image if light is None else light)
        put_over(window.of(image), matched_colours(drawn, scene, alpha == 1), alpha)

    def _openings(self, vertices: Points) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which triangles are between lips or lids closed here, and open only here."""
        own, there = (
            doubled_areas(v[self._mesh.triangles]).clip(0)
            for v in (self._texture.vertices, vertices)
        )
        usual = own.sum() / max(float(there.sum()), 1e-9)
        closed, squeezed = np.zeros((2, len(own)), bool)
        for within in self._within:
            have, need = own[within].sum(), usual * there[within].sum()
            closed |= within & bool(have < _CLOSED * need)
            squeezed |= within & bool(have > _SQUEEZED * need)
        return closed, squeezed

    def _alpha(
        self, ring: Points, where: NDArray[np.bool_], window: Window, iod: float
    ) -> NDArray[np.float32]:
        """Return how opaque each pixel is: soft to the ring, and not where nothing was drawn."""
        whole = where.astype(np.uint8)
        line = np.rint(ring - (window.x, window.y)).astype(np.int32)
        cv2.fillPoly(whole, [line], 1)
        alpha = soft_edge(whole > 0, _EDGE * iod)
        return np.asarray(alpha * cv2.erode(where.astype(np.uint8), np.ones((2, 2))), np.float32)
