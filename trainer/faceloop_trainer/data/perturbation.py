"""Perturbed starting poses, as from a detector or from the previous frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel


@dataclass(frozen=True)
class Jitter:
    """Random error of a starting pose; every value is one standard deviation.

    Parameters
    ----------
    angle : float
        Rotation, in degrees.
    log_scale : float
        Natural logarithm of the scale.
    shift : float
        Shift along each axis, in units of the face's IOD.
    """

    angle: float = 6.0
    log_scale: float = 0.07
    shift: float = 0.08

    def times(self, factor: float) -> Jitter:
        """Return a jitter ``factor`` times as large."""
        return Jitter(self.angle * factor, self.log_scale * factor, self.shift * factor)


def jittered_pose(
    pdm: PointDistributionModel,
    points: NDArray[np.float64],
    iod: float,
    jitter: Jitter,
    rng: np.random.Generator,
) -> Similarity:
    """Align the mean shape with a face by Procrustes, then perturb the pose.

    Parameters
    ----------
    pdm : PointDistributionModel
        Gives the mean shape.
    points : ndarray, shape (N, 2)
        True points in pixels; NaN where unknown.
    iod : float
        The face's inter-ocular distance in pixels.
    jitter : Jitter
        Size of the perturbation. Rotation and scale are about the centre of the mean shape.
    rng : numpy.random.Generator
        Source of the random numbers.
    """
    pose = Similarity.between(pdm.mean, points)
    angle, log_scale, dx, dy = rng.standard_normal(4)
    turn = Similarity.from_polar(
        float(np.exp(jitter.log_scale * log_scale)), float(np.deg2rad(jitter.angle * angle)), 0, 0
    )
    moved = pose.after(turn)
    shift = jitter.shift * iod
    return Similarity(moved.a, moved.b, moved.tx + shift * dx, moved.ty + shift * dy)
