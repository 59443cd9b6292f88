"""Training of what a model knows of space: the shape of faces, and how heads are turned.

How they are turned is known exactly of rendered faces; of all others the start network tells it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarities
from faceloop_runtime.pdm3d import poses_of, rotations
from faceloop_runtime.pdm3d.head_pose import NOISE
from faceloop_trainer.pdm.weights import repeated_measures_weights
from faceloop_trainer.pdm3d.correction import PoseRows, learn_correction
from faceloop_trainer.pdm3d.learning import SpaceLearning, Views, learn_shape

from .variants import variants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.pdm3d import PoseCorrection
    from faceloop_trainer.cache import Arrays

    from .start_training import StartTraining
    from .training_set import TrainingSet
    from .variants import FaceVariant

    Floats = NDArray[np.float64]

_MOST_SHAPES, _MOST_POSES = 250, 1000
"""Faces that shapes in space, and corrections of poses, are learned from: a second each."""
_LEAST_SCORE = 0.5
"""What the start network says of less likely faces does not count."""


class SpaceTraining:
    """What the faces of a training say of space.

    Parameters
    ----------
    training_set : TrainingSet
        The faces.
    starts : StartTraining
        What the start network says of them.
    """

    def __init__(self, training_set: TrainingSet, starts: StartTraining) -> None:
        self._set, self._starts = training_set, starts

    @cached_property
    def shape(self) -> SpaceLearning:
        """The shape model in space, or why there is none."""
        views = self._aligned(variants(self._set, _MOST_SHAPES))
        people = [one.completed.original.subject for one in views.shown]
        completed = np.array([self._set.pdm.complete(face) for face in views.points])
        return learn_shape(
            self._set.scheme,
            Views(
                points=views.points,
                completed=completed,
                weights=repeated_measures_weights(completed.reshape(len(people), -1), people),
                rotations=views.seen if views.told else None,
                mirror=tuple(self._set.scheme.mirror) if self._set.config.mirror else (),
            ),
        )

    @cached_property
    def correction(self) -> PoseCorrection | None:
        """What is known of poses beside it; None where nothing tells how heads are turned."""
        model = self.shape.model
        if model is None:
            return None
        views = self._aligned(variants(self._set, _MOST_POSES))
        if not views.told:
            return None
        known = ~np.isnan(views.seen).any(axis=(1, 2))
        poses = poses_of(model, views.points[known], NOISE**2)
        folds = np.array([one.fold for one in views.shown])[known]
        return learn_correction(PoseRows(poses.rotation, poses.z, views.seen[known], folds))

    def _aligned(self, shown: Sequence[FaceVariant]) -> _AlignedViews:
        points = np.array([one.points() for one in shown])
        onto = Similarities.onto(points, self._set.pdm.mean)
        upright = rotations(np.pad(np.rad2deg(np.angle(onto.turn))[:, None], ((0, 0), (2, 0))))
        return _AlignedViews(shown, onto.apply(points), upright @ self._turned(shown))

    def _turned(self, shown: Sequence[FaceVariant]) -> Floats:
        """Return how heads are turned in their pictures, (F, 3, 3); NaN where nobody knows."""
        seen = np.full((len(shown), 3, 3), np.nan)
        asked = [k for k, one in enumerate(shown) if one.turn() is None and self._starts.helps]
        if asked:
            seen[asked] = _seen(self._starts.looks([shown[k] for k in asked]))
        for k, one in enumerate(shown):
            if (turn := one.turn()) is not None:
                seen[k] = rotations(np.array(turn))
        return seen


@dataclass(frozen=True, eq=False)
class _AlignedViews:
    """Faces laid over the mean shape.

    Parameters
    ----------
    shown : sequence of FaceVariant
        Which.
    points : ndarray, shape (F, N, 2)
        As they are annotated.
    seen : ndarray, shape (F, 3, 3)
        How they are turned, in the same frame; NaN where nobody knows.
    """

    shown: Sequence[FaceVariant]
    points: Floats
    seen: Floats

    @property
    def told(self) -> bool:
        """Whether it is known of any how it is turned."""
        return bool(np.isfinite(self.seen).any())


def _seen(looks: Sequence[Arrays]) -> Floats:
    """Return how the start network sees each face turned; NaN where it hardly sees one."""
    turns = np.array([one["turn"] for one in looks], np.float64)
    seen = rotations(turns[:, :3])
    seen[turns[:, 3] < _LEAST_SCORE] = np.nan
    return seen
