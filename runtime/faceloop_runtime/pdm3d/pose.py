"""How heads are turned, and their shapes in space, from points in pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .model import stiffened
from .rotation import small_turns

if TYPE_CHECKING:
    from .model import ShapeModel3D

    Floats = NDArray[np.float64]

_ROUNDS = 2
"""After them sample faces are within half a degree of where they settle, after 4 within a
hundredth; a round is a fortieth of the time of a tracked frame."""
_LONGEST = 0.5
"""Longest step of the logarithm of the scale, and of the turn in radians: further away the tangent
says little."""
POSE = 6
"""Numbers of a pose: logarithm of the scale, turns about x, y and z in radians, shift in x, y."""


@dataclass(frozen=True, eq=False)
class SpacePoses:
    """Poses and shapes in space of some faces.

    A point is where ``scale * R[:2] @ shape + shift`` has it.

    Parameters
    ----------
    scale : ndarray, shape (F,)
        Pixels per unit of the model frame.
    rotation : ndarray, shape (F, 3, 3)
        Of the head.
    shift : ndarray, shape (F, 2)
        Where the middle of the shape is, in pixels.
    z : ndarray, shape (F, K)
        Shape parameters in standard deviations.
    """

    scale: NDArray[np.float64]
    rotation: NDArray[np.float64]
    shift: NDArray[np.float64]
    z: NDArray[np.float64]

    @property
    def axes(self) -> Floats:
        """The rotations, scaled, (F, 3, 3)."""
        return np.asarray(self.scale[:, None, None] * self.rotation)

    def turned(self, shapes: Floats) -> Floats:
        """Turn and scale shapes (F, N, 3), or one for all (N, 3), as they are seen, (F, N, 3)."""
        return np.asarray(shapes @ np.swapaxes(self.axes, 1, 2))

    def project(self, shapes: Floats) -> Floats:
        """Return where shapes (F, N, 3), or one for all (N, 3), are in the picture, (F, N, 2)."""
        return np.asarray(self.turned(shapes)[..., :2] + self.shift[:, None])

    def moved(self, steps: Floats) -> SpacePoses:
        """Return what steps (F, 6 + K) make of it: a pose's parameters, then ``z``.

        The rotation is a product of rotations, so that it remains one.
        """
        return SpacePoses(
            self.scale * np.exp(steps[:, 0]),
            small_turns(steps[:, 1:4]) @ self.rotation,
            self.shift + steps[:, 4:POSE],
            self.z + steps[:, POSE:],
        )


def poses_of(
    model: ShapeModel3D, points: Floats, noise: float | Floats = 0.0, rounds: int = _ROUNDS
) -> SpacePoses:
    """Explain points by the most probable poses and shapes.

    Parameters
    ----------
    model : ShapeModel3D
        The shapes.
    points : ndarray, shape (F, N, 2)
        In any frame; NaN where unknown. Three or more of each face are known.
    noise : float or ndarray, shape (F, N)
        Variance of each coordinate of the points, in units of the model frame, beside the model's
        own.
    rounds : int
        Gauss-Newton steps.

    Returns
    -------
    SpacePoses
        In the frame of the points.
    """
    known = np.asarray(~np.isnan(points).any(axis=2))
    at = np.where(known[..., None], points, 0.0)
    poses = _affine_start(model.mean, at, known / model.noise)
    # Lengths are measured in the model's unit, whatever frame the points are in.
    unit = poses.scale[:, None]
    precision = known / (model.noise + noise) / unit**2
    loadings = model.loadings
    poses = replace(poses, z=np.zeros((len(points), len(loadings))))
    for _ in range(rounds):
        poses, _ = improved(model.mean, loadings, at, precision, poses)
    return poses


def improved(
    mean: Floats, loadings: Floats, points: Floats, precision: Floats, poses: SpacePoses
) -> tuple[SpacePoses, Floats]:
    """Take one Gauss-Newton step of poses and shapes together.

    Parameters
    ----------
    mean, loadings : ndarray, shape (N, 3) and (K, N, 3)
        Mean shape, and modes of one standard deviation.
    points : ndarray, shape (F, N, 2)
        Where the points are; of unknown ones any number.
    precision : ndarray, shape (F, N)
        One over the variance of each coordinate; 0 for unknown ones.
    poses : SpacePoses
        Where to start.

    Returns
    -------
    poses : SpacePoses
        The next.
    normal : ndarray, shape (F, 6 + K, 6 + K)
        Precision of the step, as it was before.
    """
    turned = poses.turned(mean + np.tensordot(poses.z, loadings, axes=1))
    away = points - turned[..., :2] - poses.shift[:, None]
    rows = tangent(turned, loadings, poses)
    weighted = (rows * precision[:, None, None]).reshape(*rows.shape[:2], -1)
    flat = rows.reshape(weighted.shape)
    normal = weighted @ np.swapaxes(flat, 1, 2)
    right = (weighted @ np.swapaxes(away, 1, 2).reshape(len(away), -1, 1))[..., 0]
    right[:, POSE:] -= poses.z
    diagonal = np.einsum("fii->fi", normal)
    diagonal[:, POSE:] += 1.0
    diagonal[:, 1:POSE] += 1e-9  # of points on one line, or one place, a turn is not known
    steps = np.asarray(np.linalg.solve(normal, right[..., None])[..., 0], dtype=np.float64)
    return poses.moved(_shortened(steps)), normal


def _shortened(steps: Floats) -> Floats:
    steps[:, 0] = np.clip(steps[:, 0], -_LONGEST, _LONGEST)
    turn = np.sqrt((steps[:, 1:4] ** 2).sum(axis=1, keepdims=True))
    steps[:, 1:4] *= np.minimum(1.0, _LONGEST / np.maximum(turn, _LONGEST))
    return steps


def tangent(turned: Floats, loadings: Floats, poses: SpacePoses) -> Floats:
    """Return how points move with pose and shape.

    Parameters
    ----------
    turned : ndarray, shape (F, N, 3)
        Shapes of the faces, turned and scaled as they are seen.
    loadings : ndarray, shape (K, N, 3)
        Modes of one standard deviation.
    poses : SpacePoses
        Their poses.

    Returns
    -------
    ndarray, shape (F, 6 + K, 2, N)
        In the order of `SpacePoses.moved`; of x and y.
    """
    faces, count = turned.shape[:2]
    x, y, z = np.moveaxis(turned, 2, 0)
    rows = np.zeros((faces, POSE + len(loadings), 2, count))
    rows[:, 0, 0], rows[:, 0, 1] = x, y
    rows[:, 1, 1] = -z
    rows[:, 2, 0] = z
    rows[:, 3, 0], rows[:, 3, 1] = -y, x
    rows[:, 4, 0] = rows[:, 5, 1] = 1.0
    seen = poses.axes[:, :2] @ loadings.reshape(-1, 3).T
    rows[:, POSE:] = np.swapaxes(seen.reshape(faces, 2, len(loadings), count), 1, 2)
    return rows


def _affine_start(mean: Floats, points: Floats, weights: Floats) -> SpacePoses:
    """Return the scaled rotations nearest to the affine maps of the mean onto points (F, N, 2)."""
    ones = np.concatenate([mean, np.ones((len(mean), 1))], axis=1)
    weighted = np.swapaxes(weights[..., None] * ones, 1, 2)
    maps = np.swapaxes(np.linalg.solve(stiffened(weighted @ ones), weighted @ points), 1, 2)
    left, sizes, right = np.linalg.svd(maps[..., :3], full_matrices=False)
    first, second = np.moveaxis(left @ right, 1, 0)
    rotation = np.stack([first, second, np.cross(first, second)], axis=1)
    return SpacePoses(sizes.mean(axis=1), rotation, maps[..., 3], np.zeros((len(points), 0)))
