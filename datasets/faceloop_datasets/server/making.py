"""A project on a server, and its roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.project import Project
from faceloop_datasets.store import roles

from .connecting import on_server

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets.schemes.scheme import Scheme


def make_team_project(
    address: str, scheme: str | Path | Scheme = "face70", *, folder: str | Path | None = None
) -> str:
    """Make a project with roles in an empty database; of a project without any, make its roles.

    Whoever calls needs the right to make roles (``CREATEROLE``) and the database, and is an owner.

    Parameters
    ----------
    address : str
        Of the database: ``postgresql://NAME@HOST/DATABASE``.
    scheme : str, Path or Scheme
        As for `Project.create`; of no use where there is a project.
    folder : str or Path, optional
        Where its models, tracks and media are, for all who work on it.

    Returns
    -------
    str
        What opens it.

    Raises
    ------
    ProjectError
        If the server refuses, or the folder cannot be made.
    """
    with on_server(address) as database:
        with database.read() as connection:
            there = database.exists(connection)
        if not there:
            Project.create(address, scheme, folder=folder).close()
        with database.write() as connection:
            roles.make_roles(connection)
    with Project.open(address, folder=folder) as project:
        return project.address
