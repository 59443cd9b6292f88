"""Why a face is in the review queue: several reasons, each with its own sentence and points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from sqlalchemy import bindparam, delete, insert, select, update

from .guard import damaged
from .items import parts
from .tables import QueueReasonRow, QueueRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import Connection, Select

Reason = Literal[
    "imported-estimate", "poor-fit", "lost-track", "disagreement", "label-check", "manual"
]
"""``imported-estimate`` is of older versions: an import queues no finished face any more."""

# Where a reason without a predicted error stands among those that have one, in units of IOD.
# A lost face fits worse than any fit that was found. What an import estimated comes last.
_UNPREDICTED: dict[str, float] = {
    "manual": 2.0,
    "lost-track": 1.0,
    "disagreement": 0.2,
    "label-check": 0.1,
    "poor-fit": 0.05,
    "imported-estimate": -1.0,
}

# Built once: tracking runs them thousands of times.
_ADD = insert(QueueReasonRow)
_OF_ENTRY = QueueReasonRow.queue_id == bindparam("entry")
_RENEW = update(QueueReasonRow).where(_OF_ENTRY, QueueReasonRow.reason == bindparam("kind"))
_CLEAR = delete(QueueReasonRow).where(_OF_ENTRY)
_KINDS = select(QueueReasonRow.reason).where(_OF_ENTRY)
_ALL = select(
    QueueReasonRow.queue_id,
    QueueReasonRow.reason,
    QueueReasonRow.predicted_error,
    QueueReasonRow.note,
    QueueReasonRow.points,
).order_by(QueueReasonRow.queue_id, QueueReasonRow.priority.desc(), QueueReasonRow.id)


class QueueReason(NamedTuple):
    """One reason to look at a face.

    A named tuple and not a data class: a list of ten thousand faces is made ten times as fast.

    Parameters
    ----------
    reason : str
        Why.
    predicted_error : float or None
        What the model believes its error is, in units of IOD.
    note : str
        A sentence on it, for people.
    points : tuple of int
        Numbers of the landmarks that it is about; none if it is about the whole face.
    """

    reason: Reason
    predicted_error: float | None = None
    note: str = ""
    points: tuple[int, ...] = ()

    @property
    def priority(self) -> float:
        """Place in the queue: the predicted error, or what its absence means."""
        if self.predicted_error is None or not np.isfinite(self.predicted_error):
            return _UNPREDICTED[self.reason]
        return float(self.predicted_error)


def put(connection: Connection, entry: int, reason: QueueReason) -> None:
    """Give an entry a reason, or renew it, and have the worst of its reasons rank it."""
    values = {
        "priority": reason.priority,
        "predicted_error": reason.predicted_error,
        "note": reason.note,
        "points": np.array(reason.points, "<u2").tobytes(),
    }
    renewed = connection.execute(_RENEW.values(values), {"entry": entry, "kind": reason.reason})
    if renewed.rowcount == 0:
        connection.execute(_ADD, {"queue_id": entry, "reason": reason.reason, **values})
    worst = (
        select(QueueReasonRow.priority)
        .where(QueueReasonRow.queue_id == entry)
        .order_by(QueueReasonRow.priority.desc())
        .limit(1)
    )
    connection.execute(
        update(QueueRow).where(QueueRow.id == entry).values(priority=worst.scalar_subquery())
    )


def clear(connection: Connection, entry: int) -> None:
    """Take all reasons from an entry."""
    connection.execute(_CLEAR, {"entry": entry})


def kinds(connection: Connection, entry: int) -> set[str]:
    """Reasons that an entry has."""
    return set(connection.scalars(_KINDS, {"entry": entry}))


def of_entries(
    connection: Connection, entries: Sequence[int]
) -> dict[int, tuple[QueueReason, ...]]:
    """Reasons of some entries, the worst of each first."""
    found: dict[int, tuple[QueueReason, ...]] = {}
    for part in parts(entries):
        found |= _grouped(connection, _ALL.where(QueueReasonRow.queue_id.in_(part)))
    return found


def of_all(connection: Connection) -> dict[int, tuple[QueueReason, ...]]:
    """Reasons of all entries, the worst of each first."""
    return _grouped(connection, _ALL)


def _grouped(
    connection: Connection, query: Select[*tuple[Any, ...]]
) -> dict[int, tuple[QueueReason, ...]]:
    found: dict[int, tuple[QueueReason, ...]] = {}
    for entry, reason, error, note, points in connection.execute(query).all():
        # Few reasons of a long list have points, and an array costs more than the row.
        why = QueueReason(reason, error, note, _decoded(points, entry) if points else ())
        known = found.get(entry)
        found[entry] = (why,) if known is None else (*known, why)
    return found


def _decoded(points: bytes, entry: int) -> tuple[int, ...]:
    if len(points) % 2:
        raise damaged(f"A reason of entry {entry} of the review queue", "its points are no numbers")
    return tuple(np.frombuffer(points, "<u2").tolist())
