"""A picture with a face in it, as something to be drawn over another."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .mesh import doubled_areas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]
    Triangles = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Texture:
    """A picture, and where the vertices of a mesh are in it.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    vertices : ndarray, shape (M, 2)
        In pixels of the picture.
    """

    image: Image
    vertices: Points
    _halves: dict[int, Texture] = field(default_factory=dict, repr=False)

    def for_size_of(self, vertices: Points, triangles: Triangles) -> Texture:
        """Return the copy, halved so often, that is no more than twice as fine as it is drawn.

        Drawn smaller, pixels that are passed over would glitter.
        """
        drawn = float(np.abs(doubled_areas(vertices[triangles])).sum())
        halvings = int(np.log2(max(1.0, np.sqrt(self._extent(triangles) / max(drawn, 1e-9)))))
        return self._halved(min(halvings, self._most_halvings))

    @cached_property
    def _most_halvings(self) -> int:
        return max(0, int(np.log2(min(self.image.shape[:2]))) - 2)

    def _extent(self, triangles: Triangles) -> float:
        return float(np.abs(doubled_areas(self.vertices[triangles])).sum())

    def _halved(self, times: int) -> Texture:
        if times == 0:
            return self
        if times not in self._halves:
            before = self._halved(times - 1)
            height, width = (max(1, n // 2) for n in before.image.shape[:2])
            image = cv2.resize(before.image, (width, height), interpolation=cv2.INTER_AREA)
            scale = np.array([width, height]) / before.image.shape[1::-1]
            # pixel centres: x' = (x + 0.5) * scale - 0.5
            vertices = (before.vertices + 0.5) * scale - 0.5
            self._halves[times] = Texture(np.asarray(image, np.uint8), vertices)
        return self._halves[times]
