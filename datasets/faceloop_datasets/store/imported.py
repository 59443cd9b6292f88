"""Items that imports brought: where they came from, and the annotation last imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from faceloop_datasets.files import is_local, is_text

from .items import Item, as_item, decode, parts
from .tables import ItemRow, MediaRow, RevisionRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from faceloop_datasets.annotation import Annotation


@dataclass(frozen=True)
class MatchCandidate:
    """A face of the project that an import brought, with which imported faces are compared.

    Parameters
    ----------
    item_id : int
        The item.
    root : str or None
        Folder or archive that was named; None if an older version brought it.
    path : str
        Its identity below ``root``, see `FaceRecord`.
    picture : str or None
        What its picture shows: the hash of its content, and the number of the frame.
    """

    item_id: int
    root: str | None
    path: str
    picture: str | None


def match_candidates(connection: Connection, source_format: str) -> list[MatchCandidate]:
    """Faces that imports of a format brought, oldest first."""
    start = f"{source_format}:"
    query = (
        select(ItemRow.id, ItemRow.origin_root, ItemRow.origin, MediaRow.sha256, ItemRow.frame)
        .outerjoin(MediaRow, MediaRow.id == ItemRow.media_id)
        .where(ItemRow.origin.startswith(start, autoescape=True))
        .order_by(ItemRow.id)
    )
    return [
        MatchCandidate(number, root, (origin or "").removeprefix(start), picture_key(sha256, frame))
        for number, root, origin, sha256, frame in connection.execute(query)
    ]


def picture_key(sha256: str | None, frame: int | None) -> str | None:
    """Return what a picture shows, as in `MatchCandidate`."""
    return sha256 if sha256 is None or frame is None else f"{sha256}#{frame}"


def sources(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield what imports named, and what of it was read: a path below it, and a place in that."""
    query = select(ItemRow.origin_root, ItemRow.origin).distinct()
    for root, origin in connection.execute(query.where(ItemRow.origin_root.is_not(None))):
        yield root or "", (origin or "").partition(":")[2]


@dataclass(frozen=True)
class ImportedItem:
    """An item that an import brought, and what it brought last.

    Parameters
    ----------
    item : Item
        The item.
    last : Annotation or None
        What the last import of its source said.
    is_head : bool
        Whether the revision that counts is of that source, and not a person's.
    """

    item: Item
    last: Annotation | None
    is_head: bool


def imported_items(
    connection: Connection, numbers: Sequence[int], source: str, scheme: str
) -> dict[int, ImportedItem]:
    """Items by number, and what ``source`` last said of each."""
    found: dict[int, ImportedItem] = {}
    for part in parts(numbers):
        found |= _imported(connection, part, source, scheme)
    return found


def was_imported_before(
    connection: Connection, number: int, source: str, annotation: Annotation
) -> bool:
    """Whether a source has brought this annotation of an item once, now or before another."""
    points = annotation.points.astype("<f8").tobytes()
    query = select(RevisionRow.id).where(
        RevisionRow.item_id == number,
        RevisionRow.source == source,
        RevisionRow.points == points,
        RevisionRow.states == annotation.states.tobytes(),
    )
    return connection.execute(query.limit(1)).first() is not None


def set_origin(connection: Connection, number: int, origin: str, root: str) -> None:
    """Note where the annotation of an imported item is now."""
    connection.execute(
        update(ItemRow).where(ItemRow.id == number).values(origin=origin, origin_root=root)
    )


def _imported(
    connection: Connection, numbers: Sequence[int], source: str, scheme: str
) -> dict[int, ImportedItem]:
    query = (
        select(ItemRow.__table__, RevisionRow.source.label("source"))
        .outerjoin(RevisionRow, RevisionRow.id == ItemRow.head)
        .where(ItemRow.id.in_(numbers))
    )
    rows = [dict(row._mapping) for row in connection.execute(query)]
    newest = (
        select(func.max(RevisionRow.id))
        .where(RevisionRow.item_id.in_(numbers), RevisionRow.source == source)
        .group_by(RevisionRow.item_id)
    )
    last = {
        row.item_id: decode(scheme, row.points, row.states, row.source)
        for row in connection.execute(
            select(RevisionRow.__table__).where(RevisionRow.id.in_(newest))
        )
    }
    return {
        row["id"]: ImportedItem(
            is_head=row.pop("source") in (source, None), item=as_item(row), last=last.get(row["id"])
        )
        for row in rows
    }


def source_files(root: str, place: str) -> Iterator[Path]:
    """Yield what an import may have read: an archive, or a file below a folder.

    The place inside the file follows the path after a colon, and either may hold more of them.
    """
    # a project may come from a stranger, and faces of a program from no file
    if not root or not is_local(root):
        return
    yield Path(root)
    pieces = place.split(":")
    for count in range(1, len(pieces) + 1):
        name = ":".join(pieces[:count])
        if is_text(name):
            yield Path(root) / name
