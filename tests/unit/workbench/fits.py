"""Fits made by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime import Fit
from faceloop_runtime.geometry import Similarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_runtime import HeadPose
    from faceloop_runtime.fit.result import FitStart

POINTS = np.array([[1.5, 2.0], [3.0, 4.25], [5.0, 6.0]])


def make_fit(
    points: NDArray[np.float64] = POINTS,
    predicted_error: float = 0.02,
    start: FitStart = "eyes",
    head_pose: HeadPose | None = None,
) -> Fit:
    """Make a fit whose confidence rises from the first point to the last."""
    return Fit(
        points=points,
        confidence=np.linspace(0.1, 0.9, len(points)),
        score=0.75,
        predicted_error=predicted_error,
        error_bound=1.5 * predicted_error,
        visibility=np.linspace(0.9, 0.1, len(points)),
        converged=True,
        iterations=13,
        pose=Similarity(1.0, 0.0, 0.0, 0.0),
        b=np.zeros(2),
        features=np.zeros(3, np.float32),
        start=start,
        head_pose=head_pose,
    )
