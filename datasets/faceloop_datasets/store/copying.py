"""All rows of a project from one database to another, of whichever kind, number by number."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, text

from .tables import Base, SchemaVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

    from faceloop_datasets.progress import Monitor

_ROWS = 500  # that are held and written at once
_HERE = frozenset({"path", "absolute"})  # columns of media: where files are from a project's folder


def copy_rows(source: Connection, target: Connection, monitor: Monitor) -> dict[str, int]:
    """Copy all rows into tables that are empty, and what numbers come next.

    Parameters
    ----------
    source, target : Connection
        One view of the one, one transaction of the other; both have the tables of today.
    monitor : Monitor
        Told the rows; may stop the work.

    Returns
    -------
    dict of str to int
        Rows by table.
    """
    counts = {table.name: _count(source, table) for table in _tables()}
    total, done = sum(counts.values()), 0
    for table in _tables():
        for rows in _parts(source, table):
            monitor.step(done, total, "copying the database")
            target.execute(insert(table), rows)
            done += len(rows)
    _copy_last_numbers(source, target)
    return counts


def digest(connection: Connection, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """Hash all rows, by table: the same of two databases that hold the same.

    Parameters
    ----------
    connection : Connection
        One view of a database.
    without : frozenset of str
        Settings that are left out. Where media are from the project's folder is, too.

    Returns
    -------
    dict of str to str
        Number of rows and SHA-256, by table.
    """
    found = {}
    for table in _tables():
        known, count = hashlib.sha256(), 0
        left_out = _HERE if table.name == "media" else frozenset()
        for rows in _parts(connection, table):
            # Texts are in an order of the database's own.
            for row in sorted(rows, key=lambda row: str(row.get("key", ""))):
                if table.name == "settings" and row["key"] in without:
                    continue
                values = [(k, _plain(v)) for k, v in sorted(row.items()) if k not in left_out]
                known.update(repr(values).encode())
                count += 1
        found[table.name] = f"{count} {known.hexdigest()}"
    return found


def _tables() -> list[Table]:
    """Tables in an order in which no row comes before one that it refers to."""
    return [t for t in Base.metadata.sorted_tables if t.name != SchemaVersion.__tablename__]


def _parts(connection: Connection, table: Table) -> Iterator[list[dict[str, object]]]:
    # By number, not in one statement: a driver may read all that a statement finds at once.
    key = next(iter(table.primary_key))
    query = select(table).order_by(key).limit(_ROWS)
    after = query
    while rows := [dict(row._mapping) for row in connection.execute(after)]:
        yield rows
        after = query.where(key > rows[-1][key.name])


def _count(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, (bytes, memoryview)) else value


def _numbered() -> list[str]:
    return [table.name for table in _tables() if "id" in table.columns]


def _copy_last_numbers(source: Connection, target: Connection) -> None:
    """Keep the promise that a number that was given once is never given again."""
    for name, last in _last_numbers(source).items():
        if target.dialect.name == "postgresql":
            target.execute(_SET_SERVER, {"name": name, "last": max(last, 1), "used": last > 0})
        elif Base.metadata.tables[name].dialect_options["sqlite"]["autoincrement"]:
            target.execute(_FORGET_FILE, {"name": name})
            target.execute(_SET_FILE, {"name": name, "last": last})


def _last_numbers(connection: Connection) -> dict[str, int]:
    last = {
        name: connection.scalar(select(func.max(Base.metadata.tables[name].columns["id"]))) or 0
        for name in _numbered()
    }
    if connection.dialect.name == "postgresql":
        for name, there in last.items():
            given = connection.exec_driver_sql(
                f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}_id_seq"  # noqa: S608
            ).scalar_one()
            last[name] = max(there, given)
    else:
        for name, given in connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence"):
            last[name] = max(last.get(name, 0), given)
    return last


_SET_SERVER = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last, :used)")
_FORGET_FILE = text("DELETE FROM sqlite_sequence WHERE name = :name")
_SET_FILE = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
