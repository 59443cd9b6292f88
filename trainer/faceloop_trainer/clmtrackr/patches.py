"""Training of clmtrackr's patch experts by multinomial logistic regression."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from faceloop_datasets import TrainingError
from faceloop_runtime.clmtrackr import SvmPatches
from faceloop_runtime.clmtrackr.model import POINTS, RAW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Monitor
    from faceloop_trainer.data.faces import TrainingFace

    from .face_windows import CanvasRenderer

    Rows = NDArray[np.float32]

PATCH = 21
"""Width of a patch, in pixels of the canvas: the largest that clmtrackr transforms in 32 x 32, so
no slower there than smaller ones."""
_PLACES = 11
"""Width of the search window."""
_RIDGE = 1e-3
_SPREAD = 1.0
"""Standard deviation of where a person would put the point, in pixels of the canvas."""
_ROUNDS = 40
_MOST_FACES = 800
"""Most faces, mirrored ones included, to train on: more take longer and improve little."""
_BIAS_BELOW = 4.0
"""The bias shifts the largest responses this far below 0, where clmtrackr's logistic function is
nearly an exponential. With its scaling of each map to 0..1 the result is nearly a softmax."""


def train_patches(
    renderer: CanvasRenderer,
    faces: Sequence[TrainingFace],
    seed: int,
    monitor: Monitor,
) -> SvmPatches:
    """Train a filter for each landmark, on faces and their mirror images.

    A filter's response, as a softmax over the search window, is the probability that the
    landmark is there. Its weights are the most probable ones (multinomial logistic regression
    over places, with a Gaussian prior).

    Raises
    ------
    TrainingError
        If some landmark is hidden in every face.
    Cancelled
        If the monitor stopped it.
    """
    rng = np.random.default_rng(seed)
    chosen = faces[:: max(1, -(-2 * len(faces) // _MOST_FACES))]
    mirror = np.array(renderer.model.scheme.mirror)
    faces_windows = []
    for done, face in enumerate(chosen):
        monitor.step(done, len(chosen), "looking at faces")
        faces_windows.append(renderer.windows(face, rng))
    windows = np.array([one.windows for one in faces_windows])
    offsets = np.array([one.offsets for one in faces_windows])
    use = np.array([one.use for one in faces_windows])
    weights, bias = np.zeros((POINTS, PATCH, PATCH)), np.zeros(POINTS)
    for n in range(POINTS):
        monitor.step(n, POINTS, "training patch experts for clmtrackr")
        other = mirror[n]  # mirrored, its windows show this landmark
        own, mirrored = use[:, n], use[:, other]
        seen = np.concatenate([windows[own, n], windows[mirrored, other][:, :, ::-1]])
        places = np.concatenate([offsets[own, n], offsets[mirrored, other] * (-1, 1)])
        if len(seen) == 0:
            name = renderer.model.scheme.names[n]
            raise TrainingError(f"The point {name} is visible in no face; annotate it in some.")
        # On one thread: the products are small, and more threads slow them down.
        with threadpool_limits(1, "blas"):
            weights[n], bias[n] = _expert(seen, places)
    return SvmPatches({RAW: weights}, {RAW: bias})


def _expert(
    windows: NDArray[np.uint8], offsets: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Train one filter on windows (M, W, W) with its landmark at these offsets (M, 2)."""
    count, rows = len(windows), _rows(windows)
    targets = _targets(offsets)
    ridge = _RIDGE * count

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = _responses(rows, w)
        top = z.max(axis=1, keepdims=True)
        p = np.exp(z - top)
        mass = p.sum(axis=1, keepdims=True)
        p /= mass
        cross_entropy = float((np.log(mass) + top).sum()) - float(np.vdot(targets, z))
        gradient = _transposed(rows, p - targets) + ridge * w
        return (cross_entropy + 0.5 * ridge * float(w @ w)) / count, gradient / count

    start = np.zeros(PATCH * PATCH)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS}).x
    peaks = _responses(rows, found).max(axis=1)
    # clmtrackr subtracts this 1 again.
    bias = 1.0 - _BIAS_BELOW - float(np.percentile(peaks, 99.9))
    return found.reshape(PATCH, PATCH), bias


def _rows(windows: NDArray[np.uint8]) -> Rows:
    """Scale windows (M, W, W) to 0..1, and lay out the pixels that each row of places covers.

    Returns
    -------
    ndarray of float32, shape (M * places, PATCH * W)
    """
    low = windows.min(axis=(1, 2), keepdims=True).astype(np.float32)
    span = windows.max(axis=(1, 2), keepdims=True) - low
    scaled = (windows - low) / np.maximum(span, 1)
    laid = np.lib.stride_tricks.sliding_window_view(scaled, PATCH, axis=1).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(laid).reshape(len(windows) * _PLACES, -1)


def _responses(rows: Rows, w: NDArray[np.float64]) -> Rows:
    """Correlate all windows with a filter, (M, places of a window).

    As one matrix product: the filter is repeated for each column of places, one pixel further
    right each time. That takes a tenth of the memory of all patches laid out one by one.
    """
    shifted = np.zeros((PATCH, rows.shape[1] // PATCH, _PLACES), np.float32)
    for j in range(_PLACES):
        shifted[:, j : j + PATCH, j] = w.reshape(PATCH, PATCH)
    return (rows @ shifted.reshape(-1, _PLACES)).reshape(-1, _PLACES * _PLACES)


def _transposed(rows: Rows, maps: Rows) -> NDArray[np.float64]:
    """Sum all patches, each weighted by the map value (M, places) at its place; the gradient."""
    sums = (rows.T @ maps.reshape(-1, _PLACES)).reshape(PATCH, -1, _PLACES)
    total = sum(sums[:, j : j + PATCH, j] for j in range(_PLACES))
    return np.asarray(total, dtype=np.float64).ravel()


def _targets(offsets: NDArray[np.float64]) -> Rows:
    """Return the probability (M, places) of each place of the search window."""
    away = np.arange(_PLACES) - _PLACES // 2
    across, down = (np.exp(-0.5 * ((away - offsets[:, i, None]) / _SPREAD) ** 2) for i in (0, 1))
    maps = down[:, :, None] * across[:, None]
    maps /= maps.sum(axis=(1, 2), keepdims=True)
    return np.asarray(maps.reshape(len(offsets), -1), dtype=np.float32)
