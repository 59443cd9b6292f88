"""Light and cameras: gradients, shadows, contrast, blur, few pixels, noise, compression.

Shares, spreads and strengths stand where they are used: each belongs to one kind of change only,
and all were chosen by looking at crops beside crops of photographs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_runtime.start_network.network import SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

_STEPS = np.linspace(-1, 1, SIDE, dtype=np.float32)
_X, _Y = np.meshgrid(_STEPS, _STEPS)
_MOST_LIGHT = 1.5
"""Of the logarithm of a gradient of light."""


def light(image: Rows, rng: np.random.Generator) -> Rows:
    """Return a crop, (SIDE, SIDE) in gray levels, in another light and by another camera."""
    if rng.random() < 0.6:
        image = image * _gradient(rng)
    if rng.random() < 0.2:
        image = image * _shadow(rng)
    if rng.random() < 0.7:
        gamma = np.exp(rng.normal(0, 0.35))
        image = 255 * np.clip(image / 255, 0, None) ** gamma
    if rng.random() < 0.4:
        mean = image.mean()
        image = (image - mean) * rng.uniform(0.5, 1.9) + mean * rng.uniform(0.6, 1.4)
    image = _optics(np.clip(image, 0, 255).astype(np.float32), rng)
    if rng.random() < 0.5:
        image = image + rng.normal(0, np.abs(rng.normal(0, 8)), image.shape).astype(np.float32)
    return _compressed(image, rng) if rng.random() < 0.15 else image


def _gradient(rng: np.random.Generator) -> Rows:
    k = rng.normal(0, 0.3, 5).astype(np.float32)
    curved = np.float32(0.6) * (k[2] * _X * _X + k[3] * _Y * _Y + k[4] * _X * _Y)
    return np.asarray(np.exp(np.clip(k[0] * _X + k[1] * _Y + curved, -_MOST_LIGHT, _MOST_LIGHT)))


def _shadow(rng: np.random.Generator) -> Rows:
    """Factor that falls at a straight edge, sharp or soft."""
    angle, width = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.4)
    across = np.cos(angle) * _X + np.sin(angle) * _Y - rng.uniform(-0.6, 0.6)
    dark = 1 / (1 + np.exp(np.clip(across / width * 3, -30, 30)))
    return np.asarray(1 - rng.uniform(0.2, 0.8) * dark, np.float32)


def _optics(image: Rows, rng: np.random.Generator) -> Rows:
    """Blur, few pixels, motion, sharpening, or none of them."""
    draw = rng.random()
    if draw < 0.3:
        return _blurred(image, rng.uniform(0.4, 1.8))
    if draw < 0.5:
        return _coarse(image, rng)
    if draw < 0.58:
        return _moved(image, rng)
    if draw < 0.68:
        return image + np.float32(rng.uniform(0.3, 1.2)) * (image - _blurred(image, 1.0))
    return image


def _blurred(image: Rows, sigma: float) -> Rows:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def _coarse(image: Rows, rng: np.random.Generator) -> Rows:
    side = int(rng.integers(12, 44))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    way = cv2.INTER_LINEAR if rng.random() < 0.7 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(small, (SIDE, SIDE), interpolation=way), np.float32)


def _moved(image: Rows, rng: np.random.Generator) -> Rows:
    length = int(rng.integers(3, 9))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    middle = (length - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), rng.uniform(0, 180), 1)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel / max(kernel.sum(), 1e-3)), np.float32)


def _compressed(image: Rows, rng: np.random.Generator) -> Rows:
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(8, 50))]
    content = cv2.imencode(".jpg", np.clip(image, 0, 255).astype(np.uint8), quality)[1]
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.float32)
