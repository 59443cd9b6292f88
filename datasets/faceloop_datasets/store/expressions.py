"""Labels of expressions: one row each time a face is given one, the newest of a face counts.

Nothing here touches a revision: where the points are stays, only what the face expresses changes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import aliased

from faceloop_datasets.errors import ProjectError

from .guard import damaged
from .items import NOT_REMOVED, parts
from .tables import ExpressionRow, ItemRow, now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, ScalarSelect


@dataclass(frozen=True)
class Expression:
    """One word of a project's vocabulary.

    Parameters
    ----------
    label : str
        The word.
    items : tuple of int
        Numbers of the faces that have it.
    subjects : int
        How many subjects they show.
    """

    label: str
    items: tuple[int, ...]
    subjects: int


@dataclass(frozen=True)
class ExpressionChange:
    """What somebody, or an import, said of a face's expression.

    Parameters
    ----------
    label : str
        The word; empty where the label was taken away.
    author : str
        Who said it; ``import:FORMAT`` of an import.
    created : datetime
        When, in UTC.
    """

    label: str
    author: str
    created: datetime


def newest_label() -> ScalarSelect[Any]:
    """Return the label of each row of a query of items, empty for none, as a column of it."""
    # By the index, face by face: what is read of one face must not grow with their number.
    newest = (
        select(ExpressionRow.label)
        .where(ExpressionRow.item_id == ItemRow.id)
        .order_by(ExpressionRow.id.desc())
        .limit(1)
    )
    return func.coalesce(newest.correlate(ItemRow).scalar_subquery(), "").label("expression")  # type: ignore[return-value]


def labels(connection: Connection, numbers: Sequence[int] | None = None) -> dict[int, str]:
    """Labels by item, of those that have one; of all, or of some."""
    later = aliased(ExpressionRow)
    superseded = (
        select(later.id)
        .where(later.item_id == ExpressionRow.item_id, later.id > ExpressionRow.id)
        .exists()
    )
    query = select(ExpressionRow.item_id, ExpressionRow.label).where(
        ~superseded, ExpressionRow.label != ""
    )
    if numbers is None:
        return dict(connection.execute(query).all())
    found: dict[int, str] = {}
    for part in parts(numbers):
        rows = connection.execute(query.where(ExpressionRow.item_id.in_(part)))
        found |= dict(rows.all())
    return found


def vocabulary(connection: Connection) -> list[Expression]:
    """All labels that faces have, in the order in which they were first given."""
    there = select(ItemRow.id, ItemRow.subject).where(NOT_REMOVED)
    subjects = dict(connection.execute(there).all())
    first = select(ExpressionRow.label, func.min(ExpressionRow.id)).group_by(ExpressionRow.label)
    order = dict(connection.execute(first).all())
    found: dict[str, list[int]] = defaultdict(list)
    for item, label in sorted(labels(connection).items()):
        if item in subjects:
            found[label].append(item)
    return [
        Expression(label, tuple(found[label]), len({subjects[k] for k in found[label]}))
        for label in sorted(found, key=order.__getitem__)
    ]


def set_labels(connection: Connection, wanted: Mapping[int, str], author: str) -> int:
    """Give items labels, empty for none; returns how many had another one before.

    Raises
    ------
    ProjectError
        If there is no such item.
    """
    numbers = sorted(wanted)
    _need_items(connection, numbers)
    before = labels(connection, numbers)
    moment = now()
    rows = [
        {"item_id": item, "label": wanted[item], "author": author, "created": moment}
        for item in numbers
        if before.get(item, "") != wanted[item]
    ]
    if rows:
        connection.execute(insert(ExpressionRow), rows)
    return len(rows)


def history(connection: Connection, item_id: int) -> list[ExpressionChange]:
    """All that was said of an item's expression, oldest first."""
    query = (
        select(ExpressionRow.id, ExpressionRow.label, ExpressionRow.author, ExpressionRow.created)
        .where(ExpressionRow.item_id == item_id)
        .order_by(ExpressionRow.id)
    )
    return [
        ExpressionChange(label, author, _moment(number, created))
        for number, label, author, created in connection.execute(query)
    ]


def _moment(number: int, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise damaged(f"Label {number} of an expression", error) from error


def _need_items(connection: Connection, numbers: Sequence[int]) -> None:
    known: set[int] = set()
    for part in parts(numbers):
        known.update(connection.scalars(select(ItemRow.id).where(ItemRow.id.in_(part))))
    lacking = sorted(set(numbers) - known)
    if lacking:
        raise ProjectError(f"There is no item {lacking[0]} in this project. Nothing was changed.")


def set_imported(connection: Connection, wanted: Mapping[int, str], source: str) -> int:
    """Give items the labels that an import brings; what a person said stays.

    Returns how many had another one before. ``source`` is the author of an import's labels.
    """
    last = _last_authors(connection, sorted(wanted))
    free = {k: label for k, label in wanted.items() if last.get(k, source) == source}
    return set_labels(connection, free, source)


def _last_authors(connection: Connection, numbers: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in parts(numbers):
        query = select(ExpressionRow.item_id, ExpressionRow.author).order_by(ExpressionRow.id)
        rows = connection.execute(query.where(ExpressionRow.item_id.in_(part)))
        found |= dict(rows.all())
    return found
