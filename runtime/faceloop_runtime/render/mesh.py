"""Triangles over a face: those of its landmarks, and a ring round them that holds the forehead.

Landmarks end at the brows. The ring is a line round the whole face, in the frame of the mean shape:
an oval, or the outline of the landmarks where that reaches further. Each of its points hangs on the
nearest place of the outline, as far from it as the affine map says that explains the landmarks
best: so it keeps to the cheek of a face that turns, and leans as the forehead does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.spatial import Delaunay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Scheme

    Points = NDArray[np.float64]
    Triangles = NDArray[np.intp]

_ABOVE, _BELOW, _BESIDE = 0.9, 1.45, 0.86
"""How far the oval reaches from the middle of the eyes, in IOD: to the hairline, the chin and the
ears of most people. Farkas, Anthropometry of the Head and Face (1994), has means of .75, 1.3 and
.75, with the outer corners of the eyes 90 mm apart."""
_ROOM = 1.04
"""Of the ring round the outline of the landmarks."""
_RING = 32
"""Points of the ring."""
_LEAST_FOR_AFFINE = 8
"""Landmarks from which on their affine map is trusted: of a few, a smile would be one."""


@dataclass(frozen=True, eq=False)
class FaceMesh:
    """Triangles over a face.

    Parameters
    ----------
    mean : ndarray, shape (N, 2)
        Mean shape of the landmarks, in the model frame: IOD 1, eyes level.
    ring : ndarray, shape (R, 2)
        The line round the face, in the same frame, clockwise on the screen.
    anchors : ndarray of int, shape (R, 2)
        The landmarks between which each of its points hangs ...
    shares : ndarray, shape (R,)
        ... and how far from the first to the second.
    triangles : ndarray of int, shape (T, 3)
        Over the landmarks and, from N on, the ring; those of the landmarks last.
    """

    mean: Points
    ring: Points
    anchors: Triangles
    shares: NDArray[np.float64]
    triangles: Triangles

    @classmethod
    def of(cls, scheme: Scheme, mean: Points, reach: float = 1.0) -> FaceMesh:
        """Make the mesh of a scheme.

        Parameters
        ----------
        scheme : Scheme
            Its triangles are kept; where it has none, or they do not hang together, all points
            are triangulated (Delaunay).
        mean : ndarray, shape (N, 2)
            Mean shape in the model frame.
        reach : float
            Size of the ring; 1 is the face itself. A smaller one leaves out the forehead's top, not
            the cheeks.
        """
        eyes = scheme.initialisation_points(mean)[:2].mean(axis=0)
        centre = eyes + np.array([0.0, (_BELOW - _ABOVE) / 2])
        hull = cv2.convexHull(mean.astype(np.float32), returnPoints=False).ravel().astype(np.intp)
        ring = _ring(mean[hull], centre, reach)
        hung = _hung(mean, hull, ring)
        inner = np.array(scheme.triangles, dtype=np.intp).reshape(-1, 3)
        line = outline(inner)
        if line is None:
            return cls(mean, ring, *hung, _delaunay(np.concatenate([mean, ring])))
        strip = _strip(_angles(mean[line] - centre), _angles(ring - centre))
        names = np.concatenate([line, len(mean) + np.arange(len(ring))])
        return cls(mean, ring, *hung, np.concatenate([names[strip], inner]))

    def vertices(self, points: Points) -> Points:
        """Return the landmarks (N, 2) of a face and its ring, (N + R, 2), in the same frame."""
        return np.concatenate([points, self.ring_of(points)])

    def ring_of(self, points: Points) -> Points:
        """Return the ring (R, 2) round landmarks (N, 2)."""
        basis = _affine if len(self.mean) >= _LEAST_FOR_AFFINE else _similarity
        found = np.linalg.lstsq(basis(self.mean), points.ravel(), rcond=None)[0]
        away = basis(self.ring) - basis(self._hooks(self.mean))
        return np.asarray(self._hooks(points) + (away @ found).reshape(-1, 2))

    def _hooks(self, points: Points) -> Points:
        """Return the places of the outline that the ring hangs on, (R, 2)."""
        first, second = points[self.anchors[:, 0]], points[self.anchors[:, 1]]
        return np.asarray(first + self.shares[:, None] * (second - first))


def outline(triangles: Triangles) -> Triangles | None:
    """Return the points on the edge of a triangulation, in their order round it.

    None if the edge is not one closed line, as of triangles with a hole between them.
    """
    edges = [tuple(edge) for k in range(3) for edge in triangles[:, [k, (k + 1) % 3]].tolist()]
    count = Counter(map(frozenset, edges))
    open_edges = [edge for edge in edges if count[frozenset(edge)] == 1]
    following = dict(open_edges)
    if not open_edges or len(following) < len(open_edges):
        return None
    line = [open_edges[0][0]]
    while (after := following.get(line[-1])) != line[0]:
        if after is None or len(line) == len(following):
            return None
        line.append(after)
    return np.array(line) if len(line) == len(following) else None


def painted_order(vertices: Points, triangles: Triangles) -> Triangles:
    """Return the triangles as they are to be painted: those that are turned away first."""
    facing = doubled_areas(vertices[triangles]) > 0
    return np.asarray(triangles[np.argsort(facing, kind="stable")])


def doubled_areas(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the areas of triangles (T, 3, 2); above 0 where the corners go clockwise on screen."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])


def _ring(hull: Points, centre: Points, reach: float) -> Points:
    """Return the ring: at each angle the oval or the outline with room, whichever is wider."""
    angles = np.linspace(-np.pi, np.pi, _RING, endpoint=False)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    half = np.array([_BESIDE, (_ABOVE + _BELOW) / 2])
    oval = 1.0 / np.linalg.norm(directions / half, axis=1)
    own = np.interp(angles, *_by_angle(hull - centre), period=2 * np.pi)
    away = np.maximum(reach * oval, max(reach, 1.0) * _ROOM * own)
    return np.asarray(centre + away[:, None] * directions)


def _hung(mean: Points, hull: Triangles, ring: Points) -> tuple[Triangles, NDArray[np.float64]]:
    """Return between which two points of a closed line, and where, each ring point is nearest."""
    ends = np.stack([hull, np.roll(hull, -1)], axis=1)
    start, way = mean[ends[:, 0]], mean[ends[:, 1]] - mean[ends[:, 0]]
    length = np.maximum((way * way).sum(axis=1), 1e-12)
    share = np.clip(((ring[:, None] - start) * way).sum(axis=2) / length, 0.0, 1.0)
    away = np.linalg.norm(start + share[..., None] * way - ring[:, None], axis=2)
    best = away.argmin(axis=1)
    return ends[best], share[np.arange(len(ring)), best]


def _by_angle(places: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the angles of places, rising, and how far out they are."""
    angles = _angles(places)
    order = np.argsort(angles)
    return angles[order], np.linalg.norm(places, axis=1)[order]


def _strip(inner: NDArray[np.float64], outer: NDArray[np.float64]) -> Triangles:
    """Triangulate between two closed lines round one place, given by the angles of their points.

    Returns
    -------
    ndarray of int, shape (I + O, 3)
        Clockwise on the screen; the outer line's points are counted on after the inner one's.
    """
    first = int(np.argmin(np.abs(np.angle(np.exp(1j * (outer - inner[0]))))))
    ins, outs = _once_round(inner, inner[0]), _once_round(np.roll(outer, -first), inner[0])
    found, i, o = [], 0, 0
    while i < len(inner) or o < len(outer):
        near = i % len(inner), len(inner) + (first + o) % len(outer)
        if o == len(outer) or (i < len(inner) and ins[i + 1] <= outs[o + 1]):
            i += 1
            found.append([*near, i % len(inner)])
        else:
            o += 1
            found.append([*near, len(inner) + (first + o) % len(outer)])
    return np.array(found)


def _once_round(angles: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """Return the angles of a line's points and again of its first, counted on from ``start``."""
    steps = np.angle(np.exp(1j * np.diff(np.append(angles, angles[0]), prepend=start)))
    return np.asarray(np.maximum.accumulate(np.cumsum(steps)))


def _angles(places: Points) -> NDArray[np.float64]:
    return np.asarray(np.arctan2(places[:, 1], places[:, 0]))


def _delaunay(points: Points) -> Triangles:
    """Triangulate points, clockwise on the screen."""
    found = np.asarray(Delaunay(points).simplices, dtype=np.intp)
    turned = doubled_areas(points[found]) < 0
    found[turned] = found[turned][:, ::-1]
    return found


def _affine(points: Points) -> NDArray[np.float64]:
    """Return what an affine map of points is linear in, (2N, 6)."""
    rows = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    return np.kron(rows, np.eye(2))


def _similarity(points: Points) -> NDArray[np.float64]:
    """Return what a similarity of points is linear in, (2N, 4)."""
    x, y = points.T
    one, zero = np.ones_like(x), np.zeros_like(x)
    rows = np.stack([np.stack([x, -y, one, zero]), np.stack([y, x, zero, one])])
    return np.asarray(rows.transpose(2, 0, 1).reshape(-1, 4))
