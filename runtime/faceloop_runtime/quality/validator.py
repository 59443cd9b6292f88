"""Is this a face? The whole-face validator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.imaging.channels import channel_count, channel_stack
from faceloop_runtime.kernels import kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

VALIDATOR_SCALE = 16.0
"""IOD of the validator's crop, in pixels."""
VALIDATOR_POOL = 3
"""Channel maps are averaged over squares of this width."""


@dataclass(frozen=True, eq=False)
class FaceValidator:
    """Logistic regression on the channel maps of the whole face.

    Parameters
    ----------
    weights : ndarray of float32, shape (F,)
        One weight a feature of `whole_face_features`.
    bias : float
        Added to the weighted sum.
    """

    weights: NDArray[np.float32]
    bias: float

    def logit(self, features: NDArray[np.float32]) -> float:
        """Log-odds that the crop shows a face in this place."""
        return float(features @ self.weights) + self.bias

    @cached_property
    def packed(self) -> NDArray[np.float32]:
        """Weights and bias, as the kernel reads them."""
        return np.append(self.weights, self.bias).astype(np.float32)


_FAMILIES = ("raw", "gradient", "lbp")
"""In the order of the kernel."""
_LANES = 16
"""As many numbers does it compute at once."""


def whole_face(crop: NDArray[np.float32], families: Sequence[str]) -> NDArray[np.float32]:
    """Describe a whole face: `whole_face_features` of the channels of its crop.

    Parameters
    ----------
    crop : ndarray of float32, shape (S, S)
        Gray values 0..255, at `VALIDATOR_SCALE`.
    families : sequence of str
        See `faceloop_runtime.imaging.channels.channel_stack`.
    """
    found = _compiled_whole_face(crop, tuple(families))
    return whole_face_features(channel_stack(crop, families)) if found is None else found


def _compiled_whole_face(
    crop: NDArray[np.float32], families: tuple[str, ...]
) -> NDArray[np.float32] | None:
    """Return it by the kernel, None if there is none or it cannot."""
    function = kernel("whole_face", "nnnaaaaa")
    size = len(crop)
    if function is None or crop.shape != (size, size):
        return None
    numbers, pooling, across = _family_numbers(families), _pooling(size), _across(size)
    crop = np.ascontiguousarray(crop, np.float32)
    means = np.empty(channel_count(families) * len(pooling) ** 2, np.float32)
    made = function(
        size,
        len(pooling),
        len(numbers),
        numbers,
        crop,
        pooling,
        across,
        means,
    )
    return means if made else None


@cache
def _family_numbers(families: tuple[str, ...]) -> NDArray[np.int64]:
    return np.array([_FAMILIES.index(family) for family in families], np.int64)


def whole_face_features(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pool channel maps (C, H, W) of a face crop into one vector (F,)."""
    down, across = (_pooling(n) for n in channels.shape[1:])
    return (down @ (channels @ across.T)).reshape(-1)


@cache
def _pooling(size: int) -> NDArray[np.float32]:
    """Means over neighbouring intervals of an axis, shape (size // VALIDATOR_POOL, size)."""
    line = np.eye(size, dtype=np.float32)
    # The whole line is covered, so that an interval is a little wider than VALIDATOR_POOL.
    pooled = cv2.resize(line, (size, size // VALIDATOR_POOL), interpolation=cv2.INTER_AREA)
    return np.asarray(pooled, np.float32)


@cache
def _across(size: int) -> NDArray[np.float32]:
    """Return the same transposed, in columns of `_LANES`, the last ones padded with zeros."""
    pooling = _pooling(size)
    columns = -(-len(pooling) // _LANES)
    padded = np.zeros((columns * _LANES, size), np.float32)
    padded[: len(pooling)] = pooling
    return np.ascontiguousarray(padded.reshape(columns, _LANES, size).transpose(0, 2, 1))
