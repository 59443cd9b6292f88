"""Points in doubt that somebody said are right: for ever, while they stay where they are.

Rows are only added. Each holds points of a face as one of its revisions has them; a row without
points withdraws all before it. So nothing that was said is lost, and all of it can be taken back.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import insert, select
from sqlalchemy.orm import aliased

from .guard import damaged
from .items import decode_points, parts
from .tables import ApprovalRow, ItemRow, RevisionRow, now

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row

SAME_PLACE = 0.5
"""An approved point that is moved by more, in pixels, is approved no longer where it is then."""


@dataclass(frozen=True)
class Approval:
    """What somebody said of points of a face.

    Parameters
    ----------
    revision_id : int
        The revision that has them where they are right.
    points : tuple of int
        Numbers of the landmarks; none if all that was said before is taken back.
    author : str
        Who said it.
    created : datetime
        When, in UTC.
    """

    revision_id: int
    points: tuple[int, ...]
    author: str
    created: datetime


def add(
    connection: Connection, item_id: int, revision_id: int, points: Sequence[int], author: str
) -> None:
    """Note that points of a revision are right; no points: take back what was said before."""
    connection.execute(
        insert(ApprovalRow),
        {
            "item_id": item_id,
            "revision_id": revision_id,
            "points": np.array(sorted(set(points)), "<u2").tobytes(),
            "author": author,
            "created": now(),
        },
    )


def history(connection: Connection, item_id: int) -> list[Approval]:
    """All that was said of an item, oldest first."""
    query = (
        select(ApprovalRow.__table__).where(ApprovalRow.item_id == item_id).order_by(ApprovalRow.id)
    )
    return [_approval(row) for row in connection.execute(query)]


def standing(
    connection: Connection, numbers: Sequence[int] | None = None
) -> dict[int, frozenset[int]]:
    """Points that are right where they are now, by item; of all items, or of some."""
    found: dict[int, frozenset[int]] = {}
    for item_id, rows in _by_item(connection, numbers).items():
        present = _still_there(rows)
        if present:
            found[item_id] = present
    return found


def in_force(approvals: Iterable[Approval]) -> list[Approval]:
    """Return those that were not taken back, oldest first."""
    kept: list[Approval] = []
    for one in approvals:
        kept = [*kept, one] if one.points else []
    return kept


def _by_item(
    connection: Connection, numbers: Sequence[int] | None
) -> dict[int, list[tuple[Approval, NDArray[np.float64], NDArray[np.float64]]]]:
    """Approvals by item, each with the points (N, 2) that were approved, and those of now."""
    then, current = aliased(RevisionRow), aliased(RevisionRow)
    query = (
        select(ApprovalRow.__table__, then.points.label("then"), current.points.label("current"))
        .join(ItemRow, ItemRow.id == ApprovalRow.item_id)
        .join(then, then.id == ApprovalRow.revision_id)
        .join(current, current.id == ItemRow.head)
        .order_by(ApprovalRow.id)
    )
    chosen = [query] if numbers is None else [
        query.where(ApprovalRow.item_id.in_(part)) for part in parts(numbers)
    ]  # fmt: skip
    found: dict[int, list[tuple[Approval, NDArray[np.float64], NDArray[np.float64]]]]
    found = defaultdict(list)
    for one in chosen:
        for row in connection.execute(one):
            places = decode_points(row.then), decode_points(row.current)
            found[row.item_id].append((_approval(row), *places))
    return found


def _still_there(
    rows: Iterable[tuple[Approval, NDArray[np.float64], NDArray[np.float64]]],
) -> frozenset[int]:
    right: set[int] = set()
    for approval, then, current in rows:
        if approval.points:
            right.update(_unmoved(approval.points, then, current))
        else:
            right.clear()
    return frozenset(right)


def _unmoved(
    points: Iterable[int], then: NDArray[np.float64], current: NDArray[np.float64]
) -> Iterator[int]:
    for k in points:
        if k >= min(len(then), len(current)):
            raise damaged("An approval of points", f"there is no landmark {k}")
        if np.linalg.norm(then[k] - current[k]) <= SAME_PLACE:  # not of a missing one: NaN
            yield k


def _approval(row: Row[Any]) -> Approval:
    what = f"Approval {row.id} of item {row.item_id}"
    if len(row.points) % 2:
        raise damaged(what, "its points are no numbers")
    try:
        created = datetime.fromisoformat(row.created)
    except ValueError as error:
        raise damaged(what, error) from error
    points = tuple(np.frombuffer(row.points, "<u2").tolist())
    return Approval(row.revision_id, points, row.author, created)
