"""The four ways to train a landmark's filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from faceloop_trainer.lapack import solve_symmetric

from .moments import LENGTH, MAX_LAG, SPECTRUM, Moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_trainer.config import ExpertKind

    from .channel_basis import ChannelBasis

    Filters = NDArray[np.float32]

PATCH = 11
"""Width of a patch, in pixels of the crop."""
_RIDGE = 0.02
"""Ridge strength, as a share of the mean variance of the inputs."""
_SVM_C, _LOGISTIC_C = 0.003, 0.003


def ridge_filters(moments: Moments, basis: ChannelBasis) -> Filters:
    """Dense-shift ridge regression of a Gaussian response.

    Every shift of the patch inside the window is a training example; since the sums over
    shifts depend on lags only, the normal equations are block-Toeplitz and come from the
    moments (Kiani Galoogahi et al., "Multi-channel correlation filters", ICCV 2013, solved
    here for the patch's support only).

    Parameters
    ----------
    moments : Moments
        Of the planes, at one scale.
    basis : ChannelBasis
        How the channels are made of the planes.

    Returns
    -------
    ndarray of float32, shape (N, C, PATCH, PATCH)
        Zero for a landmark without examples, or where these show nothing.
    """
    lags = moments.lags(MAX_LAG)
    size = len(basis.penalty)
    solved = np.zeros((len(lags), size), np.float32)
    normal = np.zeros((size, size), np.float32)
    for n in np.nonzero(moments.count)[0]:
        energy = _mean_energy(lags[n], basis)
        if not energy > 0:
            continue  # wherever it was seen, there was nothing to see
        _normal_matrix(lags[n], basis, normal)
        normal += _RIDGE * energy * basis.penalty
        solved[n] = solve_symmetric(normal, _right_side(lags[n], basis))
    filters = solved @ basis.expansion
    return filters.reshape(len(lags), basis.channels, PATCH, PATCH)


def _normal_matrix(
    lags: NDArray[np.float32], basis: ChannelBasis, out: NDArray[np.float32]
) -> None:
    """Lay out correlations by lag as the upper triangle of a matrix, block by block.

    Between pixel (y, x) of one plane and (v, u) of another it holds their correlation at the lag
    (u - x, v - y): the views walk backwards along the first place, and only laying them out copies.
    """
    supports, start = basis.supports, 0
    _, _, sy, sx = lags.strides
    for p, one in enumerate(supports):
        column = start
        for q, other in enumerate(supports[p:], p):
            y, x = (MAX_LAG + b - a for a, b in zip(one.first, other.first, strict=True))
            view = np.lib.stride_tricks.as_strided(
                lags[p, q, y:, x:],
                shape=(*one.shape, *other.shape),
                strides=(-sy, -sx, sy, sx),
                writeable=False,
            )
            block = out[start : start + one.size, column : column + other.size]
            np.copyto(block.reshape(view.shape), view)
            column += other.size
        start += one.size


def _right_side(lags: NDArray[np.float32], basis: ChannelBasis) -> NDArray[np.float32]:
    """Correlations of the wanted response with each pixel of the patch on planes."""
    parts = []
    for plane, support in enumerate(basis.supports):
        y, x = (MAX_LAG - PATCH // 2 + first for first in support.first)
        part = lags[-1, plane, y : y + support.shape[0], x : x + support.shape[1]]
        parts.append(part.ravel())
    return np.concatenate(parts)


def _mean_energy(lags: NDArray[np.float32], basis: ChannelBasis) -> float:
    """Mean square of a channel, over channels."""
    total = 0.0
    for one in basis.terms:
        for other in basis.terms:
            if one.channel == other.channel:
                y, x = MAX_LAG + other.dy - one.dy, MAX_LAG + other.dx - one.dx
                total += one.share * other.share * float(lags[one.plane, other.plane, y, x])
    return total / basis.channels


def mosse_filters(moments: Moments, basis: ChannelBasis) -> Filters:
    """MOSSE correlation filters (Bolme et al., CVPR 2010), cut to the patch.

    One denominator is shared by all channels: the energy of all of them together.

    Parameters
    ----------
    moments, basis
        As for `ridge_filters`.

    Returns
    -------
    ndarray of float32, shape (N, C, PATCH, PATCH)
    """
    shape = (basis.channels, len(moments.count), *SPECTRUM)
    energy, wanted = np.zeros(shape[1:]), np.zeros(shape, np.complex128)
    for one in basis.terms:
        kept = moments.product(moments.maps - 1, one.plane)
        wanted[one.channel] += one.share * _moved(one.dy, one.dx) * kept
        for other in basis.terms:
            if one.channel == other.channel:
                move = _moved(other.dy - one.dy, other.dx - one.dx)
                product = move * moments.product(one.plane, other.plane)
                energy += one.share * other.share * product.real
    floor = _RIDGE * energy.mean(axis=(1, 2), keepdims=True) + 1e-9
    full = scipy.fft.irfft2(wanted / (energy + floor), LENGTH).transpose(1, 0, 2, 3)
    support = np.arange(-(PATCH // 2), PATCH // 2 + 1)
    cut = full[:, :, support % LENGTH[0]][..., support % LENGTH[1]]
    out: Filters = np.ascontiguousarray(cut, dtype=np.float32)
    out[moments.count == 0] = 0.0
    return out


def _moved(dy: int, dx: int) -> NDArray[np.complex128]:
    """Spectrum of a map that is read (dy, dx) further on."""
    y, x = (np.arange(n) / length for n, length in zip(SPECTRUM, LENGTH, strict=True))
    moved: NDArray[np.complex128] = np.exp(2j * np.pi * (dy * y[:, None] + dx * x))
    return moved


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
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.svm import LinearSVC  # noqa: PLC0415

    rows = patches.reshape(len(patches), -1).astype(np.float64)
    model = (
        LinearSVC(C=_SVM_C, random_state=seed, max_iter=500)
        if kind == "svm"
        else LogisticRegression(C=_LOGISTIC_C, max_iter=200)
    )
    model.fit(rows, labels)  # one that is not quite converged is as good a filter
    return model.coef_[0].reshape(patches.shape[1:]).astype(np.float32), float(model.intercept_[0])
