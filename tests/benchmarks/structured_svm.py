"""Linear filters trained as structured SVMs: the true place ahead of every other of its window.

The response at the landmark has to exceed that at any other place by a margin that grows with the
distance (margin rescaling: Tsochantaridis, Joachims, Hofmann & Altun, JMLR 6, 2005). The sum over
faces is minimised by cutting planes, one for all faces a round (Joachims, Finley & Yu,
"Cutting-plane training of structural SVMs", Machine Learning 77, 2009), for all landmarks at the
same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import SEARCH, PatchExperts, windows
from faceloop_trainer.experts.filters import PATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_trainer.experts.sampling import Sample

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

_FULL_MARGIN = 8.0
"""The margin grows with the distance up to here, in pixels, where it is 1."""
_STRENGTH = 10.0
"""Regularisation, as a share of the mean energy of the patches."""
_ROUNDS = 30
_TOLERANCE = 0.02
"""A landmark is done when its risk is this close to the least possible (the risk of zero is 1)."""
_STEPS = 200
_UNIT = 0.1
"""Responses are given in this unit, which brings them into the range that gains are sought in."""


class CuttingPlanes:
    """Minimise ``strength / 2 |w|^2 + risk(w)`` for N convex risks that are never negative.

    Each round adds a plane below every risk; the least of the planes' maximum and the first term is
    a quadratic program over a simplex, solved by pairwise Frank-Wolfe steps.

    Parameters
    ----------
    count, size : int
        N, and the length of each w.
    strength : float
        Positive.

    Attributes
    ----------
    weights : ndarray, shape (N, D)
        Where the next planes are wanted.
    best : ndarray, shape (N, D)
        Of the weights so far those of the least objective.
    least, bound : ndarray, shape (N,)
        That objective, and what none is below.
    """

    def __init__(self, count: int, size: int, strength: float) -> None:
        self._strength = strength
        self._slopes = np.zeros((count, 1, size))  # the first plane: no risk is negative
        self._heights, self._shares = np.zeros((count, 1)), np.ones((count, 1))
        self._products = np.zeros((count, 1, 1))
        self.weights, self.best = np.zeros((count, size)), np.zeros((count, size))
        self.least, self.bound = np.full(count, np.inf), np.zeros(count)

    def add(self, slopes: Floats, risks: Floats) -> None:
        """Take subgradients (N, D) and risks (N,) at `weights`; move these to the new least."""
        objective = 0.5 * self._strength * (self.weights**2).sum(axis=1) + risks
        better = objective < self.least
        self.least = np.where(better, objective, self.least)
        self.best[better] = self.weights[better]
        height = risks - (slopes * self.weights).sum(axis=1)
        self._slopes = np.concatenate([self._slopes, slopes[:, None]], axis=1)
        self._heights = np.concatenate([self._heights, height[:, None]], axis=1)
        self._shares = np.concatenate([self._shares, np.zeros((len(slopes), 1))], axis=1)
        row = np.einsum("nkd,nd->nk", self._slopes, slopes, optimize=True)
        grown = np.zeros((*row.shape, row.shape[1]))
        grown[:, :-1, :-1], grown[:, -1], grown[:, :, -1] = self._products, row, row
        self._products = grown
        self._solve()

    def _solve(self) -> None:
        share, product = self._shares, self._products / self._strength
        every = np.arange(len(share))
        gain = self._heights - np.einsum("nkl,nl->nk", product, share)
        for _ in range(_STEPS):
            to, of = gain.argmax(axis=1), np.where(share > 0, gain, np.inf).argmin(axis=1)
            curve = product[every, to, to] + product[every, of, of] - 2 * product[every, to, of]
            step = (gain[every, to] - gain[every, of]) / np.maximum(curve, 1e-12)
            step = np.clip(step, 0.0, share[every, of])
            share[every, to] += step
            share[every, of] -= step
            gain -= step[:, None] * (product[every, to] - product[every, of])
        self.weights = -np.einsum("nk,nkd->nd", share, self._slopes, optimize=True) / self._strength
        half = 0.5 * self._strength * (self.weights**2).sum(axis=1)
        self.bound = np.maximum(self.bound, (share * self._heights).sum(axis=1) - half)


def train_structured(scale: float, samples: Sequence[Sample]) -> PatchExperts:
    """Train the filters of one scale.

    Parameters
    ----------
    scale : float
        IOD of the crops, in pixels.
    samples : sequence of Sample
        What to train on.
    """
    landmarks, channels = len(samples[0].use), len(samples[0].channels)
    shape = (landmarks, channels, PATCH, PATCH)
    truths = [_patches(s, _true_place(s)) for s in samples]
    energy = float(np.mean([(t**2).mean() for t in truths]))
    planes = CuttingPlanes(landmarks, int(np.prod(shape[1:])), _STRENGTH * energy)
    used = np.maximum(np.sum([s.use for s in samples], axis=0), 1)
    for _ in range(_ROUNDS):
        experts = _experts(scale, planes.weights.reshape(shape))
        backend = CpuResponses([experts])
        slopes, risks = np.zeros_like(planes.weights), np.zeros(landmarks)
        for sample, truth in zip(samples, truths, strict=True):
            risk, place = most_violated(backend, sample)
            slopes += sample.use[:, None] * (_patches(sample, place) - truth)
            risks += sample.use * risk
        planes.add(slopes / used[:, None], risks / used)
        if (planes.least - planes.bound).max() < _TOLERANCE:
            break
    return _experts(scale, planes.best.reshape(shape) * _UNIT)


def most_violated(
    backend: CpuResponses, sample: Sample
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the risk of each landmark and the place (N,) in its window that it is for."""
    maps = backend.responses(0, sample.channels, sample.centres).reshape(len(sample.use), -1)
    truth = _true_place(sample)[:, None]
    violation = maps - np.take_along_axis(maps, truth, axis=1) + _margins(sample)
    place = violation.argmax(axis=1)
    return np.take_along_axis(violation, place[:, None], axis=1)[:, 0], place


def _true_place(sample: Sample) -> NDArray[np.intp]:
    x, y = (np.rint(sample.offsets).astype(np.intp) + SEARCH // 2).clip(0, SEARCH - 1).T
    return np.asarray(y * SEARCH + x)


def _margins(sample: Sample) -> Rows:
    """Return the margin wanted at each place; 0 at the one nearest to the truth, (N, S * S)."""
    grid = np.arange(SEARCH * SEARCH)
    x, y = grid % SEARCH, grid // SEARCH
    true = _true_place(sample)[:, None]
    distance = np.hypot(x - true % SEARCH, y - true // SEARCH)
    return np.minimum(distance / _FULL_MARGIN, 1.0).astype(np.float32)


def _patches(sample: Sample, place: NDArray[np.intp]) -> Rows:
    at = sample.centres + np.stack([place % SEARCH, place // SEARCH], axis=1) - SEARCH // 2
    cut = windows(sample.channels.maps, at, PATCH)
    return cut.transpose(1, 0, 2, 3).reshape(len(place), -1)


def _experts(scale: float, weights: Floats) -> PatchExperts:
    one = np.ones(len(weights), np.float32)
    return PatchExperts(scale, weights.astype(np.float32), 0 * one, one, one)
