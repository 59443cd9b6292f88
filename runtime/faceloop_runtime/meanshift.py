"""Regularised landmark mean-shift on a set of probability maps.

Saragih, Lucey & Cohn, "Deformable model fitting by regularized landmark mean-shift",
IJCV 2011. Points are complex numbers here: a similarity is then a product and a sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from .experts import SEARCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .pdm import PointDistributionModel

    Floats = NDArray[np.float64]

_OFFSETS = np.arange(SEARCH, dtype=np.float64) - SEARCH // 2
_AXIS = np.stack([np.ones(SEARCH), _OFFSETS], axis=1)
_LIMIT = 3.0
"""Shape parameters stay within this many standard deviations."""


@dataclass(frozen=True, eq=False)
class ShapeState:
    """A shape in the frame of a crop, in units of IOD.

    The shape is ``turn * (mean + V b) + shift``, read as complex numbers.
    """

    turn: complex
    shift: complex
    b: Floats


@dataclass(frozen=True, eq=False)
class Evidence:
    """What the responses of one crop say.

    Parameters
    ----------
    maps : ndarray, shape (N, S, S)
        Probability of each place of the search window.
    centres : ndarray of complex, shape (N,)
        Middle of the windows, in the crop's frame, in units of IOD.
    scale : float
        Pixels of the crop per IOD.
    weights : ndarray, shape (N,)
        Weight of each landmark.
    """

    maps: NDArray[np.float32]
    centres: NDArray[np.complex128]
    scale: float
    weights: Floats


def landmark_weights(maps: NDArray[np.float32], reliability: NDArray[np.float32]) -> Floats:
    """Weigh landmarks by how sharply their response points somewhere.

    The weight is the inverse variance of the response map, with a floor of one pixel
    (Baltrusaitis, Robinson & Morency, ICCV-W 2013, use a learned constant instead), scaled
    to a mean of 1.
    """
    columns, rows = maps.sum(axis=1), maps.sum(axis=2)
    spread = (columns + rows) @ _OFFSETS**2 - (columns @ _OFFSETS) ** 2 - (rows @ _OFFSETS) ** 2
    weights = reliability / (0.5 * spread + 1.0)
    total = float(weights.mean())
    return np.asarray(weights / total if total > 0 else weights, dtype=np.float64)


def mean_shift(evidence: Evidence, points: NDArray[np.complex128], variance: float) -> Floats:
    """Return the mean-shift vectors of all landmarks (Saragih et al., eq. 17).

    Parameters
    ----------
    evidence : Evidence
        The probability maps.
    points : ndarray of complex, shape (N,)
        Current points in the crop's frame, in units of IOD.
    variance : float
        Variance of the Gaussian kernel, in pixels of the crop squared.

    Returns
    -------
    ndarray of complex, shape (N,)
        Step of each point, in units of IOD.
    """
    offset = (points - evidence.centres) * evidence.scale
    kx = np.exp(-((_OFFSETS - offset.real[:, None]) ** 2) / (2 * variance))
    ky = np.exp(-((_OFFSETS - offset.imag[:, None]) ** 2) / (2 * variance))
    # moments[n] = [[sum, sum x], [sum y, sum xy]] of kernel x map.
    moments = (ky[:, :, None] * _AXIS).transpose(0, 2, 1) @ (
        evidence.maps @ (kx[:, :, None] * _AXIS)
    )
    mass = moments[:, 0, 0] + 1e-12
    target = (moments[:, 0, 1] + 1j * moments[:, 1, 0]) / mass
    return np.asarray((target - offset) / evidence.scale)


def settle(
    pdm: PointDistributionModel,
    evidence: Evidence,
    start: ShapeState,
    variances: Sequence[float],
    prior: float,
) -> tuple[ShapeState, float]:
    """Move a shape to where evidence and prior agree.

    Each update solves the regularised least squares of Saragih et al., eq. 16, for pose and
    shape together. The system's matrix is factored once: it changes with the shape's tangent
    only, and hardly within one crop.

    Parameters
    ----------
    pdm : PointDistributionModel
        The shape model.
    evidence : Evidence
        Responses of one crop.
    start : ShapeState
        Where to start.
    variances : sequence of float
        Kernel variance of each update, in pixels of the crop squared.
    prior : float
        Assumed variance of a landmark's response, in pixels of the crop squared: the larger,
        the more the shape prior counts.

    Returns
    -------
    state : ShapeState
        The new shape.
    step : float
        Mean movement of a point in the last update, in units of IOD.
    """
    system = _System(pdm, evidence, start, prior)
    state, step = start, 0.0
    for variance in variances:
        state, step = system.update(state, variance)
    return state, step


class _System:
    def __init__(
        self,
        pdm: PointDistributionModel,
        evidence: Evidence,
        start: ShapeState,
        prior: float,
    ) -> None:
        self.evidence = evidence
        self.mean = as_complex(pdm.mean)
        self.modes = pdm.components[:, 0::2] + 1j * pdm.components[:, 1::2]
        self.limit = _LIMIT * np.sqrt(pdm.variances)
        self.penalty = np.zeros(4 + len(pdm.variances))
        self.penalty[4:] = prior / evidence.scale**2 / pdm.variances
        base = self.mean + start.b @ self.modes
        one = np.ones_like(base)
        self.tangent = np.concatenate([[base, 1j * base, one, 1j * one], self.modes])
        self.weighted = self.tangent.conj() * evidence.weights
        normal = (self.weighted @ self.tangent.T).real
        # A shape without any trusted landmark leaves the pose undetermined: it then stays.
        normal[np.diag_indices_from(normal)] += self.penalty + 1e-9
        self.factor = cho_factor(normal, check_finite=False, overwrite_a=True)

    def update(self, state: ShapeState, variance: float) -> tuple[ShapeState, float]:
        points = state.turn * (self.mean + state.b @ self.modes) + state.shift
        shift = mean_shift(self.evidence, points, variance) / state.turn
        right = (self.weighted @ shift).real
        right[4:] -= self.penalty[4:] * state.b
        step = cho_solve(self.factor, right, check_finite=False)
        moved = step @ self.tangent
        return (
            ShapeState(
                turn=state.turn * (1 + step[0] + 1j * step[1]),
                shift=state.shift + state.turn * (step[2] + 1j * step[3]),
                b=np.clip(state.b + step[4:], -self.limit, self.limit),
            ),
            float(np.abs(moved).mean()),
        )


def as_complex(points: Floats) -> NDArray[np.complex128]:
    """Read points (N, 2) as complex numbers (N,)."""
    return np.asarray(points[:, 0] + 1j * points[:, 1])


def as_points(numbers: NDArray[np.complex128]) -> Floats:
    """Read complex numbers (N,) as points (N, 2)."""
    return np.stack([numbers.real, numbers.imag], axis=1)
