"""Learning the covariance of a model's fit errors from corrected faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError, Monitor, PointState
from faceloop_runtime import Fitter
from faceloop_runtime.geometry import Similarity

from .drag import FIT_ERRORS
from .error_covariance import errors_in_model_frame, learned_covariance

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Face, ProgressLike
    from faceloop_runtime import FaceModel

    Points = NDArray[np.float64]

_MOST = 400
"""Most faces that are fitted, at about 10 ms each; more improve little."""


def error_covariance(
    model: FaceModel,
    faces: Sequence[Face],
    *,
    progress: ProgressLike = None,
) -> Points:
    """Fit a model to corrected faces, and return the covariance of its errors.

    Faces the model was trained on serve as well as others: they are fitted better, but the same
    points are wrong together.

    Parameters
    ----------
    model : FaceModel
        The model to fit.
    faces : sequence of Face
        Annotated faces; those without a picture are left out. Of more than 400, every second or
        third and so on is taken.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    ndarray, shape (2N, 2N)
        For `faceloop_trainer.assist.drag.most_probable`. With few faces it is nearly the
        general one.

    Raises
    ------
    Cancelled
        If the monitor stopped it.
    """
    chosen = faces[:: -(-len(faces) // _MOST) or 1]
    pairs = fitted_and_true(model, chosen, Monitor.of(progress))
    return learned_covariance(model, FIT_ERRORS, errors_in_model_frame(model.pdm, pairs))


def fitted_and_true(
    model: FaceModel,
    faces: Sequence[Face],
    monitor: Monitor,
) -> Iterator[tuple[Points, Points]]:
    """Yield fitted and true points (N, 2) of faces that have a picture; NaN where none is true."""
    fitter = Fitter(model, "cpu")
    for done, face in enumerate(faces):
        monitor.step(done, len(faces), "learning from corrected faces")
        states = face.annotation.states
        sure = np.isin(states, (PointState.VISIBLE, PointState.OCCLUDED))
        true = np.where(sure[:, None], face.annotation.points, np.nan)
        if not model.scheme.inter_ocular_distance(true) > 1.0 or not face.has_image:
            continue
        try:
            gray = face.read_gray()
        except FaceloopError:
            continue  # the picture was moved; it is missed elsewhere
        yield fitter.fit_pose(gray, Similarity.between(model.pdm.mean, true)).points, true
    monitor.step(len(faces), len(faces), "learning from corrected faces")
