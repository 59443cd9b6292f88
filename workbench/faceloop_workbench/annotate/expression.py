"""What the face in work expresses: its label, and the words that the project has. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from faceloop_datasets import FaceloopError

from .blind import blind_reason

if TYPE_CHECKING:
    from faceloop_datasets.store.expressions import ExpressionChange
    from faceloop_workbench.session import Session


class FaceExpression:
    """The label of the face in work; a change is on disk when it returns.

    Parameters
    ----------
    session : Session
        Project and face in work.

    Attributes
    ----------
    shown : Signal(str)
        Another face is in work, or it has another label; empty for none.
    edited : Signal(str, str)
        Label before and after a change: an undo stack keeps these.
    """

    shown = Signal(str)
    edited = Signal(str, str)

    def __init__(self, session: Session) -> None:
        self._session = session
        self._label = ""
        session.item_changed.connect(lambda _item: self.read())

    @property
    def hidden(self) -> str:
        """Why no label is shown; empty if it is."""
        return blind_reason(self._session)

    @property
    def label(self) -> str:
        """What the face is labelled, empty for nothing."""
        return self._label

    def words(self) -> list[str]:
        """Return the words that faces of the project have, in the order they were first given."""
        project = self._session.project
        try:
            return [] if project is None else [one.label for one in project.expressions()]
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return []

    def history(self) -> list[ExpressionChange]:
        """Return what was said of the face in work, oldest first."""
        item, project = self._session.item, self._session.project
        if item is None or project is None or self.hidden:
            return []
        return project.expression_history(item.id)

    def read(self) -> None:
        """Show what is on disk: another window may have changed it."""
        item, project = self._session.item, self._session.project
        try:
            found = ""
            if item is not None and project is not None and not self.hidden:
                found = project.expression(item.id)
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return
        self._label = found
        self.shown.emit(found)

    def set(self, label: str) -> None:
        """Label the face; ``""`` takes the label away."""
        before = self._label
        if self.restore(label) and self._label != before:
            self.edited.emit(before, self._label)

    def restore(self, label: str) -> bool:
        """Bring a label back, as undo and redo do; returns whether it is on disk."""
        item = self._session.item
        if item is None or self.hidden:
            return False
        try:
            self._session.need_project().set_expression([item.id], label)
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return False
        self.read()
        self._session.labelled.emit(item.id)
        return True
