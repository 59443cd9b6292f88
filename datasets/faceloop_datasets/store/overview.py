"""Everything a list of all faces shows, in one query: a project may hold ten thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Select, select

from faceloop_datasets.annotation import PointState

from . import reasons
from .expressions import newest_label
from .items import NOT_REMOVED
from .tables import ItemRow, MediaRow, QueueRow, RevisionRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from faceloop_datasets.review.entries import QueueReason

_ESTIMATED, _MISSING = bytes([PointState.ESTIMATED]), bytes([PointState.MISSING])


class ItemSummary(NamedTuple):
    """One item with what is known about it, without points and pictures.

    A named tuple and not a data class: ten thousand are made ten times as fast.

    Parameters
    ----------
    item_id : int
        The item.
    name, subject : str
        For people.
    media_id, media_kind, media_path, frame
        The picture; None for a face without one. ``frame`` is None for an image.
    head : int or None
        The revision that counts.
    states : bytes or None
        Its point states, one byte a point.
    source : str or None
        Its source.
    expression : str
        What it expresses, a word of the project's vocabulary; empty for none.
    entry_id, priority, status, author, said, time, model
        The item's entry of the review queue; None if it has none.
    reasons : tuple of QueueReason
        Why it should be looked at, worst first.
    removed : int
        1 if it was taken out and can be brought back, else 0.
    """

    item_id: int
    name: str
    subject: str
    media_id: int | None
    media_kind: str | None
    media_path: str | None
    frame: int | None
    head: int | None
    states: bytes | None
    source: str | None
    expression: str
    entry_id: int | None
    priority: float | None
    status: str | None
    author: str | None
    said: str | None
    time: float | None
    model: str | None
    reasons: tuple[QueueReason, ...] = ()
    removed: int = 0

    @property
    def reason(self) -> str | None:
        """The worst reason; None if it has none."""
        return self.reasons[0].reason if self.reasons else None

    @property
    def predicted_error(self) -> float | None:
        """The predicted error of the worst reason."""
        return self.reasons[0].predicted_error if self.reasons else None

    @property
    def note(self) -> str:
        """What a person said when skipping it, else the sentence of the worst reason."""
        return self.said or (self.reasons[0].note if self.reasons else "")

    @property
    def estimated(self) -> int:
        """Points that nobody has confirmed."""
        return 0 if self.states is None else self.states.count(_ESTIMATED)

    @property
    def missing(self) -> int:
        """Points without a position."""
        return 0 if self.states is None else self.states.count(_MISSING)

    @property
    def labelled(self) -> bool:
        """Whether any point has a position."""
        return self.states is not None and self.missing < len(self.states)

    @property
    def saved_by_person(self) -> bool:
        """Whether the revision that counts is a person's and not an import's."""
        return self.source is not None and not self.source.startswith("import:")

    @property
    def half_corrected(self) -> bool:
        """Whether a person began with it, and points are left that nobody has confirmed."""
        return self.saved_by_person and self.estimated > 0


def summaries(
    connection: Connection, item_id: int | None = None, *, with_removed: bool = False
) -> list[ItemSummary]:
    """All items, in the order they came, or the one of that number, whether removed or not."""
    query = _query().order_by(ItemRow.id)
    if item_id is not None:
        query = query.where(ItemRow.id == item_id)
    elif not with_removed:
        query = query.where(NOT_REMOVED)
    rows = connection.execute(query).all()
    if item_id is None:
        known = reasons.of_all(connection)
    else:
        known = reasons.of_entries(connection, [r[_ENTRY] for r in rows if r[_ENTRY] is not None])
    return [ItemSummary._make((*row[:-1], known.get(row[_ENTRY], ()), row[-1])) for row in rows]


_ENTRY = ItemSummary._fields.index("entry_id")


def _query() -> Select[*tuple[Any, ...]]:
    return (
        select(
            ItemRow.id,
            ItemRow.name,
            ItemRow.subject,
            ItemRow.media_id,
            MediaRow.kind,
            MediaRow.path,
            ItemRow.frame,
            ItemRow.head,
            RevisionRow.states,
            RevisionRow.source,
            newest_label(),
            QueueRow.id,
            QueueRow.priority,
            QueueRow.status,
            QueueRow.author,
            QueueRow.said,
            QueueRow.time,
            QueueRow.model,
            ItemRow.removed,
        )
        .outerjoin(MediaRow, MediaRow.id == ItemRow.media_id)
        .outerjoin(RevisionRow, RevisionRow.id == ItemRow.head)
        .outerjoin(QueueRow, QueueRow.item_id == ItemRow.id)
    )
