"""Rotations of the head: matrices, small turns, and yaw, pitch and roll.

The frame is x right, y down, z towards the viewer, in which a face that looks into the camera has
its nose at positive z. (It is left-handed; nothing here takes it for right-handed.) With yaw, pitch
and roll in degrees, ``R = Rz(roll) Ry(yaw) Rx(pitch)``: yaw > 0 turns the face to the right of the
picture, pitch > 0 down, and roll > 0 leans the top of the head to the right, as in the sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


_CROSS = np.array(
    [[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0, 0, 0, 0]],
    float,
)
"""From a vector to the matrix of its cross product, row by row."""


def rotations(turns: Floats) -> Floats:
    """Return the rotation matrices of some turns.

    Parameters
    ----------
    turns : ndarray, shape (..., 3)
        Yaw, pitch and roll in degrees.

    Returns
    -------
    ndarray, shape (..., 3, 3)
    """
    yaw, pitch, roll = np.moveaxis(np.deg2rad(turns), -1, 0)
    about_x = small_turns(np.stack([-pitch, 0 * pitch, 0 * pitch], axis=-1))
    about_y = small_turns(np.stack([0 * yaw, yaw, 0 * yaw], axis=-1))
    about_z = small_turns(np.stack([0 * roll, 0 * roll, roll], axis=-1))
    return np.asarray(about_z @ about_y @ about_x)


def turns_of(matrices: Floats) -> Floats:
    """Return yaw (-90 to 90), pitch and roll (-180 to 180) of rotations (..., 3, 3), (..., 3).

    At a yaw of 90 degrees pitch and roll turn about the same axis: their sum then counts as roll.
    """
    sine = np.clip(-matrices[..., 2, 0], -1.0, 1.0)
    roll = np.arctan2(matrices[..., 1, 0], matrices[..., 0, 0])
    pitch = np.arctan2(-matrices[..., 2, 1], matrices[..., 2, 2])
    return np.asarray(np.rad2deg(np.stack([np.arcsin(sine), pitch, roll], axis=-1)))


def small_turns(vectors: Floats) -> Floats:
    """Return the rotations about some axes, by their lengths in radians (Rodrigues).

    Parameters
    ----------
    vectors : ndarray, shape (..., 3)
        Axis times angle.

    Returns
    -------
    ndarray, shape (..., 3, 3)
    """
    angle = np.sqrt((vectors**2).sum(axis=-1))[..., None, None]
    cross = (vectors @ _CROSS).reshape(*vectors.shape, 3)
    half = np.sinc(angle / (2 * np.pi))
    # sin(a) / a, and (1 - cos(a)) / a^2, without a division by zero
    return np.asarray(np.eye(3) + np.sinc(angle / np.pi) * cross + 0.5 * half**2 * cross @ cross)


def turn_vectors(matrices: Floats) -> Floats:
    """Return axis times angle, in radians, of rotations (..., 3, 3) by less than pi, (..., 3)."""
    skew = (matrices - np.swapaxes(matrices, -1, -2)) / 2
    sines = np.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], axis=-1)
    cosine = (np.trace(matrices, axis1=-2, axis2=-1) - 1) / 2
    sine = np.linalg.norm(sines, axis=-1)
    angle = np.arctan2(sine, cosine)
    return np.asarray(sines * (angle / np.maximum(sine, 1e-12))[..., None])
