"""What covers a face, or is none: parts of other pictures, plain tones and noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.start_network.network import SIDE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Gray = NDArray[np.uint8]
    Rows = NDArray[np.float32]

_LUMA = np.array([0.299, 0.587, 0.114])
_LUMA_SPREAD = 0.12
"""Cameras weigh colours differently, and skins under coloured light look different in gray."""
_FROM_FACES = 0.7
"""Share of the covering parts that come from pictures of faces; the others from negatives."""
_LEAST_PART = 24
"""Pixels; smaller parts of pictures show nothing."""
_PARTS, _TONES = 0.6, 0.8
"""Below which draw a part of a picture, or a plain tone, covers; above it noise does."""


@dataclass(frozen=True, eq=False)
class Textures:
    """Draws textures from pictures.

    Parameters
    ----------
    pictures : ndarray of uint8, shape (N, H, W, 3)
        Rendered faces, RGB.
    negatives : sequence of ndarray of uint8, shape (H, W)
        Gray pictures without faces.
    """

    pictures: Gray
    negatives: Sequence[Gray]

    def gray(self, k: int, rng: np.random.Generator) -> Gray:
        """Return a picture in gray, (H, W), by varied weights of the colours."""
        weights = np.clip(_LUMA + rng.normal(0, _LUMA_SPREAD, 3), 0, 1)
        weights /= weights.sum()
        gray = cv2.transform(self.pictures[k], weights[None].astype(np.float32))
        return np.asarray(gray, np.uint8)

    def negative(self, rng: np.random.Generator) -> Gray:
        """Return one of the pictures without faces."""
        return self.negatives[int(rng.integers(len(self.negatives)))]

    def part(self, rng: np.random.Generator) -> Rows:
        """Return a square part of any picture, (SIDE, SIDE)."""
        faces = rng.random() < _FROM_FACES
        k = int(rng.integers(len(self.pictures))) if faces else 0
        source = self.gray(k, rng) if faces else self.negative(rng)
        return square(source, int(rng.integers(_LEAST_PART, min(source.shape))), rng)

    def fill(self, image: Rows, rng: np.random.Generator) -> Rows:
        """Return what covers a part of a crop, (SIDE, SIDE)."""
        draw = rng.random()
        if draw < _PARTS:
            return self.part(rng)
        if draw < _TONES:
            return np.full((SIDE, SIDE), rng.uniform(0, 255), np.float32)
        tone = image.mean() * rng.uniform(0.6, 1.4)
        return np.asarray(tone + noise(40.0, (0.6, 5.0), rng), np.float32)


def square(gray: Gray, side: int, rng: np.random.Generator) -> Rows:
    """Return a square part of a picture, (SIDE, SIDE), that has that side in the picture."""
    height, width = gray.shape
    y = int(rng.integers(0, height - side + 1))
    x = int(rng.integers(0, width - side + 1))
    part = gray[y : y + side, x : x + side]
    return cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)


def noise(spread: float, blur: tuple[float, float], rng: np.random.Generator) -> Rows:
    """Return blurred noise, (SIDE, SIDE), of that spread in gray levels before it is blurred."""
    plain = rng.normal(0, spread, (SIDE, SIDE))
    return cv2.GaussianBlur(plain, (0, 0), rng.uniform(*blur)).astype(np.float32)
