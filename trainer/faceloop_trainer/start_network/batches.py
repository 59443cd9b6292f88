"""Batches of crops; each is known by the seed and its step alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from faceloop_runtime.start_network.network import standardised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .augmentation import Augmentation

    Rows = NDArray[np.float32]


class Batch(NamedTuple):
    """Crops and what is known of them: F of faces, then those that show none.

    Parameters
    ----------
    crops : ndarray of float32, shape (N, SIDE, SIDE)
        Standardised.
    points : ndarray of float32, shape (F, 70, 2)
        In the frame of the crop.
    seen : ndarray of float32, shape (F, 70)
    turns : ndarray of float32, shape (F, 3)
        Yaw, pitch and roll, in radians.
    """

    crops: Rows
    points: Rows
    seen: Rows
    turns: Rows


@dataclass(frozen=True)
class BatchSize:
    """How many crops of faces, and without any, a batch has."""

    faces: int = 80
    none: int = 12


@dataclass(frozen=True, eq=False)
class Batches:
    """The batches of a training, from one of its steps on.

    Parameters
    ----------
    augmentation : Augmentation
    rows : ndarray of int, shape (M,)
        Faces to train on.
    size : BatchSize
    seed : int
    first, steps : int
        The step that comes first here, and the number of steps of the whole training.
    """

    augmentation: Augmentation
    rows: NDArray[np.intp]
    size: BatchSize
    seed: int
    first: int
    steps: int

    def __len__(self) -> int:
        return self.steps - self.first

    def __getitem__(self, index: int) -> Batch:
        """Return the batch of step ``first + index``, whatever was drawn before."""
        rng = np.random.default_rng([self.seed, self.first + index])
        few = len(self.rows) < self.size.faces
        chosen = rng.choice(self.rows, self.size.faces, replace=few)
        samples = [self.augmentation.varied(int(k), rng) for k in chosen]
        crops = [sample.crop for sample in samples]
        crops += [self.augmentation.none(rng) for _ in range(self.size.none)]
        points, seen, turns = (np.stack(column) for column in list(zip(*samples, strict=True))[1:])
        return Batch(standardised(np.stack(crops)), points, seen, turns)
