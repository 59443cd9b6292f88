"""The line of a video's time: where it is, and how good the fits of each face are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QRect, QSize
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import QSizePolicy

from faceloop_workbench.services.extremes import Extremes

from .canvas_rows import KIND_LINE, overview_picture, row_picture
from .canvas_time import EDGE, TimeArea
from .canvas_timeline import (
    draw_axis,
    draw_gutter,
    draw_marks,
    draw_place,
    draw_selection,
    draw_window,
    rgb,
)
from .record import ErrorRecord
from .time_view import TimeView
from .track_rows import MarkKind, TrackRow, neighbour

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from qtpy.QtGui import QPaintEvent

    from faceloop_datasets.tracks.track import Track

_OVERVIEW, _AXIS, _LANE = 6, 14, 10  # heights
_TOP = _OVERVIEW + 2 + _AXIS + _LANE  # where the rows begin
_ROW, _LOW_ROW, _GAP = 18, 9, 2
_HIGH_ROWS = 3
"""From more faces on the rows are low."""
_MOST_ROWS = 10
_GUTTER = 22


class Timeline(TimeArea):
    """A video's time: a row for each face, with the whole of it in a strip above.

    Each column of pixels stands for some frames and shows the worst of them: colour and height
    say the predicted error, stripes that there is no face. Thin lines say how points came about.
    Diamonds are annotated frames, rings frames in the review queue.

    Attributes
    ----------
    sought : Signal(int)
        This frame was clicked, or asked for by key.
    range_selected : Signal(int, int)
        First and last frame of a range that was selected.
    """

    sought = Signal(int)
    range_selected = Signal(int, int)

    def __init__(self, view: TimeView | None = None) -> None:
        super().__init__(view or TimeView())
        self._record = ErrorRecord(0)
        self._track: Track | None = None
        self._gaps = True  # whether what is recorded shows in the rows
        self._rows: list[TrackRow] = []
        self._worst: TrackRow | None = None  # of several faces
        self._threshold = 0.06
        self._marks = {kind: np.zeros(0, dtype=np.intp) for kind in ("annotated", "queued")}
        self._gutter = 0
        self.setObjectName("live.timeline")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Place in the video")
        self.view.sought.connect(self.sought.emit)
        self.view.range_selected.connect(self.range_selected.emit)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as its rows."""
        rows = max(len(self._rows), 1)
        return QSize(200, _TOP + rows * (self._row_height() + _GAP))

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high, and narrow if need be."""
        return QSize(60, self.sizeHint().height())

    # What is shown

    def show_record(self, record: ErrorRecord, rate: float, threshold: float) -> None:
        """Show another video's record, or colour it for another threshold."""
        self._threshold = threshold
        if record is not self._record:
            self._record, self._track, self._gaps = record, None, True
            self.show_marks((), ())
            self.view.show_video(len(record.errors), rate)
        self._renew_rows()

    def show_track(self, track: Track | None) -> None:
        """Show the faces of a track, and what was recorded where it has nothing.

        Without one, what was recorded only.
        """
        self._track = track
        frames = len(self._record.errors) if track is None else track.frames
        if frames != self.view.frames:
            self.view.show_video(frames, self.view.rate if track is None else track.rate)
        self._gaps = track is None or not track.seen.all()
        self._renew_rows()

    def show_marks(self, annotated: Iterable[int], queued: Iterable[int]) -> None:
        """Mark annotated frames and those that are in the review queue."""
        for kind, frames in (("annotated", annotated), ("queued", queued)):
            self._marks[kind] = np.unique(np.fromiter(frames, dtype=np.intp))
        self.update()

    def set_index(self, index: int) -> None:
        """Show where the video is, and what was recorded meanwhile."""
        if self._gaps:
            self._renew_rows()
        self.view.set_index(index)

    def select_range(self, first: int, last: int) -> None:
        """Select a range of frames."""
        self.view.select(first, last)

    @property
    def selected(self) -> tuple[int, int] | None:
        """First and last frame of the range that is selected."""
        return self.view.selected

    # Marks

    def mark_frames(self, kind: MarkKind) -> NDArray[np.intp]:
        """Return the frames, sorted, at which marks or spans of a kind begin."""
        if kind in self._marks:
            return self._marks[kind]
        spans = [row.starts(kind, self._threshold) for row in self._rows]
        return np.unique(np.concatenate(spans)) if spans else np.zeros(0, dtype=np.intp)

    def go_to_mark(self, kind: MarkKind, step: int) -> bool:
        """Go to the next (``step`` 1) or previous (-1) mark; returns whether there is one."""
        frame = neighbour(self.mark_frames(kind), self.view.index, step)
        if frame is not None:
            self.view.seek(frame)
        return frame is not None

    # Drawing

    def left(self) -> int:
        """Pixels left of the time: with several faces their numbers stand there."""
        return EDGE + max(self._gutter, _GUTTER if len(self._rows) > 1 else 0)

    def set_gutter(self, pixels: int) -> None:
        """Leave so much room on the left, as plots below do."""
        self._gutter = pixels
        self.update()

    def is_overview(self, y: float) -> bool:
        """Whether a place is in the strip of the whole video."""
        return y < _OVERVIEW + 1 and not self.view.whole

    def paintEvent(self, _event: QPaintEvent | None) -> None:  # noqa: N802 - Qt's name
        """Draw overview, axis, marks, rows and place."""
        painter = QPainter(self)
        if self.view.frames and self._rows:
            left, width = self.left(), self.time_width()
            behind = rgb(self.palette().color(QPalette.ColorRole.Base))
            if not self.view.whole:
                whole = overview_picture(self._worst or self._rows[0], width, self._threshold)
                painter.drawImage(QRect(left, 1, width, _OVERVIEW), whole)
                draw_window(painter, self, 1, _OVERVIEW)
            draw_axis(painter, self, _OVERVIEW + 2, _AXIS)
            draw_marks(painter, self, self._marks, _TOP - _LANE, _LANE)
            size = width, self._row_height()
            for k, row in enumerate(self._rows):
                top = self._row_top(k)
                picture = row_picture(row, self.view, size, self._threshold, behind)
                painter.drawImage(left, top, picture)
                if len(self._rows) > 1:
                    draw_gutter(painter, self, row, top, size[1] - KIND_LINE)
            draw_selection(painter, self, _TOP - _LANE)
            draw_place(painter, self, _TOP - _LANE, self.height())
        self.draw_focus(painter)
        painter.end()

    def tip(self, x: float, y: float) -> str:
        """Say what is at a place."""
        frame = self.frame_at(x)
        marks = [kind for kind, frames in self._marks.items() if frame in frames]
        wanted = int((y - _TOP) // (self._row_height() + _GAP))
        rows = [self._rows[wanted]] if 0 <= wanted < len(self._rows) else self._rows
        said = [row.about(frame, self._threshold) for row in rows] + marks
        return f"frame {frame}, {frame / self.view.rate:.2f} s: {', '.join(said)}"

    def _renew_rows(self) -> None:
        before = len(self._rows)
        if self._track is None or not self._track.faces:
            self._rows = [TrackRow.of_record(self._record)] if len(self._record.errors) else []
            self._worst = None
        else:
            faces = sorted(self._track.faces, key=lambda face: -int(face.present.sum()))
            shown = sorted(faces[:_MOST_ROWS], key=lambda face: face.id)
            self._rows = [TrackRow.of_face(face, self._record) for face in shown]
            self._worst = TrackRow(None, "", Extremes(self._track.worst_error))
        if len(self._rows) != before:
            self.updateGeometry()
        self.update()

    def _row_height(self) -> int:
        return (_ROW if len(self._rows) <= _HIGH_ROWS else _LOW_ROW) + KIND_LINE + 1

    def _row_top(self, row: int) -> int:
        return _TOP + row * (self._row_height() + _GAP) + 1
