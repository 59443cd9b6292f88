"""Judging a fit by what it looked like: its error, a bound for it, and which points are seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .validator import quality_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .model import FaceModel
    from .validator import ErrorPredictor

    Rows = NDArray[np.float32]

SIGNS = 7
"""What is known of each point by itself; see `point_signs`."""
INPUTS = 3 * SIGNS + 6
"""What a point network looks at; see `PointJudges.inputs`."""
_NEIGHBOURHOOD = 0.2
"""Standard deviation of the weight by which points near each other share their signs, in IOD."""


@dataclass(frozen=True, eq=False)
class Signs:
    """What a fit looked like: all that its judges go by.

    Parameters
    ----------
    whole_face : ndarray of float32, shape (W,)
        Pooled channels of the coarse crop, for the validator.
    points : ndarray of float32, shape (N, SIGNS)
        From `point_signs`.
    z : ndarray, shape (K,)
        Shape parameters over their standard deviations.
    displacement : ndarray, shape (N, 2)
        Of the fitted shape from the mean shape, in the model frame.
    correction : float
        Mean movement of the points in the regression step, in IOD.
    """

    whole_face: Rows
    points: Rows
    z: NDArray[np.float64]
    displacement: NDArray[np.float64]
    correction: float


def point_signs(
    *,
    peaks: NDArray[np.float32],
    support: NDArray[np.float64],
    likeness: NDArray[np.float32],
    correction: NDArray[np.float64],
    spread: NDArray[np.float32],
    offset: NDArray[np.float64],
    pull: NDArray[np.float64],
) -> Rows:
    """Gather what is known of each point; what spans decades as its logarithm.

    Parameters
    ----------
    peaks : ndarray, shape (N,)
        Highest response.
    support : ndarray, shape (N,)
        Probability mass near the final point.
    likeness : ndarray, shape (N,)
        Cosine between the point's surroundings and how they usually look.
    correction : ndarray, shape (N,)
        Movement in the regression step, in IOD.
    spread : ndarray, shape (N,)
        Variance of the response along an axis, in pixels squared.
    offset, pull : ndarray, shape (N,)
        Distance from the final point to the mean of its response, and to the mean of what
        lies near; in pixels.

    Returns
    -------
    ndarray of float32, shape (N, SIGNS)
    """
    logs = [
        np.log(support + 0.01),
        np.log(correction + 0.001),
        np.log(np.maximum(spread, 0.0) + 0.1),
        np.log(offset + 0.05),
        np.log(pull + 0.05),
    ]
    return np.stack([peaks, logs[0], likeness, *logs[1:]], axis=1, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class PointNetwork:
    """A small neural network that is the same for all landmarks.

    Parameters
    ----------
    hidden : ndarray of float32, shape (INPUTS + 1, H)
        First layer, its bias in the last row; the activation is a rectifier.
    out : ndarray of float32, shape (H + 1,)
        Second layer, its bias last.
    usual : ndarray of float32, shape (N,)
        Added to each landmark's output.
    """

    hidden: Rows
    out: Rows
    usual: Rows

    def __call__(self, inputs: Rows) -> Rows:
        """Return one number a landmark, (..., N), for inputs (..., N, INPUTS)."""
        h = inputs @ self.hidden[:-1]
        h += self.hidden[-1]
        np.maximum(h, 0.0, out=h)
        return np.asarray(h @ self.out[:-1] + (self.out[-1] + self.usual), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class PointJudges:
    """Judges each point of a fit: how far it is off, and whether it can be seen.

    Parameters
    ----------
    places : ndarray of float32, shape (N, 2)
        The mean shape.
    typical : ndarray of float32, shape (N, D)
        How the surroundings of each landmark usually look, of length 1.
    centre, spread : ndarray of float32, shape (N, SIGNS)
        Standardise the signs.
    weights : ndarray of float32, shape (N,)
        Share of each landmark in the error of a face; they sum to 1.
    error : PointNetwork
        Its output is the logarithm of the point's error, in IOD.
    sight : PointNetwork
        Its output is the log-odds that the point is seen.
    """

    places: Rows
    typical: Rows
    centre: Rows
    spread: Rows
    weights: Rows
    error: PointNetwork
    sight: PointNetwork

    def inputs(self, signs: Signs, face_logit: float) -> Rows:
        """Describe each point by its signs, those near it, those of all, and where it is.

        Returns
        -------
        ndarray of float32, shape (N, INPUTS)
        """
        z = np.clip((signs.points - self.centre) / self.spread, -5.0, 5.0)
        row = np.empty((len(z), INPUTS), np.float32)
        row[:, :SIGNS] = z
        row[:, SIGNS : 2 * SIGNS] = self._neighbours @ z
        row[:, 2 * SIGNS : 3 * SIGNS] = 2.0 * z.mean(axis=0)
        row[:, -6] = min(max(face_logit / 4.0, -3.0), 3.0)
        row[:, -5] = min(float(signs.z @ signs.z) / len(signs.z), 5.0)
        row[:, -4:-2] = 2.0 * self.places
        row[:, -2:] = np.clip(10.0 * signs.displacement, -10.0, 10.0)
        return row

    def log_error(self, inputs: Rows) -> float:
        """Return the logarithm of the weighted mean of the points' errors."""
        return float(np.log(np.exp(np.minimum(self.error(inputs), 3.0)) @ self.weights))

    def visibility(self, inputs: Rows) -> NDArray[np.float64]:
        """Return the probability that each point is seen, shape (N,)."""
        logits = np.clip(self.sight(inputs), -30.0, 30.0)
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float64)

    @cached_property
    def _neighbours(self) -> Rows:
        """Weights of the other points near each, rows sum to 1.5."""
        apart = np.linalg.norm(self.places[:, None] - self.places[None], axis=2)
        near = np.exp(-0.5 * (apart / _NEIGHBOURHOOD) ** 2) + 1e-6
        np.fill_diagonal(near, 0.0)
        return np.asarray(1.5 * near / near.sum(axis=1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class ErrorLevels:
    """What the judges' opinions mean, learned from fits to people they had not seen.

    Split conformal prediction (Papadopoulos et al., ECML 2002) of the logarithm of the NME, one
    quantile for each range of the opinion (Mondrian: Vovk et al., "Algorithmic Learning in a
    Random World", 2005, section 4.5), with straight lines between.

    Parameters
    ----------
    opinion : ndarray of float32, shape (L,)
        Rising.
    median, bound : ndarray of float32, shape (L,)
        Logarithm of the NME that half and 90 % of the fits of this opinion stay below; rising.
    """

    opinion: Rows
    median: Rows
    bound: Rows

    def __call__(self, opinion: float) -> tuple[float, float]:
        """Return the median NME and its 90 % quantile."""
        return self._at(self.median, opinion), self._at(self.bound, opinion)

    def _at(self, levels: Rows, opinion: float) -> float:
        # Beyond the ends the distance to the opinion stays what it is there.
        inside = min(max(opinion, float(self.opinion[0])), float(self.opinion[-1]))
        level = float(np.interp(inside, self.opinion, levels)) + opinion - inside
        return float(np.exp(min(level, 3.0)))


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the judges of a model say about a fit; see the fields of `faceloop_runtime.Fit`."""

    score: float
    error: float
    bound: float
    visibility: NDArray[np.float64]
    features: Rows


def judge(model: FaceModel, signs: Signs) -> Verdict:
    """Judge a fit by what it looked like."""
    logit = model.validator.logit(signs.whole_face)
    features = quality_features(signs, logit)
    points, levels = model.point_judges, model.error_levels
    visibility = np.full(len(signs.points), np.nan)
    if points is None or levels is None:
        error, bound = math.exp(min(model.error_predictor(features), 3.0)), math.nan
    else:
        inputs = points.inputs(signs, logit)
        error, bound = levels(opinion(model.error_predictor, points, features, inputs))
        visibility = points.visibility(inputs)
    score = 1.0 / (1.0 + math.exp(-min(max(logit, -30.0), 30.0)))
    return Verdict(score, error, bound, visibility, features)


def opinion(predictor: ErrorPredictor, points: PointJudges, features: Rows, inputs: Rows) -> float:
    """Return the mean of what is thought of the whole fit and of its points: a log NME."""
    return 0.5 * (predictor(features) + points.log_error(inputs))
