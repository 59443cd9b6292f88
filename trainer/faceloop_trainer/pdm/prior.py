"""What is known about faces before the first annotation: how the bundled sample's vary."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import Scheme, SchemeError
from faceloop_datasets.sample import sample_faces
from faceloop_datasets.schemes.conversion import Conversion
from faceloop_trainer.cache import Cache, key_of

from .ppca import ShapePrior
from .procrustes import aligned, procrustes_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SCHEME = "face70"
_KIND = "prior"
_WEIGHT = 8.0
"""How many faces of different people the sample counts for. Chosen on MUCT's training people:
4 to 12 differ by less than a hundredth of the error; 24 and more are worse from 100 faces on."""


def sample_prior(scheme: Scheme, cache: Cache | None = None) -> ShapePrior | None:
    """Return how the sample's faces vary, as landmarks of a scheme.

    The mean is left out on purpose: it is where annotators differ.

    Parameters
    ----------
    scheme : Scheme
        ``face70``, or one whose every point is a mark of it.
    cache : Cache, optional
        What earlier trainings kept: the sample takes a tenth of a second to read.

    Returns
    -------
    ShapePrior or None
        None for a scheme that the sample cannot be converted to.
    """
    if not scheme.has_points_of(scheme.name):
        return None
    # The sample and the schemes that come with faceloop change with its version, which counts.
    key, kept = key_of(scheme.name), cache or Cache(None)
    known = kept.load(_KIND, key)
    if known is not None:
        return ShapePrior(known["covariance"], _WEIGHT)
    covariance = _sample_covariance(scheme.name)
    if covariance is None:
        return None
    kept.save(_KIND, key, {"covariance": covariance})
    return ShapePrior(covariance, _WEIGHT)


def _sample_covariance(name: str) -> Floats | None:
    try:
        conversion = Conversion.load(_SCHEME, name)
    except SchemeError:
        return None
    # points that are estimated from others vary with them exactly, as no real ones do
    if not (conversion.same_mark & ~conversion.without_source).all():
        return None
    weights = conversion.weights
    scheme = Scheme.load(name)
    points = weights @ np.array([face.annotation.points for face in sample_faces()])
    covariance = np.cov(aligned(points, procrustes_mean(scheme, points)), rowvar=False, bias=True)
    # The same faces in a mirror, where x changes its sign.
    order = (2 * np.asarray(scheme.mirror)[:, None] + [0, 1]).reshape(-1)
    sign = np.tile([-1.0, 1.0], len(scheme))
    turned = np.outer(sign, sign) * covariance[np.ix_(order, order)]
    return np.asarray(0.5 * (covariance + turned))
