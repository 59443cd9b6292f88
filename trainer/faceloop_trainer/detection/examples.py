"""What templates are learned from: windows on the faces, and pictures of everything else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets.media.images import read_image
from faceloop_datasets.sample import sample_negatives
from faceloop_runtime.detect.learned import TemplateFrame
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.crossfit.training_set import FOLDS
from faceloop_trainer.crossfit.variants import few_variants, variants
from faceloop_trainer.parallel import parallel_map

from .groups import shape_groups
from .windows import Scene, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_trainer.crossfit.training_set import TrainingSet
    from faceloop_trainer.crossfit.variants import FaceVariant

    Rows = NDArray[np.float32]

_MOST_VARIANTS = 400
_MOST_SCENES = 100
"""Faces beside which is searched for what is none."""
_JITTERED = 5
"""Windows on each face."""
_FEWEST = 5
"""Faces of a group that must be outside each fold."""
_PURPOSE = 5
"""What random numbers of a variant are drawn for; the quality models draw for 1 to 4."""
_NO_FACE, _BACKGROUND, _BESIDE = 0.2, 0.5, 0.4
"""Least size of a window in a picture without a face and in a background, as a share of its
smaller side, and beside a face, as a share of that one."""


@dataclass(frozen=True, eq=False)
class FaceWindows:
    """Windows on faces.

    Parameters
    ----------
    rows : ndarray of float32, shape (V, J, D)
        Cells of the windows on each variant of a face.
    moves : ndarray, shape (V, J, 4)
        How the face differs from each, as `LearnedDetector.shift` says it.
    folds, groups : ndarray of int, shape (V,)
        Fold, and group of similar shapes, of each variant.
    """

    rows: Rows
    moves: NDArray[np.float64]
    folds: NDArray[np.intp]
    groups: NDArray[np.intp]

    @classmethod
    def of(cls, window: Window, training_set: TrainingSet) -> FaceWindows:
        """Cut them."""
        shown = few_variants(training_set, _MOST_VARIANTS)
        pdm, seed = training_set.pdm, training_set.config.seed
        folds = np.array([one.fold for one in shown])
        shapes = np.array([pdm.complete(one.points()) for one in shown])
        poses = [Similarity.between(pdm.mean, shape) for shape in shapes]
        aligned = np.array([p.inverse().apply(x) for p, x in zip(poses, shapes, strict=True)])
        groups = _in_all_folds(shape_groups(aligned.reshape(len(shapes), -1)), folds)
        # A profile lies more surely on the mean of its like than on the mean of all.
        means = [aligned[groups == group].mean(axis=0) for group in range(groups.max() + 1)]

        def cut(number: int) -> tuple[Rows, NDArray[np.float64]]:
            one = shown[number]
            rng, mean = one.rng(seed, _PURPOSE), means[groups[number]]
            return window.on_face(mean, one.face(), rng, _JITTERED)

        cells, moves = zip(*parallel_map(cut, range(len(shown))), strict=True)
        rows = np.array(cells).reshape(len(shown), _JITTERED, -1)
        return cls(rows, np.array(moves), folds, groups)

    @property
    def group_count(self) -> int:
        """How many groups there are."""
        return int(self.groups.max()) + 1

    def which(self, group: int, without: int | None) -> NDArray[np.bool_]:
        """Return which variants belong to a group and not to a fold, (V,)."""
        return np.asarray((self.groups == group) & (self.folds != without))


def _in_all_folds(groups: NDArray[np.intp], folds: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the groups, or one for all if a fold holds nearly all of one."""
    left = [np.bincount(groups[folds != f], minlength=groups.max() + 1) for f in range(FOLDS)]
    return groups if np.min(left) >= _FEWEST else np.zeros_like(groups)


def scenes_of(window: Window, training_set: TrainingSet) -> tuple[list[Scene], list[Scene]]:
    """Return pictures in which no window shows a face.

    Returns
    -------
    whole, parts : list of Scene
        The bundled pictures and what is beside the faces; and small parts of the photographs.
    """
    whole = [*_without_faces(window.rows, window.columns)]
    mean = training_set.pdm.mean

    def beside(one: FaceVariant) -> tuple[Scene, list[Scene]]:
        face = one.completed.original
        there = window.frame.window(Similarity.between(mean, face.points))
        least = _BESIDE * window.size * there.scale
        own = Scene.of(window, one.completed.picture, least, one.fold, there)
        least = _BACKGROUND
        parts = [Scene.of(window, p, least * len(p), one.fold) for p in face.backgrounds[:1]]
        return own, parts

    shown = [one for one in variants(training_set, _MOST_SCENES) if one.mirror is None]
    for own, _ in (found := parallel_map(beside, shown)):
        whole.append(own)
    return whole, [part for _, some in found for part in some]


@lru_cache(maxsize=2)
def _without_faces(rows: int, columns: int) -> tuple[Scene, ...]:
    """Return the bundled pictures without faces, as windows of this size see them."""
    window = Window(TemplateFrame(0.0, 0.0, 1.0), rows, columns)
    pictures = [read_image(path, "gray") for path in sample_negatives()]
    return tuple(
        Scene.of(window, picture, _NO_FACE * min(picture.shape), number % FOLDS)
        for number, picture in enumerate(pictures)
    )
