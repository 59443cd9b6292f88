"""Commands for the project of a team, on a PostgreSQL server."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from .console import note, say, show_json, show_table
from .keeping import list_some
from .monitoring import progress_monitor
from .options import JsonOption, without_secret

if TYPE_CHECKING:
    from faceloop_datasets.server import Moved, Role

server = typer.Typer(
    no_args_is_help=True,
    help="The project of a team on a PostgreSQL server: make it, move it there and back, roles.",
)

UrlArgument = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="postgresql://NAME@HOST/DATABASE; the password is in ~/.pgpass or PGPASSWORD.",
        callback=without_secret,
    ),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        metavar="DIR",
        help="Where models, tracks and media are, under this path for all: a share.",
        show_default=False,
    ),
]
PersonArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name with which a person logs in on the server.")
]


class RoleName(StrEnum):
    """What somebody may do."""

    annotator = "annotator"
    reviewer = "reviewer"
    owner = "owner"
    none = "none"


@server.command("init")
def init_server(
    url: UrlArgument,
    folder: FolderOption = None,
    scheme: Annotated[
        str, typer.Option(help="A landmark scheme by name, or a .toml file of your own.")
    ] = "face70",
    json: JsonOption = False,
) -> None:
    """Make a project in an empty database, with its roles; you become an owner.

    Of a project that has no roles yet it makes only those. It needs the right to make roles.

    Example: faceloop server init postgresql://kim@server.example/faces --folder /mnt/team/faces
    """
    from faceloop_datasets.server import make_team_project
    from faceloop_datasets.store.address import ProjectAddress

    shared = ProjectAddress.of(url, folder).folder
    new = shared is not None and not shared.exists()
    place = make_team_project(url, scheme, folder=folder)
    if new:
        note(f"The folder {shared} was not there before, and was made.")
    if json:
        show_json({"project": place})
        return
    say(f"Made {place}, with the roles annotator, reviewer and owner.")
    say(f"Next: faceloop server role NAME annotator '{place}'")


@server.command("push")
def push(
    project: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the project.")],
    url: UrlArgument,
    folder: FolderOption = None,
    json: JsonOption = False,
) -> None:
    """Copy a project with all its history from a folder to an empty database on a server.

    Every table and file is compared afterwards. What was stopped goes on where it was. The folder
    stays as it is: put it away, so that nobody goes on working there.

    Example: faceloop server push faces postgresql://kim@server.example/faces --folder /mnt/team
    """
    from faceloop_datasets.server import push_project

    with progress_monitor() as monitor:
        moved = push_project(project, url, folder=folder, progress=monitor)
    _show(moved, json)


@server.command("pull")
def pull(
    url: UrlArgument,
    project: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    json: JsonOption = False,
) -> None:
    """Copy a project with all its history from a server into a new folder.

    Every table and file is compared afterwards. What was stopped goes on where it was.

    Example: faceloop server pull postgresql://kim@server.example/faces faces
    """
    from faceloop_datasets.server import pull_project

    with progress_monitor() as monitor:
        moved = pull_project(url, project, progress=monitor)
    _show(moved, json)


@server.command("roles")
def show_roles(url: UrlArgument, json: JsonOption = False) -> None:
    """Show who may do what, and whether the connection is encrypted.

    Example: faceloop server roles postgresql://kim@server.example/faces
    """
    from faceloop_datasets.server import membership

    found = membership(url)
    if json:
        people = [{"name": name, "role": role} for name, role in found.people]
        show_json({"own": found.own, "people": people, "encrypted": found.encrypted})
        return
    show_table(("who", "role"), found.people)
    say(
        f"You are {found.own or 'nobody here'}; the connection is "
        f"{'encrypted' if found.encrypted else 'not encrypted'}."
    )


@server.command("role")
def give(
    person: PersonArgument,
    role: Annotated[RoleName, typer.Argument(metavar="annotator|reviewer|owner|none")],
    url: UrlArgument,
    json: JsonOption = False,
) -> None:
    """Give a person a role, instead of what they had; none takes it away.

    A person whom the server does not know yet gets a login without a password.

    Example: faceloop server role ann annotator postgresql://kim@server.example/faces
    """
    from faceloop_datasets.server import give_role

    given = None if role is RoleName.none else cast("Role", role.value)
    made = give_role(url, person, given)
    if json:
        show_json({"name": person, "role": given, "login_made": made})
        return
    say(f"{person} is {given} now." if given else f"{person} has no role any more.")
    if made:
        note(f"A login was made for {person}, without a password: psql and \\password {person}.")


def _show(moved: Moved, json: bool) -> None:
    if json:
        show_json(vars(moved))
        return
    rows = sum(moved.rows.values())
    say(
        f"Made {moved.place}: {moved.rows['items']} faces, {moved.rows['revisions']} revisions, "
        f"{rows} rows in all, {moved.files} files of {moved.bytes / 1e6:.1f} MB. All are the same."
    )
    list_some("Not copied, because it is missing", moved.missing)
    list_some("Stays where it is, outside the project's folder", moved.elsewhere)
