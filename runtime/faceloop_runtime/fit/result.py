"""A fitted face as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime.geometry import Similarity
    from faceloop_runtime.pdm3d import HeadPose

FitStart = Literal["network", "eyes", "box", "points", "last frame"]
"""Where a fit started: the start network, eyes and nose in a box, the box itself, given points, or
a known pose and shape, in a video those of the last frame."""


@dataclass(frozen=True, eq=False)
class Fit:
    """One fitted face.

    Attributes
    ----------
    points : ndarray, shape (N, 2)
        Landmarks in pixels of the image.
    confidence : ndarray, shape (N,)
        How much of a landmark's response lies where the fit put it, 0 to 1.
    score : float
        Probability that there is a face in this place, by the whole-face validator.
    predicted_error : float
        The NME this fit is expected to have: it is more in half of such cases.
    error_bound : float
        The NME that 9 of 10 such fits stay below; NaN if the model knows none.
    visibility : ndarray, shape (N,)
        Probability that each point is seen, neither covered nor turned away; NaN if the model
        knows none.
    converged : bool
        Whether the last update hardly moved the points.
    iterations : int
        Mean-shift updates made.
    pose : Similarity
        From the model frame to the image.
    b : ndarray, shape (K,)
        Shape parameters.
    features : ndarray of float32, shape (Q,)
        What the error predictor saw.
    start : FitStart
        Where it started.
    head_pose : HeadPose or None
        How the head is turned; None if the model does not know.
    expressions : dict of str to float, optional
        Probability of each expression that the model knows; their sum is 1. A `Tracker` takes into
        account how the person looks otherwise. None if the model knows none.
    """

    points: NDArray[np.float64]
    confidence: NDArray[np.float64]
    score: float
    predicted_error: float
    error_bound: float
    visibility: NDArray[np.float64]
    converged: bool
    iterations: int
    pose: Similarity
    b: NDArray[np.float64]
    features: NDArray[np.float32]
    start: FitStart
    head_pose: HeadPose | None = None
    expressions: dict[str, float] | None = None
