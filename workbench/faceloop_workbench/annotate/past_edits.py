"""What can be taken back of a face, read from its saved revisions. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from faceloop_workbench.services.annotation_source import IMPORT, source_text
from faceloop_workbench.services.history_text import REDO, UNDO

from .face_state import FaceState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from faceloop_datasets import Revision
    from faceloop_datasets.store.expressions import ExpressionChange


@dataclass(frozen=True)
class PointEdit:
    """A change of the points. Its states are made when they are asked for: a face may have many.

    Parameters
    ----------
    before, after : Revision or None
        The revisions before and after it; before is None for the first of a face.
    first : callable
        The face before anything was saved.
    what : str
        What was done, for people.
    """

    before: Revision | None
    after: Revision
    first: Callable[[], FaceState]
    what: str

    @property
    def when(self) -> str:
        """When it was saved, ISO 8601."""
        return self.after.created.isoformat()

    def state_before(self) -> FaceState:
        """Return the face before the change."""
        return self.first() if self.before is None else FaceState.saved(self.before)

    def state_after(self) -> FaceState:
        """Return the face after it."""
        return FaceState.saved(self.after)

    def is_undone_by(self, later: PastEdit) -> bool:
        """Whether a later change says that it took this one back, and did."""
        return (
            isinstance(later, PointEdit)
            and later.what.startswith(UNDO)
            and _look_alike(later.state_after(), self.state_before())
        )

    def is_redone_by(self, later: PastEdit) -> bool:
        """Whether a later change says that it made this one again, and did."""
        return (
            isinstance(later, PointEdit)
            and later.what.startswith(REDO)
            and _look_alike(later.state_after(), self.state_after())
        )


@dataclass(frozen=True)
class LabelEdit:
    """A change of the face's expression: the word before, the one after, and when."""

    before: str
    after: str
    when: str = field(compare=False)

    def is_undone_by(self, later: PastEdit) -> bool:
        """Whether a later change brought the word back; labels do not say why they were given."""
        return later == LabelEdit(self.after, self.before, self.when)

    def is_redone_by(self, later: PastEdit) -> bool:
        """Whether a later change gave the word again."""
        return later == self


PastEdit = PointEdit | LabelEdit


@dataclass
class PastEdits:
    """What can be taken back, the oldest first; and made again, what was undone last at the end."""

    done: list[PastEdit] = field(default_factory=list)
    undone: list[PastEdit] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        revisions: Sequence[Revision],
        labels: Sequence[ExpressionChange],
        first: Callable[[], FaceState],
    ) -> PastEdits:
        """Read them from the history of a face.

        What an import brought first is where undo ends. A revision that says it is an undo, but
        has not brought the state before back, is a change like any other.

        Parameters
        ----------
        revisions : sequence of Revision
            The oldest first.
        labels : sequence of ExpressionChange
            What was said of its expression, the oldest first.
        first : callable
            The face before anything was saved.
        """
        past = cls()
        edits = [*_point_edits(revisions, first), *_label_edits(labels)]
        for edit in sorted(edits, key=lambda edit: edit.when):
            past._add(edit)
        return past

    def _add(self, edit: PastEdit) -> None:
        if self.done and self.done[-1].is_undone_by(edit):
            self.undone.append(self.done.pop())
        elif self.undone and self.undone[-1].is_redone_by(edit):
            self.done.append(self.undone.pop())
        else:
            self.done.append(edit)
            self.undone.clear()


def _point_edits(
    revisions: Iterable[Revision], first: Callable[[], FaceState]
) -> Iterator[PastEdit]:
    """Yield each change that came to count; what was saved beside is left out."""
    head: Revision | None = None
    for revision in revisions:
        if revision.based_on != (None if head is None else head.id):
            continue
        if head is not None or not revision.source.startswith(IMPORT):
            what = revision.action or source_text(revision.source)
            yield PointEdit(head, revision, first, what)
        head = revision


def _label_edits(labels: Iterable[ExpressionChange]) -> Iterator[PastEdit]:
    before = ""
    for change in labels:
        if not change.author.startswith(IMPORT):
            yield LabelEdit(before, change.label, change.created.isoformat())
        before = change.label


def _look_alike(a: FaceState, b: FaceState) -> bool:
    return np.array_equal(a.states, b.states) and np.array_equal(a.points, b.points, equal_nan=True)
