"""Export of a `FaceModel` to clmtrackr.

The shape model is kept as it is. The patch experts cannot be: ours use gradients at three scales,
clmtrackr's gray values at one. So new ones are trained.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Conversion, Monitor, Scheme, SchemeError, TrainingError
from faceloop_runtime.clmtrackr import ClmtrackrModel, SvmPatches
from faceloop_runtime.clmtrackr.model import POINTS, SCHEME
from faceloop_trainer.data.faces import load_faces

from .face_windows import CanvasRenderer
from .patches import PATCH, train_patches
from .scoring import train_scoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import ProgressLike
    from faceloop_datasets.face import Face
    from faceloop_runtime import FaceModel

_IOD = 90.0
"""IOD on the canvas, in pixels. clmtrackr's own models have 41; its kernel and prior get weaker as
the face in the picture gets larger than on the canvas, and faces in today's cameras are. On people
of the sample kept aside (median NME of 12 points; in brackets the patches): 50 (15) .0241, 70 (15)
.0218, 70 (21) .0220, 90 (21) .0194, 115 (21) .0197."""
_VARIANCE_FACTOR = 0.4
"""Variances of the modes are multiplied by it, which makes the prior stronger: it was chosen, with
the IOD and the patches, on subjects of the sample that had not trained the patches."""
_MARGIN = 0.35
"""Margin round the mean shape on the canvas, in IOD."""
_FEWEST = 10
"""Faces with pictures; fewer cannot be trained on."""


def to_clmtrackr(
    model: FaceModel,
    faces: Sequence[Face],
    *,
    seed: int = 0,
    progress: ProgressLike = None,
) -> ClmtrackrModel:
    """Make a clmtrackr model from a face model's shape model and newly trained patch experts.

    Parameters
    ----------
    model : FaceModel
        Gives the shape model; its scheme is ``face70`` or ``clmtrackr71``.
    faces : sequence of Face
        Annotated faces of the same scheme, to train patch experts and scoring on; they should be
        those that the model was trained on.
    seed : int
        Seed of the poses at which faces are drawn.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    SchemeError
        If the model's points are not clmtrackr's.
    TrainingError
        If there are too few faces with pictures.
    Cancelled
        If the monitor stopped it.
    """
    conversion, monitor = _conversion(model.scheme), Monitor.of(progress)
    # Larger faces are reduced, but not to the canvas's size: clmtrackr draws them from full size.
    loaded, _ = load_faces(model.scheme, faces, 2 * _IOD, seed=seed, progress=monitor)
    pictured = [face for face in loaded if face.picture is not None]
    if len(pictured) < _FEWEST:
        raise TrainingError(
            f"There are {len(pictured)} faces with pictures to train clmtrackr's patch experts on; "
            f"expected at least {_FEWEST}. Annotate or import more."
        )
    bare = _without_patches(model, conversion)
    renderer = CanvasRenderer(bare, model.pdm, conversion)
    patches = train_patches(renderer, pictured, seed, monitor)
    monitor.step(POINTS, POINTS, "training the score")
    return replace(bare, patches=patches, scoring=train_scoring(renderer, pictured, seed))


def _conversion(scheme: Scheme) -> Conversion:
    if scheme.name not in ("face70", SCHEME):
        raise SchemeError(
            f"The model has the points of {scheme.name}; clmtrackr has 71 points of its own. "
            f"Expected a model of face70 or {SCHEME}. Train one in a project of that scheme."
        )
    return Conversion.load(scheme, SCHEME)


def _without_patches(model: FaceModel, conversion: Conversion) -> ClmtrackrModel:
    """Return the model without patch experts and scoring."""
    scheme, pdm = Scheme.load(SCHEME), model.pdm
    mean = conversion.weights @ pdm.mean * _IOD
    window = PATCH + 10
    margin = _MARGIN * _IOD + window / 2
    mean += margin - mean.min(axis=0)
    width, height = np.ceil(mean.max(axis=0) + margin).astype(int) - (window - 1)
    modes = conversion.weights @ pdm.components.reshape(len(pdm.variances), -1, 2)
    places = scheme.initialisation_points(mean)
    return ClmtrackrModel(
        mean=mean,
        modes=modes.reshape(len(pdm.variances), -1).T,
        variances=pdm.variances * _IOD**2 * _VARIANCE_FACTOR,
        free=(),
        patches=SvmPatches({"raw": np.zeros((POINTS, PATCH, PATCH))}, {"raw": np.zeros(POINTS)}),
        canvas=(int(width), int(height)),
        scoring=None,
        hints=dict(zip(("leftEye", "rightEye", "nose"), places, strict=True)),
        path={
            "normal": [[*c.points, *c.points[: int(c.closed)]] for c in scheme.contours],
            "vertices": [[*t, t[0]] for t in scheme.triangles],
        },
    )
