"""Lines of a plot as pixels, by numpy: as cheap for an hour of video as for a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtGui import QImage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_workbench.services.extremes import Extremes

    from .time_view import TimeView

    Values = NDArray[np.float64]

_THICK = 1.5  # pixels


def line_picture(
    lines: Sequence[tuple[Extremes, tuple[int, int, int]]],
    view: TimeView,
    size: tuple[int, int],
    limits: tuple[float, float],
) -> QImage:
    """Draw lines over time on a transparent picture, the first on top.

    Each column of pixels is filled from the least to the greatest value of its frames, and to its
    neighbours, so that no peak is lost. Frames without a value are gaps.

    Parameters
    ----------
    lines : sequence of (Extremes, colour)
        Values and red, green, blue of each.
    view : TimeView
        Which frames.
    size : (int, int)
        Width and height in pixels.
    limits : (float, float)
        Values at the lower and the upper edge; those beyond are drawn there.
    """
    width, height = size
    weights = np.zeros((len(lines), height, width), dtype=np.float32)
    free = np.ones((height, width), dtype=np.float32)  # what the lines above leave of a pixel
    for k, (values, _) in enumerate(lines):
        low, high = line_columns(values, view.first, view.span, width)
        share = _coverage(_pixel(high, limits, height), _pixel(low, limits, height), height)
        weights[k] = free * share
        free -= weights[k]
    colours = np.array([(*colour, 255) for _, colour in lines], dtype=np.float32).reshape(-1, 4)
    pixels = np.ascontiguousarray(np.tensordot(weights, colours, axes=(0, 0)) + 0.5, np.uint8)
    form = QImage.Format.Format_RGBA8888_Premultiplied
    return QImage(pixels.tobytes(), width, height, 4 * width, form).copy()


def line_columns(values: Extremes, first: float, span: float, width: int) -> tuple[Values, Values]:
    """Return how far a line reaches in each column of pixels.

    Parameters
    ----------
    values : Extremes
        Of the frames.
    first, span : float
        What is seen, in frames.
    width : int
        Pixels that it is wide.

    Returns
    -------
    low, high : ndarray, shape (width,)
        NaN in gaps. Where a frame is wider than a pixel the line goes straight from the middle of
        one to that of the next.
    """
    if span > width:
        low, high = (v.astype(np.float64) for v in values.columns(first, span, width))
    else:
        edges = first + np.arange(width + 1) * span / width - 0.5
        ends = _between_frames(values.values, edges)
        low, high = np.fmin(ends[:-1], ends[1:]), np.fmax(ends[:-1], ends[1:])
        return low, high
    return _joined(low, high)


def _between_frames(values: NDArray[np.float32], at: Values) -> Values:
    """Interpolate; half a frame beside a gap the line is level, so that a single frame is seen."""
    last = len(values) - 1
    before = np.clip(np.floor(at).astype(np.intp), 0, last)
    after = np.minimum(before + 1, last)
    share = np.clip(at - before, 0.0, 1.0)
    left, right = (values[k].astype(np.float64) for k in (before, after))
    straight = left + share * (right - left)
    nearest = np.where(share < 0.5, left, right)
    return np.where(np.isnan(straight), nearest, straight)


def _joined(low: Values, high: Values) -> tuple[Values, Values]:
    """Let each column reach half way to its neighbours."""
    bottom, top = low.copy(), high.copy()
    above, below = low[1:] > high[:-1], high[1:] < low[:-1]
    rise = np.where(above, (low[1:] + high[:-1]) / 2, np.nan)
    fall = np.where(below, (high[1:] + low[:-1]) / 2, np.nan)
    top[:-1], bottom[1:] = np.fmax(top[:-1], rise), np.fmin(bottom[1:], rise)
    bottom[:-1], top[1:] = np.fmin(bottom[:-1], fall), np.fmax(top[1:], fall)
    return bottom, top


def _pixel(values: Values, limits: tuple[float, float], height: int) -> Values:
    low, high = limits
    room = _THICK / 2
    share = np.clip((high - values) / (high - low), 0.0, 1.0)
    return np.asarray(room + share * (height - 2 * room))


def _coverage(top: Values, bottom: Values, height: int) -> NDArray[np.float32]:
    """Return the share of each pixel, (height, width), that a line covers.

    Each edge of a column changes the share in the two rows it lies between, for all rows below:
    their sum from the top down is the share.
    """
    there = np.flatnonzero(~np.isnan(top))
    changes = np.zeros((height + 2, len(top)), dtype=np.float32)
    for edge, sign in ((top[there] - _THICK / 2, 1.0), (bottom[there] + _THICK / 2, -1.0)):
        row = np.floor(edge).astype(np.intp)
        below = edge - row
        changes[row, there] += sign * (1 - below)
        changes[row + 1, there] += sign * below
    share = np.cumsum(changes[:height], axis=0)
    return np.clip(share, 0.0, 1.0, out=share)
