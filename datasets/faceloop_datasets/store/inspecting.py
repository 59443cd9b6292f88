"""Rows as they are stored, for checks and backups: each value may be of any type.

By the driver and not by SQLAlchemy: what is looked at may be damaged, or have the tables of an
older version.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from faceloop_datasets.media.files import Media

from .media import OLDER_MEDIA, media_older_than

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_COUNTS = {
    "items": "SELECT count(*) FROM items",
    "revisions": "SELECT count(*) FROM revisions",
    "queue entries": "SELECT count(*) FROM queue",
    "media": "SELECT count(*) FROM media",
    "models": "SELECT count(*) FROM models",
}


def begin_view(connection: sqlite3.Connection) -> None:
    """Have all that is read from now on be of one moment, and damaged text be found, not raised."""
    connection.text_factory = lambda text: text.decode(errors="replace")
    connection.execute("BEGIN")


def tables_version(connection: sqlite3.Connection) -> int | None:
    """Version of the tables; None if they do not say."""
    found = connection.execute("SELECT version FROM schema_version").fetchall()
    return found[0][0] if len(found) == 1 and isinstance(found[0][0], int) else None


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows of each kind there are."""
    return {name: connection.execute(query).fetchone()[0] for name, query in _COUNTS.items()}


def has_items(connection: sqlite3.Connection) -> bool:
    """Whether there is a face at all."""
    return connection.execute("SELECT 1 FROM items LIMIT 1").fetchone() is not None


def names_of_objects(connection: sqlite3.Connection) -> set[str]:
    """Names of all tables, indices and triggers."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def settings(connection: sqlite3.Connection) -> dict[Any, Any]:
    """All settings."""
    return dict(connection.execute("SELECT key, value FROM settings").fetchall())


def media(connection: sqlite3.Connection) -> list[Media]:
    """All media."""
    rows = connection.execute(
        "SELECT id, kind, path, absolute, sha256, bytes, width, height, frames FROM media"
    )
    older = "SELECT value FROM settings WHERE key = ?"
    last = media_older_than(connection.execute(older, [OLDER_MEDIA]).fetchone())
    return [replace(Media(*row), older=row[0] <= last) for row in rows]


def media_files(connection: sqlite3.Connection) -> list[tuple[Any, Any]]:
    """Path and hash of all media."""
    return connection.execute("SELECT path, sha256 FROM media ORDER BY id").fetchall()


def models(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Return number, name, file, hash and metrics of all models."""
    query = "SELECT id, name, file, sha256, metrics FROM models ORDER BY id"
    return connection.execute(query).fetchall()


def revisions(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield number, item, what it is based on, points, states and time of all revisions."""
    query = "SELECT id, item_id, based_on, points, states, created FROM revisions ORDER BY id"
    yield from connection.execute(query)


def items(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield number, name, frame and head of all items, and kind and frames of their media."""
    yield from connection.execute(
        "SELECT items.id, items.name, frame, head, kind, frames FROM items "
        "LEFT JOIN media ON media.id = media_id ORDER BY items.id"
    )


def queued_fits(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield number, item and points of all entries of the review queue."""
    yield from connection.execute("SELECT id, item_id, points FROM queue")


def queue_reasons(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield number and item of all entries, and the landmarks of each reason, None without one."""
    yield from connection.execute(
        "SELECT queue.id, item_id, queue_reasons.points FROM queue "
        "LEFT JOIN queue_reasons ON queue_id = queue.id ORDER BY queue.id"
    )


def expressions(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield number, item, label and time of all that was said of expressions."""
    yield from connection.execute("SELECT id, item_id, label, created FROM expressions ORDER BY id")


def unlike_their_removals(connection: sqlite3.Connection) -> Iterator[int]:
    """Yield all items that are taken out, or not, unlike what was said last."""
    query = (
        "SELECT id FROM items WHERE removed != coalesce((SELECT removals.removed FROM removals "
        "WHERE item_id = items.id ORDER BY removals.id DESC LIMIT 1), 0) ORDER BY id"
    )
    for (number,) in connection.execute(query):
        yield number


def approvals(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield number, item and landmarks of all that was said to be right."""
    yield from connection.execute("SELECT id, item_id, points FROM approvals ORDER BY id")


def blind_annotations(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield number, item, points, states and time of all blind annotations."""
    yield from connection.execute(
        "SELECT id, item_id, points, states, created FROM blind_annotations ORDER BY id"
    )
