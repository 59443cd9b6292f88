"""Regularised landmark mean-shift on a set of probability maps.

Saragih, Lucey & Cohn, "Deformable model fitting by regularized landmark mean-shift",
IJCV 2011. Points are complex numbers here: a similarity is then a product and a sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from faceloop_runtime.geometry import as_complex, as_points
from faceloop_runtime.pdm.gaussian import prior_penalty
from faceloop_runtime.responses.experts import SEARCH, search_kernel

from . import kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.pdm import PointDistributionModel

    Floats = NDArray[np.float64]
    Maps = NDArray[np.float32]

_OFFSETS = np.arange(SEARCH, dtype=np.float32) - SEARCH // 2
_X, _Y = np.tile(_OFFSETS, SEARCH), np.repeat(_OFFSETS, SEARCH)
_MOMENTS = np.stack([np.ones_like(_X), _X, _Y, _X**2 + _Y**2])
"""Weights of the places of a window: mass, x, y and squared distance from the middle."""
_POSE_DEVIATION = 0.1
"""How far the pose of few points usually is from that of their crop, in IOD, radians, and relative
size (one standard deviation). Some hundred landmarks hold the pose by themselves, three do not. Of
sample people unknown to a model of 150 faces, errors of 3 points are .022 with it and .025 without,
of 5 .0187 and .0194."""
_LIMIT = 3.0
"""Shape parameters stay within this many standard deviations."""


@dataclass(frozen=True, eq=False)
class ShapeState:
    """A shape in the frame of a crop, in units of IOD.

    The shape is ``turn * (mean + V b) + shift``, its points read as complex numbers x + iy.

    Parameters
    ----------
    turn : complex
        Rotation and scale.
    shift : complex
        Translation.
    b : ndarray, shape (K,)
        Shape parameters.
    """

    turn: complex
    shift: complex
    b: Floats


@dataclass(frozen=True, eq=False)
class ShapePrior:
    """A normal distribution of the shape parameters: what is expected before a search.

    Parameters
    ----------
    mean : ndarray, shape (K,)
    variances : ndarray, shape (K,)
    precision : ndarray, shape (K, K)
        Inverse correlation, as `PointDistributionModel.fit_precision`: the identity where the
        parameters are independent and each is regularised as learned.
    """

    mean: Floats
    variances: Floats
    precision: Floats

    @classmethod
    def of(cls, pdm: PointDistributionModel) -> ShapePrior:
        """Expect what the shape model does, knowing nothing of the face."""
        return cls(np.zeros(len(pdm.variances)), pdm.variances, pdm.fit_precision)

    def penalty(self, noise: float) -> Floats:
        """Return what it adds to normal equations with this noise of a coordinate, (K, K)."""
        return prior_penalty(self.precision, self.variances, noise)


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


def landmark_weights(maps: Maps, reliability: NDArray[np.float32]) -> Floats:
    """Weigh landmarks by how sharply their response points somewhere.

    The weight is the inverse variance of the response map, with a floor of one pixel
    (Baltrusaitis, Robinson & Morency, ICCV-W 2013, use a learned constant instead), scaled
    to a mean of 1.

    Parameters
    ----------
    maps : ndarray of float32, shape (N, S, S)
        Probability maps.
    reliability : ndarray of float32, shape (N,)
        Factor of each weight, as in `PatchExperts`.

    Returns
    -------
    ndarray, shape (N,)
    """
    function = search_kernel("landmark_weights", "aana")
    if function is not None:
        found = np.empty(len(reliability))
        last = np.ascontiguousarray(landmarks_last(maps))
        function(last, np.ascontiguousarray(reliability, np.float32), len(found), found)
        return found
    weights = reliability / (_spread(maps)[2] + 1.0)
    total = float(weights.mean())
    return np.asarray(weights / total if total > 0 else weights, dtype=np.float64)


def mean_shift(
    maps: Maps, offset: NDArray[np.complex128], variance: float
) -> NDArray[np.complex128]:
    """Return the mean-shift vectors of all landmarks (Saragih et al., eq. 17).

    Parameters
    ----------
    maps : ndarray of float32, shape (N, S, S)
        Probability of each place of the search windows.
    offset : ndarray of complex, shape (N,)
        Current points from the middles of their windows, in pixels of the crop.
    variance : float
        Variance of the Gaussian kernel, in pixels of the crop squared.

    Returns
    -------
    ndarray of complex, shape (N,)
        Step of each point, in pixels of the crop.
    """
    return _shift(_kernel_moments(maps, offset, variance), offset)


def _shift(sums: Maps, offset: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Mean-shift vectors in pixels, by the sums of `_kernel_moments`."""
    target = sums[1:] / (sums[0] + np.float32(1e-12))
    return as_complex(np.subtract(target.T, as_points(offset), order="C"))


def _spread(maps: Maps) -> tuple[Maps, Maps, Maps]:
    """Mean of each map from its middle, x and y, and variance along an axis; each (N,), pixels."""
    x, y, squares = _MOMENTS[1:] @ landmarks_last(maps)
    return x, y, 0.5 * (squares - x * x - y * y)


def local_support(
    evidence: Evidence, points: NDArray[np.complex128], variance: float
) -> tuple[Maps, Floats]:
    """Say how much of each landmark's probability lies near its point, and where.

    See `mean_shift`; the kernel is 1 in its middle.

    Returns
    -------
    mass : ndarray, shape (N,)
        Probability under the kernel.
    pull : ndarray, shape (N,)
        Length of the mean-shift vector, in pixels.
    """
    offset = (points - evidence.centres) * evidence.scale
    sums = _kernel_moments(evidence.maps, offset, variance)
    return sums[0], np.abs(_shift(sums, offset))


def spread_and_offset(
    evidence: Evidence, points: NDArray[np.complex128]
) -> tuple[Maps, NDArray[np.float64]]:
    """Return the variance of each response along an axis, and how far its mean is off its point.

    Both of shape (N,), in pixels squared and in pixels.
    """
    x, y, variance = _spread(evidence.maps)
    offset = (points - evidence.centres) * evidence.scale
    return variance, np.hypot(x - offset.real, y - offset.imag)


def _kernel_moments(maps: Maps, offset: NDArray[np.complex128], variance: float) -> Maps:
    """Sum kernel x map over each window: mass, x and y, shape (3, N).

    The kernel is separable: 2 S exponentials a landmark, not S x S.
    """
    kernel = _OFFSETS[:, None] - as_points(offset).T.astype(np.float32)[:, None]
    kernel *= kernel
    kernel *= -0.5 / variance
    np.exp(kernel, out=kernel)
    seen = maps.transpose(1, 2, 0) * kernel[0]
    seen *= kernel[1][:, None]
    sums: Maps = _MOMENTS[:3] @ seen.reshape(SEARCH * SEARCH, -1)
    return sums


def landmarks_last(maps: Maps) -> Maps:
    """View maps (N, S, S) as (S * S, N); they are copied if they do not lie in memory like this."""
    return maps.transpose(1, 2, 0).reshape(SEARCH * SEARCH, -1)


def regularised_mean_shift(
    pdm: PointDistributionModel,
    evidence: Evidence,
    start: ShapeState,
    variances: Sequence[float],
    *,
    noise: float,
    prior: ShapePrior | None = None,
) -> tuple[ShapeState, float]:
    """Move a shape to where responses and prior agree: regularised landmark mean-shift (RLMS).

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
    noise : float
        Assumed variance of a landmark's response, in pixels of the crop squared: the larger,
        the more the prior counts.
    prior : ShapePrior, optional
        What is expected of the shape; by default what the shape model does.

    Returns
    -------
    state : ShapeState
        The new shape.
    step : float
        Mean movement of a point in the last update, in units of IOD.
    """
    if not variances:
        return start, 0.0
    prior = prior or ShapePrior.of(pdm)
    function = search_kernel("mean_shift", kernel.ARGUMENTS)
    if function is not None:
        numbers = np.empty(4 + len(start.b))
        numbers[0], numbers[1] = start.turn.real, start.turn.imag
        numbers[2], numbers[3] = start.shift.real, start.shift.imag
        numbers[4:] = start.b
        moved = kernel.regularised_mean_shift(
            function,
            pdm,
            numbers,
            variances,
            evidence=(
                landmarks_last(evidence.maps),
                evidence.centres,
                evidence.weights,
                evidence.scale,
            ),
            prior=(prior.mean, prior.variances, prior.precision),
            noise=noise / evidence.scale**2,
            pose_penalty=_pose_penalty(pdm, evidence, noise),
            limit=_LIMIT,
        )
        turn, shift = numbers[:4].view(np.complex128).tolist()
        return ShapeState(turn, shift, numbers[4:]), moved
    system = _System(pdm, evidence, start, noise, prior)
    state, step = start, np.zeros(len(system.tangent))
    for variance in variances:
        state, step = system.update(state, variance)
    steps = (step @ system.tangent).view(np.complex128)
    return state, float(np.abs(steps).mean())


def _pose_penalty(pdm: PointDistributionModel, evidence: Evidence, noise: float) -> float:
    """Return what is added to the normal equations of the pose."""
    return noise / (evidence.scale * _POSE_DEVIATION) ** 2 if pdm.context else 0.0


class _System:
    """The regularised least squares of one crop.

    Points and what is added to them are read here as ``x0, y0, x1, y1, ...``.
    """

    def __init__(
        self,
        pdm: PointDistributionModel,
        evidence: Evidence,
        start: ShapeState,
        noise: float,
        prior: ShapePrior,
    ) -> None:
        self.pdm, self.maps, self.scale = pdm, evidence.maps, evidence.scale
        self.middles = evidence.centres * evidence.scale
        self.limit = _LIMIT * np.sqrt(pdm.variances)
        self.expected = prior.mean
        self.penalty = prior.penalty(noise / evidence.scale**2)
        self.tangent = pdm.tangent(start.b)
        self.weighted = self.tangent * np.repeat(evidence.weights, 2)
        normal = self.weighted @ self.tangent.T
        # A shape without any trusted landmark leaves the pose undetermined: it then stays.
        diagonal = np.einsum("ii->i", normal)
        diagonal += 1e-9
        normal[4:, 4:] += self.penalty
        self.pose_penalty = _pose_penalty(pdm, evidence, noise)
        diagonal[:4] += self.pose_penalty
        # LAPACK by its names: SciPy's wrappers take longer than a matrix of this size.
        self.factor, failed = dpotrf(normal.T, overwrite_a=True)
        if failed:
            raise np.linalg.LinAlgError("The fit's normal equations are not positive definite.")

    def update(self, state: ShapeState, variance: float) -> tuple[ShapeState, Floats]:
        pixels = state.turn * self.scale
        offset = as_complex(self.pdm.shape(state.b)) * pixels
        offset += state.shift * self.scale
        offset -= self.middles
        shift = mean_shift(self.maps, offset, variance) / pixels
        right = self.weighted @ shift.view(np.float64)
        right[4:] -= self.penalty @ (state.b - self.expected)
        if self.pose_penalty:
            turn, aside = state.turn - 1, state.shift
            off = np.array([turn.real, turn.imag, aside.real, aside.imag])
            right[:4] -= self.pose_penalty * off
        step, _ = dpotrs(self.factor, right)
        moved = ShapeState(
            turn=state.turn * complex(1 + step[0], step[1]),
            shift=state.shift + state.turn * complex(step[2], step[3]),
            b=np.minimum(np.maximum(state.b + step[4:], -self.limit), self.limit),
        )
        return moved, step
