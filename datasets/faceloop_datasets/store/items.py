"""Items and their revisions: every save adds one, none is ever changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sqlalchemy import bindparam, func, insert, select, update

from faceloop_datasets.annotation import Annotation
from faceloop_datasets.errors import InputError, ProjectError

from .guard import damaged
from .tables import ItemRow, RevisionRow, now

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row, Select

    from faceloop_datasets.subjects import SubjectSource

_Value = TypeVar("_Value")

# Built once: an import runs them thousands of times.
_ADD_ITEM = insert(ItemRow).returning(ItemRow.id)
_ADD_REVISION = insert(RevisionRow).returning(RevisionRow.id)
_OF_NUMBER = select(RevisionRow.__table__).where(RevisionRow.id == bindparam("number"))
_OF_ITEM = update(ItemRow).where(ItemRow.id == bindparam("item"))
_MOVE_HEAD = _OF_ITEM.where(ItemRow.head == bindparam("base")).values(head=bindparam("number"))
_MOVE_FIRST_HEAD = _OF_ITEM.where(ItemRow.head.is_(None)).values(head=bindparam("number"))


NOT_REMOVED = ItemRow.removed == 0
"""Items that were not taken out: those that wait, train and count."""
_LAST = 2**31 - 1  # greatest number of a row in any of the databases
_CHUNK = 500  # values in one statement; databases bound their number


@dataclass(frozen=True)
class Item:
    """One face in one image or video frame.

    Parameters
    ----------
    id : int
        Its number in the project.
    media_id : int or None
        The picture; None for a face without one, which can train the shape only.
    frame : int or None
        Number of the frame, if the media is a video.
    name : str
        For people.
    subject : str
        Faces of one subject stay on one side of a split.
    subject_source : str
        How the subject is known, see `faceloop_datasets.subjects.SubjectSource`.
    origin : str or None
        ``FORMAT:PATH`` of an imported face: the path of its annotation below what was named, and
        its place in the file.
    origin_root : str or None
        The folder or archive that was named; None if an older version imported it.
    head : int or None
        The revision that counts; None if nothing was saved.
    removed : bool
        Whether it was taken out gently, and can be brought back.
    """

    id: int
    media_id: int | None
    frame: int | None
    name: str
    subject: str
    subject_source: SubjectSource
    origin: str | None
    origin_root: str | None
    head: int | None
    removed: bool = False


@dataclass(frozen=True)
class Revision:
    """One saved annotation of an item.

    Parameters
    ----------
    id : int
        Its number; give it as ``based_on`` when saving what was made from it.
    item_id : int
        The item.
    based_on : int or None
        The revision its author had in front of them.
    annotation : Annotation
        What was saved.
    author : str
        Who saved it.
    created : datetime
        When, in UTC.
    is_head : bool
        Whether it is the one that counts.
    action : str
        What was done, for people: "Move chin". Empty if that is not known.
    start : ndarray, shape (N, 2), or None
        What assisted drags start from: the face before a person placed anything, in pixels. NaN
        where nothing was known, and where a person has put an OCCLUDED point. None of an import
        and of what an older version saved.
    """

    id: int
    item_id: int
    based_on: int | None
    annotation: Annotation
    author: str
    created: datetime
    is_head: bool
    action: str = ""
    start: NDArray[np.float64] | None = field(default=None, compare=False)  # arrays have no ==

    @property
    def source(self) -> str:
        """Where it came from: ``manual``, ``import:FORMAT``, ... as in `Annotation.source`."""
        return self.annotation.source


@dataclass(frozen=True, eq=False)
class NewFace:
    """An item that is to be added with its first revision.

    Parameters
    ----------
    values : mapping of str to object
        What `add_item` takes.
    annotation : Annotation
        The first revision.
    """

    values: Mapping[str, object]
    annotation: Annotation


def as_item(values: Mapping[str, Any]) -> Item:
    """Item from the columns of its row."""
    return Item(**{**values, "removed": bool(values["removed"])})


def add_item(
    connection: Connection,
    *,
    media_id: int | None,
    frame: int | None,
    name: str,
    subject: str,
    subject_source: SubjectSource,
    origin: str | None = None,
    origin_root: str | None = None,
) -> Item:
    """Add one item."""
    values = {
        "media_id": media_id,
        "frame": frame,
        "name": name,
        "subject": subject,
        "subject_source": subject_source,
        "origin": origin,
        "origin_root": origin_root,
    }
    number = connection.execute(_ADD_ITEM, values).scalar_one()
    return Item(id=number, head=None, **values)  # type: ignore[arg-type]


def add_faces(connection: Connection, faces: Sequence[NewFace], author: str) -> list[int]:
    """Add many items, each with its first revision; returns their numbers, in order.

    A hundred thousand take seconds, where one by one they take a minute. ``connection`` is that of
    `Database.write`: nobody else writes meanwhile, so that the numbers that are new are theirs.
    """
    added = _insert(connection, ItemRow, [face.values for face in faces])
    revisions = [
        _revision_values(number, face.annotation, None, author)
        for number, face in zip(added, faces, strict=True)
    ]
    first = _insert(connection, RevisionRow, revisions)
    moves = [{"item": item, "number": one} for item, one in zip(added, first, strict=True)]
    connection.execute(_MOVE_FIRST_HEAD, moves)
    return added


def _insert(
    connection: Connection,
    table: type[ItemRow | RevisionRow],
    rows: Sequence[Mapping[str, object]],
) -> list[int]:
    """Insert rows, at least one; returns their numbers, in order."""
    last = connection.scalar(select(func.max(table.id))) or 0
    connection.execute(insert(table), rows)
    return list(connection.scalars(select(table.id).where(table.id > last).order_by(table.id)))


def get_item(connection: Connection, number: int) -> Item:
    """Item by number.

    Raises
    ------
    ProjectError
        If there is none.
    """
    query = select(ItemRow.__table__).where(ItemRow.id == number)
    row = connection.execute(query).one_or_none() if 0 < number <= _LAST else None
    if row is None:
        raise ProjectError(f"There is no item {number} in this project.")
    return as_item(dict(row._mapping))


def list_items(connection: Connection, *, with_removed: bool = False) -> list[Item]:
    """All items, in the order they came."""
    query = _there(select(ItemRow.__table__), with_removed=with_removed).order_by(ItemRow.id)
    return [as_item(dict(row._mapping)) for row in connection.execute(query)]


def of_media(
    connection: Connection, media_id: int, frame: int | None = None, *, with_removed: bool = False
) -> list[Item]:
    """Items in an image or video, or in one frame of it, in the order they came."""
    query = _there(_in_media(media_id, frame), with_removed=with_removed)
    return [as_item(dict(row._mapping)) for row in connection.execute(query)]


def heads_of_media(
    connection: Connection,
    media_id: int,
    frame: int | None,
    scheme: str,
    *,
    with_removed: bool = False,
) -> list[tuple[Item, Revision | None]]:
    """Items as `of_media` returns them, each with the revision that counts; None if it has none."""
    there = of_media(connection, media_id, frame, with_removed=with_removed)
    numbers = [item.head for item in there if item.head is not None]
    found: dict[int, Revision] = {}
    for part in parts(numbers):
        query = select(RevisionRow.__table__).where(RevisionRow.id.in_(part))
        found |= {row.id: _revision(row, scheme, row.id) for row in connection.execute(query)}
    return [(item, found.get(item.head or 0)) for item in there]


def _in_media(media_id: int, frame: int | None) -> Select[Any]:
    query = select(ItemRow.__table__).where(ItemRow.media_id == media_id).order_by(ItemRow.id)
    return query if frame is None else query.where(ItemRow.frame == frame)


def _there(query: Select[Any], *, with_removed: bool) -> Select[Any]:
    return query if with_removed else query.where(NOT_REMOVED)


def with_points(
    connection: Connection, media: Sequence[int]
) -> Iterator[tuple[Item, NDArray[np.float64] | None]]:
    """Yield the items in some media, and their points (N, 2); None if nothing was saved."""
    for part in parts(media):
        query = (
            select(ItemRow.__table__, RevisionRow.points.label("points"))
            .outerjoin(RevisionRow, RevisionRow.id == ItemRow.head)
            .where(ItemRow.media_id.in_(part))
            .order_by(ItemRow.id)
        )
        for row in connection.execute(query):
            values = dict(row._mapping)
            points = values.pop("points")
            yield as_item(values), None if points is None else decode_points(points)


def set_media(connection: Connection, number: int, media_id: int | None, frame: int | None) -> None:
    """Give an item its picture."""
    connection.execute(
        update(ItemRow).where(ItemRow.id == number).values(media_id=media_id, frame=frame)
    )


def append(
    connection: Connection,
    item_id: int,
    annotation: Annotation,
    based_on: int | None,
    author: str,
    *,
    action: str = "",
    start: NDArray[np.float64] | None = None,
) -> tuple[int, bool]:
    """Store a revision; it becomes the head if ``based_on`` still is. Returns (id, is head).

    The same once more, whose answer was lost with the connection, is no other revision.
    """
    values = _revision_values(item_id, annotation, based_on, author, action=action, start=start)
    head = get_item(connection, item_id).head
    if head is not None and head != based_on:
        known = connection.execute(_OF_NUMBER, {"number": head}).mappings().one()
        if all(known[key] == value for key, value in values.items() if key != "created"):
            return head, True
    number = connection.execute(_ADD_REVISION, values).scalar_one()
    # Compare and swap in one statement: of two savers one finds the head changed.
    move = _MOVE_FIRST_HEAD if based_on is None else _MOVE_HEAD
    base = {} if based_on is None else {"base": based_on}
    moved = connection.execute(move, {"item": item_id, "number": number} | base)
    return number, moved.rowcount == 1


def _revision_values(
    item_id: int,
    annotation: Annotation,
    based_on: int | None,
    author: str,
    *,
    action: str = "",
    start: NDArray[np.float64] | None = None,
) -> dict[str, object]:
    return {
        "item_id": item_id,
        "based_on": based_on,
        "points": annotation.points.astype("<f8").tobytes(),
        "states": annotation.states.tobytes(),
        "source": annotation.source,
        "author": author,
        "created": now(),
        "action": action,
        "start": None if start is None else start.astype("<f8").tobytes(),
    }


def history(connection: Connection, item: Item, scheme: str) -> list[Revision]:
    """All revisions of an item, oldest first."""
    query = (
        select(RevisionRow.__table__).where(RevisionRow.item_id == item.id).order_by(RevisionRow.id)
    )
    return [_revision(row, scheme, item.head) for row in connection.execute(query)]


def parts(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """Cut values up into as many as one statement takes."""
    for first in range(0, len(values), _CHUNK):
        yield values[first : first + _CHUNK]


def get_revision(connection: Connection, number: int, scheme: str, head: int | None) -> Revision:
    """Revision by number."""
    query = select(RevisionRow.__table__).where(RevisionRow.id == number)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise damaged(f"Revision {number}", "it is not there")
    return _revision(row, scheme, head)


def item_of_revision(connection: Connection, number: int) -> int | None:
    """Return the item that a revision is of; None if there is no such revision."""
    return connection.scalar(select(RevisionRow.item_id).where(RevisionRow.id == number))


def heads_among(
    connection: Connection, numbers: Sequence[int], scheme: str
) -> list[tuple[Item, Revision]]:
    """Items with one revision each, given by number, in the order the items came.

    Those that were removed since are not among them.
    """
    known = {item.id: item for item in list_items(connection)}
    found = []
    for part in parts(numbers):
        query = (
            select(RevisionRow.__table__)
            .join(ItemRow, ItemRow.id == RevisionRow.item_id)
            .where(RevisionRow.id.in_(part), NOT_REMOVED)
        )
        found += [_revision(row, scheme, row.id) for row in connection.execute(query)]
    found.sort(key=lambda revision: revision.item_id)
    return [(known[revision.item_id], revision) for revision in found]


def heads(
    connection: Connection, scheme: str, *, with_removed: bool = False
) -> list[tuple[Item, Revision]]:
    """Items with the revision that counts, in the order the items came."""
    query = (
        select(RevisionRow.__table__)
        .join(ItemRow, (ItemRow.head == RevisionRow.id) & (ItemRow.id == RevisionRow.item_id))
        .order_by(ItemRow.id)
    )
    known = {item.id: item for item in list_items(connection, with_removed=with_removed)}
    rows = connection.execute(_there(query, with_removed=with_removed))
    return [(known[row.item_id], _revision(row, scheme, row.id)) for row in rows]


def decode(scheme: str, points: bytes, states: bytes, source: str) -> Annotation:
    """Annotation from the blobs of a revision."""
    return Annotation(scheme, decode_points(points), np.frombuffer(states, np.uint8), source)


def decode_points(blob: bytes) -> NDArray[np.float64]:
    """Points (N, 2) from a blob."""
    return np.frombuffer(blob, "<f8").reshape(-1, 2).astype(np.float64)


def _decode_start(blob: bytes) -> NDArray[np.float64]:
    start = decode_points(blob)
    if np.isinf(start).any():
        raise InputError("What drags start from has an infinite position.")
    return start


def _revision(row: Row[Any], scheme: str, head: int | None) -> Revision:
    try:
        annotation = decode(scheme, row.points, row.states, row.source)
        created = datetime.fromisoformat(row.created)
        start = None if row.start is None else _decode_start(row.start)
    except (ValueError, InputError) as error:
        raise damaged(f"Revision {row.id} of item {row.item_id}", error) from error
    return Revision(
        id=row.id,
        item_id=row.item_id,
        based_on=row.based_on,
        annotation=annotation,
        author=row.author,
        created=created,
        is_head=row.id == head,
        action=row.action,
        start=start,
    )
