"""A reference frame for sampling faces that rarely changes, and faces with all points completed.

What a face contributes to a training is cached between trainings (`faceloop_trainer.cache`), so it
must not depend on the other faces, as a pose relative to their mean shape would. Poses are
therefore relative to a coarsely rounded mean shape, which a few corrected faces do not change. When
it does change, that training samples every face again; the model is the same whether anything was
cached or not. The rounding moves and scales all faces alike, by less than the perturbations of the
training crops.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity

from .faces import TrainingFace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    Points = NDArray[np.float64]

_GRID = 0.25
"""The mean shape is rounded to multiples of this, in IOD; the eye corners are multiples already."""
_SCALE_GRID = 0.02
"""Rounding scales the shape by a few hundredths; that is undone to multiples of this."""
_EXTENT_GRID = 0.1


@dataclass(frozen=True, eq=False)
class ReferenceFrame:
    """A coarsely rounded mean shape, to which poses are relative.

    Parameters
    ----------
    shape : ndarray, shape (N, 2)
        In the model frame.
    extent : float
        Half width of a crop that shows a whole face, in IOD.
    """

    shape: Points
    extent: float

    @classmethod
    def of(cls, pdm: PointDistributionModel) -> ReferenceFrame:
        """Round the mean shape of a shape model."""
        shape = np.rint(pdm.mean / _GRID) * _GRID + 0.0  # no negative zeros
        scale = Similarity.between(shape, pdm.mean).scale
        shape *= np.rint(scale / _SCALE_GRID) * _SCALE_GRID
        return cls(shape, float(np.ceil(pdm.extent / _EXTENT_GRID) * _EXTENT_GRID))

    def pose(self, points: Points) -> Similarity:
        """Return the pose of points (N, 2), NaN where unknown."""
        return Similarity.between(self.shape, points)


@dataclass(frozen=True, eq=False)
class CompletedFace:
    """A training face with all its points.

    Parameters
    ----------
    original : TrainingFace
        As annotated, with a picture.
    points : ndarray, shape (N, 2)
        In pixels of the picture. Unknown points are predicted by the shape model and rounded to
        whole pixels, so that they too rarely change.
    """

    original: TrainingFace
    points: Points

    @classmethod
    def of(cls, pdm: PointDistributionModel, face: TrainingFace) -> CompletedFace:
        """Complete a face."""
        known = np.asarray(~np.isnan(face.points).any(axis=1))
        if known.all():
            return cls(face, face.points)
        points = np.where(known[:, None], face.points, np.rint(pdm.complete(face.points)))
        return cls(face, points)

    def lean(self) -> CompletedFace:
        """Return it without its backgrounds, for a way to a worker."""
        return replace(self, original=replace(self.original, backgrounds=()))

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The picture."""
        assert self.original.picture is not None  # noqa: S101 - made of faces with pictures only
        return self.original.picture

    @cached_property
    def key(self) -> str:
        """Hash of everything that the training of patch experts uses of the face."""
        digest = hashlib.blake2b(self.original.key.encode(), digest_size=16)
        digest.update(np.ascontiguousarray(self.points).data)
        return digest.hexdigest()

    def rng(self, *purpose: int) -> np.random.Generator:
        """Return a random generator seeded by the face and a purpose."""
        return np.random.default_rng((*purpose, int(self.key, 16)))
