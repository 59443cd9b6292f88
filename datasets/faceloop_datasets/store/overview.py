"""Everything a list of all faces shows, in one query: a project may hold ten thousand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Select, select

from faceloop_datasets.annotation import PointState

from .tables import ItemRow, MediaRow, QueueRow, RevisionRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

_ESTIMATED, _MISSING = bytes([PointState.ESTIMATED]), bytes([PointState.MISSING])


class Summary(NamedTuple):
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
    entry_id, reason, predicted_error, priority, status, author, note, time, model
        The item's entry of the review queue; None if it has none.
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
    entry_id: int | None
    reason: str | None
    predicted_error: float | None
    priority: float | None
    status: str | None
    author: str | None
    note: str | None
    time: float | None
    model: str | None

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
    def by_hand(self) -> bool:
        """Whether the revision that counts is a person's and not an import's."""
        return self.source is not None and not self.source.startswith("import:")

    @property
    def half_corrected(self) -> bool:
        """Whether a person began with it, and points are left that nobody has confirmed."""
        return self.by_hand and self.estimated > 0


def summaries(connection: Connection, item_id: int | None = None) -> list[Summary]:
    """All items, in the order they came, or the one of that number."""
    query = _query().order_by(ItemRow.id)
    if item_id is not None:
        query = query.where(ItemRow.id == item_id)
    return [Summary._make(row) for row in connection.execute(query)]


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
            QueueRow.id,
            QueueRow.reason,
            QueueRow.predicted_error,
            QueueRow.priority,
            QueueRow.status,
            QueueRow.author,
            QueueRow.note,
            QueueRow.time,
            QueueRow.model,
        )
        .outerjoin(MediaRow, MediaRow.id == ItemRow.media_id)
        .outerjoin(RevisionRow, RevisionRow.id == ItemRow.head)
        .outerjoin(QueueRow, QueueRow.item_id == ItemRow.id)
    )
