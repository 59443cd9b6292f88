"""What a fit looked like: the features that its quality is estimated from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_runtime.kernels import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

POINT_FEATURES = 7
"""Features of each point by itself; see `point_features`."""
_PLACES = 121
"""Places of the search windows that the kernel is made for."""


@dataclass(frozen=True, eq=False)
class FitFeatures:
    """Everything that the quality of a fit is estimated from.

    Parameters
    ----------
    whole_face : ndarray of float32, shape (W,)
        Pooled channels of the coarse crop, for the validator.
    points : ndarray of float32, shape (N, POINT_FEATURES)
        From `point_features`.
    z : ndarray, shape (K,)
        Shape parameters over their standard deviations.
    displacement : ndarray, shape (N, 2)
        Of the fitted shape from the mean shape, in the model frame.
    correction : float
        Mean movement of the points in the regression step, in IOD.
    """

    whole_face: Rows
    points: Rows
    z: NDArray[np.float64]
    displacement: NDArray[np.float64]
    correction: float


def point_features(
    *,
    peaks: NDArray[np.float32],
    support: NDArray[np.float64],
    typicality: NDArray[np.float32],
    correction: NDArray[np.float64],
    spread: NDArray[np.float32],
    offset: NDArray[np.float64],
    pull: NDArray[np.float64],
) -> Rows:
    """Gather the features of each point; what spans decades as its logarithm.

    Parameters
    ----------
    peaks : ndarray, shape (N,)
        Highest response.
    support : ndarray, shape (N,)
        Probability mass near the final point.
    typicality : ndarray, shape (N,)
        Cosine between the point's surroundings and how they usually look.
    correction : ndarray, shape (N,)
        Movement in the regression step, in IOD.
    spread : ndarray, shape (N,)
        Variance of the response along an axis, in pixels squared.
    offset, pull : ndarray, shape (N,)
        Distance from the final point to the mean of its response, and to the mean of what
        lies near; in pixels.

    Returns
    -------
    ndarray of float32, shape (N, POINT_FEATURES)
    """
    columns = [
        peaks,
        np.log(support + 0.01),
        typicality,
        np.log(correction + 0.001),
        np.log(np.maximum(spread, 0.0) + 0.1),
        np.log(offset + 0.05),
        np.log(pull + 0.05),
    ]
    return np.stack(columns, axis=1, dtype=np.float32)


def compiled_point_features(
    *,
    maps: Rows,
    responses: Rows,
    offsets: NDArray[np.complex128],
    variance: float,
    cells: Rows,
    typical: Rows | None,
    correction: NDArray[np.float64],
) -> tuple[Rows, NDArray[np.float64]] | None:
    """Return `point_features` and the support in them, by the kernel; None if there is none.

    Parameters
    ----------
    maps, responses : ndarray of float32, shape (S * S, N)
        Of the search windows.
    offsets : ndarray of complex, shape (N,)
        Of the final points from the middles of their windows, in pixels.
    variance : float
        Of the kernel that says what lies near, in square pixels.
    cells, typical : ndarray of float32, shape (N, D)
        Surroundings of the points, and how they usually look, if that is known.
    correction : ndarray, shape (N,)
        As in `point_features`.
    """
    function = kernel("point_features", "nnaaaaaaxaa")
    if function is None or len(maps) != _PLACES:
        return None
    count, size = cells.shape
    maps, responses = np.ascontiguousarray(maps), np.ascontiguousarray(responses)
    cells = np.ascontiguousarray(cells, np.float32)
    if typical is not None:
        typical = np.ascontiguousarray(typical, np.float32)
    rows, support = np.empty((count, POINT_FEATURES), np.float32), np.empty(count)
    function(
        count,
        size,
        maps,
        responses,
        offsets,
        cells,
        typical,
        correction,
        variance,
        rows,
        support,
    )
    return rows, support


def fit_features(features: FitFeatures, face_logit: float) -> Rows:
    """Describe a fit as a whole, for the error predictor.

    Parameters
    ----------
    features : FitFeatures
        What the fit looked like.
    face_logit : float
        The validator's log-odds.

    Returns
    -------
    ndarray of float32, shape (2N + K + 4,)
        Peaks and support of all points, sizes of the shape parameters, and four sums.
    """
    peaks, support = features.points[:, 0], features.points[:, 1]
    z = features.z
    summary = [face_logit, features.correction, float(z @ z) / len(z), float(support.mean())]
    return np.concatenate([peaks, support, np.abs(z), summary], dtype=np.float32)
