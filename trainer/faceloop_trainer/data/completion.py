"""A frame for sampling faces that hardly ever changes, and faces with all their points.

What a face adds to a training is cached between trainings (`faceloop_trainer.cache`), so it must
not depend on the other faces, as a pose against their mean shape would. Poses are therefore taken
against the mean shape rounded so coarsely that a few corrected faces leave it as it is. Where it
is rounded the other way, that one training samples every face again; it gives the same model
whether anything was cached or not. The rounded shape lies on a face a little larger or beside, the
same for all faces and less than trained crops are off on purpose.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.pdm import face_extent

from .faces import TrainingFace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    Points = NDArray[np.float64]

_GRID = 0.25
"""The mean shape is rounded to this, in IOD; the eye corners lie on it."""
_SCALE_GRID = 0.02
"""Rounded points make a shape a few hundredths larger or smaller, which is undone to this."""
_EXTENT_GRID = 0.1


@dataclass(frozen=True, eq=False)
class ReferenceFrame:
    """A coarse mean shape.

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
        """Round a shape model."""
        shape = np.rint(pdm.mean / _GRID) * _GRID + 0.0  # no negative zeros
        scale = Similarity.between(shape, pdm.mean).scale
        shape *= np.rint(scale / _SCALE_GRID) * _SCALE_GRID
        return cls(shape, float(np.ceil(face_extent(pdm) / _EXTENT_GRID) * _EXTENT_GRID))

    def pose(self, points: Points) -> Similarity:
        """Return the pose of points (N, 2), NaN where unknown."""
        return Similarity.between(self.shape, points)


@dataclass(frozen=True, eq=False)
class CompletedFace:
    """A face to train on, with all its points.

    Parameters
    ----------
    original : TrainingFace
        As annotated, with a picture.
    points : ndarray, shape (N, 2)
        In pixels of the picture. Unknown points are where the shape model expects them, to whole
        pixels, so that they too hardly ever change.
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

    @property
    def picture(self) -> NDArray[np.uint8]:
        """The picture."""
        assert self.original.picture is not None  # noqa: S101 - made of faces with pictures only
        return self.original.picture

    @cached_property
    def key(self) -> str:
        """Hash of everything that patch experts learn from the face."""
        digest = hashlib.blake2b(self.original.key.encode(), digest_size=16)
        digest.update(np.ascontiguousarray(self.points).data)
        return digest.hexdigest()

    def rng(self, *purpose: int) -> np.random.Generator:
        """Return random numbers of this face's own, for a purpose."""
        return np.random.default_rng((*purpose, int(self.key, 16)))
