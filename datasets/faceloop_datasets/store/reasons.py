"""Why a face is in the review queue: several reasons, each with its own sentence and points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import bindparam, delete, insert, select, update

from faceloop_datasets.review.entries import QueueReason

from .guard import damaged
from .items import parts
from .tables import QueueReasonRow, QueueRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from sqlalchemy import Connection, Select

    from faceloop_datasets.review.entries import Reason

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
    _rank(connection, entry)


def drop(connection: Connection, entry: int, reason: Reason) -> None:
    """Take one reason from an entry that has others, and have the worst of these rank it."""
    connection.execute(_CLEAR.where(QueueReasonRow.reason == reason), {"entry": entry})
    _rank(connection, entry)


def _rank(connection: Connection, entry: int) -> None:
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
