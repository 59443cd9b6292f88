"""Non-rigid structure from motion: a shape in space, and how it varies, from points in pictures.

A linear Gaussian model under weak perspective, learned by EM with missing points (Torresani,
Hertzmann & Bregler, "Nonrigid structure-from-motion: estimating shape and motion with hierarchical
priors", PAMI 2008, section 4). Other than there, each point has a noise of its own, since contours
are no places on the skin; and modes that look like a turn are ruled out (`without_turns`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.pdm3d import SpacePoses
from faceloop_runtime.pdm3d.pose import POSE, improved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_RIGID_ROUNDS, _ROUNDS = 15, 20
_FIRST_NOISE, _LEAST_NOISE = 0.03, 0.004
"""Standard deviation of a point before anything is known, and the least that is believed."""
_USUAL_LOADING = 0.05
"""Modes move a coordinate by so much at most, as a rule: what few views leave open stays small."""
_HOLD = 1e-3
"""So many faces hold the mean where it is, where turns say nothing of its depth."""


@dataclass(frozen=True, eq=False)
class Observations:
    """Points of faces in pictures, aligned to their mean shape.

    Parameters
    ----------
    points : ndarray, shape (F, N, 2)
        In the model frame; any number where unknown.
    known : ndarray of bool, shape (F, N)
        Which are known.
    weights : ndarray, shape (F,)
        How much each face counts.
    mirror : tuple of int
        The scheme's map, if faces come with their mirror images; then the mean is symmetric.
    """

    points: Floats
    known: NDArray[np.bool_]
    weights: Floats
    mirror: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class Structure:
    """A shape in space, how it varies, and how each face is turned.

    Parameters
    ----------
    mean : ndarray, shape (N, 3)
        Mean shape, centred; x right, y down, z towards the viewer.
    loadings : ndarray, shape (K, N, 3)
        Modes of one standard deviation.
    noise : ndarray, shape (N,)
        Variance of each coordinate of a point that is left.
    poses : SpacePoses
        Of the faces.
    """

    mean: Floats
    loadings: Floats
    noise: Floats
    poses: SpacePoses


def structure_from(seen: Observations, mean: Floats, count: int) -> Structure:
    """Learn shape and variation.

    Parameters
    ----------
    seen : Observations
        The faces.
    mean : ndarray, shape (N, 3)
        Roughly the mean shape.
    count : int
        Modes.
    """
    faces, points = seen.known.shape
    upright = SpacePoses(
        np.ones(faces),
        np.tile(np.eye(3), (faces, 1, 1)),
        np.zeros((faces, 2)),
        np.zeros((faces, 0)),
    )
    found = Structure(mean, np.zeros((0, points, 3)), np.full(points, _FIRST_NOISE**2), upright)
    for _ in range(_RIGID_ROUNDS):
        found = _round(seen, found, steps=2)
    if not count:
        return found
    found = _with_modes(seen, found, count)
    for _ in range(_ROUNDS):
        found = _round(seen, found, steps=1)
    return found


def without_turns(mean: Floats, loadings: Floats) -> Floats:
    """Take out of modes (K, N, 3) what looks like pose; shape (K, N, 3).

    Growing, shifts and a turn in the picture are. So are points that move sideways by their depth,
    as those of a turned head do: if such a mode is free, whatever it does to the depth, a turn
    and a shape cannot be told apart. And a depth that grows sideways is what else a turn does.
    """
    x, y, z = (mean - mean.mean(axis=0)).T
    one, none = np.ones_like(x), np.zeros_like(x)
    rows = np.array(
        [
            *((one, none, none), (none, one, none), (none, none, one)),
            *((x, y, z), (-y, x, none)),
            *((z, none, none), (none, z, none), (none, none, x), (none, none, y)),
        ]
    )
    basis, _ = np.linalg.qr(np.swapaxes(rows, 1, 2).reshape(len(rows), -1).T)
    flat = loadings.reshape(len(loadings), mean.size)
    return np.asarray((flat - (flat @ basis) @ basis.T).reshape(loadings.shape))


def _with_modes(seen: Observations, found: Structure, count: int) -> Structure:
    """Start modes from the principal ones of what a rigid shape leaves, laid back into space."""
    poses = found.poses
    away = np.where(seen.known[..., None], seen.points - poses.project(found.mean), 0.0)
    back = (away / poses.scale[:, None, None]) @ poses.rotation[:, :2]
    flat = without_turns(found.mean, back).reshape(len(seen), -1)
    _, sizes, rows = np.linalg.svd(
        flat * np.sqrt(seen.weights / seen.weights.sum())[:, None], full_matrices=False
    )
    loadings = (rows[:count] * sizes[:count, None]).reshape(-1, *found.mean.shape)
    at_mean = replace(poses, z=np.zeros((len(seen), len(loadings))))
    return replace(found, loadings=loadings, poses=at_mean)


def _round(seen: Observations, found: Structure, steps: int) -> Structure:
    """Improve poses and shape parameters, then the structure: a round of EM."""
    poses = found.poses
    for _ in range(steps):
        # Faces were aligned: their scales are near 1, and noise is the same in all.
        precision = seen.known / found.noise
        poses, normal = improved(found.mean, found.loadings, seen.points, precision, poses)
    covariance = np.asarray(np.linalg.inv(normal[:, POSE:, POSE:]), dtype=np.float64)
    return _structure(seen, found, poses, covariance)


def _structure(
    seen: Observations, found: Structure, poses: SpacePoses, covariance: Floats
) -> Structure:
    """Return the most probable structure, given poses and what is known of shape parameters.

    Torresani et al., eqs. 24 to 28: a regularised least squares for each point.
    """
    faces, (points, _), modes = len(seen), found.mean.shape, len(found.loadings)
    latent = np.concatenate([np.ones((faces, 1)), poses.z], axis=1)
    second = latent[:, :, None] * latent[:, None, :]
    second[:, 1:, 1:] += covariance
    axes = poses.axes[:, :2]
    across = np.swapaxes(axes, 1, 2) @ axes
    each = (second[:, :, None, :, None] * across[:, None, :, None, :]).reshape(faces, -1)
    size = 3 * (modes + 1)
    counted = seen.known * seen.weights[:, None]
    patterns, which = np.unique(counted.T, axis=0, return_inverse=True)
    normal = (patterns @ each).reshape(-1, size, size)[which.reshape(-1)]
    away = np.where(seen.known[..., None], seen.points - poses.shift[:, None], 0.0)
    right = latent.T @ ((away @ axes) * counted[..., None]).swapaxes(0, 1).reshape(points, faces, 3)
    right = right.reshape(points, size)
    held = np.repeat(found.noise / _USUAL_LOADING**2, size).reshape(points, size)
    held[:, :3] = _HOLD
    pulled = right.copy()
    pulled[:, :3] += _HOLD * found.mean
    solved = np.linalg.solve(normal + held[:, None] * np.eye(size), pulled[..., None])[..., 0]
    left = (counted * (away**2).sum(axis=2)).sum(axis=0)
    left += ((normal @ solved[..., None])[..., 0] * solved - 2 * solved * right).sum(axis=1)
    noise = np.maximum(left / (2 * counted.sum(axis=0)), _LEAST_NOISE**2)
    mean, loadings = solved[:, :3], solved[:, 3:].reshape(points, modes, 3).swapaxes(0, 1)
    if seen.mirror:
        order = list(seen.mirror)
        mean = (mean + mean[order] * [-1.0, 1.0, 1.0]) / 2
        noise = (noise + noise[order]) / 2
    mean = mean - mean.mean(axis=0)
    return Structure(mean, without_turns(mean, loadings), noise, poses)
