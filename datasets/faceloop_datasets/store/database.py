"""Transactions on a project's database, and the one place where its errors become ours."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, insert, inspect, select, update
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from faceloop_datasets.errors import ProjectError

from . import guard
from .migrations import MIGRATIONS, VERSION
from .tables import Base, SchemaVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

BUSY_MS = 10_000
"""How long a writer waits for another one."""

# What the databases say, and what it means to a person.
_MEANINGS = (
    ("locked", "another program is writing to it. Close that program or try again"),
    ("full", "the disk is full. What was saved before is safe; free some space and save again"),
    ("readonly", "it cannot be written. Check the permissions of the folder and the file"),
    ("unable to open", "it cannot be opened. Check that the folder exists and can be written"),
    ("not a database", "it is not a project database, or is damaged. Restore it from a copy"),
    ("malformed", "it is damaged. Restore it from a copy"),
    ("disk i/o", "the disk reports an error. What was saved before is safe; check the disk"),
    ("append-only", "saved revisions are never changed or deleted. Save a new one instead"),
)


class Database:
    """One project's database.

    Parameters
    ----------
    url : str
        SQLAlchemy URL.
    where : str
        How messages name it.
    """

    def __init__(self, url: str, where: str) -> None:
        self.where = where
        try:
            self._engine = create_engine(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise ProjectError(
                f"{where} is no database address that can be used here: {error}."
            ) from error
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _configure)
            event.listen(self._engine, "begin", _begin)

    @property
    def file(self) -> Path | None:
        """The SQLite file; None on a server."""
        name = self._engine.url.database
        return Path(name) if name and self._engine.dialect.name == "sqlite" else None

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database."""
        with self._translated(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: on disk when the block is left, undone if it raises.

        Raises
        ------
        ProjectError
            If the database cannot be written: locked, full, not writable.
        """
        with self._translated(), self._engine.connect() as connection:
            writing = connection.execution_options(faceloop_write=True)
            with writing.begin():
                yield writing

    def exists(self, connection: Connection) -> bool:
        """Whether the tables are there, and nothing else: see `guard.check_objects`."""
        guard.check_objects(connection, self.where)
        return inspect(connection).has_table(SchemaVersion.__tablename__)

    def create(self, connection: Connection) -> None:
        """Make the tables as they are today."""
        Base.metadata.create_all(connection)
        connection.execute(insert(SchemaVersion).values(version=VERSION))

    def migrate(
        self,
        migrations: Sequence[Callable[[Connection], None]] = MIGRATIONS,
        *,
        before: Callable[[int], object] = lambda _version: None,
    ) -> None:
        """Bring older tables up to date, step by step in one transaction.

        Parameters
        ----------
        migrations : sequence of callable
            The steps.
        before : callable
            Given the version that was found, before anything is changed; may raise to stop it.

        Raises
        ------
        ProjectError
            If a newer faceloop made the project.
        """
        wanted = len(migrations) + 1
        with self.read() as connection:
            found = self._version(connection, wanted)
        if found == wanted:
            return
        before(found)
        with self.write() as connection:
            # Somebody else may have migrated between the two looks.
            found = self._version(connection, wanted)
            for migration in migrations[found - 1 :]:
                migration(connection)
            connection.execute(update(SchemaVersion).values(version=wanted))

    def _version(self, connection: Connection, wanted: int) -> int:
        found = connection.scalars(select(SchemaVersion.version)).all()
        if len(found) != 1 or found[0] < 1:
            raise ProjectError(
                f"{self.where} does not say which version its tables have ({list(found)}): it is "
                "damaged. Restore it from a backup."
            )
        if found[0] > wanted:
            raise ProjectError(
                f"{self.where} was written by a newer faceloop: its tables have version "
                f"{found[0]}, this faceloop knows up to version {wanted}. Nothing was changed. "
                "Update faceloop to open it, or restore the backup that was made before the "
                "update, from the folder backups of the project: faceloop restore."
            )
        return found[0]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise failed(self.where, str(error.orig)) from error
        except UnicodeDecodeError as error:  # the driver cannot say what it found
            raise failed(self.where, "malformed text") from error
        except UnicodeEncodeError as error:
            raise ProjectError(
                f"{error.object!r:.100} cannot be stored: it holds half a character. A file of "
                "that name needs another one."
            ) from error


def failed(where: str, said: str) -> ProjectError:
    """Return what a person is told when a database at ``where`` has ``said`` something."""
    meaning = next((m for key, m in _MEANINGS if key in said.lower()), said)
    return ProjectError(f"The project database {where} failed: {meaning}.")


def _configure(connection: Any, _record: object) -> None:
    # The driver must not begin transactions of its own: _begin does.
    connection.isolation_level = None
    guard.harden(connection)
    for pragma in (
        f"busy_timeout={BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once: a later upgrade from reading fails if somebody else wrote.
    writes = connection.get_execution_options().get("faceloop_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
