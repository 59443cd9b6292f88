"""Undo and redo without limit, a stack for each face; going back is saved like going on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject
from qtpy.QtGui import QUndoCommand, QUndoGroup, QUndoStack  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Callable

    from .editor import FaceEditor
    from .expression import FaceExpression
    from .face_state import FaceState


class UndoStacks(QObject):
    """What can be taken back, of every face edited since the project was opened.

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
        editor.loaded.connect(self._activate_stack)
        editor.edited.connect(self._push)
        expression.edited.connect(self._push_label)

    def clear(self) -> None:
        """Forget everything: another project is open, where numbers mean other faces."""
        for stack in self._stacks.values():
            self.group.removeStack(stack)
            stack.deleteLater()
        self._stacks.clear()
        self._last.clear()

    def undo(self) -> None:
        """Take the last change back."""
        if self._editor.may_edit():
            self.group.undo()

    def redo(self) -> None:
        """Make it again."""
        if self._editor.may_edit():
            self.group.redo()

    def _activate_stack(self, state: FaceState | None) -> None:
        """Make the stack of the face in work the active one."""
        item = self._editor.item
        if item is None or state is None:
            self.group.setActiveStack(None)
            return
        stack = self._stack(item.id)
        known = self._last.get(item.id)
        if known is not None and not known.is_same_as(state):
            # Saved in another window while this one showed another face.
            self._push(known, state, "Changed elsewhere")
        self.group.setActiveStack(stack)

    def _push(self, before: FaceState, after: FaceState, what: str) -> None:
        item = self._editor.item
        if item is not None:
            self._last[item.id] = after
            self._stack(item.id).push(_EditCommand(self, before, after, what))

    def note(self, what: str, undo: Callable[[], object], redo: Callable[[], object]) -> None:
        """Remember, beside the face in work, what was done to the faces of its picture."""
        item = self._editor.item
        if item is not None:
            self._stack(item.id).push(_FacesCommand(what, undo, redo))

    def _push_label(self, before: str, after: str) -> None:
        item = self._editor.item
        if item is not None:
            self._stack(item.id).push(_LabelCommand(self._expression, before, after))

    def restore(self, state: FaceState, what: str) -> None:
        """Bring a state back; called by the stack."""
        item = self._editor.item
        if item is not None:
            self._last[item.id] = state
            self._editor.restore(state, what)

    def _stack(self, number: int) -> QUndoStack:
        if number not in self._stacks:
            self._stacks[number] = QUndoStack(self.group)
        return self._stacks[number]


class _EditCommand(QUndoCommand):  # type: ignore[misc]
    def __init__(self, stacks: UndoStacks, before: FaceState, after: FaceState, what: str) -> None:
        super().__init__(what)
        self._stacks, self._before, self._after = stacks, before, after
        self._done = True  # Qt redoes a command when it is pushed; this one is done already

    def undo(self) -> None:
        """Go back (Qt's name)."""
        self._stacks.restore(self._before, f"Undo: {self.text()}")

    def redo(self) -> None:
        """Go on again (Qt's name)."""
        if self._done:
            self._done = False
        else:
            self._stacks.restore(self._after, f"Redo: {self.text()}")


class _FacesCommand(QUndoCommand):  # type: ignore[misc]
    def __init__(self, what: str, undo: Callable[[], object], redo: Callable[[], object]) -> None:
        super().__init__(what)
        self._undo, self._redo = undo, redo
        self._done = True  # as above

    def undo(self) -> None:
        """Go back (Qt's name)."""
        self._undo()

    def redo(self) -> None:
        """Go on again (Qt's name)."""
        if self._done:
            self._done = False
        else:
            self._redo()


class _LabelCommand(QUndoCommand):  # type: ignore[misc]
    def __init__(self, expression: FaceExpression, before: str, after: str) -> None:
        super().__init__(f"Expression {after or 'none'}")
        self._expression, self._before, self._after = expression, before, after
        self._done = True  # as above

    def undo(self) -> None:
        """Go back (Qt's name)."""
        self._expression.restore(self._before)

    def redo(self) -> None:
        """Go on again (Qt's name)."""
        if self._done:
            self._done = False
        else:
            self._expression.restore(self._after)
