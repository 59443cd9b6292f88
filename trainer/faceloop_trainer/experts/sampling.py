"""Faces as the patch experts of one scale sample them: a crop, and a search window a landmark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.responses.experts import SEARCH, crop_size

from .filters import PATCH
from .moments import RADIUS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_trainer.data.completion import CompletedFace, ReferenceFrame
    from faceloop_trainer.data.faces import TrainingFace

    Bools = NDArray[np.bool_]

_TURN, _STRETCH = np.deg2rad(4.0), 0.05
"""How far a crop is from upright and from its scale while fitting (one standard deviation)."""
_OFF_CENTRE = 2.5
"""Search windows are off their landmark by up to this, in pixels of the crop."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A face as one scale samples it.

    Parameters
    ----------
    channels : CropChannels
        Channels of the crop, (H, W).
    centres : ndarray of int, shape (N, 2)
        Middles of the search windows, in pixels of the crop.
    offsets : ndarray, shape (N, 2)
        Where the landmarks lie, against the centres.
    use : ndarray of bool, shape (N,)
        Landmarks to learn from.
    """

    channels: CropChannels
    centres: NDArray[np.intp]
    offsets: NDArray[np.float64]
    use: Bools


@dataclass(frozen=True, eq=False)
class Targets:
    """What a set of experts locates: all landmarks, or the initialiser's three places.

    Parameters
    ----------
    name : str
        What they are; the same for the same places only.
    places : callable
        From complete points (N, 2) to the places to find.
    use : callable
        Which places of a face may be learned from.
    mirror : sequence of int, optional
        Which place each one is the mirror image of; if given, mirrored faces train too.
    off_centre : float
        Search windows are off their place by up to this, in pixels of the crop.
    """

    name: str
    places: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    use: Callable[[TrainingFace], Bools]
    mirror: Sequence[int] | None
    off_centre: float = _OFF_CENTRE


@dataclass(frozen=True, eq=False)
class Sampling:
    """How one scale samples faces; a sample depends on this and the face alone.

    Parameters
    ----------
    target : Targets
        What the experts locate.
    reference : ReferenceFrame
        The frame that faces are brought into.
    families : sequence of str
        Channel families.
    scale : float
        IOD of the crop, in pixels.
    seed : int
        Seed of poses and offsets.
    choice : str
        By which settings the faces were chosen. It changes no sample; sums of samples that were
        chosen otherwise are cached apart.
    """

    target: Targets
    reference: ReferenceFrame
    families: Sequence[str]
    scale: float
    seed: int
    choice: str = ""

    def identity(self) -> tuple[object, ...]:
        """Return everything that a sample depends on beside the face."""
        target, reference = self.target, self.reference
        constants = (_TURN, _STRETCH, PATCH, SEARCH)
        own = (target.name, target.off_centre, tuple(self.families), self.scale, self.seed)
        return (*constants, *own, reference.shape, reference.extent)

    def sample(self, face: CompletedFace, repeat: int = 0) -> Sample:
        """Sample a face, a little off its true pose as a fit would be.

        Each ``repeat`` is off in another way.
        """
        target, scale, reference = self.target, self.scale, self.reference
        rng = face.rng(self.seed, round(scale * 100), repeat)
        pose = reference.pose(face.original.points)
        angle, stretch = rng.standard_normal(2) * (_TURN, _STRETCH)
        pose = pose.after(Similarity.from_polar(float(np.exp(stretch)), float(angle), 0.0, 0.0))
        size = crop_size(reference.extent, scale, PATCH)
        image = FaceImage(face.picture, pose, reference.extent, scale)
        channels = CropChannels(image.crop(pose, scale, size), self.families)
        points = target.places(pose.inverse().apply(face.points)) * scale + (size - 1) / 2
        off = rng.uniform(-target.off_centre, target.off_centre, points.shape)
        border = max(RADIUS, (SEARCH + PATCH) // 2)
        centres = np.rint(points + off).astype(np.intp).clip(border, size - 1 - border)
        offsets = points - centres
        seen = np.abs(offsets).max(axis=1) <= SEARCH // 2
        return Sample(channels, centres, offsets, target.use(face.original) & seen)
