"""Fitting a face model to one face in one picture."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from threadpoolctl import ThreadpoolController

from faceloop_runtime.detect.boxes import FaceBox
from faceloop_runtime.imaging.pictures import as_gray
from faceloop_runtime.pdm3d import HeadPose
from faceloop_runtime.quality.thresholds import POOR_ERROR
from faceloop_runtime.responses import make_backend
from faceloop_runtime.start.initialiser import Initialiser, box_pose
from faceloop_runtime.start_network import describe, frame_of_box

from .inputs import as_start
from .schedule import FROM_START, passes_from
from .start_choice import checked_choice, chosen_map
from .steps import SearchStart, assess, correct, search

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray
    from threadpoolctl import LibController

    from faceloop_runtime.geometry import Similarity
    from faceloop_runtime.model import FaceModel
    from faceloop_runtime.responses import ResponseBackend
    from faceloop_runtime.start_network import StartMap

    from .result import Fit, FitStart
    from .schedule import Pass


_LEAST_SCORE = 0.5
"""Of less likely faces the start network's turn is not believed."""


class Fitter:
    """Fits a model to faces.

    Parameters
    ----------
    model : FaceModel
        What to fit.
    backend : {"auto", "cpu", "gl"} or ResponseBackend
        Where responses are computed; ``auto`` takes OpenGL if a graphics device draws it. One
        that was made for the model's experts stays the caller's, to close.
    start : {"auto", "network", "eyes", "box"}
        Where a fit to a found face starts, see `START_CHOICES`.

    Raises
    ------
    FaceloopError
        If there is no such backend or start, or the model cannot start so.
    """

    def __init__(
        self, model: FaceModel, backend: str | ResponseBackend = "auto", start: str = "auto"
    ) -> None:
        self.model, self._choice = model, checked_choice(start, model)
        if isinstance(backend, str):
            backend = make_backend(backend, model.experts)
        self.backend = backend
        self._initialiser = Initialiser(model)

    def fit(self, image: NDArray[np.uint8], init: ArrayLike | FaceBox) -> Fit:
        """Fit the face at ``init``.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            Gray or RGB picture.
        init : FaceBox, or array_like of shape (N, 2) or (4,)
            Where the face is: what a `Detector` found, points (NaN where unknown, pixels of the
            image), or the box of an upright face ``(x, y, width, height)``.

        Raises
        ------
        FaceloopError
            If image or start have the wrong shape.
        """
        gray = as_gray(image)
        start = as_start(init, len(self.model.pdm))
        if isinstance(start, FaceBox):
            return self._fit_box(gray, start)
        at = SearchStart.at(self.model.pdm, *self.model.pdm.parameters(start))
        return self._fit_from(gray, at, FROM_START, "points")

    def _fit_box(self, gray: NDArray[np.uint8], box: FaceBox) -> Fit:
        """Fit from the start network, or else from where eyes and nose were found, or the box."""
        start = chosen_map(self._choice, self.model)
        if start is not None:
            return self._fit_in(gray, start, frame_of_box(box))
        if self._choice == "box":
            return self._fit_mean(gray, box_pose(self.model, box), "box")
        fit = self._fit_mean(gray, self._initialiser(gray, box), "eyes")
        if self._choice == "eyes" or fit.predicted_error <= POOR_ERROR:
            return fit
        plain = self._fit_mean(gray, box_pose(self.model, box), "box")
        return min(fit, plain, key=lambda f: f.predicted_error)

    def _fit_mean(self, gray: NDArray[np.uint8], pose: Similarity, start: FitStart) -> Fit:
        return self._fit_from(gray, SearchStart.at(self.model.pdm, pose), FROM_START, start)

    def fit_near(self, gray: NDArray[np.uint8], pose: Similarity) -> Fit:
        """Fit a face that is roughly at a pose, as from its box.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture.
        pose : Similarity
            Model frame to image.
        """
        start = chosen_map(self._choice, self.model)
        if start is None:
            return self.fit_pose(gray, pose)
        return self._fit_in(gray, start, start.frame(pose))

    def fit_pose(
        self,
        gray: NDArray[np.uint8],
        pose: Similarity,
        b: NDArray[np.float64] | None = None,
        passes: Sequence[Pass] = FROM_START,
    ) -> Fit:
        """Fit from a pose and shape parameters, as of the last frame.

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
        return self._fit_from(gray, SearchStart.at(self.model.pdm, pose, b), passes, "last frame")

    def fit_next(
        self, gray: NDArray[np.uint8], pose: Similarity, last: Fit, passes: Sequence[Pass]
    ) -> Fit:
        """Fit the face of the last frame again.

        Points that were hidden there have no say: their experts would hold on to something else.

        Parameters
        ----------
        gray : ndarray of uint8, shape (H, W)
            The picture.
        pose : Similarity
            Where it is now, roughly: model frame to image.
        last : Fit
            To the last frame.
        passes : sequence of Pass
            Scales and mean-shift schedule.
        """
        seen = None if self.model.point_predictor is None else last.visibility
        start = SearchStart.at(self.model.pdm, pose, last.b, seen)
        return self._fit_from(gray, start, passes, "last frame")

    def _fit_in(self, gray: NDArray[np.uint8], start: StartMap, frame: Similarity) -> Fit:
        """Fit from where the start network sees the face in the frame of a crop."""
        found = start(describe(gray, frame))
        at = SearchStart.of(self.model.pdm, found)
        return self._fit_from(gray, at, passes_from(found.error), "network")

    def _fit_from(
        self, gray: NDArray[np.uint8], at: SearchStart, passes: Sequence[Pass], start: FitStart
    ) -> Fit:
        # The matrices are small: a second BLAS thread takes as long to wake as they take.
        with _one_blas_thread():
            model = self.model
            found = search(model, self.backend, gray, at, passes)
            fit = assess(model, correct(model.pdm, model.regressor, found), start)
        return fit if model.shape3d is not None else self._with_seen_pose(gray, fit)

    def _with_seen_pose(self, gray: NDArray[np.uint8], fit: Fit) -> Fit:
        """Ask the start network how the head is turned, where the points do not tell it."""
        look = self.model.start_map
        if look is None:
            return fit
        seen = describe(gray, look.frame(fit.pose))
        if seen.score < _LEAST_SCORE:
            return fit
        pose = HeadPose(seen.yaw, seen.pitch, seen.roll, seen.turn_error)
        return replace(fit, head_pose=pose)


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
