"""The triangles of a face as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .mesh import FaceMesh

    Image = NDArray[np.uint8]

_COLOUR = (70, 220, 255)
_SUBPIXEL = 4
"""Bits after the point in OpenCV's coordinates."""


def draw_mesh(image: Image, points: NDArray[np.float64], mesh: FaceMesh) -> None:
    """Draw the triangles of landmarks (N, 2), without the ring, into a picture, in place."""
    inner = mesh.triangles[(mesh.triangles < len(points)).all(axis=1)]
    near = np.clip(points, -10_000, 30_000)  # beyond, OpenCV's own integers would overflow
    corners = np.rint(near[inner] * 2**_SUBPIXEL).astype(np.int32)
    width = max(1, round(float(np.ptp(near, axis=0).max()) / 400))
    cv2.polylines(image, list(corners), True, _COLOUR, width, cv2.LINE_AA, _SUBPIXEL)
