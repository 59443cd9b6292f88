"""The database of a project on a server, whether it is a project yet or not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from faceloop_datasets.errors import ProjectError
from faceloop_datasets.store.address import ProjectAddress
from faceloop_datasets.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def on_server(place: str | ProjectAddress) -> Iterator[Database]:
    """Open the database.

    Raises
    ------
    ProjectError
        If it is no address of a PostgreSQL server.
    """
    address = place if isinstance(place, ProjectAddress) else ProjectAddress.of(place)
    if not address.on_server:
        raise ProjectError(
            f"{address.text} is no address of a database on a server. Expected "
            "postgresql://NAME@HOST/DATABASE."
        )
    database = Database(address.url, address.where)
    try:
        yield database
    finally:
        database.close()
