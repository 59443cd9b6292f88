"""From a rendered face to a crop as photographs give it, with what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from faceloop_datasets import Scheme
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.start_network.network import frame_of_points

from .covering import CoveredFace, CoverShares, cover
from .crops import Crop, CropRanges
from .lighting import light
from .textures import Textures, square

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .rendered import RenderedFaces

    Gray = NDArray[np.uint8]
    Rows = NDArray[np.float32]

_BARE = 0.45
"""Share of the crops without a face that come from pictures without any; the others lie beside,
far inside or far outside of rendered faces, where a detector errs."""
_UPSIDE_DOWN = 0.3
_OTHER_SIZE, _OTHER_PLACE = 0.6, 0.42
"""A crop is no face's if the logarithm of its side is that far from that of the face's crop, or
its middle that far away, in the longer of both sides."""


class Sample(NamedTuple):
    """A crop, and what the network has to say about it.

    Parameters
    ----------
    crop : ndarray of float32, shape (SIDE, SIDE)
        In gray levels, not yet standardised.
    points : ndarray of float32, shape (70, 2)
        In the frame of the crop.
    seen : ndarray of float32, shape (70,)
        1 or 0.
    turn : ndarray of float32, shape (3,)
        Yaw, pitch, and roll in the crop, in radians.
    """

    crop: Rows
    points: Rows
    seen: Rows
    turn: Rows


@dataclass(frozen=True, eq=False)
class Augmentation:
    """Draws crops of rendered faces, and crops that show no face.

    Parameters
    ----------
    faces : RenderedFaces
    negatives : sequence of ndarray of uint8, shape (H, W)
        Gray pictures without faces.
    ranges : CropRanges
    shares : CoverShares
    """

    faces: RenderedFaces
    negatives: Sequence[Gray]
    ranges: CropRanges = field(default_factory=CropRanges)
    shares: CoverShares = field(default_factory=CoverShares)

    @cached_property
    def _textures(self) -> Textures:
        return Textures(self.faces.pictures, self.negatives)

    @cached_property
    def _mirror(self) -> NDArray[np.intp]:
        return np.array(Scheme.load("face70").mirror, np.intp)

    def plain(self, k: int, rng: np.random.Generator) -> Sample:
        """Return face k as it is, upright in its crop; only the weights of colours vary."""
        gray, points = self._textures.gray(k, rng), self.faces.points[k].astype(np.float64)
        crop = Crop.plain(points)
        yaw, pitch, roll = self.faces.turns[k].tolist()
        image = crop.cut(gray).astype(np.float32)
        return _sample(image, crop.inside(points), self.faces.seen[k], (yaw, pitch, roll))

    def varied(self, k: int, rng: np.random.Generator) -> Sample:
        """Return face k flipped or not, turned, bent, covered, and in another light."""
        gray, points = self._textures.gray(k, rng), self.faces.points[k].astype(np.float64)
        seen, (yaw, pitch, roll) = self.faces.seen[k], self.faces.turns[k].tolist()
        if rng.random() < 0.5:
            gray, points, seen = self._flipped(gray, points, seen)
            yaw, roll = -yaw, -roll
        crop = Crop.varied(points, self.ranges, rng)
        inside = crop.inside(points)
        image = crop.cut(gray).astype(np.float32)
        face = CoveredFace(image, inside, _within(seen, inside), self._textures, rng)
        cover(face, self.shares)
        return _sample(light(face.image, rng), inside, face.seen, (yaw, pitch, roll - crop.angle))

    def none(self, rng: np.random.Generator) -> Rows:
        """Return a crop that shows no face, (SIDE, SIDE), in gray levels."""
        image = self._bare(rng) if rng.random() < _BARE else self._beside(rng)
        if rng.random() < _UPSIDE_DOWN:
            image = image[::-1]
        return light(np.ascontiguousarray(image), rng).astype(np.float32)

    def _flipped(
        self, gray: Gray, points: NDArray[np.float64], seen: Rows
    ) -> tuple[Gray, NDArray[np.float64], Rows]:
        across = points * [-1, 1] + [gray.shape[1] - 1, 0]
        return np.asarray(cv2.flip(gray, 1)), across[self._mirror], seen[self._mirror]

    def _bare(self, rng: np.random.Generator) -> Rows:
        source = self._textures.negative(rng)
        return square(source, int(min(source.shape) * rng.uniform(0.15, 1)), rng)

    def _beside(self, rng: np.random.Generator) -> Rows:
        k = int(rng.integers(len(self.faces.pictures)))
        gray = self._textures.gray(k, rng)
        side, middle = self._no_face(k, gray.shape, rng)
        turn = Similarity.from_polar(side, rng.uniform(-np.pi, np.pi), 0.0, 0.0)
        linear = np.array([[turn.a, -turn.b], [turn.b, turn.a]])
        return Crop(linear, middle).cut(gray).astype(np.float32)

    def _no_face(
        self, k: int, shape: tuple[int, ...], rng: np.random.Generator
    ) -> tuple[float, NDArray[np.float64]]:
        """Side and middle of a crop of picture k that is not a crop of its face."""
        frame = frame_of_points(self.faces.points[k].astype(np.float64))
        while True:
            zoom = rng.uniform(-1.4, 1.0)
            side, middle = frame.scale * float(np.exp(zoom)), rng.uniform(0, shape[::-1])
            far = float(np.hypot(*(middle - (frame.tx, frame.ty))))
            if abs(zoom) > _OTHER_SIZE or far > _OTHER_PLACE * max(frame.scale, side):
                return side, middle


def _within(seen: Rows, places: NDArray[np.float64]) -> Rows:
    return seen * (np.abs(places) < 0.5).all(axis=1)


def _sample(
    image: Rows, places: NDArray[np.float64], seen: Rows, turn: tuple[float, float, float]
) -> Sample:
    return Sample(
        np.asarray(image, np.float32),
        places.astype(np.float32),
        np.asarray(_within(seen, places), np.float32),
        np.deg2rad(turn).astype(np.float32),
    )
