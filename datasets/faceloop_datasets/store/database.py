"""Transactions on a project's database, and the one place where its errors become ours."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import URL, create_engine, event, insert, inspect, select, update
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from faceloop_datasets.errors import ProjectError

from . import guard, roles
from .migrations import MIGRATIONS, VERSION
from .server_errors import meaning_on_server
from .tables import Base, SchemaVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import PurePath

    from sqlalchemy import Connection

BUSY_MS = 10_000
"""How long a writer waits for another one."""

_PAUSE = 0.001, 0.006  # seconds between two attempts to be the writer

_WRITERS = 0x666163656C6F6F70  # "faceloop": one writer at a time on PostgreSQL, as on SQLite

# What the databases say, and what it means to a person.
_MEANINGS = (
    ("locked", "another program is writing to it. Close that program or try again"),
    ("full", "the disk is full. What was saved before is safe; free some space and save again"),
    ("readonly", "it cannot be written. Check the permissions of the folder and the file"),
    ("unable to open", "it cannot be opened. Check that the folder exists and can be written"),
    ("not a database", "it is not a project database, or is damaged. Restore it from a copy"),
    ("malformed", "it is damaged. Restore it from a copy"),
    ("disk i/o", "the disk reports an error. What was saved before is safe; check the disk"),
    ("out of range", "there is no such number: it is larger than any can be"),
    ("nul (0x00)", "a text has a character that cannot be stored, of number 0. Take it out"),
    ("append-only", "saved revisions are never changed or deleted. Save a new one instead"),
)


class Database:
    """One project's database.

    Parameters
    ----------
    url : str or URL
        SQLAlchemy's; of a file, see `file_url`.
    where : str
        How messages name it.
    """

    def __init__(self, url: str | URL, where: str) -> None:
        self.where = where
        try:
            # A server may have been started anew since a connection was used last.
            self._engine = create_engine(url, pool_pre_ping=not str(url).startswith("sqlite"))
        except ImportError as error:
            raise ProjectError(
                f"{where} is on a PostgreSQL server, and psycopg, which speaks with it, cannot be "
                f"loaded here ({error}): pip install 'faceloop[postgresql]'."
            ) from error
        except (ArgumentError, NoSuchModuleError) as error:
            raise ProjectError(
                f"{where} is no database address that can be used here: {error}."
            ) from error
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "do_connect", _connect)
            event.listen(self._engine, "connect", _configure)
            event.listen(self._engine, "begin", _begin)
            self._view: dict[str, Any] = {}
        else:
            event.listen(self._engine, "begin", _begin_on_server)
            self._view = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    @property
    def file(self) -> Path | None:
        """The SQLite file; None on a server."""
        name = self._engine.url.database
        return Path(name) if name and self._engine.dialect.name == "sqlite" else None

    def login(self) -> str | None:
        """Return the name with which a server knows who is connected; None of a file."""
        if self._engine.dialect.name == "sqlite":
            return None
        with self.read() as connection:
            return str(connection.exec_driver_sql("SELECT session_user").scalar_one())

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the database, through which nothing can be written."""
        with self._translated(), self._engine.connect() as connection:
            reading = connection.execution_options(**self._view)
            with reading.begin():
                yield reading

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: on disk when the block is left, undone if it raises.

        Raises
        ------
        ProjectError
            If the database cannot be written: locked, full, not writable, or no longer there.
        """
        with self._translated(), self._engine.connect() as connection:
            self._check_there(connection)
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
            roles.act_as_owner(connection)
            for migration in migrations[found - 1 :]:
                migration(connection)
            connection.execute(update(SchemaVersion).values(version=wanted))
            roles.grant_again(connection)

    def require_current(self, connection: Connection) -> None:
        """Refuse tables of an older version, which `migrate` would bring up to date.

        Raises
        ------
        ProjectError
            If they are not of today's version.
        """
        found = self._version(connection, VERSION)
        if found < VERSION:
            raise ProjectError(
                f"{self.where} has tables of version {found}, this faceloop writes version "
                f"{VERSION}. Open the project once as its owner, which brings them up to date."
            )

    def _check_there(self, connection: Connection) -> None:
        """Check that the file is still the one that was opened.

        SQLite would go on writing to a file that was moved or deleted, and report success.
        """
        opened = connection.info.get(_OPENED)
        if self.file is None or opened is None or opened == _identity(self.file):
            return
        connection.invalidate()  # the next look opens what is there then
        raise ProjectError(
            f"The project database {self.where} is not where it was, or another file is there "
            "now: its folder was moved, replaced or deleted, or its drive is gone. Nothing was "
            "written. Put it back and try again, or open the project where it is now."
        )

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
        except OverflowError as error:  # of the driver: no column holds such a number
            raise no_such_number() from error
        except UnicodeEncodeError as error:
            raise ProjectError(
                f"{error.object!r:.100} cannot be stored: it holds half a character. A file of "
                "that name needs another one."
            ) from error


def write_anything(connection: Connection) -> None:
    """Write a row as it is already.

    A transaction whose end was not written for sure is taken in by the next that writes: what is
    read after this one is what the project holds. On a server there is none such, and not
    everybody may write this row.
    """
    if connection.dialect.name == "sqlite":
        connection.execute(update(SchemaVersion).values(version=SchemaVersion.version))


def no_such_number() -> ProjectError:
    """Return what a person is told who asks for a number that no column can hold."""
    return ProjectError("There is no such number in this project: it is larger than any can be.")


def file_url(file: Path) -> URL:
    """Return the address of a file, whatever signs are in its name, for `Database`."""
    return URL.create("sqlite", database=str(file))


def file_uri(file: PurePath) -> str:
    """Return the address of a whole path for SQLite itself, without what follows a question mark.

    `Path.as_uri` would name a share of a Windows network as the host, which SQLite refuses.
    """
    path = quote(os.fsencode(file.as_posix()), safe="/:")
    return f"file://{path if path.startswith('/') else f'/{path}'}"


def failed(where: str, said: str) -> ProjectError:
    """Return what a person is told when a database at ``where`` has ``said`` something."""
    meaning = next((m for key, m in _MEANINGS if key in said.lower()), None)
    meaning = meaning or meaning_on_server(said) or said
    return ProjectError(f"The project database {where} failed: {meaning}.")


_OPENED = "faceloop_opened"


def _identity(file: Path) -> tuple[int, int] | None:
    """Tell a file from others of its name, before and after; None if there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(_dialect: Any, _record: object, arguments: list[Any], options: Any) -> Any:
    """Open a database that cannot be written as it is; any other in the usual way."""
    file = Path(arguments[0])
    if not stays_as_it_is(file):
        return None
    return sqlite3.connect(f"{file_uri(file.absolute())}{AS_IT_IS}", uri=True, **options)


AS_IT_IS = "?mode=ro&immutable=1"
"""End of the address of a file that SQLite reads without making others beside it."""


def stays_as_it_is(file: Path) -> bool:
    """Whether a database file is there and cannot be written, nor anything be made beside it.

    A journal that a killed process left can only be taken in where there is room to write, so
    that such a database is opened in the usual way.
    """
    if not file.is_file():
        return False
    journal = file.with_name(file.name + "-wal")
    waiting = journal.is_file() and journal.stat().st_size > 0
    return not (waiting or (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)))


def _configure(connection: Any, record: Any) -> None:
    # The driver must not begin transactions of its own: _begin does.
    connection.isolation_level = None
    guard.harden(connection)
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    (_, _, name) = connection.execute("PRAGMA database_list").fetchone()
    if name:  # not in memory
        record.info[_OPENED] = _identity(Path(name))


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once: a later upgrade from reading fails if somebody else wrote.
    raw: Any = connection.connection.driver_connection
    writes = connection.get_execution_options().get("faceloop_write", False)
    raw.execute(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    if not writes:
        connection.exec_driver_sql("BEGIN")
        return
    raw.execute("PRAGMA busy_timeout=0")
    try:
        if not _turn_came(raw):
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # says what is wrong
    finally:
        raw.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _turn_came(raw: Any) -> bool:
    """Begin writing as soon as nobody else does, asking often.

    SQLite itself asks less and less often, down to ten times a second: of many writers the one
    that has waited longest has the smallest chance, and some wait until their time is over.
    """
    end = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                return False
            time.sleep(random.uniform(*_PAUSE))  # noqa: S311 - nobody has to guess it
        else:
            return True


def _begin_on_server(connection: Connection) -> None:
    if connection.get_execution_options().get("faceloop_write", False):
        connection.exec_driver_sql(
            f"SELECT set_config('lock_timeout', '{BUSY_MS}', true), "
            f"pg_advisory_xact_lock({_WRITERS})"
        )
