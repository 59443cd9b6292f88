"""Heads made of numbers: a shape in space, how it varies, and pictures of it from all sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceloop_runtime.pdm3d import rotations

MIRROR = (1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 10, 11, 12)
"""Five pairs of points, and three in the middle."""
COUNT = len(MIRROR)


@dataclass(frozen=True, eq=False)
class Heads:
    """Pictures of heads.

    Parameters
    ----------
    mean : ndarray, shape (N, 3)
        Symmetric; the middle bulges towards the viewer.
    shapes : ndarray, shape (F, N, 3)
        Of each head.
    turns : ndarray, shape (F, 3)
        Yaw, pitch and roll in degrees.
    points : ndarray, shape (F, N, 2)
        In the picture.
    """

    mean: np.ndarray
    shapes: np.ndarray
    turns: np.ndarray
    points: np.ndarray


def heads(
    count: int = 60,
    *,
    modes: int = 0,
    spread: tuple[float, float, float] = (20.0, 10.0, 3.0),
    noise: float = 0.002,
    seed: int = 0,
) -> Heads:
    """Make heads that are turned at random by these degrees, of one shape if there are no modes."""
    rng = np.random.default_rng(seed)
    mean = np.zeros((COUNT, 3))
    mean[:10:2, :2] = rng.uniform((-0.7, -0.8), (-0.2, 0.8), (5, 2))
    mean[0, :2] = (-0.5, -0.3)
    mean[1:10:2] = mean[:10:2] * [-1, 1, 1]
    mean[10:, 1] = (-0.4, 0.2, 0.7)
    mean[:, 2] = 0.5 - (mean[:, :2] ** 2).sum(axis=1)
    mean[11, 2] += 0.3  # a nose
    mean -= mean.mean(axis=0)
    ways = rng.normal(size=(modes, COUNT, 3)) * 0.04
    shapes = mean + np.tensordot(rng.normal(size=(count, modes)), ways, axes=1)
    turns = rng.normal(size=(count, 3)) * spread
    seen = shapes @ np.swapaxes(rotations(turns)[:, :2], 1, 2)
    return Heads(mean, shapes, turns, seen + rng.normal(0, noise, seen.shape))


def mirrored(points: np.ndarray) -> np.ndarray:
    """Return the points of the mirror images."""
    return (points * [-1, 1])[:, list(MIRROR)]
