"""Values that a project has one of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from .tables import SettingRow

if TYPE_CHECKING:
    from sqlalchemy import Connection


def get(connection: Connection, key: str) -> str | None:
    """Value of a key; None if it was never put."""
    return connection.scalar(select(SettingRow.value).where(SettingRow.key == key))


def put(connection: Connection, key: str, value: str) -> None:
    """Set a key."""
    changed = connection.execute(
        update(SettingRow).where(SettingRow.key == key).values(value=value)
    )
    if changed.rowcount == 0:
        connection.execute(insert(SettingRow).values(key=key, value=value))


def drop(connection: Connection, key: str) -> None:
    """Forget a key, whether it was put or not."""
    connection.execute(delete(SettingRow).where(SettingRow.key == key))
