"""The four ways to train a landmark's filter."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft
from scipy.linalg import cho_factor, cho_solve

from .statistics import LENGTH, Moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .config import ExpertKind

    Filters = NDArray[np.float32]

PATCH = 11
"""Width of a patch, in pixels of the crop."""
_RIDGE = 0.02
"""Ridge strength, as a share of the mean variance of the inputs."""
_SVM_C, _LOGISTIC_C = 0.003, 0.003


def ridge_filters(moments: Moments) -> Filters:
    """Dense-shift ridge regression of a Gaussian response.

    Every shift of the patch inside the window is a training example; since the sums over
    shifts depend on lags only, the normal equations are block-Toeplitz and come from the
    moments (Kiani Galoogahi et al., "Multi-channel correlation filters", ICCV 2013, solved
    here for the patch's support only).

    Parameters
    ----------
    moments : Moments
        Of one scale.

    Returns
    -------
    ndarray of float32, shape (N, C, PATCH, PATCH)
        Zero for a landmark without examples.
    """
    lags = moments.lags(PATCH - 1)
    landmarks, channels = lags.shape[0], lags.shape[1] - 1
    middle = PATCH - 1
    wanted = slice(middle - PATCH // 2, middle + PATCH // 2 + 1)
    size = channels * PATCH * PATCH
    out = np.zeros((landmarks, channels, PATCH, PATCH), np.float32)
    normal = np.empty((size, size), np.float32)
    for n in np.nonzero(moments.count)[0]:
        blocks = _block_toeplitz(lags[n, :channels, :channels])
        np.copyto(normal.reshape(blocks.shape), blocks)
        normal[np.diag_indices(size)] += _RIDGE * np.trace(normal) / size
        right = lags[n, -1, :channels, wanted, wanted].ravel()
        # Transposed, since LAPACK works column by column: the same matrix, and no copy.
        factor = cho_factor(normal.T, lower=True, overwrite_a=True, check_finite=False)
        out[n] = cho_solve(factor, right, check_finite=False).reshape(out.shape[1:])
    return out


def _block_toeplitz(lags: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay out correlations by lag (C, C, 2 PATCH - 1, 2 PATCH - 1) as a matrix.

    Entry ``[c, y, x, d, v, u]`` of the result, shape (C, PATCH, PATCH) twice, is the
    correlation of channels c and d at the lag (u - x, v - y). It is a view that walks
    backwards along the first place; only the reshape to a matrix copies.
    """
    channels = len(lags)
    sc, sd, sy, sx = lags.strides
    return np.lib.stride_tricks.as_strided(
        lags[:, :, PATCH - 1 :, PATCH - 1 :],
        shape=(channels, PATCH, PATCH, channels, PATCH, PATCH),
        strides=(sc, -sy, -sx, sd, sy, sx),
        writeable=False,
    )


def mosse_filters(moments: Moments) -> Filters:
    """MOSSE correlation filters (Bolme et al., CVPR 2010), cut to the patch.

    One denominator is shared by all channels: the energy of all of them together.

    Parameters
    ----------
    moments : Moments
        Of one scale.

    Returns
    -------
    ndarray of float32, shape (N, C, PATCH, PATCH)
    """
    spectra = moments.spectra
    energy = np.einsum("ccnyx->nyx", spectra[:-1, :-1]).real
    floor = _RIDGE * energy.mean(axis=(1, 2), keepdims=True) + 1e-9
    transfer = spectra[-1, :-1] / (energy + floor)
    full = scipy.fft.irfft2(transfer, (LENGTH, LENGTH)).transpose(1, 0, 2, 3)
    support = np.arange(-(PATCH // 2), PATCH // 2 + 1) % LENGTH
    out: Filters = np.ascontiguousarray(full[:, :, support][..., support], dtype=np.float32)
    out[moments.count == 0] = 0.0
    return out


def classifier_filters(
    kind: ExpertKind, patches: NDArray[np.float16], labels: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.float32], float]:
    """Train one landmark's linear classifier: on the landmark, or beside it.

    Classes are not balanced: balancing hurts localisation.

    Parameters
    ----------
    kind : {"svm", "logistic"}
        Linear SVM as liblinear solves it, or logistic regression.
    patches : ndarray, shape (M, C, PATCH, PATCH)
        Examples.
    labels : ndarray of bool, shape (M,)
        True for patches on the landmark.
    seed : int
        liblinear visits examples in random order.

    Returns
    -------
    weights : ndarray of float32, shape (C, PATCH, PATCH)
    bias : float
    """
    # Here and in the modules beside: a window that only asks who would train must not wait for it.
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.svm import LinearSVC  # noqa: PLC0415

    rows = patches.reshape(len(patches), -1).astype(np.float64)
    model = (
        LinearSVC(C=_SVM_C, random_state=seed, max_iter=500)
        if kind == "svm"
        else LogisticRegression(C=_LOGISTIC_C, max_iter=200)
    )
    with warnings.catch_warnings():
        # A filter that is not quite converged is as good a filter.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, labels)
    return model.coef_[0].reshape(patches.shape[1:]).astype(np.float32), float(model.intercept_[0])
