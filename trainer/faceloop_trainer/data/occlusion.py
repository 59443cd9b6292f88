"""Synthetic occlusion of faces, to train the estimation of which points are visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Points = NDArray[np.float64]

_CORNERS = 24
"""Number of corners of the outline of a blob."""
_SMOOTH_SHARE = 0.35
"""Share of the occluders that are blurred, as smooth as skin."""


def occlude(
    picture: Gray,
    points: Points,
    iod: float,
    textures: Sequence[Gray],
    rng: np.random.Generator,
) -> tuple[Gray, NDArray[np.bool_]]:
    """Draw an opaque blob or rectangle over a part of a face.

    Parameters
    ----------
    picture : ndarray of uint8, shape (H, W)
        The face.
    points : ndarray, shape (N, 2)
        Its landmarks in pixels; NaN where unknown.
    iod : float
        Its inter-ocular distance, in pixels. The occluder is 0.5 to 1.6 of it wide and high.
    textures : sequence of ndarray
        Pictures that the occluder is cut from; its mean brightness is about that of the face.
    rng : numpy.random.Generator
        Source of the random numbers.

    Returns
    -------
    picture : ndarray of uint8, shape (H, W)
        The occluded face.
    hidden : ndarray of bool, shape (N,)
        Points under the occluder.
    """
    half = iod * rng.uniform(0.25, 0.8, 2)
    known = points[np.isfinite(points).all(axis=1)]
    centre = known[rng.integers(len(known))] + rng.normal(0, 0.15, 2) * iod
    mask = _mask(picture.shape, _outline(half, rng) + centre, iod)
    under = picture[mask > 127]
    if not len(under):
        return picture, np.zeros(len(points), dtype=np.bool_)
    occluder = _occluder(picture.shape, centre, int(2.9 * half.max()) + 2, textures, rng)
    occluder += float(under.mean()) - float(occluder.mean()) + rng.normal(0, 25)
    share = mask.astype(np.float32) / 255
    mixed = picture * (1 - share) + occluder * share
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8), _under(mask, points)


def _outline(half: Points, rng: np.random.Generator) -> Points:
    """Corners of a rotated rectangle, or of an irregular ellipse, around (0, 0)."""
    if rng.random() < 0.5:
        angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
        dents = np.clip(1 + 0.075 * rng.standard_normal(_CORNERS).cumsum(), 0.6, 1.4)
        corners = dents[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    else:
        corners = 0.9 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    angle = rng.uniform(0, np.pi)
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray((half * corners) @ np.array([[c, s], [-s, c]]))


def _mask(shape: tuple[int, ...], outline: Points, iod: float) -> Gray:
    mask = np.zeros(shape, np.uint8)
    corners = np.rint(outline * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, lineType=cv2.LINE_AA, shift=4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.02 * iod, 0.5)), np.uint8)


def _occluder(
    shape: tuple[int, ...],
    centre: NDArray[np.float64],
    width: int,
    textures: Sequence[Gray],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return a picture of this shape, with part of a texture resized to ``width`` at ``centre``."""
    texture = textures[int(rng.integers(len(textures)))]
    side = max(int(min(texture.shape) * rng.uniform(0.3, 1.0)), 1)
    y, x = (int(rng.integers(0, n - side + 1)) for n in texture.shape)
    part = texture[y : y + side, x : x + side].astype(np.float32)
    if rng.random() < _SMOOTH_SHARE:
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), side / 8), np.float32)
    interpolation = cv2.INTER_AREA if side > width else cv2.INTER_LINEAR
    square = cv2.resize(part, (width, width), interpolation=interpolation)
    left, top = np.rint(centre - width / 2)
    move = np.array([[1, 0, left], [0, 1, top]], np.float64)
    placed = cv2.warpAffine(
        square, move, shape[::-1], flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(placed, np.float32)


def _under(mask: Gray, points: Points) -> NDArray[np.bool_]:
    height, width = mask.shape
    x, y = np.rint(np.nan_to_num(points, nan=-1.0)).astype(np.intp).T
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    hidden = np.zeros(len(points), dtype=np.bool_)
    hidden[inside] = mask[y[inside], x[inside]] > 127
    return hidden
