"""Rows of the timeline as pixels, by numpy: as cheap for an hour of video as for a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtGui import QImage

from faceloop_datasets.tracks.face_track import FrameKind, Verdict

from .colours import error_colours
from .track_rows import shown_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .time_view import TimeView
    from .track_rows import TrackRow

    Pixels = NDArray[np.uint8]
    Colour = Sequence[int]

KIND_LINE = 5
"""Height of the line below a row that says how points came about, and what people said of them."""
_KIND, _VERDICT = 3, 2  # pixels of it
_BASE = 0.55
"""Share of the row that the smallest error fills: its colour has to be seen too."""
_FULL = 2.0
"""An error of so many times the threshold fills the row."""
_HATCH = 6  # pixels from stripe to stripe
_STRIPE = (205, 200, 215)
# Blue, sky blue, pink and orange of Okabe & Ito (2008); dots and dashes tell them apart as well.
KIND_COLOURS: dict[FrameKind, tuple[int, int, int]] = {
    FrameKind.CORRECTED: (0, 114, 178),
    FrameKind.SPREAD: (86, 180, 233),
    FrameKind.INTERPOLATED: (204, 121, 167),
    FrameKind.SMOOTHED: (230, 159, 0),
}
_DASHES = {FrameKind.INTERPOLATED: (6, 4), FrameKind.SMOOTHED: (3, 1)}  # period, pixels drawn
VERDICT_COLOURS = {Verdict.ACCEPTED: (0, 158, 115), Verdict.REJECTED: (176, 48, 8)}


def row_picture(
    row: TrackRow, view: TimeView, size: tuple[int, int], threshold: float, behind: Colour
) -> QImage:
    """Draw a row: bars whose colour and height say the predicted error, lost frames hatched.

    Parameters
    ----------
    row : TrackRow
        The face.
    view : TimeView
        Which frames.
    size : (int, int)
        Width and height in pixels, with the `KIND_LINE` at the bottom.
    threshold : float
        A higher error is poor.
    behind : sequence of int
        Colour where nothing is drawn.
    """
    width, height = size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    pixels[:] = behind
    _draw_errors(pixels[: height - KIND_LINE - 1], row, view, threshold)
    _draw_kinds(pixels[height - KIND_LINE :], row, view)
    return as_image(pixels)


def overview_picture(row: TrackRow, width: int, threshold: float) -> QImage:
    """Draw all of a face's frames as one line of colours."""
    errors, stale = _errors(row, 0.0, float(len(row.errors)), width)
    return as_image(error_colours(errors, stale, threshold)[None])


def as_image(pixels: Pixels) -> QImage:
    """Return RGB pixels, (H, W, 3), as Qt draws them."""
    height, width = pixels.shape[:2]
    whole = np.ascontiguousarray(pixels)
    image = QImage(whole.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()  # the bytes go away


def _errors(
    row: TrackRow, first: float, span: float, width: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    _, errors = row.errors.columns(first, span, width)
    if row.stale is None:
        return errors, np.zeros(width, dtype=np.bool_)
    return errors, row.stale.columns(first, span, width)[1] > 0


def _draw_errors(pixels: Pixels, row: TrackRow, view: TimeView, threshold: float) -> None:
    height, width = pixels.shape[:2]
    errors, stale = _errors(row, view.first, view.span, width)
    colours = error_colours(errors, stale, threshold)
    share = np.clip(np.nan_to_num(errors, nan=0.0, posinf=np.inf) / (_FULL * threshold), 0.0, 1.0)
    bars = np.rint(height * (_BASE + (1 - _BASE) * share))
    drawn = np.arange(height)[:, None] >= height - bars
    pixels[:] = np.where(drawn[..., None], colours, pixels)
    x, y = np.arange(width), np.arange(height)[:, None]
    pixels[((x + y) % _HATCH < 2) & np.isinf(errors)] = _STRIPE


def _draw_kinds(pixels: Pixels, row: TrackRow, view: TimeView) -> None:
    width = pixels.shape[1]
    x = np.arange(width)
    if row.ranks is not None:
        ranks = row.ranks.columns(view.first, view.span, width)[1]
        for rank in range(1, len(KIND_COLOURS) + 1):
            kind = shown_kind(rank)
            period, drawn = _DASHES.get(kind, (1, 1))
            here = (ranks == rank) & (x % period < drawn)
            thin = 1 if kind == FrameKind.SPREAD else 0
            pixels[thin:_KIND, here] = KIND_COLOURS[kind]
    if row.verdicts is not None:
        verdicts = row.verdicts.columns(view.first, view.span, width)[1]
        for verdict, colour in VERDICT_COLOURS.items():
            dashed = verdict == Verdict.REJECTED
            pixels[-_VERDICT:, (verdicts == verdict) & ~(dashed & (x % 4 == 3))] = colour
