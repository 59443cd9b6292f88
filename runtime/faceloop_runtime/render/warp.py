"""A texture drawn over a mesh: each triangle by the affine map of its corners.

Wolberg, Digital Image Warping (1990), piecewise affine. `CpuWarper` is the reference; the one of
OpenGL (`gl.warper`) draws the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from .mesh import painted_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .texture import Texture

    Image = NDArray[np.uint8]
    Points = NDArray[np.float64]
    Triangles = NDArray[np.intp]

_SUBPIXEL = 8
"""Bits after the point in OpenCV's coordinates."""
_FARTHEST = 30_000.0
"""Coordinate beyond which OpenCV's own integers would overflow."""


@dataclass(frozen=True)
class Window:
    """A part of a picture, in whole pixels: x, y, width and height, the last two 1 or more."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def round(cls, points: Points, size: tuple[int, int]) -> Window | None:
        """Return what holds points (M, 2) of a picture of (width, height); None if nothing does.

        With a pixel round them: whose edge is sought finds it inside.
        """
        low = (np.floor(points.min(axis=0)) - 1).clip(0, size)
        high = (np.ceil(points.max(axis=0)) + 2).clip(0, size)
        (x, y), (width, height) = low.astype(int).tolist(), (high - low).astype(int).tolist()
        return cls(x, y, width, height) if width > 0 and height > 0 else None

    def of(self, image: Image) -> Image:
        """Return the part of a picture; changes of it are changes of the picture."""
        return image[self.y : self.y + self.height, self.x : self.x + self.width]


class Warper(Protocol):
    """Draws textures over meshes."""

    def warp(
        self, texture: Texture, vertices: Points, triangles: Triangles, window: Window
    ) -> tuple[Image, NDArray[np.bool_]]:
        """Draw a texture.

        Parameters
        ----------
        texture : Texture
            The picture and the vertices' places in it.
        vertices : ndarray, shape (M, 2)
            Where they shall be, in pixels.
        triangles : ndarray of int, shape (T, 3)
            Painted in the order of `painted_order`.
        window : Window
            What is drawn.

        Returns
        -------
        image : ndarray of uint8, shape (height, width, 3)
            RGB; black where nothing was drawn.
        drawn : ndarray of bool, shape (height, width)
            Where something was.
        """
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


class CpuWarper:
    """Draws on the CPU: which triangle a pixel is in, and from there one look into the texture."""

    def warp(
        self, texture: Texture, vertices: Points, triangles: Triangles, window: Window
    ) -> tuple[Image, NDArray[np.bool_]]:
        """Draw a texture, see `Warper`."""
        order = painted_order(vertices, triangles)
        labels = labels_of(vertices[order], window)
        source = texture.for_size_of(vertices, triangles)
        maps = affine_maps(vertices[order], source.vertices[order])
        drawn = labels >= 0
        x, y = _places(maps, labels, window)
        image = cv2.remap(source.image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        image = cv2.bitwise_and(image, image, mask=drawn.astype(np.uint8))
        return np.asarray(image, np.uint8), drawn

    def close(self) -> None:
        """Free nothing: it holds nothing."""


def affine_maps(drawn: NDArray[np.float64], source: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the affine maps of triangles onto triangles, as (x, y, 1) -> (x, y).

    Parameters
    ----------
    drawn, source : ndarray, shape (T, 3, 2)
        Corners. One without an area is mapped to its first corner.

    Returns
    -------
    ndarray, shape (T, 2, 3)
    """
    edges = (drawn[:, 1:] - drawn[:, :1]).transpose(0, 2, 1)
    goals = (source[:, 1:] - source[:, :1]).transpose(0, 2, 1)
    flat = np.abs(np.linalg.det(edges)) < 1e-9
    edges[flat], goals[flat] = np.eye(2), 0.0
    linear = goals @ np.linalg.inv(edges)
    shift = source[:, 0] - (linear @ drawn[:, 0, :, None])[..., 0]
    return np.concatenate([linear, shift[..., None]], axis=2)


def labels_of(corners: NDArray[np.float64], window: Window) -> NDArray[np.int32]:
    """Return which of triangles (T, 3, 2) each pixel of a window shows, the last painted; or -1."""
    labels = np.full((window.height, window.width), -1, np.int32)
    near = np.clip(corners - (window.x, window.y), -_FARTHEST, _FARTHEST)
    fixed = np.rint(near * 2**_SUBPIXEL).astype(np.int32)
    for number, triangle in enumerate(fixed):
        cv2.fillConvexPoly(labels, triangle, number, cv2.LINE_8, _SUBPIXEL)
    return labels


def _places(
    maps: NDArray[np.float64], labels: NDArray[np.int32], window: Window
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return where in the texture each pixel of a window looks."""
    numbers = labels.astype(np.intp)
    rows = maps.astype(np.float32).transpose(1, 2, 0)
    (xx, xy, x1), (yx, yy, y1) = ([np.take(row, numbers, mode="wrap") for row in r] for r in rows)
    x = np.arange(window.x, window.x + window.width, dtype=np.float32)
    y = np.arange(window.y, window.y + window.height, dtype=np.float32)[:, None]
    return xx * x + xy * y + x1, yx * x + yy * y + y1
