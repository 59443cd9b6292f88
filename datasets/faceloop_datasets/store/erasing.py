"""Statements that take faces out of a database for good; see `faceloop_datasets.care.erasure`.

By the driver and not by SQLAlchemy: also backups are cleaned, whose tables may be older.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.errors import ProjectError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

# Setting of a project in which old pages of the database may still hold what was erased.
_PENDING = "erasing"

# Setting with what was last changed about subjects (`subject_changes.KEY`, which needs SQLAlchemy).
_SUBJECTS = "last-subjects"
# Setting with the numbers of faces that a person holds out, or not (`chosen_sides.KEY`).
_SIDES = "chosen-sides"

# Where points are kept.
_POINTS = (
    ("revisions", "points"),
    ("revisions", "start"),
    ("queue", "points"),
    ("blind_annotations", "points"),
)
# What is kept of an item; first what refers to something else in this list.
_OF_ITEMS = (
    "approvals",
    "removals",
    "blind_annotations",
    "round_items",
    "expressions",
    "queue",  # its reasons go with an entry
    "revisions",
)

# Where else the same may rightly stand: other faces with the same coordinates, longer names.
_USED_TEXT = (
    "SELECT 1 FROM items WHERE instr(name, ?1) OR instr(subject, ?1) OR instr(origin, ?1) "
    "UNION SELECT 1 FROM media WHERE instr(path, ?1) OR instr(absolute, ?1) OR instr(sha256, ?1)"
)
_USED_LABEL = "SELECT 1 FROM expressions WHERE instr(label, ?1) OR instr(author, ?1)"

_APPEND_ONLY = ("revisions", "expressions", "removals", "approvals", "blind_annotations")


@dataclass(frozen=True)
class ErasureTarget:
    """What is to be erased: all faces of a subject, or one of them.

    Parameters
    ----------
    subject : str
        The subject.
    item : int or None
        Number of the only face; None for all.
    name : str
        That face's name; number, name and subject together mean the same face in a backup.
    marks : tuple of (int, str)
        Numbers of the faces, and the moments in which they were first saved: these too mean the
        same faces in a backup, where their subject may have had another name.
    alone, shared : tuple of str
        SHA-256 of their pictures and videos: those that go, and those that stay since other faces
        are in them. A backup may have a video, and its track, before anybody annotated it.
    """

    subject: str
    item: int | None = None
    name: str = ""
    marks: tuple[tuple[int, str], ...] = ()
    alone: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


def target_of_item(connection: sqlite3.Connection, item: int) -> ErasureTarget:
    """Look up one face.

    Raises
    ------
    ProjectError
        If there is none of that number.
    """
    query = "SELECT subject, name FROM items WHERE id = ?"
    found = connection.execute(query, [item]).fetchone()
    if found is None:
        raise ProjectError(f"There is no item {item} in this project.")
    return ErasureTarget(found[0], item, found[1], _marks(connection, "id = ?", item))


def target_of_subject(connection: sqlite3.Connection, subject: str) -> ErasureTarget:
    """Look up a subject, which may only be in backups."""
    return ErasureTarget(subject, marks=_marks(connection, "subject = ?", subject))


def subjects(connection: sqlite3.Connection) -> list[str]:
    """All subjects."""
    return [subject for (subject,) in connection.execute("SELECT DISTINCT subject FROM items")]


def _marks(
    connection: sqlite3.Connection, which: str, value: object
) -> tuple[tuple[int, str], ...]:
    query = (
        "SELECT item_id, min(created) FROM revisions WHERE item_id IN "  # noqa: S608
        f"(SELECT id FROM items WHERE {which}) GROUP BY item_id"
    )
    return tuple((int(item), str(created)) for item, created in connection.execute(query, [value]))


@dataclass(frozen=True)
class ErasedMedia:
    """A picture or video, as far as an erasure needs it."""

    id: int
    path: str
    absolute: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class ErasedRows:
    """What is to be erased from one database.

    Parameters
    ----------
    items : tuple of int
        Numbers of the faces.
    names : tuple of str
        Their names.
    alone, shared : tuple of Medium
        Their pictures and videos: those with no other faces, and those with some.
    """

    items: tuple[int, ...]
    names: tuple[str, ...]
    alone: tuple[ErasedMedia, ...]
    shared: tuple[ErasedMedia, ...]

    @property
    def key(self) -> str:
        """The items' numbers as JSON, which SQLite takes for a table."""
        return json.dumps(self.items)


def find_rows(connection: sqlite3.Connection, target: ErasureTarget) -> ErasedRows:
    """Find what is to be erased, in a project's database or in that of a backup."""
    query, values = "subject = ?", [target.subject]
    if target.item is not None:
        query, values = f"{query} AND id = ? AND name = ?", [*values, str(target.item), target.name]
    rows = connection.execute(
        f"SELECT id, name FROM items WHERE {query} OR id IN (SELECT item_id FROM json_each(?) "  # noqa: S608
        "JOIN revisions ON item_id = json_extract(value, '$[0]') "
        "AND created = json_extract(value, '$[1]')) ORDER BY id",
        [*values, json.dumps(target.marks)],
    ).fetchall()
    key = json.dumps([number for number, _ in rows])
    media = [
        (bool(others), ErasedMedia(*values))
        for others, *values in connection.execute(
            "SELECT EXISTS (SELECT 1 FROM items WHERE media_id = media.id "
            "AND id NOT IN (SELECT value FROM json_each(?1))), id, path, absolute, sha256, bytes "
            "FROM media WHERE id IN (SELECT media_id FROM items "
            "WHERE id IN (SELECT value FROM json_each(?1))) "
            "OR sha256 IN (SELECT value FROM json_each(?2)) ORDER BY id",
            [key, json.dumps(target.alone)],
        )
    ]
    return ErasedRows(
        items=tuple(number for number, _ in rows),
        names=tuple(name for _, name in rows),
        alone=tuple(medium for others, medium in media if not others),
        shared=tuple(medium for others, medium in media if others),
    )


def counts(connection: sqlite3.Connection, rows: ErasedRows) -> tuple[int, int]:
    """How many revisions, and entries of the review queue, there are of the faces."""
    revisions, entries = (
        connection.execute(query, [rows.key]).fetchone()[0]
        for query in (
            "SELECT count(*) FROM revisions WHERE item_id IN (SELECT value FROM json_each(?))",
            "SELECT count(*) FROM queue WHERE item_id IN (SELECT value FROM json_each(?))",
        )
    )
    return revisions, entries


def subject_sources(connection: sqlite3.Connection, rows: ErasedRows) -> tuple[str, ...]:
    """How it is known whom the faces show (`faceloop_datasets.subjects.SubjectSource`)."""
    query = (
        "SELECT DISTINCT subject_source FROM items WHERE id IN "
        "(SELECT value FROM json_each(?)) ORDER BY 1"
    )
    return tuple(source for (source,) in connection.execute(query, [rows.key]))


def stored_points(connection: sqlite3.Connection, rows: ErasedRows) -> Iterator[bytes]:
    """Yield all points that are stored of the faces."""
    for table, column in _point_columns(connection):
        query = f"SELECT {column} FROM {table} WHERE item_id IN (SELECT value FROM json_each(?))"  # noqa: S608
        for (blob,) in connection.execute(query, [rows.key]):
            yield blob or b""


def stored_texts(connection: sqlite3.Connection, rows: ErasedRows) -> set[str | None]:
    """Names, subjects and origins of the faces, and all that was said of their expressions."""
    which = "IN (SELECT value FROM json_each(?))"
    queries = [f"SELECT name, subject, origin FROM items WHERE id {which}"]  # noqa: S608
    if "expressions" in _tables(connection):
        queries.append(f"SELECT label FROM expressions WHERE item_id {which}")  # noqa: S608
    return {
        text for query in queries for row in connection.execute(query, [rows.key]) for text in row
    }


def is_used(connection: sqlite3.Connection, content: bytes | str) -> bool:
    """Whether something that stays has the same points or the same text."""
    if isinstance(content, str):
        labelled = "expressions" in _tables(connection)
        queries = [_USED_TEXT, *([_USED_LABEL] if labelled else [])]
    else:
        queries = [
            f"SELECT 1 FROM {table} WHERE instr({column}, ?1)"  # noqa: S608
            for table, column in _point_columns(connection)
        ]
    return any(connection.execute(query, [content]).fetchone() for query in queries)


# A backup, or a project that nothing has opened since, may have older tables.


def _tables(connection: sqlite3.Connection) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return {name for (name,) in connection.execute(query)}


def _point_columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return [
        (table, column)
        for table, column in _POINTS
        if column in {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    ]


@contextmanager
def overwriting(connection: sqlite3.Connection) -> Iterator[None]:
    """Begin a transaction whose deleted rows are overwritten."""
    # Zeros first: what is written anew afterwards is shorter, and the disk gets the rest back.
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def delete_rows(connection: sqlite3.Connection, rows: ErasedRows, *, pending: bool) -> None:
    """Delete rows; ``pending`` notes that old pages of the database still hold them."""
    with _unguarded(connection):
        which = "IN (SELECT value FROM json_each(?))"
        there = _tables(connection)
        for table in (name for name in _OF_ITEMS if name in there):
            connection.execute(f"DELETE FROM {table} WHERE item_id {which}", [rows.key])  # noqa: S608
        connection.execute(f"DELETE FROM items WHERE id {which}", [rows.key])  # noqa: S608
        for medium in rows.alone:
            connection.execute("DELETE FROM media WHERE id = ?", [medium.id])
        # Names of people, and what faces were called before: there is no way back behind this.
        connection.execute("DELETE FROM settings WHERE key = ?", [_SUBJECTS])
        _forget_sides(connection, rows)
    if pending:
        connection.execute("INSERT OR REPLACE INTO settings VALUES (?, '1')", [_PENDING])


def _forget_sides(connection: sqlite3.Connection, rows: ErasedRows) -> None:
    """Take faces out of those whose side of a split was chosen; what is damaged goes as a whole."""
    query = "SELECT value FROM settings WHERE key = ?"
    found = connection.execute(query, [_SIDES]).fetchone()
    if found is None:
        return
    try:
        sides = json.loads(found[0])
        left = {name: [k for k in sides[name] if k not in rows.items] for name in sides}
    except (ValueError, TypeError, RecursionError):
        left = {}
    connection.execute("DELETE FROM settings WHERE key = ?", [_SIDES])
    if any(left.values()):
        connection.execute("INSERT INTO settings VALUES (?, ?)", [_SIDES, json.dumps(left)])


@contextmanager
def _unguarded(connection: sqlite3.Connection) -> Iterator[None]:
    """Take the guards against deleting away, inside the transaction that puts them back.

    The one place that does.
    """
    names = [f"{table}_no_delete" for table in _APPEND_ONLY]
    query = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = ?"
    guards = [row[0] for name in names for row in connection.execute(query, [name]).fetchall()]
    for name in names:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
    yield
    for guard in guards:
        connection.execute(guard)


def is_unfinished(connection: sqlite3.Connection) -> bool:
    """Whether an erasure has not reached the old pages of the database."""
    query = "SELECT 1 FROM settings WHERE key = ?"
    return connection.execute(query, [_PENDING]).fetchone() is not None


def write_anew(connection: sqlite3.Connection) -> None:
    """Write the database, so that no page of it, nor of its journal, holds what was erased."""
    connection.execute("PRAGMA temp_store=MEMORY")  # no copy in a temporary file
    connection.execute("VACUUM")
    (busy, *_pages) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise ProjectError(
            "What was to be erased is erased, but another program was reading the project, and "
            "old pages may still be in its database. Close that program, then open the project: "
            "that does the rest."
        )
    connection.execute("DELETE FROM settings WHERE key = ?", [_PENDING])


def shrink(connection: sqlite3.Connection) -> None:
    """Write the database without the pages that nothing is on any more."""
    connection.execute("VACUUM")
