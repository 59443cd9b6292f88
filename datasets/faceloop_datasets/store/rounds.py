"""Blind rounds: faces that several people annotate without seeing each other's points."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from faceloop_datasets.errors import InputError, ProjectError

from .guard import damaged
from .items import decode
from .tables import BlindAnnotationRow, RoundItemRow, RoundRow, now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from faceloop_datasets.annotation import Annotation

START = ""
"""Stands for an annotator in the rows that say where everybody's points started."""


@dataclass(frozen=True)
class BlindRound:
    """A round.

    Parameters
    ----------
    id : int
        Its number.
    name : str
        What it is called; no two are called the same.
    annotators : tuple of str
        Who is to annotate its faces.
    start : str
        What everybody's points start from, for people: ``the mean shape``, ``the fit of MODEL``.
    chosen : str
        How its faces were chosen, for people.
    items : tuple of int
        Its faces, in the order in which they are annotated; those that were erased are not among
        them.
    author : str
        Who made it.
    created : datetime
        When, in UTC.
    """

    id: int
    name: str
    annotators: tuple[str, ...]
    start: str
    chosen: str
    items: tuple[int, ...]
    author: str
    created: datetime


@dataclass(frozen=True)
class BlindAnnotation:
    """What one person annotated in a round.

    Parameters
    ----------
    id, item_id : int
        Its number, and the face.
    author : str
        Who.
    annotation : Annotation
        The points.
    created : datetime
        When, in UTC.
    """

    id: int
    item_id: int
    author: str
    annotation: Annotation
    created: datetime


def add(
    connection: Connection,
    name: str,
    settings: Mapping[str, Any],
    items: Sequence[int],
    author: str,
) -> int:
    """Make a round of faces; returns its number.

    Raises
    ------
    ProjectError
        If there is one of that name.
    """
    if connection.scalar(select(RoundRow.id).where(RoundRow.name == name)) is not None:
        raise ProjectError(f"There is a round {name!r} already. Choose another name.")
    values = {"name": name, "settings": json.dumps(settings), "author": author, "created": now()}
    made = insert(RoundRow).values(values).returning(RoundRow.id)
    number = connection.execute(made).scalar_one()
    rows = [{"round_id": number, "item_id": item} for item in items]
    connection.execute(insert(RoundItemRow), rows)
    return number


def list_rounds(connection: Connection) -> list[BlindRound]:
    """All rounds, oldest first."""
    query = select(RoundItemRow.round_id, RoundItemRow.item_id).order_by(RoundItemRow.id)
    items: dict[int, list[int]] = {}
    for number, item in connection.execute(query):
        items.setdefault(number, []).append(item)
    rows = connection.execute(select(RoundRow.__table__).order_by(RoundRow.id))
    return [_round(row, items.get(row.id, [])) for row in rows]


def save(
    connection: Connection, round_id: int, item_id: int, author: str, annotation: Annotation
) -> None:
    """Add what somebody annotated; nothing of before is changed."""
    values = {
        "round_id": round_id,
        "item_id": item_id,
        "author": author,
        "points": annotation.points.astype("<f8").tobytes(),
        "states": annotation.states.tobytes(),
        "created": now(),
    }
    connection.execute(insert(BlindAnnotationRow).values(values))


def of_round(
    connection: Connection, round_id: int, scheme: str, author: str | None = None
) -> list[BlindAnnotation]:
    """All annotations of a round, or those of one person, oldest first."""
    query = select(BlindAnnotationRow.__table__).where(BlindAnnotationRow.round_id == round_id)
    if author is not None:
        query = query.where(BlindAnnotationRow.author == author)
    rows = connection.execute(query.order_by(BlindAnnotationRow.id))
    return [_annotation(row, scheme) for row in rows]


def _round(row: Row[Any], items: Sequence[int]) -> BlindRound:
    try:
        settings, created = json.loads(row.settings), datetime.fromisoformat(row.created)
    except (ValueError, RecursionError) as error:
        raise damaged(f"The round {row.name!r:.80}", error) from error
    known = settings if isinstance(settings, dict) else {}
    annotators = known.get("annotators")
    if not isinstance(annotators, list) or not all(isinstance(one, str) for one in annotators):
        raise damaged(f"The round {row.name!r:.80}", "it does not say who annotates it")
    return BlindRound(
        id=row.id,
        name=row.name,
        annotators=tuple(annotators),
        start=str(known.get("start", "")),
        chosen=str(known.get("chosen", "")),
        items=tuple(items),
        author=row.author,
        created=created,
    )


def _annotation(row: Row[Any], scheme: str) -> BlindAnnotation:
    try:
        found = decode(scheme, row.points, row.states, f"blind:{row.author}")
        created = datetime.fromisoformat(row.created)
    except (ValueError, InputError) as error:
        raise damaged(f"Blind annotation {row.id} of item {row.item_id}", error) from error
    return BlindAnnotation(row.id, row.item_id, row.author, found, created)
