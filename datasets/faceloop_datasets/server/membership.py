"""Who works on a project, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.errors import ProjectError
from faceloop_datasets.store import roles

from .connecting import on_server

if TYPE_CHECKING:
    from faceloop_datasets.store.roles import Role


@dataclass(frozen=True)
class Membership:
    """Who may do what.

    Parameters
    ----------
    own : Role or None
        What the one who asks may do.
    people : tuple of (str, Role)
        Names and roles, by name.
    encrypted : bool
        Whether the connection is.
    """

    own: Role | None
    people: tuple[tuple[str, Role], ...]
    encrypted: bool


def membership(address: str) -> Membership:
    """Look up who may do what in a project on a server.

    Raises
    ------
    ProjectError
        If the server cannot be reached.
    """
    with on_server(address) as database, database.read() as connection:
        encrypted = connection.exec_driver_sql(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).scalar()
        return Membership(
            roles.own_role(connection), tuple(roles.members(connection)), bool(encrypted)
        )


def give_role(address: str, person: str, role: Role | None) -> bool:
    """Give a person a role in a project instead of what they had; None takes it.

    Parameters
    ----------
    address : str
        Of the project.
    person : str
        Name of a login of the server. One that is not there is made, without a password.
    role : Role or None
        What they may do.

    Returns
    -------
    bool
        Whether a login was made.

    Raises
    ------
    ProjectError
        If the project has no roles, the caller is no owner, or the server refuses.
    """
    if not person.strip():
        raise ProjectError("Name the person who gets the role.")
    with on_server(address) as database, database.write() as connection:
        return roles.give(connection, person, role, database.where)
