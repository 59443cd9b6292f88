"""Similarity transforms between the image, the face crop and the model frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Points = NDArray[np.float64]


@dataclass(frozen=True)
class Similarity:
    """A rotation, uniform scale and translation of the plane.

    ``(x, y) -> (a x - b y + tx, b x + a y + ty)``; linear in its four parameters, which is
    what makes the least-squares solutions below closed forms.
    """

    a: float = 1.0
    b: float = 0.0
    tx: float = 0.0
    ty: float = 0.0

    @classmethod
    def from_polar(cls, scale: float, angle: float, tx: float, ty: float) -> Similarity:
        """Build from a scale, an angle in radians and a translation."""
        return cls(scale * np.cos(angle), scale * np.sin(angle), tx, ty)

    @classmethod
    def between(cls, source: Points, target: Points) -> Similarity:
        """Least-squares transform of ``source`` onto ``target`` (ordinary Procrustes).

        Cootes & Taylor, "Statistical models of appearance for computer vision", appendix B.

        Parameters
        ----------
        source, target : ndarray, shape (N, 2)
            Corresponding points. Pairs in which either has a NaN are left out; at least two
            different points must remain.
        """
        known = ~np.isnan(source + target).any(axis=1)
        s, t = source[known], target[known]
        ms, mt = s.mean(axis=0), t.mean(axis=0)
        s, t = s - ms, t - mt
        n = float((s * s).sum())
        a = float((s * t).sum()) / n
        b = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum()) / n
        return cls(a, b, float(mt[0] - a * ms[0] + b * ms[1]), float(mt[1] - b * ms[0] - a * ms[1]))

    @property
    def scale(self) -> float:
        """Length of the image of a unit vector."""
        return float(np.hypot(self.a, self.b))

    @property
    def angle(self) -> float:
        """Rotation in radians; positive turns x towards y (clockwise on the screen)."""
        return float(np.arctan2(self.b, self.a))

    def apply(self, points: Points) -> Points:
        """Transform points, shape (N, 2)."""
        moved: Points = points @ np.array([[self.a, self.b], [-self.b, self.a]])
        moved += self.tx, self.ty
        return moved

    def inverse(self) -> Similarity:
        """Return the transform that undoes this one."""
        n = self.a * self.a + self.b * self.b
        a, b = self.a / n, -self.b / n
        return Similarity(a, b, -(a * self.tx - b * self.ty), -(b * self.tx + a * self.ty))

    def after(self, first: Similarity) -> Similarity:
        """Return the transform that applies ``first`` and then this one."""
        return Similarity(
            self.a * first.a - self.b * first.b,
            self.a * first.b + self.b * first.a,
            self.a * first.tx - self.b * first.ty + self.tx,
            self.b * first.tx + self.a * first.ty + self.ty,
        )

    def matrix(self) -> NDArray[np.float64]:
        """Return the 2 x 3 matrix, as OpenCV takes it."""
        return np.array([[self.a, -self.b, self.tx], [self.b, self.a, self.ty]])


@dataclass(frozen=True, eq=False)
class Similarities:
    """Many similarities at once: ``p -> (p - centre) * turn + middle``, in complex numbers.

    Parameters
    ----------
    centre, turn, middle : ndarray of complex, shape (F,) or ()
        Mean of each source, its scale and rotation, and the mean of its target.
    """

    centre: NDArray[np.complex128]
    turn: NDArray[np.complex128]
    middle: NDArray[np.complex128]

    @classmethod
    def onto(cls, sources: Points, target: Points) -> Similarities:
        """`Similarity.between` of many shapes (F, N, 2) and one target (N, 2)."""
        own, goal = as_complex(sources), as_complex(target)
        known = ~np.isnan(own + goal)
        count = known.sum(axis=1)
        centre = np.where(known, own, 0.0).sum(axis=1) / count
        goal = np.where(np.isnan(goal), 0.0, goal)
        at = np.where(known, own - centre[:, None], 0.0)
        turn = (at.conj() @ goal) / np.einsum("fn,fn->f", at.conj(), at).real
        return cls(centre, turn, known @ goal / count)

    @classmethod
    def of(cls, source: Points, targets: Points) -> Similarities:
        """`Similarity.between` of one shape (N, 2) and many targets (F, N, 2), all points known."""
        own, goals = as_complex(source), as_complex(targets)
        centre, middle = np.asarray(own.mean()), goals.mean(axis=1)
        turned = (goals - middle[:, None]) @ (own - centre).conj()
        return cls(centre, turned / (np.abs(own - centre) ** 2).sum(), middle)

    def apply(self, points: Points) -> Points:
        """Transform points (F, N, 2), or the same points (N, 2) by each."""
        moved = as_complex(points) - self.centre[..., None]
        moved = moved * self.turn[:, None]
        moved += self.middle[:, None]
        return np.asarray(moved.view(np.float64).reshape(*moved.shape, 2))

    @property
    def shift(self) -> NDArray[np.complex128]:
        """Where each takes the origin, (F,)."""
        return self.middle - self.turn * self.centre


def has_extent(points: Points) -> bool:
    """Whether two known points (N, 2) lie apart, so that a similarity can be estimated."""
    known = points[~np.isnan(points).any(axis=1)]
    return len(known) > 1 and bool(np.ptp(known, axis=0).any())


def as_complex(points: Points) -> NDArray[np.complex128]:
    """Read points (..., 2) as complex numbers (...): a similarity is then a product and a sum."""
    return np.ascontiguousarray(points).view(np.complex128)[..., 0]


def as_points(numbers: NDArray[np.complex128]) -> Points:
    """Read complex numbers (N,) as points (N, 2)."""
    return np.ascontiguousarray(numbers).view(np.float64).reshape(-1, 2)
