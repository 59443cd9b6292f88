"""Training of the detector of a project's own faces.

Its templates are linear classifiers on cells of gradients, one for each group of faces of similar
shape. They learn from windows on the faces, and from those windows of other pictures that look most
like a face (hard negatives: Dalal & Triggs, CVPR 2005; Felzenszwalb et al., PAMI 2010). What their
sums mean is learned from faces of people, and from pictures, that they have not seen.

All of it is learned from the faces that are cross-fitted, the reference snapshot, and cached
like the quality models: where faces are does not depend on the last corrected point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.detect.learned import LearnedDetector
from faceloop_trainer.crossfit.training_set import FOLDS
from faceloop_trainer.parallel import parallel_map

from .examples import FaceWindows, scenes_of
from .hinge import log_odds_of, regress, separate
from .windows import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_trainer.crossfit.crossfit import CrossFit
    from faceloop_trainer.crossfit.training_set import TrainingSet

    from .windows import Scene

    Rows = NDArray[np.float32]
    Floats = NDArray[np.float64]

_NAME = "detector"
_ROUNDS = 2
"""How often hard windows are looked for."""
_AT_RANDOM = 12
"""Windows of each scene that are learned from before the first search."""
_STRENGTH, _SHIFT_STRENGTH = 0.001, 0.002
"""Of the ridges, see `separate` and `regress`."""


class DetectorTraining:
    """Trains the detector of a cross-fit's faces, or takes them from its cache.

    Parameters
    ----------
    crossfit : CrossFit
        Knows the faces.
    """

    def __init__(self, crossfit: CrossFit) -> None:
        self._crossfit = crossfit
        self._detector: LearnedDetector | None = crossfit.load(_NAME, LearnedDetector)

    def detector(self) -> LearnedDetector:
        """Return the detector."""
        if self._detector is None:
            self._crossfit.steps.what = "learning to find faces"
            self._crossfit.steps.tick(0)
            self._detector = train_detector(self._crossfit.training_set)
            self._crossfit.save(_NAME, self._detector)
        return self._detector


def train_detector(training_set: TrainingSet) -> LearnedDetector:
    """Train a detector of the faces of a training set."""
    window = Window.of(training_set.pdm)
    faces = FaceWindows.of(window, training_set)
    whole, parts = scenes_of(window, training_set)
    learner = _Learner(window, faces, [*whole, *parts], training_set.config.seed)
    own: list[list[Floats]] = []
    others: list[Floats] = []
    for fold in range(FOLDS):
        sums = learner.mined(fold)
        own.append(_of_faces(sums, faces, fold))
        others.append(_of_scenes(sums.templates(window), [s for s in whole if s.fold == fold]))
    groups = zip(zip(*own, strict=True), np.concatenate(others).T, strict=True)
    lines = [log_odds_of(np.concatenate(mine), other) for mine, other in groups]
    return _calibrated(learner.learn(None), window, faces, lines)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Templates (T, D) whose weighted sums, with the bias (T,), are 1 on a face and else -1."""

    weights: Rows
    bias: Rows

    def templates(self, window: Window) -> LearnedDetector:
        """Return templates whose log-odds are these sums."""
        count = len(self.weights)
        cells = self.weights.reshape(count, window.rows, window.columns, -1)
        frame = window.frame
        return LearnedDetector(
            middle=np.array([frame.x, frame.y], np.float32),
            cell=np.array([frame.cell], np.float32),
            weights=cells,
            gain=np.ones(count, np.float32),
            bias=self.bias,
            shift=np.zeros((count, 4, *cells.shape[1:]), np.float32),
            shift_bias=np.zeros((count, 4), np.float32),
        )


class _Learner:
    """Learns templates with and without folds. Windows that were hard once stay known.

    The best templates depend on the examples alone; a search for them that begins at the last
    ones that were found is over sooner.
    """

    def __init__(
        self, window: Window, faces: FaceWindows, scenes: Sequence[Scene], seed: int
    ) -> None:
        self._window, self._faces, self._scenes = window, faces, scenes
        self._known = [
            set(scene.at_random(_AT_RANDOM, np.random.default_rng((seed, number))))
            for number, scene in enumerate(scenes)
        ]
        self._last: _Sums | None = None

    def learn(self, without: int | None) -> _Sums:
        """Learn from the faces, and the windows known to show none, that are not in a fold."""
        rows = [
            scene.windows(self._window, sorted(known))
            for scene, known in zip(self._scenes, self._known, strict=True)
            if scene.fold != without and known
        ]
        others = np.concatenate(rows)

        def of_group(group: int) -> tuple[Rows, float]:
            own = self._faces.rows[self._faces.which(group, without)]
            last = self._last
            start = None if last is None else (last.weights[group], float(last.bias[group]))
            return separate(own.reshape(-1, own.shape[-1]), others, _STRENGTH, start)

        weights, bias = zip(*parallel_map(of_group, range(self._faces.group_count)), strict=True)
        self._last = _Sums(np.array(weights), np.array(bias, np.float32))
        return self._last

    def mined(self, without: int) -> _Sums:
        """Learn without a fold, again with what looked most like a face."""
        sums = self.learn(without)
        for _ in range(_ROUNDS):
            templates = sums.templates(self._window)

            def search(number: int, templates: LearnedDetector = templates) -> None:
                scene = self._scenes[number]
                if scene.fold != without:
                    self._known[number] |= set(scene.hardest(templates))

            parallel_map(search, range(len(self._scenes)))
            sums = self.learn(without)
        return sums


def _of_faces(sums: _Sums, faces: FaceWindows, fold: int) -> list[Floats]:
    """Return by group the sums of a fold's faces, each in the best of its windows."""
    found = []
    for group, (weights, bias) in enumerate(zip(sums.weights, sums.bias, strict=True)):
        own = faces.rows[(faces.groups == group) & (faces.folds == fold)]
        found.append((own @ weights).max(axis=1, initial=-np.inf) + bias)
    return found


def _of_scenes(templates: LearnedDetector, scenes: Sequence[Scene]) -> Floats:
    """Return the greatest sum of each template in each scene, (S, T)."""
    found = parallel_map(lambda scene: scene.most(templates), scenes)
    return np.array(found, np.float64).reshape(len(scenes), -1)


def _calibrated(
    sums: _Sums, window: Window, faces: FaceWindows, lines: Sequence[tuple[float, float]]
) -> LearnedDetector:
    """Return the templates with what their sums mean, and with how the face differs."""
    plain = sums.templates(window)
    gain, offset = np.array(lines, np.float32).T
    gain = np.maximum(gain, 0.0)
    shift, shift_bias = [], []
    for group in range(faces.group_count):
        which = faces.which(group, None)
        rows = faces.rows[which].reshape(-1, faces.rows.shape[-1])
        weights, bias = regress(rows, faces.moves[which].reshape(-1, 4), _SHIFT_STRENGTH)
        shift.append(weights.reshape(4, *plain.weights.shape[1:]))
        shift_bias.append(bias)
    bias = gain * plain.bias + offset
    return replace(
        plain, gain=gain, bias=bias, shift=np.array(shift), shift_bias=np.array(shift_bias)
    )
