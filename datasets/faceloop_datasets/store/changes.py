"""The history of a whole project: which revision of each item counted when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from .tables import RevisionRow

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True)
class HeadChange:
    """A revision that came to count.

    Parameters
    ----------
    revision_id, item_id : int
        The revision, and the item whose newest it then was.
    source : str
        Where it came from, as in `Annotation.source`.
    """

    revision_id: int
    item_id: int
    source: str


def changes(connection: Connection) -> list[HeadChange]:
    """Revisions that came to count, oldest first; those that were saved beside are left out."""
    query = select(
        RevisionRow.id, RevisionRow.item_id, RevisionRow.based_on, RevisionRow.source
    ).order_by(RevisionRow.id)
    counts: dict[int, int] = {}
    found = []
    for number, item_id, based_on, source in connection.execute(query):
        if counts.get(item_id) == based_on:  # as `items.append` decided then
            counts[item_id] = number
            found.append(HeadChange(number, item_id, source))
    return found
