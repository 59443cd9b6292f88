"""Fitting a face model to one face in one picture."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import ThreadpoolController

from faceloop_runtime.geometry import Similarity, as_complex, as_points
from faceloop_runtime.imaging.channels import CropChannels, channel_stack
from faceloop_runtime.imaging.crop import FaceImage
from faceloop_runtime.quality import (
    VALIDATOR_SCALE,
    FitFeatures,
    estimate_quality,
    point_features,
    whole_face_features,
)
from faceloop_runtime.regressor import cell_features, regression_features
from faceloop_runtime.responses import make_backend
from faceloop_runtime.responses.experts import SEARCH
from faceloop_runtime.start.initialiser import Initialiser, box_pose

from .inputs import as_gray, as_start
from .meanshift import (
    Evidence,
    ShapeState,
    landmark_weights,
    landmarks_last,
    look_nearby,
    settle,
    spread_and_offset,
)
from .result import Fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray
    from threadpoolctl import LibController

    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.responses import ResponseBackend

    Points = NDArray[np.float64]

PRIOR = 3.0
"""Assumed variance of a landmark's response, in pixels of the crop squared."""
_DOUBTFUL = 0.06
"""Fits from a box that expect a larger error than this are tried another way."""
_NEARBY = 2.0
"""Variance of the kernel that says how much of a response supports a point, in square pixels."""
_CONVERGED = 0.005
"""A fit has converged when the last update moved the points less than this, in IOD."""


@dataclass(frozen=True)
class Pass:
    """One evaluation of the responses, and the mean-shift updates made on it."""

    level: int
    variances: tuple[float, ...]


FROM_START = (
    Pass(0, (20.0, 10.0, 5.0)),
    Pass(0, (10.0, 5.0)),
    Pass(1, (20.0, 10.0, 5.0, 2.5)),
    Pass(2, (20.0, 10.0, 5.0, 2.5)),
)
"""From a rough start: twice at the coarsest scale, then once at each finer one. Once there would
be a fifth faster, and worse (MUCT, 300 training faces: NME .0256 against .0244)."""
FROM_CLOSE = (Pass(2, (20.0, 10.0, 5.0, 2.5)),)
"""From the last frame of a face that moves little: the finest scale only. Three updates would save
a fiftieth of the time for errors of .0349 instead of .0347 (Talking Face, all points)."""
FROM_NEAR = (Pass(1, (20.0, 10.0, 5.0)), Pass(2, (20.0, 10.0, 5.0, 2.5)))
"""From the last frame: the two finer scales."""


class Fitter:
    """Fits a model to faces.

    Parameters
    ----------
    model : FaceModel
        What to fit.
    backend : {"auto", "cpu", "gl"} or ResponseBackend
        Where responses are computed; ``auto`` takes OpenGL if a graphics device draws it. One
        that was made for the model's experts stays the caller's, to close.

    Raises
    ------
    FaceloopError
        If there is no such backend.
    """

    def __init__(self, model: FaceModel, backend: str | ResponseBackend = "auto") -> None:
        self.model = model
        if isinstance(backend, str):
            backend = make_backend(backend, model.experts)
        self.backend = backend
        self._initialiser = Initialiser(model)

    def fit(self, image: NDArray[np.uint8], init: ArrayLike) -> Fit:
        """Fit the face at ``init``.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            Gray or RGB picture.
        init : array_like, shape (N, 2) or (4,)
            Points to start from (NaN where unknown, pixels of the image), or a face box
            ``(x, y, width, height)``.

        Raises
        ------
        FaceloopError
            If image or start have the wrong shape.
        """
        gray = as_gray(image)
        start = as_start(init, len(self.model.pdm))
        if start.ndim == 1:
            return self._fit_box(gray, start)
        return self.fit_pose(gray, *self.model.pdm.parameters(start))

    def _fit_box(self, gray: NDArray[np.uint8], box: NDArray[np.float64]) -> Fit:
        """Fit from where eyes and nose were found, or, if that looks wrong, from the box."""
        fit = self.fit_pose(gray, self._initialiser(gray, box))
        if fit.predicted_error <= _DOUBTFUL:
            return fit
        plain = self.fit_pose(gray, box_pose(self.model, box))
        return min(fit, plain, key=lambda f: f.predicted_error)

    def fit_pose(
        self,
        gray: NDArray[np.uint8],
        pose: Similarity,
        b: NDArray[np.float64] | None = None,
        passes: Sequence[Pass] = FROM_START,
    ) -> Fit:
        """Fit from a pose and shape parameters.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture.
        pose : Similarity
            Model frame to image.
        b : ndarray, shape (K,), optional
            Shape parameters; the mean shape where absent.
        passes : sequence of Pass
            Scales and mean-shift schedule.
        """
        # The matrices are small: a second BLAS thread takes as long to wake as they take.
        with _one_blas_thread():
            run = FitRun(self.model, self.backend, gray, pose, b)
            run.search(passes)
            run.correct()
            return run.result()


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    """Limit BLAS; by hand, since threadpoolctl's own limits take as long as an update."""
    libraries = [(lib, lib.num_threads) for lib in _blas() if lib.num_threads != 1]
    for lib, _ in libraries:
        lib.set_num_threads(1)
    try:
        yield
    finally:
        for lib, count in libraries:
            lib.set_num_threads(count)


@cache
def _blas() -> list[LibController]:
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


class FitRun:
    """One fit under way: `search`, then `correct`, then `result`.

    The trainer stops between the steps, to learn the later ones from the earlier.
    """

    def __init__(
        self,
        model: FaceModel,
        backend: ResponseBackend,
        gray: NDArray[np.uint8],
        pose: Similarity,
        b: NDArray[np.float64] | None,
    ) -> None:
        self.model, self.backend = model, backend
        self.pose = pose
        self.b = np.zeros(len(model.pdm.variances)) if b is None else b
        self.face = FaceImage(gray, pose, model.extent, model.experts[-1].scale)
        self.iterations, self.last_step = 0, 0.0

    def search(self, passes: Sequence[Pass]) -> None:
        """Move pose and shape by mean-shift; look at the whole face where it ended."""
        for one in passes:
            self.last_step = self._pass(one)
            self.iterations += len(one.variances)
        size = self.model.crop_size(VALIDATOR_SCALE, 1)
        crop = self.face.crop(self.pose, VALIDATOR_SCALE, size)
        self.whole_face = whole_face_features(channel_stack(crop, self.model.channels))

    def regression_features(self) -> NDArray[np.float32]:
        """Describe the search's result for the regressor, shape (F,)."""
        middle = (self.channels.crop.shape[-1] - 1) / 2
        points = as_points(self._points_in_crop()) * self.evidence.scale + middle
        self.cells = cell_features(self.channels, points)
        return regression_features(self.cells, self.whole_face, self.b, self.model.pdm.variances)

    def correct(self) -> None:
        """Apply the learned correction to pose and shape."""
        step = self.model.regressor(self.regression_features())
        before = self._points_in_crop()
        turn = self.state.turn * (1 + step[0] + 1j * step[1])
        shift = self.state.shift + self.state.turn * (step[2] + 1j * step[3])
        self._take(ShapeState(turn, shift, self.b + step[4:]))
        self.corrections = np.abs(self._points_in_crop() - before)

    def features(self, typical: NDArray[np.float32] | None) -> FitFeatures:
        """Describe the fit, for the models of its quality.

        Parameters
        ----------
        typical : ndarray of float32, shape (N, D), or None
            How the surroundings of each landmark usually look.
        """
        points, model = self._points_in_crop(), self.model
        mass, pull = look_nearby(self.evidence, points, _NEARBY)
        self.support = np.minimum(mass, 1.0, dtype=np.float64)
        spread, offset = spread_and_offset(self.evidence, points)
        if typical is None:
            typicality = np.zeros(len(points), np.float32)
        else:
            typicality = np.einsum("nd,nd->n", self.cells, typical)
        return FitFeatures(
            whole_face=self.whole_face,
            points=point_features(
                peaks=landmarks_last(self.responses).max(axis=0),
                support=self.support,
                typicality=typicality,
                correction=self.corrections,
                spread=spread,
                offset=offset,
                pull=pull,
            ),
            z=self.b / np.sqrt(model.pdm.variances),
            displacement=model.pdm.shape(self.b) - model.pdm.mean,
            correction=float(self.corrections.mean()),
        )

    def result(self) -> Fit:
        """Estimate the fit's quality and return it."""
        model, points = self.model, self.model.point_predictor
        quality = estimate_quality(
            self.features(None if points is None else points.typical),
            model.validator,
            model.error_predictor,
            points,
            model.error_calibration,
        )
        return Fit(
            points=self.pose.apply(self.model.pdm.shape(self.b)),
            confidence=self.support,
            score=quality.score,
            predicted_error=quality.error,
            error_bound=quality.bound,
            visibility=quality.visibility,
            converged=self.last_step < _CONVERGED,
            iterations=self.iterations,
            pose=self.pose,
            b=self.b,
            features=quality.features,
        )

    def _pass(self, one: Pass) -> float:
        model, experts = self.model, self.model.experts[one.level]
        size = model.crop_size(experts.scale, experts.patch)
        crop = self.face.crop(self.pose, experts.scale, size)
        self.channels = CropChannels(crop, model.channels)
        middle = (size - 1) / 2
        wanted = np.rint(model.pdm.shape(self.b) * experts.scale + middle).astype(np.intp)
        border = (SEARCH + experts.patch) // 2
        centres = np.minimum(np.maximum(wanted, border), size - 1 - border)
        self.responses = self.backend.responses(one.level, self.channels, centres)
        maps = experts.probabilities(self.responses)
        self.evidence = Evidence(
            maps=maps,
            centres=as_complex((centres - middle) / experts.scale),
            scale=experts.scale,
            weights=landmark_weights(maps, experts.reliability),
        )
        state, step = settle(
            model.pdm, self.evidence, ShapeState(1 + 0j, 0j, self.b), one.variances, PRIOR
        )
        self.crop_pose, self.state = self.pose, state
        self._take(state)
        return step

    def _take(self, state: ShapeState) -> None:
        move = Similarity(state.turn.real, state.turn.imag, state.shift.real, state.shift.imag)
        self.state, self.b = state, state.b
        self.pose = self.crop_pose.after(move)

    def _points_in_crop(self) -> NDArray[np.complex128]:
        shape = as_complex(self.model.pdm.shape(self.b))
        return np.asarray(self.state.turn * shape + self.state.shift)
