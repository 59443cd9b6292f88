"""Export of a `FaceModel` to clmtrackr.

The shape model is kept as it is. The patch experts cannot be: ours use gradients at three scales,
clmtrackr's gray values at one. So new ones are trained.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import eigh

from faceloop_datasets import Conversion, Monitor, Scheme, SchemeError, TrainingError
from faceloop_datasets.wording import counted
from faceloop_runtime.clmtrackr import ClmtrackrModel, SvmPatches
from faceloop_runtime.clmtrackr.model import POINTS, SCHEME
from faceloop_runtime.pdm.gaussian import prior_penalty
from faceloop_trainer.data.faces import load_faces

from .face_windows import CanvasRenderer
from .patches import PATCH, train_patches
from .scoring import train_scoring

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import ProgressLike
    from faceloop_datasets.face import Face
    from faceloop_runtime import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel

    Floats = NDArray[np.float64]

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
            f"{counted(len(pictured), 'face has a picture', 'faces have pictures')} to train "
            "clmtrackr's patch experts on; "
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


def _independent_prior(pdm: PointDistributionModel) -> tuple[Floats, Floats, tuple[int, ...]]:
    """Return modes that the prior of a fit takes to be independent, as clmtrackr's does.

    Those of correlated parameters are turned to where the prior has its axes.

    Returns
    -------
    components : ndarray, shape (K, 2N)
        Of the same span.
    variances : ndarray, shape (K,)
        What the prior says, with the factors of regularisation.
    free : tuple of int
        Those without a prior; their variance is that of faces.
    """
    factors = np.ones(len(pdm.variances)) if pdm.regularisation is None else pdm.regularisation
    if pdm.correlation is None:
        free = np.flatnonzero(factors == 0)
        variances = pdm.variances / np.where(factors > 0, factors, 1.0)
        return pdm.components, variances, tuple(map(int, free))
    gram = pdm.components @ pdm.components.T
    precisions, axes = eigh(prior_penalty(pdm.fit_precision, pdm.variances, 1.0), gram)
    count = int((factors == 0).sum())  # so many of the precisions are 0, and they come first
    covariance = pdm.correlation * np.sqrt(np.outer(pdm.variances, pdm.variances))
    turned = axes.T @ gram
    variances = np.einsum("ij,jk,ik->i", turned, covariance, turned)
    variances[count:] = 1.0 / precisions[count:]
    return axes.T @ pdm.components, variances, tuple(range(count))


def _without_patches(model: FaceModel, conversion: Conversion) -> ClmtrackrModel:
    """Return the model without patch experts and scoring."""
    scheme, pdm = Scheme.load(SCHEME), model.pdm
    mean = conversion.weights @ pdm.mean * _IOD
    window = PATCH + 10
    margin = _MARGIN * _IOD + window / 2
    mean += margin - mean.min(axis=0)
    width, height = np.ceil(mean.max(axis=0) + margin).astype(int) - (window - 1)
    components, variances, free = _independent_prior(pdm)
    modes = conversion.weights @ components.reshape(len(variances), -1, 2)
    places = scheme.initialisation_points(mean)
    return ClmtrackrModel(
        mean=mean,
        modes=modes.reshape(len(variances), -1).T,
        variances=variances * _IOD**2 * _VARIANCE_FACTOR,
        free=free,
        patches=SvmPatches({"raw": np.zeros((POINTS, PATCH, PATCH))}, {"raw": np.zeros(POINTS)}),
        canvas=(int(width), int(height)),
        scoring=None,
        hints=dict(zip(("leftEye", "rightEye", "nose"), places, strict=True)),
        path={
            "normal": [[*c.points, *c.points[: int(c.closed)]] for c in scheme.contours],
            "vertices": [[*t, t[0]] for t in scheme.triangles],
        },
    )
