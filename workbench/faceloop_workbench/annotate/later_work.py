"""What people have done to a face, so that undo of something else does not take it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.subjects import kind_of

from .face_state import FaceState
from .past_edits import PastEdits, PointEdit

if TYPE_CHECKING:
    from faceloop_datasets import Item, Project

Work = tuple[str | int, ...]
"""Whom a face shows, and the revisions and labels of it that were not taken back."""


def work_on(project: Project, number: int) -> Work:
    """Return what was done to a face and still counts; two are equal if nothing was done between.

    What was done and taken back is as if it never was.
    """

    def first() -> FaceState:
        entry = project.queue.of_item(number)
        if entry is None or entry.fit is None:
            return FaceState.empty(len(project.scheme))
        return FaceState.of(entry.fit)

    past = PastEdits.of(project.history(number), project.expression_history(number), first)
    done = (e.after.id if isinstance(e, PointEdit) else e.after for e in past.done)
    return (project.item(number).subject, *done)


def named(item: Item) -> str:
    """Name a face by whom it shows, or by its number."""
    known = kind_of([item.subject_source]) == "person"
    return item.subject if known else f"face {item.id}"
