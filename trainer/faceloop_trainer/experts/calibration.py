"""Calibration of the responses of a scale, on faces that its experts have not seen.

The gain of a landmark is what temperature scaling learns (Guo et al., ICML 2017): the factor of its
response in a softmax over the search window that makes the true places most likely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from faceloop_runtime.responses.experts import SEARCH
from faceloop_trainer.data.split import subsample_by_content

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from faceloop_runtime.responses import ResponseBackend
    from faceloop_trainer.data.completion import CompletedFace

    from .sampling import Sample

LinearFilters = tuple["NDArray[np.float32]", "NDArray[np.float32]"]
"""Weights (N, C, P, P) and biases (N,)."""

_GAINS = np.geomspace(2.0, 120.0, 16)
_CALIBRATION_FACES = 100
"""Faces that gains are calibrated on, chosen by content."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """Gain and reliability of the responses of one scale, learned on faces they had not seen.

    Parameters
    ----------
    gain, reliability : ndarray of float32, shape (N,)
        As in `PatchExperts`.
    """

    gain: NDArray[np.float32]
    reliability: NDArray[np.float32]


def calibration_faces(faces: Sequence[CompletedFace]) -> list[int]:
    """Return the numbers of the faces that gains are calibrated on."""
    return subsample_by_content([face.key for face in faces], _CALIBRATION_FACES)


class Calibrator:
    """Chooses each landmark's gain: how sure its response may be.

    Maximum likelihood of the true place under the softmax of gain x response, on faces the
    experts have not seen.

    Parameters
    ----------
    without : mapping of int to ResponseBackend
        By fold, the responses (at level 0) of experts that never saw it.
    landmarks : int
        How many there are.
    """

    def __init__(self, without: Mapping[int, ResponseBackend], landmarks: int) -> None:
        grid = np.arange(SEARCH) - SEARCH // 2
        self._x, self._y = (g.ravel() for g in np.meshgrid(grid, grid))
        self._backends = without
        self._sum, self._count = np.zeros((len(_GAINS), landmarks)), np.zeros(landmarks)

    def add(self, fold: int, sample: Sample) -> None:
        """Take a face of a fold, which the fold's experts have not seen."""
        responses = self._backends[fold].responses(0, sample.channels, sample.centres)
        flat = np.ascontiguousarray(responses).reshape(len(responses), -1)
        distance = (self._x - sample.offsets[:, :1]) ** 2 + (self._y - sample.offsets[:, 1:]) ** 2
        truth = np.exp(-distance)
        truth /= truth.sum(axis=1, keepdims=True) + 1e-12
        below = flat - flat.max(axis=1, keepdims=True)
        expected = (truth * below).sum(axis=1)
        total = np.array([np.exp(gain * below).sum(axis=1) for gain in _GAINS.astype(np.float32)])
        self._sum += (_GAINS[:, None] * expected - np.log(total)) * sample.use
        self._count += sample.use

    def result(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return gain and reliability of each landmark, (N,)."""
        gain = _GAINS[self._sum.argmax(axis=0)].astype(np.float32)
        return gain, (self._count > 0).astype(np.float32)
