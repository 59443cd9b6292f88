"""The steps of a fit, each a function of what the last one found: search, correct, assess.

The trainer stops between the steps, to learn the later ones from the earlier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.expressions import log_distances
from faceloop_runtime.geometry import Similarity, as_complex, as_points
from faceloop_runtime.imaging.channels import CropChannels
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.pdm3d import head_pose
from faceloop_runtime.quality import FitFeatures, estimate_quality, point_features
from faceloop_runtime.quality.features import compiled_point_features
from faceloop_runtime.quality.validator import VALIDATOR_SCALE, whole_face
from faceloop_runtime.regressor import cell_features
from faceloop_runtime.responses.experts import SEARCH

from .meanshift import (
    Evidence,
    ShapePrior,
    ShapeState,
    landmark_weights,
    landmarks_last,
    local_support,
    regularised_mean_shift,
    spread_and_offset,
)
from .result import Fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_runtime.regressor import ShapeRegressor
    from faceloop_runtime.responses import ResponseBackend
    from faceloop_runtime.start_network.start_map import Start

    from .result import FitStart
    from .schedule import Pass

    Floats = NDArray[np.float64]
    Rows = NDArray[np.float32]

NOISE = 3.0
"""Assumed variance of a landmark's response, in pixels of the crop squared."""
_REACH = 0.8
"""How far a search may take a face, in usual errors of its start. Measured on faces in the wild,
which a search leads astray more often than rendered ones: failures of AFW 4.7 % instead of 6.4, of
rendered faces beyond 60 degrees of yaw 0 instead of 5.3; nothing changes on MUCT."""
_NEARBY = 2.0
"""Variance of the kernel that says how much of a response supports a point, in square pixels."""
_CONVERGED = 0.005
"""A fit has converged when the last update moved the points less than this, in IOD."""


@dataclass(frozen=True, eq=False)
class SearchStart:
    """Where a search starts, and what is expected of the face.

    Parameters
    ----------
    pose : Similarity
        From the model frame to the image.
    b : ndarray, shape (K,)
        Shape parameters.
    prior : ShapePrior
        What is expected of the shape.
    visibility : ndarray, shape (N,), or None
        How likely each landmark is seen, 0 to 1: one that is hidden has no say. None: all are.
    reach : float
        How far the search may take the points on the average, in IOD: one that goes much further
        than a start usually is from the truth has been led astray.
    """

    pose: Similarity
    b: Floats
    prior: ShapePrior
    visibility: Floats | None = None
    reach: float = np.inf

    @classmethod
    def at(
        cls,
        pdm: PointDistributionModel,
        pose: Similarity,
        b: Floats | None = None,
        visibility: Floats | None = None,
    ) -> SearchStart:
        """Start at a pose and a shape, the mean shape if absent, expecting what the model does."""
        prior = ShapePrior.of(pdm)
        return cls(pose, prior.mean if b is None else b, prior, visibility)

    @classmethod
    def of(cls, pdm: PointDistributionModel, start: Start) -> SearchStart:
        """Start where the start network and a `StartMap` have a face, expecting what they do.

        Their errors are taken to correlate as the parameters of faces do.
        """
        prior = ShapePrior(start.b, start.spread**2, pdm.fit_precision)
        return cls(start.pose, start.b, prior, start.visibility, _REACH * start.error)


@dataclass(frozen=True, eq=False)
class CropSearch:
    """Where mean-shift went on one crop.

    Parameters
    ----------
    crop_pose : Similarity
        From the model frame to the image, as the crop was cut.
    channels : CropChannels
        Channels of the crop.
    responses : ndarray of float32, shape (N, S, S)
        Of the search windows.
    evidence : Evidence
        The same as probabilities.
    state : ShapeState
        Where the shape went, in the frame of the crop.
    step : float
        Mean movement of a point in the last update, in IOD.
    """

    crop_pose: Similarity
    channels: CropChannels
    responses: Rows
    evidence: Evidence
    state: ShapeState
    step: float

    def pose(self, state: ShapeState) -> Similarity:
        """Return the pose, from the model frame to the image, of a shape in this crop."""
        turn, shift = state.turn, state.shift
        return self.crop_pose.after(Similarity(turn.real, turn.imag, shift.real, shift.imag))


@dataclass(frozen=True, eq=False)
class SearchResult:
    """Where the search ended.

    Parameters
    ----------
    last : CropSearch
        On the last crop.
    pose : Similarity
        From the model frame to the image.
    b : ndarray, shape (K,)
        Shape parameters.
    whole_face : ndarray of float32, shape (W,)
        Pooled channels of a coarse crop there.
    iterations : int
        Mean-shift updates made.
    """

    last: CropSearch
    pose: Similarity
    b: Floats
    whole_face: Rows
    iterations: int


@dataclass(frozen=True, eq=False)
class CorrectedFit:
    """Where the learned correction took what the search had found.

    Parameters
    ----------
    found : SearchResult
        What was corrected.
    pose : Similarity
        From the model frame to the image.
    b : ndarray, shape (K,)
        Shape parameters.
    points : ndarray of complex, shape (N,)
        In the last crop's frame, in IOD.
    cells : ndarray of float32, shape (N, D)
        Surroundings of the landmarks where the search had ended.
    movements : ndarray, shape (N,)
        How far the correction moved each point, in IOD.
    """

    found: SearchResult
    pose: Similarity
    b: Floats
    points: NDArray[np.complex128]
    cells: Rows
    movements: Floats


def search(
    model: FaceModel,
    backend: ResponseBackend,
    gray: NDArray[np.uint8],
    start: SearchStart,
    passes: Sequence[Pass],
) -> SearchResult:
    """Move pose and shape by mean-shift; look at the whole face where it ended.

    Parameters
    ----------
    model : FaceModel
        What to search.
    backend : ResponseBackend
        Computes the responses of its experts.
    gray : ndarray of uint8, shape (H, W)
        The picture.
    start : SearchStart
        Where to start.
    passes : sequence of Pass
        Scales and mean-shift schedule; one at least.
    """
    face = FaceImage(gray, start.pose, model.extent, model.experts[-1].scale)
    last = _search_crop(model, backend, face, passes[0], start)
    for one in passes[1:]:
        at = replace(start, pose=last.pose(last.state), b=last.state.b)
        last = _search_crop(model, backend, face, one, at)
    if start.reach != np.inf:
        last = replace(last, state=_within_reach(model.pdm, start, last))
    pose, b = last.pose(last.state), last.state.b
    size = model.crop_size(VALIDATOR_SCALE, 1)
    coarse = face.crop(pose, VALIDATOR_SCALE, size)
    seen = whole_face(coarse, model.channels)
    return SearchResult(last, pose, b, seen, sum(len(one.variances) for one in passes))


def surroundings(pdm: PointDistributionModel, found: SearchResult) -> Rows:
    """Describe the surroundings of the landmarks where a search ended, (N, D)."""
    return _surroundings(found.last, _points_in_crop(pdm, found.last.state))


def correct(
    pdm: PointDistributionModel, regressor: ShapeRegressor, found: SearchResult
) -> CorrectedFit:
    """Apply the learned correction to pose and shape."""
    last, state = found.last, found.last.state
    before = _points_in_crop(pdm, state)
    cells = _surroundings(last, before)
    step = regressor.correction(cells, found.whole_face, found.b, pdm.deviations)
    grown, turned, x, y = step[:4].tolist()
    turn = state.turn * complex(1 + grown, turned)
    shift = state.shift + state.turn * complex(x, y)
    moved = ShapeState(turn, shift, found.b + step[4:])
    points = _points_in_crop(pdm, moved)
    movements = np.abs(points - before)
    return CorrectedFit(found, last.pose(moved), moved.b, points, cells, movements)


def describe(
    pdm: PointDistributionModel, fit: CorrectedFit, typical: Rows | None
) -> tuple[FitFeatures, Floats]:
    """Describe a fit, for the models of its quality.

    Parameters
    ----------
    pdm : PointDistributionModel
        Of the model that was fitted.
    fit : CorrectedFit
        The fit.
    typical : ndarray of float32, shape (N, D), or None
        How the surroundings of each landmark usually look.

    Returns
    -------
    features : FitFeatures
        What it looked like.
    support : ndarray, shape (N,)
        How much of each response lies at its point, 0 to 1.
    """
    compiled = _compiled_points(fit, typical)
    by_point, support = _points(fit, typical) if compiled is None else compiled
    features = FitFeatures(
        whole_face=fit.found.whole_face,
        points=by_point,
        z=fit.b / pdm.deviations,
        displacement=pdm.displacement(fit.b),
        correction=float(fit.movements.mean()),
    )
    return features, support


def _points(fit: CorrectedFit, typical: Rows | None) -> tuple[Rows, Floats]:
    """Return the features of each point, and how much of its response lies there."""
    last, points = fit.found.last, fit.points
    mass, pull = local_support(last.evidence, points, _NEARBY)
    support = np.minimum(mass, 1.0, dtype=np.float64)
    spread, offset = spread_and_offset(last.evidence, points)
    if typical is None:
        typicality = np.zeros(len(points), np.float32)
    else:
        typicality = np.einsum("nd,nd->n", fit.cells, typical)
    by_point = point_features(
        peaks=landmarks_last(last.responses).max(axis=0),
        support=support,
        typicality=typicality,
        correction=fit.movements,
        spread=spread,
        offset=offset,
        pull=pull,
    )
    return by_point, support


def _compiled_points(fit: CorrectedFit, typical: Rows | None) -> tuple[Rows, Floats] | None:
    """Return the same by the kernel, None if there is none."""
    last = fit.found.last
    return compiled_point_features(
        maps=landmarks_last(last.evidence.maps),
        responses=landmarks_last(last.responses),
        offsets=(fit.points - last.evidence.centres) * last.evidence.scale,
        variance=_NEARBY,
        cells=fit.cells,
        typical=typical,
        correction=fit.movements,
    )


def assess(model: FaceModel, fit: CorrectedFit, start: FitStart) -> Fit:
    """Estimate the quality of a fit that started somewhere; return all that is known of it."""
    points = model.point_predictor
    features, support = describe(model.pdm, fit, None if points is None else points.typical)
    quality = estimate_quality(
        features, model.validator, model.error_predictor, points, model.error_calibration
    )
    placed = fit.pose.apply(model.pdm.shape(fit.b))
    return Fit(
        points=placed,
        confidence=support,
        score=quality.score,
        predicted_error=quality.error,
        error_bound=quality.bound,
        visibility=quality.visibility,
        converged=fit.found.last.step < _CONVERGED,
        iterations=fit.found.iterations,
        pose=fit.pose,
        b=fit.b,
        features=quality.features,
        start=start,
        head_pose=None
        if model.shape3d is None
        else head_pose(model.shape3d, model.pose_correction, placed, quality.error),
        expressions=_expressions(model, fit.found, fit.cells),
    )


def _expressions(model: FaceModel, found: SearchResult, cells: Rows) -> dict[str, float] | None:
    """Say what a face expresses by the shape that was found; None of a model that cannot.

    Before it was corrected: the classifier is trained on out-of-fold searches, for which that is
    known without further work, and it tells expressions apart as well.
    """
    if model.expressions is None:
        return None
    shape = model.pdm.shape(found.b)
    shares = model.expressions(log_distances(shape, model.expression_pairs), cells)
    return dict(zip(model.expression_names, shares.tolist(), strict=True))


def _within_reach(pdm: PointDistributionModel, start: SearchStart, found: CropSearch) -> ShapeState:
    """Return where a search went, or, if that is too far from its start, part of the way."""
    state = found.state
    at = found.crop_pose.inverse().after(start.pose)
    first = ShapeState(complex(at.a, at.b), complex(at.tx, at.ty), start.b)
    away = np.abs(_points_in_crop(pdm, state) - _points_in_crop(pdm, first)).mean()
    share = min(1.0, start.reach / max(float(away), 1e-9))
    return ShapeState(
        first.turn + share * (state.turn - first.turn),
        first.shift + share * (state.shift - first.shift),
        first.b + share * (state.b - first.b),
    )


def _search_crop(
    model: FaceModel,
    backend: ResponseBackend,
    face: FaceImage,
    one: Pass,
    at: SearchStart,
) -> CropSearch:
    experts = model.experts[one.level]
    size = model.crop_size(experts.scale, experts.patch)
    crop = face.crop(at.pose, experts.scale, size)
    channels = CropChannels(crop, model.channels)
    middle = (size - 1) / 2
    wanted = np.rint(model.pdm.shape(at.b) * experts.scale + middle).astype(np.intp)
    border = (SEARCH + experts.patch) // 2
    centres = np.minimum(np.maximum(wanted, border), size - 1 - border)
    responses = backend.responses(one.level, channels, centres)
    maps = experts.probabilities(responses)
    trust = experts.reliability
    if at.visibility is not None:
        trust = trust * at.visibility.astype(np.float32)
    evidence = Evidence(
        maps=maps,
        centres=as_complex((centres - middle) / experts.scale),
        scale=experts.scale,
        weights=landmark_weights(maps, trust),
    )
    start = ShapeState(1 + 0j, 0j, at.b)
    state, step = regularised_mean_shift(
        model.pdm, evidence, start, one.variances, noise=NOISE, prior=at.prior
    )
    return CropSearch(at.pose, channels, responses, evidence, state, step)


def _points_in_crop(pdm: PointDistributionModel, state: ShapeState) -> NDArray[np.complex128]:
    return np.asarray(state.turn * as_complex(pdm.shape(state.b)) + state.shift)


def _surroundings(last: CropSearch, points: NDArray[np.complex128]) -> Rows:
    middle = (last.channels.crop.shape[-1] - 1) / 2
    return cell_features(last.channels, as_points(points) * last.evidence.scale + middle)
