"""How a head is turned, from the points of a fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.kernels import kernel

from .pose import poses_of
from .rotation import rotations, small_turns, turns_of

if TYPE_CHECKING:
    from .model import ShapeModel3D

    Floats = NDArray[np.float64]

NOISE = 0.03
"""How far a point of a fit or of an annotation usually is from where it should be, in IOD."""
TURNS = 9
"""Powers and products of yaw and pitch that a correction looks at. The roll is not among them: a
picture that is turned shows the same."""
_TURN_UNIT = 30.0
_FARTHEST_Z = 3.0
_DEGREES_PER_ERROR = 30.0
"""An error of the points grows that of the pose by so much, in degrees per IOD."""


@dataclass(frozen=True)
class HeadPose:
    """How a head is turned against the camera, in degrees.

    The rotation is ``Rz(roll) Ry(yaw) Rx(pitch)``, see `faceloop_runtime.pdm3d.rotation`.

    Parameters
    ----------
    yaw : float
        More than 0: the face turns to the right of the picture.
    pitch : float
        More than 0: it looks down.
    roll : float
        More than 0: the top of the head leans to the right of the picture.
    error : float
        By what angle the rotation is expected to be wrong, on the average of such faces; NaN if
        that is not known.
    """

    yaw: float
    pitch: float
    roll: float
    error: float

    @property
    def rotation(self) -> NDArray[np.float64]:
        """The rotation matrix, (3, 3)."""
        return rotations(np.array([self.yaw, self.pitch, self.roll]))


@dataclass(frozen=True, eq=False)
class PoseCorrection:
    """What the start network would say instead of a pose, learned on the faces of a training.

    Parameters
    ----------
    weights : ndarray of float32, shape (TURNS + 2L, 3)
        From what `features` returns to a turn in the frame of the head, in radians.
    offset : ndarray of float32, shape (3,)
        The same at zero features.
    reach : ndarray of float32, shape (2,)
        Greatest yaw and pitch it was learned on, in degrees; beyond it stays as there.
    error : ndarray of float32, shape (2,)
        By what angle corrected poses are expected to be wrong, in degrees: of heads that look
        ahead, and how much more at a yaw of 90 degrees (it grows with 1 - cos(yaw)).
    """

    weights: NDArray[np.float32]
    offset: NDArray[np.float32]
    reach: NDArray[np.float32]
    error: NDArray[np.float32]

    def __call__(self, rotation: Floats, latent: Floats) -> Floats:
        """Correct rotations (F, 3, 3) of heads with shape parameters (F, L)."""
        rows = features(turns_of(rotation), latent, self.reach)
        return np.asarray(rotation @ small_turns(rows @ self.weights + self.offset))

    def expected_error(self, yaw: float, predicted_error: float) -> float:
        """Return by what angle a pose is expected to be wrong, in degrees.

        Parameters
        ----------
        yaw : float
            In degrees.
        predicted_error : float
            Of the fit it comes from, in IOD.
        """
        ahead, more = self.error.tolist()
        own = ahead + more * (1.0 - math.cos(math.radians(yaw)))
        return math.hypot(own, _DEGREES_PER_ERROR * predicted_error)

    @cached_property
    def packed(self) -> NDArray[np.float64]:
        """What the kernel reads: reach, offset and weights."""
        parts = [self.reach, self.offset, self.weights.reshape(-1)]
        return np.concatenate(parts, dtype=np.float64)


def features(turns: Floats, latent: Floats, reach: NDArray[np.float32]) -> Floats:
    """Return what corrections look at, (F, TURNS + 2L).

    Parameters
    ----------
    turns : ndarray, shape (F, 3)
        Yaw, pitch and roll in degrees, before the correction.
    latent : ndarray, shape (F, L)
        Shape parameters in standard deviations.
    reach : ndarray, shape (2,)
        What to cut off yaw and pitch at.
    """
    y, p = (np.clip(turns[:, :2], -reach, reach) / _TURN_UNIT).T
    near = np.clip(latent, -_FARTHEST_Z, _FARTHEST_Z)
    powers = (y, p, y * y, y * p, p * p, y**3, y * y * p, y * p * p, p**3)
    return np.concatenate([np.stack(powers, axis=1), near, near * y[:, None]], axis=1)


def head_pose(
    model: ShapeModel3D, correction: PoseCorrection | None, points: Floats, predicted_error: float
) -> HeadPose:
    """Return how the head of a fit is turned.

    Parameters
    ----------
    model : ShapeModel3D
        Shapes in space.
    correction : PoseCorrection or None
        Of the same model; without one the error is not known.
    points : ndarray, shape (N, 2)
        Of the fit, in pixels.
    predicted_error : float
        Of the fit, in IOD.
    """
    turns = _compiled_turns(model, correction, points)
    yaw, pitch, roll = _turns(model, correction, points) if turns is None else turns
    error = math.nan
    if correction is not None:
        error = correction.expected_error(yaw, predicted_error)
    return HeadPose(yaw, pitch, roll, error)


def _turns(
    model: ShapeModel3D, correction: PoseCorrection | None, points: Floats
) -> tuple[float, ...]:
    """Return yaw, pitch and roll, in degrees."""
    poses = poses_of(model, points[None], NOISE**2)
    rotation = poses.rotation if correction is None else correction(poses.rotation, poses.z)
    return tuple(turns_of(rotation)[0].tolist())


def _compiled_turns(
    model: ShapeModel3D, correction: PoseCorrection | None, points: Floats
) -> tuple[float, ...] | None:
    """Return the same by the kernel, None if there is none or it cannot."""
    function = kernel("head_pose", "nnaaxaa")
    if function is None:
        return None
    points, turns = np.ascontiguousarray(points, np.float64), np.empty(3)
    known = function(
        len(model),
        len(model.variances),
        model.packed,
        None if correction is None else correction.packed,
        NOISE**2,
        points,
        turns,
    )
    return tuple(turns.tolist()) if known else None
