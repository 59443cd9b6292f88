"""What draws over the faces of a picture that have been fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_runtime.render.caricature import Caricature
from faceloop_runtime.render.cover.hide import FaceReplacer, cover_places, pixelated_whole
from faceloop_runtime.render.cover.trust import can_draw_average
from faceloop_runtime.render.mask import Mask
from faceloop_runtime.render.mesh import FaceMesh
from faceloop_runtime.render.portrait import Portrait
from faceloop_runtime.render.wireframe import draw_mesh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_runtime import Fit
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.render.cover.search import Cover
    from faceloop_runtime.render.warp import Warper

    from .render_choice import Rendering

    Image = NDArray[np.uint8]


class FaceDrawing:
    """Draws a mesh, a mask or a caricature over faces.

    Parameters
    ----------
    rendering : Rendering
        What to draw; one that does not hide.
    model : FaceModel
        What is fitted.
    warper : Warper
        What draws textures.

    Raises
    ------
    InputError
        If the picture of a mask cannot be read, or the model finds no face in it.
    """

    def __init__(self, rendering: Rendering, model: FaceModel, warper: Warper) -> None:
        self._draw = _drawing(rendering, model, warper)

    def __call__(self, image: Image, fits: Iterable[Fit]) -> Image:
        """Return a copy of a picture (H, W, 3) with the faces drawn over."""
        drawn = image.copy()
        for fit in fits:
            self._draw(drawn, fit)
        return drawn


class Hiding:
    """Covers faces: by the average one, or by pixels where the model knows too little for that.

    Parameters
    ----------
    rendering : Rendering
        What covers them.
    model : FaceModel
        What is fitted.
    warper : Warper
        What draws textures.
    """

    def __init__(self, rendering: Rendering, model: FaceModel, warper: Warper) -> None:
        drawn = rendering.draws_over and can_draw_average(model)
        self._replacer = FaceReplacer(model, warper) if drawn else None

    @property
    def draws_over(self) -> bool:
        """Whether it can draw over faces; else all have to be covered."""
        return self._replacer is not None

    def __call__(self, image: Image, cover: Cover | None) -> Image:
        """Return a copy of a picture (H, W, 3) with its faces covered; None covers all of it."""
        if cover is None:
            return pixelated_whole(image)
        hidden = image.copy()
        cover_places(hidden, cover)
        if self._replacer is not None:
            for points, shape in zip(cover.faces, cover.shapes, strict=True):
                self._replacer.replace(hidden, points, shape)
        return hidden


def _drawing(
    rendering: Rendering, model: FaceModel, warper: Warper
) -> Callable[[Image, Fit], None]:
    if rendering.mode == "mesh":
        mesh = FaceMesh.of(model.scheme, model.pdm.mean)
        return lambda image, fit: draw_mesh(image, fit.points, mesh)
    if rendering.mode == "caricature":
        return Caricature(model, rendering.strength, warper).draw
    face = rendering.face
    portrait = Portrait.average(model) if face is None else Portrait.read(face, model)
    mask = Mask(model, portrait, warper)
    return lambda image, fit: mask.draw(image, fit.points)
