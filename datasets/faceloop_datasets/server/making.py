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

    So it is with a dump that was restored into a database of another name: roles are named by the
    database. People of the other one have no rights in it until they are given a role.

    Whoever calls is a superuser, or has the right to make roles (``CREATEROLE``) and owns the
    database and the tables; and is an owner of the project.

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
            roles.require_maker(connection)
        if not there:
            Project.create(address, scheme, folder=folder).close()
        with database.write() as connection:
            roles.make_roles(connection)
    with Project.open(address, folder=folder) as project:
        return project.address
