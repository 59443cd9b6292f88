"""One revision for each of many faces at once, and back: for what is said of all of them.

Revisions are only ever added, here too. All of a batch are written in one transaction while
nobody else writes, so that their numbers follow each other: the range is what tells a batch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import aliased

from faceloop_datasets.errors import InputError

from . import settings
from .guard import damaged
from .items import decode, decode_points
from .tables import ItemRow, RevisionRow, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row

    from faceloop_datasets.annotation import Annotation
    from faceloop_datasets.progress import Monitor

_PART = 500  # revisions between two steps of the monitor


class NewRevision(NamedTuple):
    """What a face is to become.

    Parameters
    ----------
    item_id : int
        The face.
    annotation : Annotation
        Its points.
    based_on : int or None
        The revision it was made from. If another one counts by then, both are kept and that one
        goes on counting.
    start : ndarray, shape (N, 2), or None
        What assisted drags start from, see `faceloop_datasets.store.items.Revision`.
    """

    item_id: int
    annotation: Annotation
    based_on: int | None
    start: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Batch:
    """Revisions that were saved at once.

    Parameters
    ----------
    kind : str
        What can be taken back by itself: of each kind the project remembers the last batch.
    action : str
        What was done, for people; the action of all its revisions.
    first, last : int
        Numbers of its first and last revision.
    faces : int
        How many faces it changed.
    outside : int
        How many points it made occluded since they lie outside their picture. It is known when the
        batch is made, and not remembered.
    """

    kind: str
    action: str
    first: int
    last: int
    faces: int
    outside: int = field(default=0, compare=False)


def append_to_all(
    connection: Connection,
    changes: Iterable[NewRevision],
    *,
    kind: str,
    action: str,
    author: str,
    total: int | None = None,
    monitor: Monitor,
) -> Batch:
    """Save one revision for each of many faces, in the transaction of the caller.

    Parameters
    ----------
    connection : Connection
        That of `Database.write`: nobody else may write meanwhile.
    changes : iterable of NewRevision
        At most one a face. It may read from the same connection while it goes on.
    kind, action, author : str
        See `Batch`; and who did it.
    total : int, optional
        How many there are, for the progress.
    monitor : Monitor
        Told each step; may stop the work between steps.

    Returns
    -------
    Batch
        What `undo_batch` takes back; of no faces, and not remembered, if there were no changes.

    Raises
    ------
    Cancelled
        If the monitor stopped it; with the transaction everything is undone.
    """
    first = _last_number(connection) + 1
    written = _append(connection, changes, action, author, _step_reporter(total, monitor))
    faces = _move_heads(connection, first) if written else 0
    batch = Batch(kind, action, first, _last_number(connection), faces)
    if written:
        remembered = {name: value for name, value in asdict(batch).items() if name != "outside"}
        settings.put(connection, _key(kind), json.dumps(remembered))
    return batch


def last_batch(connection: Connection, kind: str) -> Batch | None:
    """Return the batch of a kind that was saved last and not taken back; None if there is none.

    Raises
    ------
    ProjectError
        If what is stored of it cannot be read.
    """
    stored = settings.get(connection, _key(kind))
    if stored is None:
        return None
    try:
        batch = Batch(**json.loads(stored))
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(f"What the project remembers of the last {kind}", error) from error
    numbers = (batch.first, batch.last, batch.faces, batch.outside)
    whole = all(type(number) is int and 0 <= number < 1 << 63 for number in numbers)
    if not whole or (type(batch.kind), type(batch.action)) != (str, str):
        raise damaged(f"What the project remembers of the last {kind}", "it is no batch")
    return batch


def undo_batch(
    connection: Connection,
    batch: Batch,
    scheme: str,
    *,
    author: str,
    monitor: Monitor,
) -> int:
    """Bring back, as new revisions, what the faces of a batch were before it.

    A face that was changed since, or erased, or that the batch gave its first points, stays as it
    is. The batch is forgotten: a second call finds nothing to take back.

    Parameters
    ----------
    connection : Connection
        That of `Database.write`.
    batch : Batch
        From `last_batch`.
    scheme : str
        Name of the project's landmark scheme.
    author : str
        Who takes it back.
    monitor : Monitor
        Told each step; may stop the work between steps.

    Returns
    -------
    int
        How many faces are as they were before.
    """
    first = _last_number(connection) + 1
    before = _before(connection, batch, scheme)
    action = f"Undo: {batch.action}"
    report = _step_reporter(batch.faces, monitor)
    written = _append(connection, before, action, author, report)
    settings.drop(connection, _key(batch.kind))
    return _move_heads(connection, first) if written else 0


def _key(kind: str) -> str:
    return f"last-batch:{kind}"


def _last_number(connection: Connection) -> int:
    return connection.scalar(select(func.max(RevisionRow.id))) or 0


def _step_reporter(total: int | None, monitor: Monitor) -> Callable[[int], None]:
    return lambda done: monitor.step(done, total, "saving all faces")


def _append(
    connection: Connection,
    changes: Iterable[NewRevision],
    action: str,
    author: str,
    report: Callable[[int], None],
) -> int:
    left, written, moment = iter(changes), 0, now()
    while part := list(islice(left, _PART)):
        report(written)
        connection.execute(
            insert(RevisionRow), [_values(change, action, author, moment) for change in part]
        )
        written += len(part)
    return written


def _values(change: NewRevision, action: str, author: str, moment: str) -> dict[str, object]:
    annotation, start = change.annotation, change.start
    return {
        "item_id": change.item_id,
        "based_on": change.based_on,
        "points": annotation.points.astype("<f8").tobytes(),
        "states": annotation.states.tobytes(),
        "source": annotation.source,
        "author": author,
        "created": moment,
        "action": action,
        "start": None if start is None else start.astype("<f8").tobytes(),
    }


def _move_heads(connection: Connection, first: int) -> int:
    """Have the revisions from a number on count, where what they are based on still does."""
    is_new = RevisionRow.id >= first
    fitting = (
        select(RevisionRow.item_id)
        .join(ItemRow, ItemRow.id == RevisionRow.item_id)
        .where(is_new, RevisionRow.based_on.is_not_distinct_from(ItemRow.head))
    )
    newest = select(func.max(RevisionRow.id)).where(RevisionRow.item_id == ItemRow.id, is_new)
    moved = connection.execute(
        update(ItemRow)
        .where(ItemRow.id.in_(fitting))
        .values(head=newest.correlate(ItemRow).scalar_subquery())
    )
    return moved.rowcount


def _before(connection: Connection, batch: Batch, scheme: str) -> Iterator[NewRevision]:
    """Read what the faces of a batch were before it, where it still counts."""
    ours, theirs = aliased(RevisionRow), aliased(RevisionRow)
    query = (
        select(
            ours.item_id, ours.id.label("number"), theirs.points, theirs.states, theirs.source,
            theirs.start,
        )
        .join(ItemRow, (ItemRow.id == ours.item_id) & (ItemRow.head == ours.id))
        .join(theirs, theirs.id == ours.based_on)
        .order_by(ours.id)
        .limit(_PART)
    )  # fmt: skip
    at = batch.first - 1
    while rows := connection.execute(query.where(ours.id > at, ours.id <= batch.last)).all():
        yield from (_restored(row, scheme) for row in rows)
        at = rows[-1].number


def _restored(row: Any, scheme: str) -> NewRevision:
    return NewRevision(row.item_id, stored_annotation(row, scheme), row.number, stored_start(row))


def stored_annotation(row: Row[Any], scheme: str) -> Annotation:
    """Annotation of a row of the revisions, whichever of its columns were asked for.

    Raises
    ------
    ProjectError
        If it cannot be read.
    """
    try:
        return decode(scheme, row.points, row.states, row.source)
    except (ValueError, InputError) as error:
        raise damaged(f"A revision of item {row.item_id}", error) from error


def stored_start(row: Row[Any]) -> NDArray[np.float64] | None:
    """Return what assisted drags of a row start from, (N, 2); None if that is not known."""
    return None if row.start is None else decode_points(row.start)
