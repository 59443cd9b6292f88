"""Faces that were taken out gently: they wait, train and count nowhere, and can be brought back.

Each time one is taken out or brought back is a row that stays; revisions, labels and entries of the
queue stay as they are. Erasing is the other thing: `faceloop_datasets.store.erasing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from faceloop_datasets.errors import ProjectError

from .guard import damaged
from .items import parts
from .tables import ItemRow, QueueRow, RemovalRow, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True)
class Removal:
    """A face was taken out, or brought back.

    Parameters
    ----------
    removed : bool
        Whether it was taken out then.
    author : str
        Who did it.
    created : datetime
        When, in UTC.
    """

    removed: bool
    author: str
    created: datetime


def set_removed(
    connection: Connection, numbers: Sequence[int], author: str, *, removed: bool
) -> list[int]:
    """Take items out, or bring them back; returns those that were not so before.

    An entry of the queue that somebody has in work is left to others, who see it when its face is
    brought back.

    Raises
    ------
    ProjectError
        If there is no such item; nothing was changed.
    """
    before: dict[int, int] = {}
    for part in parts(sorted(set(numbers))):
        query = select(ItemRow.id, ItemRow.removed).where(ItemRow.id.in_(part))
        before |= {row.id: row.removed for row in connection.execute(query)}
    lacking = sorted(set(numbers) - set(before))
    if lacking:
        raise ProjectError(f"There is no item {lacking[0]} in this project. Nothing was changed.")
    changed = [number for number, was in before.items() if bool(was) != removed]
    moment = now()
    for part in parts(changed):
        connection.execute(update(ItemRow).where(ItemRow.id.in_(part)).values(removed=int(removed)))
        rows = [
            {"item_id": k, "removed": int(removed), "author": author, "created": moment}
            for k in part
        ]
        connection.execute(insert(RemovalRow), rows)
        claimed = QueueRow.item_id.in_(part) & (QueueRow.status == "claimed")
        connection.execute(update(QueueRow).where(claimed).values(status="open", author=None))
    return changed


def history(connection: Connection, item_id: int) -> list[Removal]:
    """Each time an item was taken out or brought back, oldest first."""
    query = (
        select(RemovalRow.id, RemovalRow.removed, RemovalRow.author, RemovalRow.created)
        .where(RemovalRow.item_id == item_id)
        .order_by(RemovalRow.id)
    )
    return [
        Removal(bool(removed), author, _moment(number, created))
        for number, removed, author, created in connection.execute(query)
    ]


def _moment(number: int, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise damaged(f"Removal {number} of a face", error) from error
