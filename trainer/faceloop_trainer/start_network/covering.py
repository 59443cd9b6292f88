"""What hides faces: another background, glasses, hats, things beside and before them, beards.

Rendered faces lack all of it; a network that never saw a covered face puts its points anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.start_network.network import SIDE

from .crops import pixels
from .textures import noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .textures import Textures

    Rows = NDArray[np.float32]
    Floats = NDArray[np.float64]

# Points of face70.
_CONTOUR, _JAW, _BROWS = slice(0, 15), slice(3, 12), slice(15, 23)
_EARS, _CHEEKS, _CHIN = (0, 14), (2, 12), 7
_EYES = ((27, 23, 25), (32, 28, 30))
"""Pupil, outer and inner corner."""
_OUTER_CORNERS = (23, 28)
_NOSE_BRIDGE, _NOSE_BASE = 33, 37
_MOUTH, _MOUTH_CORNERS, _LIP_MIDDLE = slice(43, 55), (43, 49), 46

_LEAST_IOD = 4.0
"""Pixels; of a profile the outer corners of the eyes are in one place, its glasses are not."""
_BEYOND = 200.0
"""Pixels; farther than any place of a crop."""
_SOFT_EDGE = 0.7
"""Pixels of blur at the edges of what is put on a crop."""
_HIDES = 0.5
"""A point is hidden where the mask of what covers it is at least that much."""
_SEE_THROUGH = 0.85
"""Through lenses less dense than that, eyes are still seen."""


@dataclass(frozen=True)
class CoverShares:
    """How often each thing covers a face, as shares of the faces.

    Parameters
    ----------
    background, glasses, hat, beside, beard : float
        Another background; sun glasses; a hat or a fringe; something beside the face; a beard.
    patches : tuple of float
        Of no, one, two, ... ellipses and rectangles anywhere.
    """

    background: float = 0.35
    glasses: float = 0.12
    hat: float = 0.18
    beside: float = 0.12
    beard: float = 0.14
    patches: tuple[float, ...] = (0.5, 0.28, 0.14, 0.08)


@dataclass(eq=False)
class CoveredFace:
    """A crop in work, and which of its points are still seen.

    Parameters
    ----------
    image : ndarray of float32, shape (SIDE, SIDE)
    places : ndarray, shape (70, 2)
        Points in the frame of the crop.
    seen : ndarray of float32, shape (70,)
    textures : Textures
    rng : numpy.random.Generator

    Attributes
    ----------
    points : ndarray, shape (70, 2)
        In pixels of the crop.
    up, side : ndarray, shape (2,)
        Unit vectors from the chin to the nose, and at a right angle to it.
    middle : ndarray, shape (2,)
        Mean of the points.
    size, iod : float
        Longer side of the box round the points, and distance of the outer corners of the eyes,
        in pixels.
    """

    image: Rows
    places: Floats
    seen: Rows
    textures: Textures
    rng: np.random.Generator
    points: Floats = field(init=False)
    up: Floats = field(init=False)
    side: Floats = field(init=False)
    middle: Floats = field(init=False)
    size: float = field(init=False)
    iod: float = field(init=False)

    def __post_init__(self) -> None:
        points = self.points = pixels(self.places)
        left, right = points[list(_OUTER_CORNERS)]
        self.iod = max(_LEAST_IOD, float(np.linalg.norm(right - left)))
        self.size = float(np.ptp(points, axis=0).max())
        up = points[_NOSE_BRIDGE] - points[_CHIN]
        self.up = up / (np.linalg.norm(up) + 1e-6)
        self.side = np.array([-self.up[1], self.up[0]])
        self.middle = points.mean(axis=0)

    def put(self, mask: Rows, texture: Rows, *, hides: bool = True) -> None:
        """Put a texture on the crop where a mask (SIDE, SIDE), 0 to 1, says."""
        soft = cv2.GaussianBlur(mask, (0, 0), _SOFT_EDGE) if mask.any() else mask
        self.image = self.image * (1 - soft) + texture * soft
        if hides:
            x, y = np.clip((self.points + 0.5).astype(int), 0, SIDE - 1).T
            self.seen = self.seen * (mask[y, x] < _HIDES)

    def fill(self) -> Rows:
        """Return a texture that covers."""
        return self.textures.fill(self.image, self.rng)


def cover(face: CoveredFace, shares: CoverShares) -> None:
    """Cover a face by what the draws say; its points are then hidden there."""
    rng = face.rng
    things = (
        (shares.background, _background),
        (shares.glasses, _glasses),
        (shares.hat, _hat),
        (shares.beside, _beside),
        (shares.beard, _beard),
    )
    for share, thing in things:
        if rng.random() < share:
            thing(face)
    for _ in range(int(rng.choice(len(shares.patches), p=shares.patches))):
        _patch(face)


def _background(face: CoveredFace) -> None:
    """Leave the head, whose top no point marks, and replace what is round it."""
    rng, points, up, side = face.rng, face.points, face.up, face.side
    top = points[_BROWS].mean(axis=0) + up * face.size * rng.uniform(0.22, 0.5)
    wide = side * face.size * 0.25
    temples = points[list(_EARS)] + up * face.size * 0.3
    head = np.vstack([points[_CONTOUR], temples, top[None], top[None] + wide, top[None] - wide])
    grown = face.middle + (head - face.middle) * rng.uniform(1.05, 1.25)
    mask = np.ones((SIDE, SIDE), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(_rounded(grown)), 0.0)
    face.put(mask, face.fill(), hides=False)


def _glasses(face: CoveredFace) -> None:
    rng = face.rng
    mask = _nothing()
    height, tall = rng.uniform(0.16, 0.27), rng.uniform(0.7, 1.2)
    for pupil, outer, inner in _EYES:
        width = float(np.linalg.norm(face.points[outer] - face.points[inner]))
        _lens(face, mask, face.points[pupil], (width, height * face.iod, tall))
    left, right = (tuple(_rounded(face.points[pupil]).tolist()) for pupil, *_ in _EYES)
    cv2.line(mask, left, right, 1.0, max(1, int(rng.integers(1, 3))))
    density = rng.uniform(0.55, 1.0)
    dark = np.full_like(face.image, rng.uniform(0, 70))
    reflections = rng.uniform(0, 0.3) * face.textures.part(rng)
    face.put(mask * np.float32(density), dark + reflections, hides=density >= _SEE_THROUGH)


def _lens(face: CoveredFace, mask: Rows, pupil: Floats, sizes: tuple[float, float, float]) -> None:
    """Draw a lens into a mask; sizes are the eye's width, the lens' height and its form."""
    width, height, tall = sizes
    centre = pupil - face.up * face.iod * 0.04
    if face.rng.random() < 0.7:
        angle = float(np.degrees(np.arctan2(face.side[1], face.side[0])))
        axes = (2 * max(width * 0.85, height * 0.5), 2 * height * tall)
        cv2.ellipse(mask, (tuple(np.rint(centre).tolist()), axes, angle), 1.0, -1)
    else:
        corners = _CORNERS * [max(width * 0.8, height * 0.5), height * tall]
        square = centre + corners[:, :1] * face.side + corners[:, 1:] * face.up
        cv2.fillConvexPoly(mask, _rounded(square), 1.0)


def _hat(face: CoveredFace) -> None:
    rng = face.rng
    edge = face.points[_BROWS].mean(axis=0) + face.up * face.size * rng.uniform(-0.06, 0.3)
    along = face.side + face.up * rng.normal(0, 0.2)
    face.put(_half(edge, along, face.up), face.fill())


def _beside(face: CoveredFace) -> None:
    rng = face.rng
    away = face.side * rng.choice([-1, 1]) + face.up * rng.normal(0, 0.5)
    away /= np.linalg.norm(away)
    edge = face.middle + away * face.size * rng.uniform(0.2, 0.6)
    face.put(_half(edge, np.array([-away[1], away[0]]), away), face.fill())


def _beard(face: CoveredFace) -> None:
    """Darken or whiten jaw or upper lip; points under a beard count as seen."""
    rng = face.rng
    density = rng.uniform(0, 0.7)
    mask = _nothing()
    cv2.fillPoly(mask, [_rounded(_beard_outline(face))], 1.0)
    if rng.random() < 0.5:
        cv2.fillPoly(mask, [_rounded(face.points[_MOUTH])], 0.0)
    soft = cv2.GaussianBlur(mask, (0, 0), 1.0) * np.float32(density)
    hairs = noise(60.0, (0.4, 1.0), rng)
    tone = rng.uniform(10, 90) if rng.random() < 0.75 else rng.uniform(150, 240)
    face.image = face.image * (1 - soft) + soft * (tone + hairs)


def _beard_outline(face: CoveredFace) -> Floats:
    points, rng = face.points, face.rng
    base, lip = points[[_NOSE_BASE]], points[[_LIP_MIDDLE]]
    if rng.random() < 0.6:
        jaw = points[_JAW] - face.up * face.size * rng.uniform(0, 0.12)
        left, right = _CHEEKS
        return np.vstack([jaw, points[[right]], 0.6 * base + 0.4 * lip, points[[left]]])
    left, right = _MOUTH_CORNERS
    return np.vstack([points[[left]] - face.side * 2, points[[right]] + face.side * 2, base])


def _patch(face: CoveredFace) -> None:
    rng = face.rng
    mask = _nothing()
    (x, y), (a, b) = rng.uniform(0, SIDE, 2).tolist(), rng.uniform(3, 22, 2).tolist()
    if rng.random() < 0.5:
        cv2.ellipse(mask, ((x, y), (2 * a, 2 * b), float(rng.uniform(0, 180))), 1.0, -1)
    else:
        turn = float(rng.uniform(0, 90)) if rng.random() < 0.5 else 0.0
        cv2.fillConvexPoly(
            mask, _rounded(np.asarray(cv2.boxPoints(((x, y), (2 * a, 2 * b), turn)))), 1.0
        )
    face.put(mask, face.fill())


_CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def _nothing() -> Rows:
    return np.zeros((SIDE, SIDE), np.float32)


def _half(edge: Floats, along: Floats, away: Floats) -> Rows:
    """Mask of what lies beyond an edge through a place, along one and away in another direction."""
    near = np.array([edge - along * _BEYOND, edge + along * _BEYOND])
    mask = _nothing()
    cv2.fillConvexPoly(mask, _rounded(np.vstack([near, near[::-1] + away * _BEYOND])), 1.0)
    return mask


def _rounded(points: NDArray[np.floating]) -> NDArray[np.int32]:
    return np.asarray(np.rint(points), np.int32)
