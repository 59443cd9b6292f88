"""The ways in which a training set shows its faces: as they are, and mirrored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faceloop_trainer.data.split import subsample_by_content

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from faceloop_trainer.data.completion import CompletedFace
    from faceloop_trainer.data.faces import TrainingFace

    from .training_set import TrainingSet


@dataclass(frozen=True, eq=False)
class FaceVariant:
    """A face, as it is or mirrored.

    Parameters
    ----------
    completed : CompletedFace
        The face.
    fold : int
        Its subject's.
    mirror : tuple of int or None
        The scheme's map of points, if it is mirrored.
    """

    completed: CompletedFace
    fold: int
    mirror: tuple[int, ...] | None

    @property
    def name(self) -> str:
        """The same for the same content only."""
        return f"{self.completed.key}-{'mirrored' if self.mirror else 'as-is'}"

    def lean(self) -> FaceVariant:
        """Return it without what fits do not look at, for a way to a worker."""
        return replace(self, completed=self.completed.lean())

    def face(self) -> TrainingFace:
        """Return the face as it is shown."""
        face = self.completed.original
        return face.mirrored(self.mirror) if self.mirror else face

    def points(self) -> NDArray[np.float64]:
        """Return where its points are, (N, 2); NaN where unknown."""
        face = self.completed.original
        return face.mirrored_points(self.mirror) if self.mirror else face.points

    def complete_points(self) -> NDArray[np.float64]:
        """Return where its points are, (N, 2), or are taken to be where that is unknown."""
        face = replace(self.completed.original, points=self.completed.points)
        return face.mirrored_points(self.mirror) if self.mirror else face.points

    def trains_patches(self) -> NDArray[np.bool_]:
        """Return which of its points are seen, (N,)."""
        seen = self.completed.original.trains_patches
        return seen[list(self.mirror)] if self.mirror else seen

    def turn(self) -> tuple[float, float, float] | None:
        """Return how its head is turned, where that is known exactly."""
        turn = self.completed.original.turn
        return (-turn[0], turn[1], -turn[2]) if turn and self.mirror else turn

    def rng(self, *purpose: int) -> np.random.Generator:
        """Return random numbers of this variant's own, for a purpose."""
        return self.completed.rng(*purpose, 1 if self.mirror else 0)


def variants(training_set: TrainingSet, most: int) -> list[FaceVariant]:
    """Return the variants of all faces, or of at most so many of them."""
    mirror = tuple(training_set.scheme.mirror)
    ways = (None, mirror) if training_set.config.mirror else (None,)
    chosen = subsample_by_content([face.key for face in training_set.faces], most)
    return [
        FaceVariant(training_set.faces[i], training_set.folds[i], way)
        for way in ways
        for i in chosen
    ]


def few_variants(training_set: TrainingSet, most: int) -> list[FaceVariant]:
    """Return at most so many variants: where that is not all of them, one of each face."""
    every = variants(training_set, most)
    if len(every) <= most:
        return every
    return [one for one in every if (one.mirror is None) == (int(one.completed.key[-1], 16) % 2)]
