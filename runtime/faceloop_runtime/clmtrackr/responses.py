"""Response maps of a clmtrackr model's patch experts, each scaled to 0..1 as clmtrackr does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import scipy

from faceloop_runtime.responses.cpu import CpuResponses
from faceloop_runtime.responses.experts import PatchExperts

from .model import POINTS, RAW, ClmtrackrModel, MossePatches, SvmPatches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .canvas import Canvas

    Floats = NDArray[np.float64]


class Responses(Protocol):
    """Response maps of all landmarks, (71, S, S), on a canvas round some points (71, 2)."""

    def __call__(self, canvas: Canvas, points: Floats) -> Floats:
        """Return the maps, each from 0 to 1."""
        ...


def make_responses(model: ClmtrackrModel) -> Responses:
    """Return the responses of a model's patch experts."""
    if isinstance(model.patches, SvmPatches):
        return _SvmResponses(model.patches, model.window)
    return _MosseResponses(model.patches)


class _SvmResponses:
    """Correlation by the CPU backend.

    clmtrackr (without WebGL) scales the gray values of each window to 0..1 before the correlation.
    That is linear, and done to the response here.
    """

    def __init__(self, patches: SvmPatches, window: int) -> None:
        weights, none = patches.weights[RAW], np.zeros(POINTS, np.float32)
        # In double precision: differences in the seventh digit change rounded pixels of the
        # canvas, and after twenty iterations windows are elsewhere.
        filters = cast("NDArray[np.float32]", weights[:, None])
        expert = PatchExperts(1.0, filters, none, none, none)
        self._backend = CpuResponses([expert], np.float64)
        self._window = window
        self._sums = weights.sum(axis=(1, 2))[:, None, None]
        # clmtrackr subtracts 1 from the bias.
        self._bias = patches.bias[RAW][:, None, None] - 1.0

    def __call__(self, canvas: Canvas, points: Floats) -> Floats:
        corners = canvas.window_corners(points, self._window)
        views = np.lib.stride_tricks.sliding_window_view(canvas.pixels, (self._window,) * 2)
        seen = views[corners[:, 1], corners[:, 0]]
        low = seen.min(axis=(1, 2), keepdims=True)
        span = seen.max(axis=(1, 2), keepdims=True) - low
        pixels = cast("NDArray[np.float32]", canvas.pixels[None])
        plain = self._backend.responses(0, pixels, corners + self._window // 2)
        # A window without any contrast: clmtrackr would divide by 0.
        logits = (plain - low * self._sums) / np.where(span > 0, span, np.inf) + self._bias
        return _scaled(1 / (1 + np.exp(-logits)))


class _MosseResponses:
    """Correlation in the frequency domain, of windows as large as the filters."""

    def __init__(self, patches: MossePatches) -> None:
        self._transfer, self._window = patches.transfer, patches.size
        sine = np.sin(np.pi * np.arange(self._window) / (self._window - 1))
        self._fade = np.minimum(sine[:, None], sine)

    def __call__(self, canvas: Canvas, points: Floats) -> Floats:
        corners = canvas.window_corners(points, self._window)
        views = np.lib.stride_tricks.sliding_window_view(canvas.pixels, (self._window,) * 2)
        seen = np.log(views[corners[:, 1], corners[:, 0]] + 1)
        seen -= seen.mean(axis=(1, 2), keepdims=True)
        norm = np.sqrt((seen**2).sum(axis=(1, 2), keepdims=True))
        seen *= self._fade / np.where(norm > 0, norm, 1.0)
        return _scaled(scipy.fft.ifft2(scipy.fft.fft2(seen) * self._transfer).real)


def _scaled(maps: Floats) -> Floats:
    """Scale each map to 0..1; a constant map becomes 1 everywhere."""
    low = np.minimum(maps.min(axis=(1, 2), keepdims=True), 1.0)
    span = np.maximum(maps.max(axis=(1, 2), keepdims=True), 0.0) - low
    return np.where(span > 0, (maps - low) / np.where(span > 0, span, 1.0), 1.0)
