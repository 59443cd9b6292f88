"""Entries of the review queue, one an item, and the order they are looked at in."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import bindparam, func, insert, select, update

from faceloop_datasets.annotation import Annotation, PointState
from faceloop_datasets.errors import InputError, ProjectError
from faceloop_datasets.review.entries import QueueEntry
from faceloop_datasets.review.frames import QueuedFrame

from . import items, reasons
from .guard import damaged
from .tables import ItemRow, QueueReasonRow, QueueRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row, Select

    from faceloop_datasets.review.entries import QueueReason, Reason, Status

# What a person skipped stays skipped, unless somebody asks for it; or something is found about
# the saved points, which train, that the person had not been told.
_ASKED: Reason = "manual"
_ON_SAVED_POINTS: tuple[Reason, ...] = ("label-check", "disagreement")

# Built once: tracking runs them thousands of times.
_ADD = insert(QueueRow).returning(QueueRow.id)
_OF_ITEM = select(QueueRow.id, QueueRow.status).where(QueueRow.item_id == bindparam("item"))
_ITEM = ItemRow.id == QueueRow.item_id
_WORST_FIRST = (QueueRow.priority.desc(), QueueRow.id)


def list_entries(
    connection: Connection,
    scheme: str,
    status: Status | None,
    reason: Reason | None,
    *,
    limit: int | None,
    offset: int,
) -> list[QueueEntry]:
    """Entries in the order they should be looked at, see `ReviewQueue.list`.

    Those of faces that were removed are left out, here and in `count` and `claim_first`.
    """
    query = _of_kind(select(QueueRow.__table__), status, reason).order_by(*_WORST_FIRST)
    return _read(connection, scheme, query.limit(limit).offset(offset))


def count(connection: Connection, status: Status | None, reason: Reason | None) -> int:
    """How many entries `list_entries` has in all."""
    query = _of_kind(select(func.count()).select_from(QueueRow), status, reason)
    return connection.scalar(query) or 0


def get(connection: Connection, scheme: str, number: int) -> QueueEntry:
    """Entry by number.

    Raises
    ------
    ProjectError
        If there is none.
    """
    query = select(QueueRow.__table__).where(QueueRow.id == number)
    for entry in _read(connection, scheme, query):
        return entry
    raise ProjectError(f"There is no entry {number} in the review queue.")


def of_item(connection: Connection, scheme: str, item_id: int) -> QueueEntry | None:
    """Entry of an item; None if it has none."""
    query = select(QueueRow.__table__).where(QueueRow.item_id == item_id)
    return next(iter(_read(connection, scheme, query)), None)


def frames_of(connection: Connection, media_id: int) -> tuple[set[int], list[QueuedFrame]]:
    """Frames of a video that are annotated, and those that are in the queue.

    A frame of which somebody removed a face counts as annotated: it must not come back by itself.
    """
    known = ItemRow.head.is_not(None) | (ItemRow.removed != 0)
    annotated = select(ItemRow.frame).where(ItemRow.media_id == media_id, known)
    queued = (
        select(ItemRow.frame, QueueRow.status, QueueRow.shot, QueueRow.time, QueueRow.points)
        .join(ItemRow, _ITEM)
        .where(ItemRow.media_id == media_id, items.NOT_REMOVED)
        .order_by(QueueRow.id)
    )
    found = [
        QueuedFrame(
            row.frame,
            row.status in ("open", "claimed"),
            row.shot or 0,
            row.time,
            None if row.points is None else items.decode_points(row.points),
        )
        for row in connection.execute(queued)
    ]
    return set(connection.scalars(annotated)), found


def claim_first(connection: Connection, author: str) -> int | None:
    """Claim the first open entry; returns its number, None if there is none."""
    waiting = select(QueueRow.id).join(ItemRow, _ITEM).where(items.NOT_REMOVED)
    first = waiting.where(QueueRow.status == "open").order_by(*_WORST_FIRST).limit(1)
    while (number := connection.scalar(first)) is not None:
        if claim(connection, number, author):
            return number
    return None


def claim(connection: Connection, number: int, author: str) -> bool:
    """Claim an entry if it is open; returns whether it was."""
    claimed = connection.execute(
        update(QueueRow)
        .where(QueueRow.id == number, QueueRow.status == "open")
        .values(status="claimed", author=author)
    )
    return claimed.rowcount == 1


def release(connection: Connection, number: int, author: str | None) -> None:
    """Open an entry again; with an author only if it is claimed, and by them."""
    chosen = QueueRow.id == number
    if author is not None:
        chosen &= (QueueRow.status == "claimed") & (QueueRow.author == author)
    opened = update(QueueRow).where(chosen).values(status="open", author=None, said="")
    connection.execute(opened)


def close(
    connection: Connection, number: int, status: Status, *, author: str | None, said: str
) -> None:
    """Note that an entry was put right or is not worth it, by whom, and why."""
    given = {name: value for name, value in {"said": said, "author": author}.items() if value}
    connection.execute(update(QueueRow).where(QueueRow.id == number).values(status=status, **given))


def put(
    connection: Connection,
    item_id: int,
    reason: QueueReason,
    fitted: Mapping[str, object] = MappingProxyType({}),
) -> int:
    """Give the entry of an item a reason, as `ReviewQueue.add` says; returns its number."""
    known = connection.execute(_OF_ITEM, {"item": item_id}).one_or_none()
    if known is None:
        new = {"item_id": item_id, "status": "open", "priority": reason.priority, "said": ""}
        number = connection.execute(_ADD, {**new, **fitted}).scalar_one()
    else:
        number, status = known
        if status == "skipped" and not _opens(connection, number, reason):
            return number
        values = dict(fitted)
        if status in ("done", "skipped"):
            reasons.clear(connection, number)
            fresh = {"status": "open", "author": None, "said": "", "model": None, "points": None}
            values = fresh | values
        if values:
            connection.execute(update(QueueRow).where(QueueRow.id == number).values(values))
    reasons.put(connection, number, reason)
    return number


def settle(connection: Connection, item_id: int, reason: Reason, author: str | None = None) -> None:
    """Take a reason from an entry that waits; done if it waits for nothing else."""
    entry = _waiting(connection, item_id)
    if entry is None or reason not in (known := reasons.kinds(connection, entry)):
        return
    if known == {reason}:
        close(connection, entry, "done", author=author, said="")
    else:
        reasons.drop(connection, entry, reason)


def settle_points(
    connection: Connection,
    item_id: int,
    right: frozenset[int],
    *,
    whole: bool,
    author: str | None,
) -> None:
    """Take landmarks that are right from what an entry that waits says is wrong.

    Parameters
    ----------
    connection : Connection
        That of `Database.write`.
    item_id : int
        The item.
    right : frozenset of int
        Landmarks that are right where they are.
    whole : bool
        Whether they are all of the face: what is said of it as a whole is settled too.
    author : str or None
        Who said so.
    """
    entry = _waiting(connection, item_id)
    for why in () if entry is None else reasons.of_entries(connection, [entry]).get(entry, ()):
        left = tuple(k for k in why.points if k not in right)
        on_whole = not why.points and why.reason in _ON_SAVED_POINTS
        if (why.points and not left) or (on_whole and whole):
            settle(connection, item_id, why.reason, author)
        elif left != why.points and entry is not None:
            reasons.put(connection, entry, why._replace(points=left))


def _waiting(connection: Connection, item_id: int) -> int | None:
    """Return the number of an item's entry if it is open or claimed."""
    known = connection.execute(_OF_ITEM, {"item": item_id}).one_or_none()
    return known.id if known is not None and known.status in ("open", "claimed") else None


def _opens(connection: Connection, number: int, reason: QueueReason) -> bool:
    """Whether a reason opens an entry that was skipped."""
    if reason.reason == _ASKED:
        return True
    known = reasons.kinds(connection, number)
    return reason.reason in _ON_SAVED_POINTS and reason.reason not in known


def fit_columns(
    model: str | None, fit: bytes | None, time: float | None, shot: int | None
) -> dict[str, object]:
    """Columns of an entry that come with a fit: a model's opinion is new as a whole."""
    where = {"time": time, "shot": shot}
    known: dict[str, object] = {name: value for name, value in where.items() if value is not None}
    if model is None and fit is None:
        return known
    return {"model": model, "points": fit, **known}


def _of_kind(query: Select[Any], status: Status | None, reason: Reason | None) -> Select[Any]:
    query = query.join(ItemRow, _ITEM).where(items.NOT_REMOVED)
    if status is not None:
        query = query.where(QueueRow.status == status)
    if reason is not None:
        having = select(QueueReasonRow.queue_id).where(QueueReasonRow.reason == reason)
        query = query.where(QueueRow.id.in_(having))
    return query


def _read(connection: Connection, scheme: str, query: Select[Any]) -> list[QueueEntry]:
    rows = connection.execute(query).all()
    why = reasons.of_entries(connection, [row.id for row in rows])
    return [_decode(row, scheme, why.get(row.id, ())) for row in rows]


def _decode(row: Row[Any], scheme: str, why: tuple[QueueReason, ...]) -> QueueEntry:
    values = dict(row._mapping)
    del values["priority"]
    blob = values.pop("points")
    if not why:
        raise damaged(f"Entry {values['id']} of the review queue", "it has no reason")
    fit = None
    if blob is not None:
        try:
            points = items.decode_points(blob)
            states = np.full(len(points), PointState.ESTIMATED)
            fit = Annotation(scheme, points, states, f"fit:{values['model'] or ''}")
        except (ValueError, InputError) as error:
            raise damaged(f"Entry {values['id']} of the review queue", error) from error
    return QueueEntry(**values, reasons=why, fit=fit)
