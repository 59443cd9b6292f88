"""The faces of a project as a list: one that changes costs the same in a list of any length."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .selection import SHOWN, Selection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from faceloop_datasets import ItemSummary


@dataclass(frozen=True)
class Counts:
    """How much of the review queue is done.

    Parameters
    ----------
    left, done, skipped : Counter of str
        Entries by reason; one of several reasons is under each.
    entries : Counter of str
        Entries by part of the queue: ``open``, ``done`` or ``skipped``.
    """

    left: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)


class Listing:
    """All faces, those of them that are asked for, in order, and how many there are of each kind.

    Parameters
    ----------
    faces : iterable of Summary
        All faces, in the order they came.
    selection : Selection
        What is asked for.
    missing : collection of int
        Media whose file is not where it was.

    Attributes
    ----------
    all : dict of int to Summary
        Every face by its number, removed ones too.
    removed : int
        How many of them were removed; they are counted nowhere else.
    rows : list of int
        Those asked for.
    counts : Counts
        Entries of the queue.
    notes : Counter of str
        Reasons that were given to skip.
    videos : dict of int to str
        Videos that have faces: number and path.
    expressions : Counter of str
        Faces by what they express; the empty one counts those of which nobody has said.
    """

    def __init__(
        self,
        faces: Iterable[ItemSummary] = (),
        selection: Selection | None = None,
        missing: Collection[int] = (),
    ) -> None:
        self.all: dict[int, ItemSummary] = {}
        self.counts, self.notes = Counts(), Counter[str]()
        self.videos: dict[int, str] = {}
        self.removed = 0
        self.expressions = Counter[str]()
        for face in faces:
            self.all[face.item_id] = face
            self._count(face, 1)
        self.select(Selection() if selection is None else selection, missing)

    def select(self, selection: Selection, missing: Collection[int]) -> None:
        """Ask for other faces."""
        self._selection, self._missing = selection, missing
        self.rows = selection.of(self.all.values(), missing)
        self._order = [selection.order(self.all[item_id]) for item_id in self.rows]

    def put(self, face: ItemSummary) -> None:
        """Take over what is known now about a face, a new one too."""
        before = self.all.get(face.item_id)
        if before is not None:
            self._count(before, -1)
            place = self.place(face.item_id)
            if place is not None:
                del self.rows[place], self._order[place]
        self.all[face.item_id] = face
        self._count(face, 1)
        if self._selection.takes(face, self._missing):
            order = self._selection.order(face)
            place = bisect_left(self._order, order)
            self.rows.insert(place, face.item_id)
            self._order.insert(place, order)

    def place(self, item_id: int) -> int | None:
        """Place of a face among those that are asked for; None if it is not."""
        face = self.all.get(item_id)
        if face is None:
            return None
        place = bisect_left(self._order, self._selection.order(face))
        there = place < len(self.rows) and self.rows[place] == item_id
        return place if there else None

    def _count(self, face: ItemSummary, by: int) -> None:
        if face.removed:
            self.removed += by
            return
        self.expressions[face.expression] += by
        if face.media_kind == "video" and face.media_id is not None:
            self.videos[face.media_id] = face.media_path or ""
        if face.status is None:
            return
        if face.status == "skipped" and face.said:
            self.notes[face.said] += by
        part = next(part for part, states in SHOWN.items() if face.status in states)
        counter = {
            "open": self.counts.left,
            "done": self.counts.done,
            "skipped": self.counts.skipped,
        }[part]
        self.counts.entries[part] += by
        counter.update({why.reason: by for why in face.reasons})
