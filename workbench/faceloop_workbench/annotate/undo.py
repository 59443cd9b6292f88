"""Undo and redo without limit, a stack for each face; going back is saved like going on.

Nothing of it is lost when a face or the project is left: stacks are filled from the revisions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtGui import QUndoCommand, QUndoGroup, QUndoStack  # type: ignore[attr-defined]

from faceloop_workbench.services.history_text import REDO, UNDO

from .past_edits import LabelEdit, PastEdits, PointEdit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .editor import FaceEditor
    from .expression import FaceExpression
    from .face_state import FaceState
    from .past_edits import PastEdit


class UndoStacks(QObject):
    """What can be taken back, of the face in work and of those that could not be saved yet.

    Parameters
    ----------
    editor : FaceEditor
        Makes the changes, and brings states back.
    expression : FaceExpression
        Does the same to the label of the face.

    Attributes
    ----------
    group : QUndoGroup
        The stack of the face in work is its active one.
    """

    def __init__(self, editor: FaceEditor, expression: FaceExpression) -> None:
        super().__init__()
        self.group = QUndoGroup(self)
        self._editor, self._expression = editor, expression
        self._stacks: dict[int, QUndoStack] = {}
        self._last: dict[int, FaceState] = {}
        self._noted: dict[int, list[_FacesChange]] = {}
        self._filling = False
        editor.loaded.connect(self._activate_stack)
        editor.edited.connect(self._push)
        expression.edited.connect(self._push_label)

    def clear(self) -> None:
        """Forget everything: another project is open, where numbers mean other faces."""
        for number in list(self._stacks):
            self._drop(number)
        self._noted.clear()

    def undo(self) -> None:
        """Take the last change back."""
        if self._editor.may_edit():
            self.group.undo()

    def redo(self) -> None:
        """Make it again."""
        if self._editor.may_edit():
            self.group.redo()

    def push(self, command: QUndoCommand) -> None:
        """Let undo take back something else that was done to the face in work."""
        stack, item = self.group.activeStack(), self._editor.item
        if stack is None or item is None:
            return
        self._noted[item.id] = [change for change in self._noted.get(item.id, ()) if change.done]
        stack.push(command)  # what was taken back cannot be made again after it

    def _activate_stack(self, state: FaceState | None) -> None:
        """Make the stack of the face in work the active one."""
        item = self._editor.item
        for number in [n for n in self._stacks if not self._editor.is_unsaved(n)]:
            self._drop(number)
        if item is None or state is None:
            self.group.setActiveStack(None)
            return
        if item.id in self._stacks and not self._last[item.id].is_same_as(state):
            self._drop(item.id)  # decided or saved meanwhile, in another window
        if item.id not in self._stacks:
            self._stacks[item.id] = self._filled(item.id)
        self._last[item.id] = state
        self.group.setActiveStack(self._stacks[item.id])

    def _filled(self, number: int) -> QUndoStack:
        """Make a stack of what was done to the face in work before."""
        stack, editor = QUndoStack(self.group), self._editor
        past = PastEdits.of(editor.history()[::-1], self._expression.history(), editor.first_state)
        noted = self._noted.get(number, [])
        done = _in_order([*past.done, *(change for change in noted if change.done)])
        undone = _in_order([*past.undone, *(change for change in noted if not change.done)])
        self._filling = True
        for edit in (*done, *undone):
            stack.push(self._command(edit))
        stack.setIndex(len(done))
        self._filling = False
        return stack

    def _command(self, edit: PastEdit | _FacesChange) -> QUndoCommand:
        if isinstance(edit, PointEdit):
            return self._edit(edit.state_before, edit.state_after, edit.what)
        if isinstance(edit, LabelEdit):
            return self._label(edit.before, edit.after)
        return _Command(
            edit.what,
            lambda: self._make(edit, done=False),
            lambda: self._make(edit, done=True),
        )

    def _edit(
        self, before: Callable[[], FaceState], after: Callable[[], FaceState], what: str
    ) -> QUndoCommand:
        return _Command(
            what,
            lambda: self._restore(before, f"{UNDO}{what}"),
            lambda: self._restore(after, f"{REDO}{what}"),
        )

    def _label(self, before: str, after: str) -> QUndoCommand:
        return _Command(
            f"Expression {after or 'none'}",
            lambda: self._restore_label(before),
            lambda: self._restore_label(after),
        )

    def _drop(self, number: int) -> None:
        stack = self._stacks.pop(number)
        self._last.pop(number, None)
        self.group.removeStack(stack)
        stack.deleteLater()

    def _push(self, before: FaceState, after: FaceState, what: str) -> None:
        item = self._editor.item
        if item is not None:
            self._last[item.id] = after
            self.push(self._edit(lambda: before, lambda: after, what))

    def note(self, what: str, undo: Callable[[], object], redo: Callable[[], object]) -> None:
        """Remember, beside the face in work, what was done to the faces of its picture.

        It is kept while the project is open, in its place among the changes of the face itself.
        """
        item = self._editor.item
        if item is not None:
            change = _FacesChange(what, undo, redo)
            self.push(self._command(change))
            self._noted.setdefault(item.id, []).append(change)

    def _push_label(self, before: str, after: str) -> None:
        self.push(self._label(before, after))

    def _restore(self, state: Callable[[], FaceState], what: str) -> None:
        item = self._editor.item
        if item is not None and not self._filling:
            self._last[item.id] = brought_back = state()
            self._editor.restore(brought_back, what)

    def _make(self, change: _FacesChange, *, done: bool) -> None:
        """Take back what was done beside the face, or do it again."""
        if not self._filling:
            change.done = done
            (change.redo if done else change.undo)()

    def _restore_label(self, label: str) -> None:
        if not self._filling:
            self._expression.restore(label)


class _Command(QUndoCommand):  # type: ignore[misc]
    """What was done, what takes it back, and what does it again."""

    def __init__(self, what: str, undo: Callable[[], object], redo: Callable[[], object]) -> None:
        super().__init__(what)
        self._undo, self._redo = undo, redo
        self._done = True  # Qt redoes a command when it is pushed; this one is done already

    def undo(self) -> None:
        """Go back (Qt's name)."""
        self._undo()

    def redo(self) -> None:
        """Go on again (Qt's name)."""
        if self._done:
            self._done = False
        else:
            self._redo()


@dataclass
class _FacesChange:
    """What was done beside the face, and when; ``done`` unless it is taken back."""

    what: str
    undo: Callable[[], object]
    redo: Callable[[], object]
    done: bool = True
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


def _in_order(edits: Sequence[PastEdit | _FacesChange]) -> list[PastEdit | _FacesChange]:
    return sorted(edits, key=lambda edit: edit.when)
