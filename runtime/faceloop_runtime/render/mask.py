"""Another face in a face's place: substitution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .blend import matched_colours, put_over, soft_edge
from .mesh import FaceMesh
from .warp import Window

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceloop_runtime.model import FaceModel

    from .portrait import Portrait
    from .warp import Warper

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

_EDGE = 0.2
"""Width of the soft edge, in IOD."""


class Mask:
    """A face that is drawn over others and moves as they do.

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
        self, model: FaceModel, portrait: Portrait, warper: Warper, reach: float = 1.0
    ) -> None:
        self._scheme, self._warper = model.scheme, warper
        self._mesh = FaceMesh.of(model.scheme, model.pdm.mean, reach)
        self._texture = portrait.texture(self._mesh)

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
        drawn, where = self._warper.warp(self._texture, vertices, self._mesh.triangles, window)
        alpha = soft_edge(where, _EDGE * self._scheme.frontal_iod(points))
        scene = window.of(image if light is None else light)
        put_over(window.of(image), matched_colours(drawn, scene, alpha == 1), alpha)
