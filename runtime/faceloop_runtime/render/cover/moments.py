"""Which frames of a video are searched by all means: quick searches miss the same faces in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from faceloop_datasets import ShotCounter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from faceloop_datasets import VideoFrame

    Image = NDArray[np.uint8]
    Cells = NDArray[np.float32]

_LONGEST = 1.0
"""Seconds after which a frame is searched by all means again, whatever it shows."""
_SOONEST = 0.19
"""Seconds after which one is that has changed: five frames of 25 a second, one of five."""
_CELLS = (8, 6)
"""Columns and rows of what is compared: a face that enters fills one of them."""
_CHANGED, _DARKEST = 0.25, 4.0
"""Change of the mean brightness of a cell, as a share of the brighter one, from which a picture is
another one; cells darker than that, in gray levels, count as if they had it."""


@dataclass(frozen=True)
class Moment:
    """A frame of a video.

    Parameters
    ----------
    frame : VideoFrame
        The frame.
    after_cut : bool
        Whether another shot ended just before it.
    thorough : bool
        Whether to search it by all means.
    """

    frame: VideoFrame
    after_cut: bool
    thorough: bool


def moments(frames: Iterable[VideoFrame]) -> Iterator[Moment]:
    """Yield the frames of a video, and which to search by all means.

    The first and the last one of each shot, however short it is; one a second at least; and one
    that is not as the last such frame was, in any of its parts: something came in, or it became
    dark. Looks one frame ahead.
    """
    shots, due = ShotCounter(), _Due()
    held: VideoFrame | None = None
    first = after_cut = True
    for frame in frames:
        before = shots.shot
        cut = shots.update(frame.gray()) > before
        if held is not None:
            yield Moment(held, after_cut and not first, due.take(held, after_cut or cut))
            first, after_cut = False, cut
        held = frame
    if held is not None:
        yield Moment(held, after_cut and not first, due.take(held, surely=True))


class _Due:
    """Whether a frame should be searched by all means, given when one was last."""

    def __init__(self) -> None:
        self._time = -np.inf
        self._cells: Cells = np.zeros(_CELLS[::-1], np.float32)

    def take(self, frame: VideoFrame, surely: bool) -> bool:
        """Return whether the next frame should be."""
        cells = cv2.resize(frame.gray(), _CELLS, interpolation=cv2.INTER_AREA).astype(np.float32)
        since = frame.time - self._time
        old = not 0 <= since < _LONGEST  # below 0 in damaged files
        due = surely or old or (since >= _SOONEST and self._change(cells) > _CHANGED)
        if due:
            self._time, self._cells = frame.time, cells
        return due

    def _change(self, cells: Cells) -> float:
        brighter = np.maximum(np.maximum(cells, self._cells), _DARKEST)
        return float((np.abs(cells - self._cells) / brighter).max())
