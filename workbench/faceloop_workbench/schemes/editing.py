"""A scheme that somebody is making: the draft, what is selected, and every step back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from .draft import SchemeDraft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_STEPS = 500


class SchemeEditing:
    """The draft in work.

    Attributes
    ----------
    changed : Signal()
        The draft, or what is selected, is another one.
    """

    changed = Signal()

    def __init__(self, draft: SchemeDraft | None = None) -> None:
        self._draft = draft or SchemeDraft()
        self._selected: tuple[int, ...] = ()
        self._before: list[tuple[str, SchemeDraft]] = []
        self._after: list[tuple[str, SchemeDraft]] = []
        self._dragging: SchemeDraft | None = None
        self.said = ""

    @property
    def draft(self) -> SchemeDraft:
        """The scheme as it is now."""
        return self._draft

    @property
    def selected(self) -> tuple[int, ...]:
        """Numbers of the selected points, in the order they were selected."""
        return self._selected

    def select(self, which: Iterable[int]) -> None:
        """Select points."""
        chosen = tuple(dict.fromkeys(k for k in which if 0 <= k < len(self._draft)))
        if chosen != self._selected:
            self._selected = chosen
            self.changed.emit()

    def do(self, what: str, draft: SchemeDraft, said: str = "") -> None:
        """Make a change that can be taken back.

        Parameters
        ----------
        what : str
            What it is called: ``"move chin"``.
        draft : SchemeDraft
            The scheme after it.
        said : str
            What there is to say about it, until the next change.
        """
        self.said = said
        if draft != self._draft:
            self._before = [*self._before[1 - _STEPS :], (what, self._draft)]
            self._after.clear()
            self._draft = draft
            self._selected = tuple(k for k in self._selected if k < len(draft))
        self.changed.emit()

    def go_on(self, what: str, draft: SchemeDraft) -> None:
        """Make a change that goes on with the last one if that is called the same: typing."""
        if self._before and self._before[-1][0] == what and not self._after:
            self._draft = self._before.pop()[1]
        self.do(what, draft)

    def apply(self, what: str, change: Callable[[SchemeDraft], SchemeDraft]) -> None:
        """Make a change of the draft as it is now."""
        self.do(what, change(self._draft))

    def drag(self, places: dict[int, tuple[float, float]]) -> None:
        """Move points while the mouse is held; one step back takes the whole drag back."""
        if self._dragging is None:
            self._dragging = self._draft
        self._draft = self._draft.move(places)
        self.changed.emit()

    def drop(self) -> None:
        """End a drag."""
        if self._dragging is not None:
            before, now, self._dragging = self._dragging, self._draft, None
            names = [a.name for a, b in zip(before.points, now.points, strict=True) if a != b]
            self._draft = before
            if names:
                self.do(f"move {names[0]}" + ("" if len(names) == 1 else " and others"), now)

    def start(self, draft: SchemeDraft) -> None:
        """Begin with another draft; nothing of before can be taken back."""
        self._before, self._after, self._dragging, self.said = [], [], None, ""
        self._draft, self._selected = draft, ()
        self.changed.emit()

    @property
    def undo_title(self) -> str:
        """What undo takes back; empty if there is nothing."""
        return self._before[-1][0] if self._before else ""

    @property
    def redo_title(self) -> str:
        """What redo does again; empty if there is nothing."""
        return self._after[-1][0] if self._after else ""

    def undo(self) -> None:
        """Take the last change back."""
        if self._before:
            what, draft = self._before.pop()
            self._after.append((what, self._draft))
            self._show(draft)

    def redo(self) -> None:
        """Do again what was taken back last."""
        if self._after:
            what, draft = self._after.pop()
            self._before.append((what, self._draft))
            self._show(draft)

    def _show(self, draft: SchemeDraft) -> None:
        self.said = ""
        self._draft = draft
        self._selected = tuple(k for k in self._selected if k < len(draft))
        self.changed.emit()
