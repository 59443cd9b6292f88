"""What a project file may hold: it may come from a stranger, and SQLite files can hold programs.

SQLite keeps a value of any type in any column, and a file may bring triggers and views that run
when it is used. Tables of ours need none of this, so a file that has it is refused when it is
opened; what reads the rows later can rely on their types. A server checks types by itself.
"""

from __future__ import annotations

import sqlite3
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    Integer,
    LargeBinary,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import registry, sqlite

from faceloop_datasets.errors import ProjectError

from .tables import TRIGGERS, Base, BlindAnnotationRow, QueueRow, RevisionRow

if TYPE_CHECKING:
    from sqlalchemy import Table

LARGEST = 1 << 26
"""Most bytes in one value; the points of a thousand-point face have 16,000."""

_MANY = 20_000
"""Rows of a table that are looked at when a project is opened, the newest: opening a project of a
million revisions would take seconds. What reads a row later finds out too, one row at a time, and
``faceloop check`` reads them all."""

_STORED: dict[type, tuple[str, ...]] = {
    Integer: ("integer",),
    Float: ("real", "integer"),
    LargeBinary: ("blob",),
}
_ADVICE = "Do not use it unless you trust where it came from; restore your own from a backup."


def harden(connection: sqlite3.Connection) -> None:
    """Let nothing in a file do more than hold values, and no value fill the memory."""
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST)
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)


def check_objects(connection: Connection, where: str) -> None:
    """Look for programs in an SQLite file, before anything else is done with it.

    Raises
    ------
    ProjectError
        If there is a view, a trigger or a virtual table that faceloop did not make.
    """
    if connection.dialect.name != "sqlite":
        return
    known = {_plain(text) for text in TRIGGERS}
    rows = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_schema").all()
    for kind, name, sql in rows:
        text = _plain(str(sql))
        program = kind == "view" or text.upper().startswith("CREATE VIRTUAL")
        if program or (kind == "trigger" and text not in known):
            raise ProjectError(
                f"The project database {where} holds a {kind} of its own ({name!r:.80}), which "
                f"faceloop did not make and which would run when it is used. {_ADVICE}"
            )


def check_values(connection: Connection, where: str) -> None:
    """Look at the types of the values of an SQLite project of today's version.

    Raises
    ------
    ProjectError
        If a value is of another type than its column's.
    """
    if connection.dialect.name == "sqlite":
        for table in Base.metadata.tables.values():
            _check_types(connection, table, where)


def check_sizes(connection: Connection, where: str, points: int) -> None:
    """Look at the lengths of the arrays.

    Raises
    ------
    ProjectError
        If a face has another number of points than ``points``, those of the project's scheme.
    """
    for table, column, size in (
        (RevisionRow, "points", 16 * points),
        (RevisionRow, "states", points),
        (RevisionRow, "start", 16 * points),
        (QueueRow, "points", 16 * points),
        (BlindAnnotationRow, "points", 16 * points),
        (BlindAnnotationRow, "states", points),
    ):
        wrong = _of_wrong_size(connection.dialect.name, table.__tablename__, column, size)
        found = connection.exec_driver_sql(wrong).first()
        if found is not None:
            what = f"Row {found.id} of {table.__tablename__} in {where}"
            raise damaged(what, f"it has not the {points} points of the project's scheme")


def damaged(what: str, why: object) -> ProjectError:
    """Return the error for a row that cannot be what it should be."""
    return ProjectError(f"{what} is damaged ({why!s:.200}). Restore the project from a backup.")


def _check_types(connection: Connection, table: Table, where: str) -> None:
    wrong = connection.exec_driver_sql(_of_wrong_type(table)).mappings().first()
    if wrong is None:
        return
    for column in table.columns:
        found = wrong[column.name]
        if found not in _allowed(column):
            raise ProjectError(
                f"The project database {where} is damaged: {table.name}.{column.name} holds "
                f"{found}, expected {' or '.join(_allowed(column))}. Restore it from a backup."
            )


def _newest(number: Column[Any]) -> ColumnElement[bool]:
    newest = select(func.coalesce(func.max(number), 0)).correlate(None).scalar_subquery()
    return number > newest - _MANY


@cache
def _of_wrong_type(table: Table) -> str:
    """Return SQL that finds a row; putting it together takes longer than running it."""
    types = {column.name: func.typeof(column) for column in table.columns}
    wrong = or_(*(types[c.name].not_in(_allowed(c)) for c in table.columns))
    query = select(*(kind.label(name) for name, kind in types.items())).where(wrong).limit(1)
    if "id" in table.columns:
        query = query.where(_newest(table.columns["id"]))
    return str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))


@cache
def _of_wrong_size(dialect: str, table: str, column: str, size: int) -> str:
    """Return SQL that finds a row, see `_of_wrong_type`."""
    columns = Base.metadata.tables[table].columns
    wrong = func.length(columns[column]) != size
    query = select(columns["id"]).where(wrong).where(_newest(columns["id"]))
    known = registry.load(dialect)()
    return str(query.compile(dialect=known, compile_kwargs={"literal_binds": True}))


def _allowed(column: Column[Any]) -> tuple[str, ...]:
    kinds = next((k for type_, k in _STORED.items() if isinstance(column.type, type_)), ("text",))
    return (*kinds, "null") if column.nullable else kinds


def _plain(sql: str) -> str:
    return " ".join(sql.split())
