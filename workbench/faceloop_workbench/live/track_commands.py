"""Keys and buttons for the kept track: what each does to the frame or range that is shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from faceloop_datasets import FaceloopError, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

    from .panel_timeline import Timeline
    from .track_editor import TrackEditor
    from .track_rows import MarkKind

KINDS = ("lost", "poor", "annotated", "queued")
_EDITS = ("spread", "accept", "reject", "interpolate", "smooth", "split")


class TrackCommands:
    """Does what is asked of a track by key.

    Parameters
    ----------
    session : Session
        The face in work, and where to say what went wrong.
    commands : Commands
        What can be done.
    editor : TrackEditor
        The track.
    timeline : Timeline
        Knows the frame, the range, and where marks are.
    """

    def __init__(
        self, session: Session, commands: Commands, editor: TrackEditor, timeline: Timeline
    ) -> None:
        self._session, self._commands = session, commands
        self._editor, self._timeline = editor, timeline
        for name, do in (
            ("track", editor.track_all),
            ("correct", lambda: editor.correct(self._frame)),
            ("corrected", self._corrected),
            ("spread", lambda: editor.spread(self._frame)),
            ("range_in", lambda: self._set_end(first=True)),
            ("range_out", lambda: self._set_end(first=False)),
            ("accept", lambda: self._judge(Verdict.ACCEPTED)),
            ("reject", lambda: self._judge(Verdict.REJECTED)),
            ("interpolate", lambda: editor.interpolate(*self._need_range())),
            ("smooth", lambda: editor.smooth(*self._range(whole=True))),
            ("split", lambda: editor.split(self._frame)),
            ("track_undo", editor.undo),
            ("track_redo", editor.redo),
        ):
            commands.handle(f"live.{name}", partial(self._try, do))
        for kind in KINDS:
            for way, step in (("next", 1), ("previous", -1)):
                go = partial(self._go, cast("MarkKind", kind), step)
                commands.handle(f"live.{way}_{kind}", go)
        self.allow("")

    def allow(self, why_not: str) -> None:
        """Say why nothing can be done with tracks now; ``""`` if it can."""
        project = "" if self._session.project is not None else "Open a project first: it keeps it."
        busy = f"{self._editor.busy} is under way." if self._editor.busy else ""
        none = "" if self._editor.track is not None else "Play the video, or track it, first."
        for name in ("track", "correct", "track_undo", "track_redo"):
            self._commands.disable(f"live.{name}", why_not or project or busy)
        for name in _EDITS:
            self._commands.disable(f"live.{name}", why_not or project or busy or none)
        for name in ("range_in", "range_out", *(f"{w}_{k}" for k in KINDS for w in _WAYS)):
            self._commands.disable(f"live.{name}", why_not)
        opened = self._editor.correcting is not None
        why_not = "" if opened else "Open a frame of a video first: Correct here, in the tab Live."
        self._commands.disable("live.corrected", why_not)

    @property
    def _frame(self) -> int:
        return self._timeline.view.index

    def _range(self, *, whole: bool = False) -> tuple[int, int]:
        """Return the range; without one the whole video, or the frame that is shown."""
        chosen = self._timeline.selected
        if chosen is not None:
            return chosen
        return (0, self._timeline.view.frames - 1) if whole else (self._frame, self._frame)

    def _need_range(self) -> tuple[int, int]:
        if self._timeline.selected is None:
            raise FaceloopError(
                "Choose a range first, from a good frame to another: its ends by "
                f"{self._commands.key('live.range_in')} and "
                f"{self._commands.key('live.range_out')}, or with Shift and the mouse."
            )
        return self._timeline.selected

    def _set_end(self, *, first: bool) -> None:
        frame, chosen = self._frame, self._timeline.selected
        last = self._timeline.view.frames - 1
        low, high = (0, last) if chosen is None else chosen
        ends = (frame, max(frame, high)) if first else (min(frame, low), frame)
        self._timeline.select_range(*ends)

    def _judge(self, verdict: Verdict) -> None:
        self._editor.judge(verdict, *self._range())

    def _go(self, kind: MarkKind, step: int) -> None:
        if not self._timeline.go_to_mark(kind, step):
            way = "later" if step > 0 else "earlier"
            self._session.tell(f"No {way} frame here is {kind}.")

    def _corrected(self) -> None:
        """Confirm the face that was opened from the video, and go back to it."""
        wanted, item = self._editor.correcting, self._session.item
        if wanted is not None and item is not None and item.id == wanted[0]:
            self._commands.run("queue.accept")
        self._session.tab_wanted.emit("live")

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except FaceloopError as error:
            self._session.tell(str(error), "warning")


_WAYS = ("next", "previous")
