"""A project's database as a file: for what SQLAlchemy has no words for."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from .database import AS_IT_IS, BUSY_MS, failed, file_uri, no_such_number, stays_as_it_is

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def direct(file: Path, *, read_only: bool = False) -> Iterator[sqlite3.Connection]:
    """Open an SQLite file that exists; transactions are the caller's.

    ``read_only`` lets no statement write. It is no read-only file where it can be written, since
    SQLite itself may have to take in what a killed process left in its journal.

    Raises
    ------
    ProjectError
        If SQLite reports an error, here or in the block.
    """
    how = AS_IT_IS if read_only and stays_as_it_is(file) else "?mode=rw"
    try:
        connection = sqlite3.connect(
            f"{file_uri(file.absolute())}{how}", uri=True, isolation_level=None
        )
        with closing(connection):
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            connection.execute("PRAGMA foreign_keys=ON")
            # A file from a stranger may hold triggers and views; they may call nothing unsafe.
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
            yield connection
    except sqlite3.Error as error:
        raise failed(str(file), str(error)) from error
    except OverflowError as error:
        raise no_such_number() from error


def copy_database(source: Path, target: Path) -> None:
    """Copy a database that other programs may be writing to, as it is at one moment.

    Raises
    ------
    ProjectError
        If it cannot be read or written.
    """
    with direct(source, read_only=True) as one:
        try:
            # In one step, which in WAL mode holds no writer up and is never begun again.
            with closing(sqlite3.connect(target, isolation_level=None)) as two:
                one.backup(two)
                two.execute("PRAGMA journal_mode=DELETE")  # one file, without a journal beside it
        except sqlite3.Error as error:
            raise failed(str(target), str(error)) from error


def complaints(connection: sqlite3.Connection, limit: int = 20) -> list[str]:
    """Say what SQLite's own checks find: nothing in a sound database."""
    said = [row[0] for row in connection.execute(f"PRAGMA integrity_check({limit:d})")]
    found = [] if said == ["ok"] else said
    for table, number, parent, _key in connection.execute("PRAGMA foreign_key_check"):
        found.append(f"row {number} of {table} refers to a row of {parent} that is not there")
    return found[:limit]
