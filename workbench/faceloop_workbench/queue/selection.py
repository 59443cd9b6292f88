"""Which faces the list shows, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .face_texts import is_labelled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from faceloop_datasets import ItemSummary

SHOWN = {
    "open": ("open", "claimed"),
    "done": ("done",),
    "skipped": ("skipped",),
}
"""Parts of the review queue, by the states of their entries. ``all`` is every face."""

PICTURES = "image"
"""Stands for all images among the media: a project may have thousands."""

MISSING = "missing"
"""Stands for the media whose file is not where it was."""


@dataclass(frozen=True)
class Selection:
    """What is asked for.

    Parameters
    ----------
    show : str
        ``open``, ``done`` or ``skipped`` entries of the review queue, worst first, or ``all``
        faces in the order they came, or those that were ``removed``, which are in no other list.
    reason : str or None
        Entries that have this reason, be it their worst or not.
    label : str or None
        A key of `faceloop_workbench.queue.face_texts.LABELS`.
    expression : str or None
        Faces of this expression; empty for those that have none.
    media : int, str or None
        A video by its number, all `PICTURES`, or those `MISSING`.
    text : str
        Part of the name or subject, in any case.
    subject : str or None
        Faces of this subject.
    """

    show: str = "open"
    reason: str | None = None
    label: str | None = None
    expression: str | None = None
    media: int | str | None = None
    text: str = ""
    subject: str | None = None

    @property
    def narrowed(self) -> bool:
        """Whether more than `show` is asked for."""
        return self != Selection(self.show)

    def of(self, rows: Iterable[ItemSummary], missing: Collection[int] = ()) -> list[int]:
        """Items that are asked for, in order.

        Parameters
        ----------
        rows : iterable of Summary
            All faces, in the order they came.
        missing : collection of int
            Media whose file is not where it was.
        """
        chosen = [row for row in rows if self.takes(row, missing)]
        return [row.item_id for row in sorted(chosen, key=self.order)]

    def order(self, row: ItemSummary) -> tuple[float, int]:
        """Place of a face among others, to sort by: of the queue's order, or as they came."""
        if self.show in ("all", "removed"):
            return 0.0, row.item_id
        # As the queue itself orders them; a skipped or done one keeps its place.
        return -(row.priority or 0.0), row.entry_id or 0

    def takes(self, row: ItemSummary, missing: Collection[int]) -> bool:
        """Whether a face is asked for."""
        if not self._shows(row):
            return False
        if self.reason is not None and self.reason not in [why.reason for why in row.reasons]:
            return False
        if self.label is not None and not is_labelled(row, self.label):
            return False
        if self.expression is not None and row.expression != self.expression:
            return False
        if self.media is not None and not self._on_media(row, missing):
            return False
        return self._is_called(row)

    def _is_called(self, row: ItemSummary) -> bool:
        if self.subject is not None and row.subject != self.subject:
            return False
        text = self.text.casefold()
        return not text or text in row.name.casefold() or text in row.subject.casefold()

    def _shows(self, row: ItemSummary) -> bool:
        if row.removed or self.show == "removed":
            return bool(row.removed) and self.show == "removed"
        return self.show == "all" or row.status in SHOWN[self.show]

    def _on_media(self, row: ItemSummary, missing: Collection[int]) -> bool:
        if self.media == MISSING:
            return row.media_id in missing
        if self.media == PICTURES:
            return row.media_kind == "image"
        return row.media_id == self.media
