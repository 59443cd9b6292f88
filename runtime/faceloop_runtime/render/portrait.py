"""A face to be put on others: a picture with its landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import InputError
from faceloop_datasets.media.images import read_image
from faceloop_runtime.track.tracker import Tracker

from .average import AVERAGE_SCHEME, average_picture
from .texture import Texture

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime.model import FaceModel

    from .mesh import FaceMesh

    Image = NDArray[np.uint8]

_INWARDS = 0.9
"""How far out, of the contour that was fitted, the colours of cheeks and jaw are taken: a contour
often lies a little beyond the face, and what is behind it must not be drawn."""


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture of one face.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    points : ndarray, shape (N, 2)
        Landmarks of a model's scheme, in pixels.
    """

    image: Image
    points: NDArray[np.float64]

    @classmethod
    def read(cls, path: Path, model: FaceModel) -> Portrait:
        """Read a picture and find its face, the surest of several.

        Raises
        ------
        InputError
            If it cannot be read, or the model finds no face in it.
        """
        return cls._fitted(read_image(path, "rgb"), model, str(path))

    @classmethod
    def average(cls, model: FaceModel) -> Portrait:
        """Return the average face of the bundled sample, with a model's landmarks.

        Raises
        ------
        InputError
            If the model does not find it: it has other points, and has seen too few faces.
        """
        image, points = average_picture()
        if model.scheme.has_points_of(AVERAGE_SCHEME):
            return cls(image, points)
        return cls._fitted(image, model, "the average face")

    @classmethod
    def _fitted(cls, image: Image, model: FaceModel, what: str) -> Portrait:
        found = next(iter(Tracker(model).track([image]))).points
        if found is None:
            raise InputError(
                f"The model finds no face in {what}. Choose a picture of a face that looks "
                "ahead, or a model that has seen more faces."
            )
        return cls(image, found)

    def texture(self, mesh: FaceMesh, scheme: Scheme) -> Texture:
        """Return it as something to be drawn over a mesh, with its contour drawn in."""
        vertices = mesh.vertices(self.points)
        edge = [*scheme.groups.get("contour", ()), *range(len(self.points), len(vertices))]
        middle = self.points.mean(axis=0)
        vertices[edge] = middle + _INWARDS * (vertices[edge] - middle)
        return Texture(self.image, vertices)
