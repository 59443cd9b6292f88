"""Training of what a model knows of space: the shape of faces, and how heads are turned.

How they are turned is known exactly of rendered faces; of all others the start network tells it.

All of it is learned from the faces that are cross-fitted, the reference snapshot, and cached: how
heads are shaped in depth does not depend on the last corrected point.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.geometry import Similarities
from faceloop_runtime.pdm3d import PoseCorrection, ShapeModel3D, poses_of, rotations
from faceloop_runtime.pdm3d.head_pose import NOISE
from faceloop_trainer.pdm.weights import repeated_measures_weights
from faceloop_trainer.pdm3d.correction import PoseRows, learn_correction
from faceloop_trainer.pdm3d.learning import SpaceLearning, Views, learn_shape

from .variants import variants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_trainer.cache import Arrays

    from .crossfit import CrossFit
    from .start_training import StartTraining
    from .training_set import TrainingSet
    from .variants import FaceVariant

    Floats = NDArray[np.float64]

_NAME = "space"
_MOST_SHAPES, _MOST_POSES = 250, 1000
"""Faces that shapes in space, and corrections of poses, are learned from: a second each."""
_LEAST_SCORE = 0.5
"""What the start network says of less likely faces does not count."""


@dataclass(frozen=True, eq=False)
class Space:
    """What the faces of a cross-fit say of space.

    Parameters
    ----------
    shape : ShapeModel3D or None
        The shape of faces; None where the faces do not show it.
    correction : PoseCorrection or None
        What is known of poses beside it; None where nothing tells how heads are turned.
    told : ndarray of uint8, shape (L,)
        ``about``, as JSON.
    """

    shape: ShapeModel3D | None
    correction: PoseCorrection | None
    told: NDArray[np.uint8]

    @property
    def about(self) -> dict[str, Any]:
        """How it was learned, and why there is no shape: see `SpaceLearning`."""
        return dict(json.loads(self.told.tobytes()))


def space_of(crossfit: CrossFit) -> Space:
    """Learn what the faces of a cross-fit say of space, or take it from its cache."""
    space = crossfit.load(_NAME, Space)
    if space is None:
        training = _SpaceTraining(crossfit.training_set, crossfit.start_training)
        shape = training.shape
        told = np.frombuffer(json.dumps(shape.about).encode(), np.uint8)
        space = Space(shape.model, training.correction, told)
        crossfit.save(_NAME, space)
    return space


class _SpaceTraining:
    """Learns it from the faces of a training set, and what the start network says of them."""

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
