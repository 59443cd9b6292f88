"""Which part of a video's time is looked at: shared by everything that is drawn over it."""

from __future__ import annotations

from math import floor

from psygnal import Signal

_LEAST = 12.0
"""Frames that are seen at the greatest zoom."""
_AHEAD = 0.1
"""Where a frame comes that was out of sight, as a share of what is seen."""


class TimeView:
    """The frames that are seen, the one that is shown, and a range that is selected. Without Qt.

    Attributes
    ----------
    changed : Signal()
        Something else is seen, shown or selected: draw it.
    sought : Signal(int)
        A person wants to see this frame.
    range_selected : Signal(int, int)
        A range was selected: its first and its last frame.
    range_cleared : Signal()
        None is selected any more.
    frames : int
        Of the video; 0 without one.
    rate : float
        Frames a second.
    index : int
        The frame that is shown.
    first, span : float
        Left edge of what is seen, and how much it is, in frames; frame ``k`` is ``k`` to ``k + 1``.
    selected : tuple of (int, int) or None
        First and last frame of the range.
    """

    changed = Signal()
    sought = Signal(int)
    range_selected = Signal(int, int)
    range_cleared = Signal()

    def __init__(self) -> None:
        self.frames, self.rate, self.index = 0, 25.0, 0
        self.first, self.span = 0.0, 1.0
        self.selected: tuple[int, int] | None = None

    def show_video(self, frames: int, rate: float) -> None:
        """Look at the whole of another video."""
        self.frames, self.rate, self.index = frames, rate, 0
        self.clear_range()
        self._look_at(0.0, float(frames))

    @property
    def whole(self) -> bool:
        """Whether all of the video is seen."""
        return self.span >= self.frames

    def show_whole(self) -> None:
        """Look at all of the video."""
        self._look_at(0.0, float(self.frames))

    def zoom(self, factor: float, at: float) -> None:
        """See more or less; what is at a place stays there.

        Parameters
        ----------
        factor : float
            How many times as much is seen.
        at : float
            The place, in frames.
        """
        span = self._possible(self.span * factor)
        self._look_at(at - (at - self.first) * span / self.span, span)

    def pan(self, frames: float) -> None:
        """Move what is seen, to later frames if more than 0."""
        self._look_at(self.first + frames, self.span)

    def look_at(self, first: int, last: int) -> None:
        """See a range of frames, with some room on both sides."""
        room = _AHEAD * (last + 1 - first)
        self._look_at(first - room, last + 1 - first + 2 * room)

    def set_index(self, index: int) -> None:
        """Say which frame is shown; what is seen moves if another one is that is not in it."""
        moved, self.index = index != self.index, index
        if moved and not self.first <= index < self.first + self.span:
            self._look_at(index - _AHEAD * self.span, self.span)
        else:
            self.changed.emit()

    def seek(self, frame: int) -> None:
        """Ask for a frame, the nearest there is; nothing if it is the one shown."""
        frame = min(max(frame, 0), self.frames - 1)
        if self.frames and frame != self.index:
            self.set_index(frame)
            self.sought.emit(frame)

    def select(self, one: int, other: int) -> None:
        """Select the frames from one to another, in any order."""
        if not self.frames:
            return
        low, high = sorted(min(max(frame, 0), self.frames - 1) for frame in (one, other))
        if self.selected != (low, high):
            self.selected = low, high
            self.range_selected.emit(low, high)
            self.changed.emit()

    def clear_range(self) -> None:
        """Select nothing."""
        if self.selected is not None:
            self.selected = None
            self.range_cleared.emit()
            self.changed.emit()

    def place(self, frame: int, width: int) -> int:
        """Column of pixels, of so many, in which the middle of a frame is."""
        return floor((frame + 0.5 - self.first) * width / self.span)

    def at(self, column: float, width: int) -> float:
        """Place in time of the middle of a column of pixels, in frames."""
        return self.first + (floor(column) + 0.5) * self.span / width

    def frame_at(self, column: float, width: int) -> int:
        """Frame at a column of pixels; the nearest that is seen if it is beside them."""
        low, high = floor(self.first), floor(self.first + self.span - 1e-9)
        frame = min(max(floor(self.at(column, width)), low), high)
        return min(max(frame, 0), max(self.frames - 1, 0))

    def _possible(self, span: float) -> float:
        return min(max(span, min(_LEAST, self.frames), 1.0), float(max(self.frames, 1)))

    def _look_at(self, first: float, span: float) -> None:
        span = self._possible(span)
        first = min(max(first, 0.0), max(self.frames - span, 0.0))
        if (first, span) != (self.first, self.span):
            self.first, self.span = first, span
        self.changed.emit()
