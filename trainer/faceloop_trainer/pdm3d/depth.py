"""A first guess of depth, from how the points of turned heads move; and which way it points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.pdm3d import SpacePoses

from .structure import Structure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_DEPTH = 0.6
"""A face is about that deep, compared with its height and width (standard deviation)."""


def first_mean(shapes: Floats, weights: Floats, mirror: Sequence[int]) -> Floats:
    """Return the mean shape with a depth, roughly.

    Rows of x and of y of turned heads are sums of the mean's x, y and depth (Tomasi & Kanade,
    1992): depth is what most of them have in common beside the mean. Its size is a guess. It bulges
    towards the viewer, as what is seen of a head does.

    Parameters
    ----------
    shapes : ndarray, shape (F, N, 2)
        Aligned, all points known.
    weights : ndarray, shape (F,)
        How much each counts.
    mirror : tuple of int
        The scheme's map; then depth is symmetric.

    Returns
    -------
    ndarray, shape (N, 3)
    """
    flat = np.average(shapes, axis=0, weights=weights)
    flat = flat - flat.mean(axis=0)
    rows = np.swapaxes(shapes, 1, 2).reshape(-1, len(flat))
    rows = rows - rows.mean(axis=1, keepdims=True)
    plane, _ = np.linalg.qr(flat)
    rest = (rows - (rows @ plane) @ plane.T) * np.sqrt(np.repeat(weights, 2))[:, None]
    if mirror:
        rest = rest + rest[:, list(mirror)]
    depth = np.linalg.svd(rest, full_matrices=False)[2][0]
    bulge = -((flat**2).sum(axis=1) - (flat**2).sum(axis=1).mean())
    depth *= np.sign(depth @ bulge) or 1.0
    size = _DEPTH * float(np.sqrt((flat**2).mean()))
    return np.column_stack([flat, depth / max(float(depth.std()), 1e-12) * size])


def reversed_depth(found: Structure) -> Structure:
    """Return the other structure that looks the same by weak perspective: depth and turns reversed.

    Necker's cube is both; nothing in the points of a picture tells them apart.
    """
    away = np.array([1.0, 1.0, -1.0])
    poses = found.poses
    return Structure(
        found.mean * away,
        found.loadings * away,
        found.noise,
        SpacePoses(poses.scale, poses.rotation * np.outer(away, away), poses.shift, poses.z),
    )


def seen_from(found: Structure, turn: Floats) -> Structure:
    """Return the same structure in the frame of a head that was turned by ``turn`` (3, 3)."""
    poses = replace(found.poses, rotation=found.poses.rotation @ turn)
    return Structure(found.mean @ turn, found.loadings @ turn, found.noise, poses)
