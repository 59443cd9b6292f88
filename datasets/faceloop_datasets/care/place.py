"""Projects in a folder and on a server: what looks at one or copies it need not know which."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.errors import ProjectError
from faceloop_datasets.files import PROJECT
from faceloop_datasets.progress import Monitor
from faceloop_datasets.store import settings
from faceloop_datasets.store.address import FOLDER, ProjectAddress, is_address
from faceloop_datasets.store.copying import copy_rows
from faceloop_datasets.store.database import Database, file_url
from faceloop_datasets.store.direct import copy_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


@contextmanager
def database_file(place: str | Path, monitor: Monitor) -> Iterator[tuple[Path, Path]]:
    """Give a project's folder, and its database as a file: a copy of it, if it is on a server.

    Raises
    ------
    ProjectError
        If the server cannot be reached, or the folder.
    """
    if not is_address(place):
        yield Path(place), Path(place) / PROJECT
        return
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / PROJECT
        yield copy_of_server(place, file, monitor), file


def copy_to_file(place: str | Path, file: Path, monitor: Monitor) -> Path:
    """Copy the database of a project as it is at one moment; returns the project's folder."""
    if is_address(place):
        return copy_of_server(place, file, monitor)
    copy_database(Path(place) / PROJECT, file)
    return Path(place)


def copy_of_server(place: str | Path, file: Path, monitor: Monitor) -> Path:
    """Copy the database of a project on a server into a new file; returns the project's folder.

    Raises
    ------
    ProjectError
        If there is no project, or it is of another version.
    """
    address = ProjectAddress.of(place)
    source = Database(address.url, address.where)
    made = file.with_name(f"{file.name}.rows")
    target = Database(file_url(made), str(file))
    try:
        with source.read() as rows:
            folder = _checked(source, rows, address)
            with target.write() as copy:
                target.create(copy)
                copy_rows(rows, copy, monitor)
                settings.drop(copy, FOLDER)
    finally:
        source.close()
        target.close()
    copy_database(made, file)
    made.unlink()
    return folder


def own_folder(place: str | Path) -> Path:
    """Return the folder of a project whose database is in it.

    Raises
    ------
    ProjectError
        If its database is on a server, where nothing is erased: the server's own files and
        backups would keep what should be gone.
    """
    if not is_address(place):
        return Path(place)
    where = ProjectAddress.of(place).where
    raise ProjectError(
        f"{where} is on a server, whose files and backups would keep what is erased. Take it to a "
        "folder (faceloop server pull), erase there, delete the database and its backups, and "
        "take the folder to a new one (faceloop server push)."
    )


def _checked(database: Database, connection: Connection, address: ProjectAddress) -> Path:
    if not database.exists(connection):
        raise ProjectError(f"{address.where} is no project.")
    database.require_current(connection)
    return address.find_folder(settings.get(connection, FOLDER))
