"""Points of the face in work that are in doubt: one after the other, until each is settled.

Without Qt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_datasets import FaceloopError
from faceloop_datasets.store.approvals import SAME_PLACE
from faceloop_datasets.wording import counted

from .blind import blind_reason
from .start_commands import NO_FACE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Item, QueueEntry, QueueReason
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

    from .canvas import FaceCanvas
    from .editor import FaceEditor

_NO_DOUBT = "Nothing of this face is in doubt."
_NONE_RIGHT = "Nobody has said of points of this face that they are right."
_AROUND = 20  # points that are shown with the one in doubt, the nearest ones
_ABOUT_SAVED = ("label-check", "disagreement")


class Doubts:
    """Goes through the points that the reasons of the queue's entry are about, and settles them.

    Parameters
    ----------
    session : Session
        Project and face in work.
    commands : Commands
        Where to register; a command that cannot be done says why.
    editor : FaceEditor
        The face.
    canvas : FaceCanvas
        What shows it.

    Attributes
    ----------
    changed : Signal()
        Other points are in doubt or right, or another one is looked at.
    settled : Signal(str, callable, callable)
        Something was said that can be taken back: what, how to take it back, and to say it again.
    points : tuple of int
        Those in doubt, without those that were moved since that was told.
    whole : bool
        Whether the face is in doubt as a whole.
    now : int or None
        The one that is looked at.
    """

    changed = Signal()
    settled = Signal(str, object, object)

    def __init__(
        self, session: Session, commands: Commands, editor: FaceEditor, canvas: FaceCanvas
    ) -> None:
        self._session, self._commands = session, commands
        self._editor, self._canvas = editor, canvas
        self._reasons: tuple[QueueReason, ...] = ()
        self._doubted: frozenset[int] = frozenset()
        self._seen: tuple[Item | None, NDArray[np.float64]] = (None, np.empty((0, 2)))
        self.points: tuple[int, ...] = ()
        self.whole = False
        self.now: int | None = None
        self.right: frozenset[int] = frozenset()
        self._look_soon = False
        for name, do in (
            ("next_doubt", lambda: self.step(1)),
            ("previous_doubt", lambda: self.step(-1)),
            ("approve", self.approve),
            ("unapprove", self.withdraw),
        ):
            commands.handle(f"annotate.{name}", do)
        self.show(None)

    def show(self, entry: QueueEntry | None) -> None:
        """Take what an entry of the queue says of the face in work; None for nothing."""
        waits = entry is not None and entry.status in ("open", "claimed") and not self._blind
        self._reasons = entry.reasons if entry is not None and waits else ()
        before = self._doubted
        self._doubted = frozenset(k for why in self._reasons for k in why.points)
        self.whole = any(why.reason in _ABOUT_SAVED and not why.points for why in self._reasons)
        state, item = self._editor.state, self._editor.item
        if state is not None and (item is not self._seen[0] or not self._doubted <= before):
            self._seen = (item, state.points)
        self._read_right()
        self.update()

    def update(self) -> None:
        """Say which commands can be done now, and mark the points that were not moved."""
        self.points = tuple(k for k in sorted(self._doubted) if not self._moved(k))
        if self.now not in self.points:
            self.now = None
        no_face = NO_FACE if self._editor.state is None else ""
        no_doubt = "" if self.points or self.whole else _NO_DOUBT
        none_right = "" if self.right else _NONE_RIGHT
        for name, why_not in (
            ("next_doubt", ""),
            ("previous_doubt", no_face or no_doubt),
            ("approve", no_face or no_doubt),
            ("unapprove", no_face or none_right),
        ):
            self._commands.disable(f"annotate.{name}", self._blind or why_not)
        self._canvas.mark_doubts(self.points, self.now)
        self.changed.emit()

    def text(self) -> str:
        """Say which point is looked at, and how many are in doubt; empty if none is."""
        if self._doubted and not self.points:
            return "What was in doubt was changed. Accept the face when it is right."
        if not self.points:
            return "The whole face is in doubt." if self.whole else ""
        if self.now is None:
            return f"{counted(len(self.points), 'point')} in doubt."
        name = self._session.need_project().scheme.names[self.now]
        return f"Point {self.points.index(self.now) + 1} of {len(self.points)} in doubt: {name}"

    def step(self, step: int) -> None:
        """Look at the next point in doubt (+1) or the one before (-1).

        After the last of the face come those of the next face, before the first all together.
        """
        if self.now is None:
            place = 0 if step > 0 else len(self.points) - 1
        else:
            place = self.points.index(self.now) + step
        if 0 <= place < len(self.points):
            self._look_at(self.points[place])
        elif step < 0:
            self._look_at_all()
        else:
            before, self._look_soon = self._session.item, True
            self._commands.run("queue.next_doubtful")
            self._look_soon &= self._session.item is not before

    def picture_shown(self) -> None:
        """Look at the first doubt of a face that was gone to for its doubts."""
        if self._look_soon and self.points:
            self._look_at(self.points[0])
        self._look_soon = False

    def approve(self) -> None:
        """Say of the point that is looked at, or of all in doubt, that it is right, for ever."""
        chosen = self._chosen()
        item, revision = self._editor.item, self._editor.save_status.revision
        if item is None or not (chosen or self.whole):
            return
        if revision is None or self._editor.save_status.kind != "saved":
            self._session.tell("What is not saved yet cannot be said to be right.", "warning")
            return
        what, points = self._named(chosen), chosen or None
        project, reasons, number = self._session.need_project(), self._reasons, item.id

        def say() -> None:
            project.approve(number, points, revision_id=revision.id)

        def take_back() -> None:
            project.withdraw_approval(number, points)
            for why in reasons:
                project.queue.add(
                    number,
                    why.reason,
                    predicted_error=why.predicted_error,
                    note=why.note,
                    points=why.points,
                )

        after = next((k for k in self.points if self.now is not None and k > self.now), None)
        if self._do(say):
            self._settle(f"It is right: {what}", take_back, say)
            self._go_on(after, what)

    def withdraw(self) -> None:
        """Take back what was said to be right of this face."""
        item, revision, right = self._editor.item, self._editor.save_status.revision, self.right
        if item is None or revision is None:
            return
        project, number = self._session.need_project(), item.id

        def doubt() -> None:
            project.withdraw_approval(number)

        def say() -> None:
            project.approve(number, sorted(right), revision_id=revision.id)

        if self._do(doubt):
            self._settle("Doubt again", say, doubt)
            self._session.tell("Taken back. The next label check may doubt these points again.")

    @property
    def _blind(self) -> str:
        return blind_reason(self._session)

    def _moved(self, point: int) -> bool:
        """Whether a point is not where it was when the face was taken in work."""
        state, seen = self._editor.state, self._seen[1]
        if state is None or len(state.points) != len(seen):
            return False
        return not np.linalg.norm(state.points[point] - seen[point]) <= SAME_PLACE  # NaN: missing

    def _chosen(self) -> list[int]:
        """Points that are meant; none for the whole face."""
        if self.now is not None:
            return [self.now]
        return [] if self.whole else list(self.points)

    def _named(self, points: Sequence[int]) -> str:
        if len(points) == 1:
            return self._session.need_project().scheme.names[points[0]]
        return counted(len(points), "point") if points else "the whole face"

    def _go_on(self, after: int | None, what: str) -> None:
        if after is not None and after in self.points:
            self._look_at(after)
        elif self.points:
            self._look_at(self.points[0])
        else:
            self._canvas.look_at()
            key = self._commands.key("annotate.next_doubt")
            self._session.tell(
                f"Right: {what}. It is not doubted again while it stays there. {key}: next doubt."
            )

    def _look_at(self, point: int) -> None:
        self.now = point
        self._editor.select([point])
        face = self._editor.drawn
        if face is not None and face.present[point]:
            self._canvas.look_at(_around(face.points, point))
        self.update()

    def _look_at_all(self) -> None:
        self.now = None
        self._editor.select(self.points)
        self._canvas.look_at(self.points or None)
        self.update()

    def _do(self, change: Callable[[], object]) -> bool:
        """Change what was said, and show it; returns whether that is on disk."""
        try:
            change()
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return False
        self._session.queue_changed.emit()
        self._read_right()
        self.update()
        return True

    def _settle(
        self, what: str, take_back: Callable[[], object], again: Callable[[], object]
    ) -> None:
        def undo() -> None:
            if self._do(take_back):
                self._session.tell(f"Took back: {what}.")

        def redo() -> None:
            if self._do(again):
                self._session.tell(f"Done again: {what}.")

        self.settled.emit(what, undo, redo)

    def _read_right(self) -> None:
        item, project = self._editor.item, self._session.project
        if item is None or project is None or self._blind:
            self.right = frozenset()
            return
        try:
            self.right = project.approved([item.id]).get(item.id, frozenset())
        except FaceloopError as error:
            self._session.tell(str(error), "error")


def _around(points: NDArray[np.float64], point: int) -> tuple[int, ...]:
    """Return a point and those nearest to it."""
    distances = np.linalg.norm(points - points[point], axis=1)
    known = int((~np.isnan(distances)).sum())
    return tuple(int(k) for k in np.argsort(distances)[: min(_AROUND, known)])
