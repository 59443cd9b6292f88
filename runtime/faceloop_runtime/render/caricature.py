"""A face with what is its own made more of: its shape's parameters, scaled.

Brennan, "Caricature generator" (1985): the difference from the average face, times a factor. Here
only the part of the difference that is the same on both sides of the face: the rest is mostly how
the head is turned, and a head turned further than its body is no caricature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .mesh import FaceMesh, doubled_areas
from .texture import Texture
from .warp import Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.fit.result import Fit
    from faceloop_runtime.model import FaceModel

    from .warp import Warper

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]

_AROUND = 1.7
"""Size of the ring that stays where it is; what lies between it and the face gives way."""
_MOST = 3.0
"""Standard deviations of a parameter beyond which it is not driven."""
_LEAST_AREA = 0.15
"""Share of its area that each triangle keeps: one that folds shows as a torn seam. One that is
turned away, as between lips that touch, does not grow."""
_STEP, _STEPS = 0.85, 60
"""Factor of how far the corners of one that would fold move, and how often it is applied: .85 to
the 60th is nothing."""


class Caricature:
    """Draws faces with their shape exaggerated, with their own pixels.

    Parameters
    ----------
    model : FaceModel
        Whose fits they are.
    strength : float
        Factor of the shape's parameters: 1 changes nothing, 0 draws the average shape.
    warper : Warper
        What draws.
    """

    def __init__(self, model: FaceModel, strength: float, warper: Warper) -> None:
        self._pdm, self._scheme = model.pdm, model.scheme
        self._strength, self._warper = strength, warper
        self._mesh = FaceMesh.of(model.scheme, model.pdm.mean, _AROUND)

    def points(self, fit: Fit) -> Points:
        """Return where the landmarks (N, 2) of a fit go, if no triangle folds there."""
        most = np.maximum(_MOST * np.sqrt(self._pdm.variances), np.abs(fit.b))
        driven = np.clip(self._strength * fit.b, -most, most) - fit.b
        change = (driven @ self._pdm.components).reshape(-1, 2)
        if self._scheme.mirror:
            change = (change + change[list(self._scheme.mirror)] * (-1.0, 1.0)) / 2
        return np.asarray(fit.points + fit.pose.apply(change) - fit.pose.apply(np.zeros((1, 2))))

    def draw(self, image: Image, fit: Fit) -> None:
        """Draw a face's caricature over it, in place."""
        vertices = self._mesh.vertices(fit.points)
        window = Window.round(vertices, (image.shape[1], image.shape[0]))
        if window is None:
            return
        part = window.of(image)
        own = Texture(part.copy(), vertices - (window.x, window.y))
        there = self._unfolded(vertices, self.points(fit))
        drawn, where = self._warper.warp(own, there, self._mesh.triangles, window)
        np.copyto(part, drawn, where=where[..., None])

    def _unfolded(self, vertices: Points, points: Points) -> Points:
        """Return the vertices (M, 2) with the landmarks moved, each as far as no triangle folds."""
        triangles = self._mesh.triangles
        change = np.zeros_like(vertices)
        change[: len(points)] = points - vertices[: len(points)]
        own = doubled_areas(vertices[triangles])
        for _ in range(_STEPS):
            there = vertices + change
            made = doubled_areas(there[triangles])
            folds = triangles[made < np.where(own > 0, _LEAST_AREA, 1.0) * own]
            if not len(folds):
                break
            change[np.unique(folds)] *= _STEP
        return vertices + change
