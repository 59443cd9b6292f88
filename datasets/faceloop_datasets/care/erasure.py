"""A face or a person taken out of a project for good, its history included.

Saved revisions are never changed and never deleted, with this one exception: people may ask for
their data to be erased. Everything else that faceloop does only adds.
"""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError, ProjectError
from faceloop_datasets.files import CACHE, REPORTS
from faceloop_datasets.progress import Monitor
from faceloop_datasets.staging import clean, content_hash, staging
from faceloop_datasets.store.direct import direct
from faceloop_datasets.subjects import kind_of, no_such_subject

from .backup import list_backups
from .bundle import DATABASE, unpack, write_bundle
from .owned import is_own
from .traces import Needle, coordinates, find, texts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from faceloop_datasets.progress import ProgressLike

# Setting of a project in which old pages of the database may still hold what was erased.
_PENDING = "erasing"

# Where points are kept.
_POINTS = (("revisions", "points"), ("revisions", "start"), ("queue", "points"))


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
    """

    subject: str
    item: int | None = None
    name: str = ""
    marks: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Erasure:
    """What an erasure takes away and what it leaves; the same before it and after.

    Parameters
    ----------
    target : ErasureTarget
        What is erased.
    items : tuple of str
        Names of the faces in the project.
    revisions, entries : int
        Saved annotations, and entries of the review queue.
    files : tuple of Path
        Pictures and videos in the project's ``media`` that nothing else needs.
    shared : tuple of str
        Pictures and videos that stay, since other faces are in them.
    elsewhere : tuple of str
        Files outside ``media``, which the project only forgets.
    backups : tuple of Path
        Backups in the project's folder, which are written again without it.
    reports : tuple of Path
        Reports in the project's folder: they name people and may show them, and which ones a
        page shows cannot be told from its bytes. All go; they can be made again.
    left : tuple of str
        Afterwards: what was found of it when all files were searched, and where.
    searched : tuple of int, int
        Afterwards: how many files and bytes were searched.
    numbers : tuple of int
        Numbers of the faces in the project, in the order of ``items``.
    sources : tuple of str
        How it is known whom they show (`faceloop_datasets.store.items.SubjectSource`).
    """

    target: ErasureTarget
    items: tuple[str, ...]
    revisions: int
    entries: int
    files: tuple[Path, ...]
    shared: tuple[str, ...]
    elsewhere: tuple[str, ...]
    backups: tuple[Path, ...]
    reports: tuple[Path, ...] = ()
    left: tuple[str, ...] = ()
    searched: tuple[int, int] = (0, 0)
    numbers: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What the subject is: a person, or only a picture or clip."""
        return kind_of(self.sources)


def find_erasure_target(root: Path, *, item: int | None = None, subject: str = "") -> ErasureTarget:
    """Look up what a person wants to erase: an item by number, or a subject.

    Raises
    ------
    ProjectError
        If there is no such item, or no item of that subject in the project or its backups.
    InputError
        If a backup in the project's folder cannot be read.
    """
    with direct(root / DATABASE, read_only=True) as connection:
        if item is not None:
            query = "SELECT subject, name FROM items WHERE id = ?"
            found = connection.execute(query, [item]).fetchone()
            if found is None:
                raise ProjectError(f"There is no item {item} in this project.")
            return ErasureTarget(found[0], item, found[1], _marks(connection, "id = ?", item))
        known = [s for (s,) in connection.execute("SELECT DISTINCT subject FROM items")]
        marks = _marks(connection, "subject = ?", subject)
    if subject not in known and not _backups_with(root, ErasureTarget(subject)):
        raise ProjectError(no_such_subject(subject, known))
    return ErasureTarget(subject, marks=marks)


def _marks(
    connection: sqlite3.Connection, which: str, value: object
) -> tuple[tuple[int, str], ...]:
    query = (
        "SELECT item_id, min(created) FROM revisions WHERE item_id IN "  # noqa: S608
        f"(SELECT id FROM items WHERE {which}) GROUP BY item_id"
    )
    return tuple((int(item), str(created)) for item, created in connection.execute(query, [value]))


def plan_erasure(root: Path, target: ErasureTarget) -> Erasure:
    """Say what an erasure would do, and change nothing.

    Raises
    ------
    ProjectError
        If the project cannot be read.
    InputError
        If a backup in its folder cannot be read, and so not be cleaned.
    """
    with direct(root / DATABASE, read_only=True) as connection:
        rows = _find_rows(connection, target)
        counts = [
            connection.execute(query, [rows.key]).fetchone()[0]
            for query in (
                "SELECT count(*) FROM revisions WHERE item_id IN (SELECT value FROM json_each(?))",
                "SELECT count(*) FROM queue WHERE item_id IN (SELECT value FROM json_each(?))",
            )
        ]
        query = (
            "SELECT DISTINCT subject_source FROM items WHERE id IN "
            "(SELECT value FROM json_each(?)) ORDER BY 1"
        )
        sources = tuple(source for (source,) in connection.execute(query, [rows.key]))
    return Erasure(
        target=target,
        items=rows.names,
        revisions=counts[0],
        entries=counts[1],
        files=tuple(_copies(root / "media", rows.alone)),
        shared=tuple(media.path for media in rows.shared),
        elsewhere=tuple(m.absolute for m in rows.alone if not is_own(m.path, "media")),
        backups=tuple(_backups_with(root, target)),
        reports=tuple(sorted((root / REPORTS).glob("*"))),
        numbers=rows.items,
        sources=sources,
    )


def erase(
    root: Path,
    planned: Erasure,
    *,
    progress: ProgressLike = None,
) -> Erasure:
    """Erase for good, then search every file of the project for what should be gone.

    Backups in the project's folder come first, then pictures and rows in one transaction, then
    the pages of the database that the rows were on. After a kill the same call does the rest;
    where only pages are left, opening the project does.

    Parameters
    ----------
    root : Path
        The project's folder.
    planned : Erasure
        From `plan_erasure`.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work before each backup and before the project
        itself.

    Returns
    -------
    Erasure
        With ``left`` and ``searched``.

    Raises
    ------
    ProjectError
        If the project cannot be written, or a program that reads it keeps old pages alive.
    InputError
        If a backup or a picture cannot be replaced or deleted.
    Cancelled
        If the monitor stopped it; the project itself is as it was.
    """
    monitor = Monitor.of(progress)
    for folder in ("media", "models", "backups"):
        clean(root / folder)
    _delete(root / CACHE, "it holds pictures of faces")
    _delete(root / REPORTS, "it names people and may show them")
    for number, file in enumerate(planned.backups):
        monitor.step(number, len(planned.backups), "cleaning backups")
        _clean_backup(file, planned.target)
    monitor.step(0, None, "erasing")
    with direct(root / DATABASE) as connection:
        needles = _erase_rows(connection, planned.target, root / "media", pending=True)
        _write_anew(connection)
        monitor.tell(0, None, "searching all files")
        found, files, size = find(root, needles)
        left = [(n, file) for n, file in found if not n.used(connection)]
    said = dict.fromkeys(f"{n.what} in {file.relative_to(root).as_posix()}" for n, file in left)
    return replace(planned, left=tuple(said), searched=(files, size))


def _delete(folder: Path, why: str) -> None:
    """Delete a folder of what can be made again, since faces are in it."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(
            f"{folder} cannot be deleted ({error.strerror or error}); {why}. Delete it, and erase "
            "again."
        ) from error


def is_unfinished(connection: sqlite3.Connection) -> bool:
    """Whether an erasure has not reached the old pages of the database."""
    query = "SELECT 1 FROM settings WHERE key = ?"
    return connection.execute(query, [_PENDING]).fetchone() is not None


def finish_erasure(database: Path) -> None:
    """Do the rest of an erasure that was stopped, unless another program is in the way now."""
    with suppress(ProjectError), direct(database) as connection:
        if is_unfinished(connection):
            _write_anew(connection)


def _write_anew(connection: sqlite3.Connection) -> None:
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


@dataclass(frozen=True)
class _Medium:
    id: int
    path: str
    absolute: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class _Rows:
    """What is to be erased from one database."""

    items: tuple[int, ...]
    names: tuple[str, ...]
    alone: tuple[_Medium, ...]
    shared: tuple[_Medium, ...]

    @property
    def key(self) -> str:
        """The items' numbers as JSON, which SQLite takes for a table."""
        return json.dumps(self.items)


def _find_rows(connection: sqlite3.Connection, target: ErasureTarget) -> _Rows:
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
        (bool(others), _Medium(*values))
        for others, *values in connection.execute(
            "SELECT EXISTS (SELECT 1 FROM items WHERE media_id = media.id "
            "AND id NOT IN (SELECT value FROM json_each(?1))), id, path, absolute, sha256, bytes "
            "FROM media WHERE id IN (SELECT media_id FROM items "
            "WHERE id IN (SELECT value FROM json_each(?1)))",
            [key],
        )
    ]
    return _Rows(
        items=tuple(number for number, _ in rows),
        names=tuple(name for _, name in rows),
        alone=tuple(medium for others, medium in media if not others),
        shared=tuple(medium for others, medium in media if others),
    )


def _erase_rows(
    connection: sqlite3.Connection, target: ErasureTarget, media: Path, *, pending: bool
) -> list[Needle]:
    """Delete rows, and the files in ``media``, in one transaction; returns what to search for."""
    # Zeros first: what is written anew afterwards is shorter, and the disk gets the rest back.
    connection.execute("PRAGMA secure_delete=ON")
    with _transaction(connection):
        rows = _find_rows(connection, target)
        needles = list(_needles(connection, rows))
        # Before the rows: without a row nobody would know that a file is left to delete.
        for file in _copies(media, rows.alone):
            try:
                file.unlink()
            except OSError as error:
                raise InputError(f"{file} cannot be deleted: {error.strerror}.") from error
        _delete_rows(connection, rows)
        if pending:
            connection.execute("INSERT OR REPLACE INTO settings VALUES (?, '1')", [_PENDING])
    return needles


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _delete_rows(connection: sqlite3.Connection, rows: _Rows) -> None:
    # The one place that takes the guard away, and inside the transaction that puts it back.
    query = "SELECT sql FROM sqlite_master WHERE name = 'revisions_no_delete'"
    guard = connection.execute(query).fetchone()
    connection.execute("DROP TRIGGER IF EXISTS revisions_no_delete")
    for statement in (
        # Its reasons go with an entry.
        "DELETE FROM queue WHERE item_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM revisions WHERE item_id IN (SELECT value FROM json_each(?))",
        "DELETE FROM items WHERE id IN (SELECT value FROM json_each(?))",
    ):
        connection.execute(statement, [rows.key])
    for medium in rows.alone:
        connection.execute("DELETE FROM media WHERE id = ?", [medium.id])
    if guard is not None:
        connection.execute(guard[0])


def _needles(connection: sqlite3.Connection, rows: _Rows) -> Iterator[Needle]:
    for table, column in _POINTS:
        # A backup may have the tables of an older version.
        if column not in {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}:
            continue
        query = f"SELECT {column} FROM {table} WHERE item_id IN (SELECT value FROM json_each(?))"  # noqa: S608
        for (blob,) in connection.execute(query, [rows.key]):
            yield from coordinates("coordinates of its points", blob or b"")
    query = "SELECT name, subject, origin FROM items WHERE id IN (SELECT value FROM json_each(?))"
    said: set[str | None] = set()
    for row in connection.execute(query, [rows.key]):
        said.update(row)
    for text in said:
        yield from texts(f"the text {text!r}", [text])
    for medium in rows.alone:
        yield from texts("the hash of its picture", [medium.sha256])
        yield from texts("the name of its picture", [medium.absolute])


def _copies(media: Path, alone: Iterable[_Medium]) -> Iterator[Path]:
    """Files in the project's media folder with the content of these media, by whatever name."""
    by_size: dict[int, set[str]] = {}
    for medium in alone:
        by_size.setdefault(medium.bytes, set()).add(medium.sha256)
    inside = media.resolve()
    for file in sorted(media.rglob("*") if by_size else ()):
        hashes = by_size.get(file.stat().st_size) if file.is_file() else None
        # A link may lead to somebody's originals, which are not the project's to delete.
        if hashes and file.resolve().is_relative_to(inside) and content_hash(file) in hashes:
            yield file


def _backups_with(root: Path, target: ErasureTarget) -> list[Path]:
    return [file for file in list_backups(root) if _has(file, target)]


def _has(file: Path, target: ErasureTarget) -> bool:
    with staging(file.parent) as scratch:
        unpack(file, scratch, only=DATABASE)
        with direct(scratch / DATABASE, read_only=True) as connection:
            return bool(_find_rows(connection, target).items)


def _clean_backup(file: Path, target: ErasureTarget) -> None:
    """Write a backup again without a person."""
    with staging(file.parent) as scratch:
        folder, made = scratch / "project", scratch / file.name
        try:
            backup = unpack(file, folder)
            with direct(folder / DATABASE) as connection:
                _erase_rows(connection, target, folder / "media", pending=False)
                connection.execute("VACUUM")
            files = [(m.path, folder / m.path) for m in backup.members]
            write_bundle(made, backup.about(), [(p, file) for p, file in files if file.exists()])
            made.replace(file)
        except OSError as error:
            raise InputError(f"{file} cannot be written: {error.strerror or error}.") from error
