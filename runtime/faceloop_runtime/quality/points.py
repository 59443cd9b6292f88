"""How far off is each point, and is it visible? The predictor of points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .features import POINT_FEATURES
from .network import two_layers

if TYPE_CHECKING:
    from .features import FitFeatures

    Rows = NDArray[np.float32]

POINT_INPUTS = 3 * POINT_FEATURES + 6
"""Inputs of a point network; see `PointPredictor.inputs`."""
_NEIGHBOURHOOD = 0.2
"""Standard deviation of the weight by which points near each other share features, in IOD."""


@dataclass(frozen=True, eq=False)
class PointNetwork:
    """A small neural network that is the same for all landmarks.

    Parameters
    ----------
    hidden, out : ndarray of float32, shape (POINT_INPUTS + 1, H) and (H + 1,)
        The network; see `two_layers`.
    usual : ndarray of float32, shape (N,)
        Added to each landmark's output.
    """

    hidden: NDArray[np.float32]
    out: NDArray[np.float32]
    usual: NDArray[np.float32]

    def __call__(self, inputs: Rows) -> Rows:
        """Return one number a landmark, (..., N), for inputs (..., N, POINT_INPUTS)."""
        return two_layers(inputs, self.hidden, self.out, self.usual)


@dataclass(frozen=True, eq=False)
class PointPredictor:
    """Predicts of each point of a fit how far it is off, and whether it is visible.

    Parameters
    ----------
    places : ndarray of float32, shape (N, 2)
        The mean shape.
    typical : ndarray of float32, shape (N, D)
        How the surroundings of each landmark usually look, of length 1.
    centre, spread : ndarray of float32, shape (N, POINT_FEATURES)
        Standardise the features.
    weights : ndarray of float32, shape (N,)
        Share of each landmark in the error of a face; they sum to 1.
    error : PointNetwork
        Its output is the logarithm of the point's error, in IOD.
    visible : PointNetwork
        Its output is the log-odds that the point is visible.
    """

    places: NDArray[np.float32]
    typical: NDArray[np.float32]
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    weights: NDArray[np.float32]
    error: PointNetwork
    visible: PointNetwork

    def inputs(self, features: FitFeatures, face_logit: float) -> Rows:
        """Describe each point by its features, those near it, those of all, and where it is.

        Returns
        -------
        ndarray of float32, shape (N, POINT_INPUTS)
        """
        z = np.clip((features.points - self.centre) / self.spread, -5.0, 5.0)
        row = np.empty((len(z), POINT_INPUTS), np.float32)
        row[:, :POINT_FEATURES] = z
        row[:, POINT_FEATURES : 2 * POINT_FEATURES] = self._neighbours @ z
        row[:, 2 * POINT_FEATURES : 3 * POINT_FEATURES] = 2.0 * z.mean(axis=0)
        row[:, -6] = min(max(face_logit / 4.0, -3.0), 3.0)
        row[:, -5] = min(float(features.z @ features.z) / len(features.z), 5.0)
        row[:, -4:-2] = 2.0 * self.places
        row[:, -2:] = np.clip(10.0 * features.displacement, -10.0, 10.0)
        return row

    def log_error(self, inputs: Rows) -> float:
        """Return the logarithm of the weighted mean of the points' errors."""
        return float(np.log(np.exp(np.minimum(self.error(inputs), 3.0)) @ self.weights))

    def visibility(self, inputs: Rows) -> NDArray[np.float64]:
        """Return the probability that each point is visible, shape (N,)."""
        logits = np.clip(self.visible(inputs), -30.0, 30.0)
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float64)

    @cached_property
    def _neighbours(self) -> Rows:
        """Weights of the other points near each, rows sum to 1.5."""
        apart = np.linalg.norm(self.places[:, None] - self.places[None], axis=2)
        near = np.exp(-0.5 * (apart / _NEIGHBOURHOOD) ** 2) + 1e-6
        np.fill_diagonal(near, 0.0)
        return np.asarray(1.5 * near / near.sum(axis=1, keepdims=True), dtype=np.float32)

    @cached_property
    def packed(self) -> Rows:
        """All of it, as the kernel reads it."""
        parts = [self.centre, self.spread, self._neighbours.T, self.places, self.weights]
        for network in (self.error, self.visible):
            parts += [network.hidden, network.out, network.usual]
        return np.concatenate([part.reshape(-1) for part in parts], dtype=np.float32)
