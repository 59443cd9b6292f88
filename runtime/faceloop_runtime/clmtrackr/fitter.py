"""Fitting a clmtrackr model to one face in one picture."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import InputError
from faceloop_runtime.detect.boxes import FaceBox
from faceloop_runtime.fit.inputs import as_start
from faceloop_runtime.fit.result import Fit
from faceloop_runtime.fit.schedule import FROM_START
from faceloop_runtime.fit.start_choice import known_choice
from faceloop_runtime.geometry import Similarity
from faceloop_runtime.imaging.pictures import as_gray
from faceloop_runtime.model import FaceModel
from faceloop_runtime.start.initialiser import Initialiser

from .canvas import Canvas
from .iteration import ClmtrackrState, iterate
from .responses import make_responses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from faceloop_runtime.fit.result import FitStart
    from faceloop_runtime.fit.schedule import Pass

    from .model import ClmtrackrModel

    Points = NDArray[np.float64]

_ITERATIONS_PER_UPDATE = 3
"""Iterations, at most, for one mean-shift update that a model of ours would make. Each of these has
three updates, but a window of one scale only."""
_CONVERGED = 0.004
"""A fit has converged when the last iteration moved the points less than this, in IOD."""
_ERROR_COEFFICIENTS = -2.9, -0.4, -1.7
"""Coefficients of the logarithm of a fit's predicted NME: a constant, the score's log-odds, and the
logarithm of the responses' strength. Regressed on fits of three models, two
of clmtrackr's and one of ours, to the sample's stills; rank correlation .6 to .8: rough."""
_CORNER = 0.5
"""Where a browser has the centre of the first pixel; we have it at 0."""


class ClmtrackrFitter:
    """Fits a clmtrackr model to faces, by clmtrackr's own iteration.

    It does what `faceloop_runtime.Fitter` does for a model of ours. The responses are computed by
    the CPU backend.

    Parameters
    ----------
    model : ClmtrackrModel
        What to fit.
    start : {"auto", "eyes"}
        Where a fit to a found face starts: where eyes and nose are, in any case.

    Raises
    ------
    InputError
        If another start is asked for.
    """

    def __init__(self, model: ClmtrackrModel, start: str = "auto") -> None:
        if known_choice(start) not in ("auto", "eyes"):
            raise InputError(
                f"A model of clmtrackr's cannot start from {start!r}, only where eyes and nose are "
                "found. Choose the start 'auto' or 'eyes'."
            )
        self.model = model
        self._responses = make_responses(model)
        left, right = model.mean[list(model.scheme.iod)]
        scale = float(np.linalg.norm(right - left))
        # From a frame like that of our models (IOD 1) to the canvas.
        self._frame = Similarity(scale, 0.0, *(float(c) for c in model.mean.mean(axis=0)))

    def fit(self, image: NDArray[np.uint8], init: ArrayLike | FaceBox) -> Fit:
        """Fit the model to a face.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            Gray or RGB picture.
        init : FaceBox or array_like
            Where the face is: points (71, 2), NaN where unknown, or a box; see `Fitter.fit`.

        Raises
        ------
        FaceloopError
            If the image or ``init`` is of another kind.
        """
        gray = as_gray(image)
        start = as_start(init, len(self.model.mean))
        if isinstance(start, FaceBox):
            return self._fit_from(image, self.start(self._pose_in_box(gray, start)), "eyes")
        pose = Similarity.between(self.centred_mean(), start)
        return self._fit_from(image, self.start(pose), "points")

    def fit_pose(
        self,
        image: NDArray[np.uint8],
        pose: Similarity,
        b: NDArray[np.float64] | None = None,
        passes: Sequence[Pass] = FROM_START,
    ) -> Fit:
        """Fit from a pose and shape parameters, as of the last frame.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            The picture.
        pose : Similarity
            From a frame in which the mean shape is centred and its IOD is 1, to the picture.
        b : ndarray, shape (K,), optional
            Shape parameters; the mean shape where absent.
        passes : sequence of Pass
            How far the search shall go: the more updates, the more iterations. There is but one
            scale, on which all are made.
        """
        return self._fit_from(image, self.start(pose, b), "last frame", passes)

    def fit_next(
        self, image: NDArray[np.uint8], pose: Similarity, last: Fit, passes: Sequence[Pass]
    ) -> Fit:
        """Fit the face of the last frame again, which is roughly at a pose; see `fit_pose`."""
        return self.fit_pose(image, pose, last.b, passes)

    def _fit_from(
        self,
        image: NDArray[np.uint8],
        at: ClmtrackrState,
        start: FitStart,
        passes: Sequence[Pass] = FROM_START,
    ) -> Fit:
        states = []
        most = _ITERATIONS_PER_UPDATE * sum(len(one.variances) for one in passes)
        for state in islice(self.iterations(image, at), most):
            states.append(state)
            if self._has_converged(state):
                break
        return self._as_fit(image, states[-1], len(states), start)

    def start(self, pose: Similarity, b: NDArray[np.float64] | None = None) -> ClmtrackrState:
        """Return the state in which clmtrackr would begin; see `fit_pose`."""
        corner = Similarity(tx=_CORNER, ty=_CORNER)
        s = corner.after(pose).after(self._frame.inverse())
        modes = np.zeros(len(self.model.variances)) if b is None else b
        return self.state_at(np.array([s.a - 1, s.b, s.tx, s.ty, *modes]))

    def state_at(self, parameters: NDArray[np.float64]) -> ClmtrackrState:
        """Return the state in which clmtrackr would begin with these parameters (4 + K,)."""
        return ClmtrackrState(parameters, self.model.points(parameters))

    def iterations(
        self, image: NDArray[np.uint8], state: ClmtrackrState
    ) -> Iterator[ClmtrackrState]:
        """Yield the state after each of clmtrackr's iterations, without end.

        Parameters
        ----------
        image : ndarray of uint8, shape (H, W) or (H, W, 3)
            The picture.
        state : ClmtrackrState
            Where to begin; for the next frame of a video, the last one's.
        """
        while True:
            state = iterate(self.model, self._responses, image, state)
            yield state

    def _as_fit(
        self, image: NDArray[np.uint8], state: ClmtrackrState, iterations: int, start: FitStart
    ) -> Fit:
        model, pose = self.model, self._pose(state.parameters)
        canvas = Canvas.draw(model, image, state.parameters)
        shape = model.shape(state.parameters[4:])
        maps = self._responses(canvas, shape)
        score = 1.0 if model.scoring is None else canvas.score(model.scoring, model.mean)
        confidence = _response_strength(maps)
        return Fit(
            points=state.points - _CORNER,
            confidence=confidence,
            score=score,
            predicted_error=_guessed_error(score, confidence),
            error_bound=float("nan"),
            visibility=np.full(len(confidence), np.nan),
            converged=self._has_converged(state),
            iterations=iterations,
            pose=pose,
            b=state.parameters[4:],
            features=np.array([score, confidence.mean()], np.float32),
            start=start,
        )

    def _has_converged(self, state: ClmtrackrState) -> bool:
        return state.movement < _CONVERGED * self._pose(state.parameters).scale

    def _pose(self, parameters: NDArray[np.float64]) -> Similarity:
        p0, p1, tx, ty = (float(p) for p in parameters[:4])
        corner = Similarity(tx=-_CORNER, ty=-_CORNER)
        return corner.after(Similarity(1 + p0, p1, tx, ty)).after(self._frame)

    def centred_mean(self) -> Points:
        """Return the mean shape in the frame that `fit_pose` starts from, (71, 2), IOD 1."""
        return self._frame.inverse().apply(self.model.mean)

    def _pose_in_box(self, gray: NDArray[np.uint8], box: FaceBox) -> Similarity:
        """Find eyes and nose in a box.

        clmtrackr's filters for them belong to its program, not to the model. Those of the
        starter model take their place.
        """
        find, there = _starter()
        here = self.model.scheme.initialisation_points(self.centred_mean())
        return find(gray, box).after(Similarity.between(here, there))


@cache
def _starter() -> tuple[Initialiser, Points]:
    starter = FaceModel.starter()
    return Initialiser(starter), starter.scheme.initialisation_points(starter.pdm.mean)


def _response_strength(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each response near its point, relative to its maximum, 0 to 1."""
    away = np.arange(maps.shape[-1]) - (maps.shape[-1] - 1) / 2
    kernel = np.exp(-0.5 * away**2)
    kernel /= kernel.sum()
    return np.asarray(np.einsum("nyx,y,x->n", maps, kernel, kernel))


def _guessed_error(score: float, confidence: NDArray[np.float64]) -> float:
    """Predict the NME of a fit, roughly."""
    logit = float(np.log(max(score, 1e-3) / max(1 - score, 1e-3)))
    constant, of_score, of_strength = _ERROR_COEFFICIENTS
    return float(
        np.exp(constant + of_score * logit + of_strength * np.log(max(confidence.mean(), 1e-3)))
    )
