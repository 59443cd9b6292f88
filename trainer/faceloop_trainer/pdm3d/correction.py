"""Learning what the start network would say instead of the poses that points tell.

Points alone tell a turn from a shape badly where faces differ as they do when turned: a long nose
from a bent head. The start network looks at the whole picture; what it says of one face is rough,
but its errors have little to do with the points, and the regression averages them over the faces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.pdm3d import turn_vectors, turns_of
from faceloop_runtime.pdm3d.head_pose import PoseCorrection, features
from faceloop_trainer.ridge import Ridge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 1000.0)
"""Ridge strengths tried; the last leaves a mean turn only."""
_FEWEST = 12
_ASTRAY = 4.0
"""What the network says is left out if it is this many times as far off as usual: it may take a
profile for the other one."""


@dataclass(frozen=True, eq=False)
class PoseRows:
    """Poses of faces by their points and by the start network.

    Parameters
    ----------
    rotation : ndarray, shape (F, 3, 3)
        By points.
    latent : ndarray, shape (F, L)
        Shape parameters, in standard deviations.
    seen : ndarray, shape (F, 3, 3)
        By the start network.
    folds : ndarray of int, shape (F,)
        Folds of the subjects.
    """

    rotation: Floats
    latent: Floats
    seen: Floats
    folds: NDArray[np.intp]

    def of(self, chosen: NDArray[np.bool_]) -> PoseRows:
        """Return some of the rows."""
        return PoseRows(
            self.rotation[chosen], self.latent[chosen], self.seen[chosen], self.folds[chosen]
        )

    @property
    def targets(self) -> Floats:
        """Turns in the frame of the head from the one to the other, in radians, (F, 3)."""
        return turn_vectors(np.swapaxes(self.rotation, 1, 2) @ self.seen)


def learn_correction(rows: PoseRows) -> PoseCorrection | None:
    """Learn a correction; its strength and its expected error are those for unseen subjects.

    Returns None where too few faces are left.
    """
    off = np.linalg.norm(rows.targets, axis=1)
    rows = rows.of(off <= _ASTRAY * np.median(off)) if len(off) else rows
    if len(rows.folds) < _FEWEST or len(np.unique(rows.folds)) < 2:
        return None
    left = {strength: _left(rows, strength) for strength in _STRENGTHS}
    best = min(_STRENGTHS, key=lambda strength: float((left[strength] ** 2).mean()))
    error = _error_by_yaw(turns_of(rows.seen)[:, 0], np.linalg.norm(left[best], axis=1))
    return _correction(rows, best, error)


def _correction(rows: PoseRows, strength: float, error: Floats) -> PoseCorrection:
    turns = turns_of(rows.rotation)
    reach = np.abs(turns[:, :2]).max(axis=0).astype(np.float32)
    inputs = features(turns, rows.latent, reach)
    spread = inputs.std(axis=0) + 1e-9
    weights, offset = Ridge.of(inputs / spread, rows.targets).weights(strength)
    return PoseCorrection(
        (weights / spread[:, None]).astype(np.float32),
        offset.astype(np.float32),
        reach,
        error.astype(np.float32),
    )


def _left(rows: PoseRows, strength: float) -> Floats:
    """Return what corrections learned on the other folds leave, in degrees, (F, 3)."""
    left = np.empty((len(rows.folds), 3))
    for fold in np.unique(rows.folds):
        out = rows.folds == fold
        learned = _correction(rows.of(~out), strength, np.zeros(2))
        tested = rows.of(out)
        corrected = learned(tested.rotation, tested.latent)
        left[out] = turn_vectors(np.swapaxes(corrected, 1, 2) @ tested.seen)
    return np.asarray(np.rad2deg(left))


def _error_by_yaw(yaw: Floats, left: Floats) -> Floats:
    """Return the error of heads that look ahead, and how much it grows to the side."""
    rows = np.column_stack([np.ones_like(yaw), 1.0 - np.cos(np.deg2rad(yaw))])
    (ahead, more), *_ = np.linalg.lstsq(rows, left, rcond=None)
    if more < 0:  # by chance: it is harder to the side
        ahead, more = left.mean(), 0.0
    return np.array([max(ahead, 0.1), more])
