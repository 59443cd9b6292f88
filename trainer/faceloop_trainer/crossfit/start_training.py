"""Training of the linear map from what the start network says to pose and shape.

What the network says of a face depends on nothing but its picture and where it is, so it is kept
in the cache; the map is then a ridge regression of some hundred numbers, in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start_network import StartMap
from faceloop_trainer.pdm.parameters import parameters_of_all
from faceloop_trainer.ridge import Ridge

from .looks import Looks, numbers_of
from .variants import variants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_runtime.start_network.start_map import Start
    from faceloop_trainer.cache import Arrays, Cache
    from faceloop_trainer.parallel import StepCounter

    from .training_set import TrainingSet
    from .variants import FaceVariant

    Floats = NDArray[np.float64]

_MOST = 4000
"""Of more faces some are enough for a map of some hundred features."""
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Ridge strengths tried, as shares of the number of rows; features have a spread of 1."""
_BOX, _BETTER = 1000.0, 0.8
"""A strength that leaves nothing of the features: a search then starts from the box. Where the
network sees no faces a map may seem better by chance; it has to be so by a fifth."""
_LEAST_SPREAD = 0.3
"""No spread is believed to be less than this share of the shape parameter's own."""


@dataclass(frozen=True, eq=False)
class OutOfFoldStarts:
    """What is needed to start searches for faces, by maps that never saw their subjects.

    Parameters
    ----------
    maps : tuple of StartMap
        By fold, trained on the others. A subject's fold says which is its own, whether it is among
        those that they were trained on or not.
    error : float
        How far points are off where searches for unseen subjects start, in IOD.
    frames : ndarray, shape (1 or 2, 4)
        Where faces are looked at, see `Looks.frames`.
    """

    maps: tuple[StartMap, ...]
    error: float
    frames: NDArray[np.float64]

    def starts(self, shown: Sequence[FaceVariant], looks: Sequence[Arrays]) -> list[Start]:
        """Return where searches for faces start.

        Parameters
        ----------
        shown : sequence of FaceVariant
            The faces.
        looks : sequence of mapping
            What the start network says of each, see `Looks.descriptions`.
        """
        return [
            self.maps[one.fold].start(Similarity(*map(float, look["frame"])), look["features"])
            for one, look in zip(shown, looks, strict=True)
        ]


class StartTraining:
    """The rows of the regression: descriptions of a training set's faces, and the truth.

    Parameters
    ----------
    training_set : TrainingSet
        Faces, folds and shape model.
    cache : Cache
        What earlier trainings kept.
    steps : StepCounter
        May stop the work before each look at a face.
    """

    def __init__(self, training_set: TrainingSet, cache: Cache, steps: StepCounter) -> None:
        pdm = training_set.pdm
        shown = variants(training_set, _MOST)
        self._looks = Looks.of(training_set, cache, steps)
        found = self._looks.descriptions(shown)
        poses, shapes = parameters_of_all(pdm, np.array([one.points() for one in shown]))
        seen = [one.trains_patches() for one in shown]
        rows = zip(found, poses, shapes, seen, strict=True)
        targets = np.array([_target(*row) for row in rows])
        features = np.array([look["features"] for look in found])
        folds = np.array([one.fold for one in shown])
        self._shown = 4 + len(pdm.variances)
        self._pdm, self._targets, self._folds = pdm, targets, folds
        self._centre = features.mean(axis=0)
        self._scale = 1.0 / (features.std(axis=0) + 1e-3)
        self._rows = ((features - self._centre) * self._scale).astype(np.float64)

    def out_of_fold(self) -> OutOfFoldStarts:
        """Return what is needed to start searches for faces, by maps that never saw them."""
        maps = tuple(self._map(ridge) for ridge in self._without)
        return OutOfFoldStarts(maps, self.error, self._looks.frames)

    def looks(self, shown: Sequence[FaceVariant]) -> list[Arrays]:
        """Return what the start network says of some faces, see `Looks.descriptions`."""
        return self._looks.descriptions(shown)

    @cached_property
    def _without(self) -> list[Ridge]:
        """By fold, the regression of the others."""
        folds = range(int(self._folds.max()) + 1)
        return [self._ridge(self._folds != fold) for fold in folds]

    def _ridge(self, kept: NDArray[np.bool_]) -> Ridge:
        return Ridge.of(self._rows[kept], self._targets[kept])

    @cached_property
    def strength(self) -> float:
        """The strength that starts subjects best whom the map has not seen."""
        errors = {strength: self._error(strength) for strength in (*_STRENGTHS, _BOX)}
        best = min(_STRENGTHS, key=lambda strength: errors[strength])
        return best if errors[best] < _BETTER * errors[_BOX] else _BOX

    def _error(self, strength: float) -> float:
        """Return how far points are off where a map of this strength starts, in IOD."""
        wrong = self._residuals(strength)[:, : self._shown]
        wrong[:, :4] /= np.hypot(*self._place[:2])
        moved = wrong @ self._pdm.tangent(np.zeros(self._shown - 4))
        return float(np.linalg.norm(moved.reshape(len(moved), -1, 2), axis=2).mean())

    @cached_property
    def _place(self) -> Floats:
        return np.asarray(self._targets[:, :4].mean(axis=0))

    @cached_property
    def error(self) -> float:
        """How far points are off where searches for unseen subjects start, in IOD."""
        return self._error(self.strength)

    @property
    def helps(self) -> bool:
        """Whether the start network sees faces in these pictures."""
        return self.strength != _BOX

    def whole(self) -> StartMap | None:
        """Return the map of all faces; None where the network does not help."""
        return self._map(self._ridge(self._folds >= 0)) if self.helps else None

    @cached_property
    def spread(self) -> Floats:
        """How far shape parameters are from the truth on subjects the map has not seen, (K,)."""
        wrong = self._residuals(self.strength)[:, 4 : self._shown]
        own = np.sqrt(self._pdm.variances)
        return np.asarray(np.clip(np.sqrt((wrong**2).mean(axis=0)), _LEAST_SPREAD * own, own))

    def _residuals(self, strength: float) -> Floats:
        """Return what maps of the other folds leave of the targets, (M, 4 + K + N)."""
        wrong = np.empty_like(self._targets)
        for fold, ridge in enumerate(self._without):
            out = self._folds == fold
            weights, offset = ridge.weights(strength)
            wrong[out] = self._targets[out] - self._rows[out] @ weights - offset
        return wrong

    def _map(self, ridge: Ridge) -> StartMap:
        weights, offset = ridge.weights(self.strength)
        weights = weights * self._scale[:, None]
        return StartMap(
            weights.astype(np.float32),
            (offset - self._centre @ weights).astype(np.float32),
            self.spread.astype(np.float32),
            self._place.astype(np.float32),
            np.array([self.error], np.float32),
        )


def _target(look: Arrays, numbers: Floats, b: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Return pose, in the frame of the look, shape, and which points are seen, (4 + K + N,)."""
    pose, frame = (Similarity(*map(float, row)) for row in (numbers, look["frame"]))
    return np.concatenate([numbers_of(frame.inverse().after(pose)), b, seen])
