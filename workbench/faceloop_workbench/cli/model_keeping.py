"""Commands that keep models, and delete those nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import note, say, show_json
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import ModelRecord, Project

NameArgument = Annotated[str, typer.Argument(metavar="MODEL", help="Name or number.")]


def pin_model(name: NameArgument, project: ProjectOption, json: JsonOption = False) -> None:
    """Keep a model: it stands first in lists and cannot be deleted.

    Example: faceloop model pin face70-ridge --project faces
    """
    _pin(name, project, pinned=True, json=json)


def unpin_model(name: NameArgument, project: ProjectOption, json: JsonOption = False) -> None:
    """Keep a model no longer.

    Example: faceloop model unpin face70-ridge --project faces
    """
    _pin(name, project, pinned=False, json=json)


def delete_models(
    project: ProjectOption,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL]...", help="Names or numbers.")
    ] = None,
    others: Annotated[
        bool, typer.Option("--others", help="All but those that are pinned or in use.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Delete models and their files for good.

    The one in use and pinned ones are refused. Reports on a model stay, and so do annotations that
    began with its fits.

    Example: faceloop model delete face70-ridge-2 --project faces
    """
    from faceloop_datasets import Project

    if bool(names) == others:
        raise typer.BadParameter("Name the models to delete, or give --others.")
    with Project.open(project) as opened:
        records = _unkept(opened) if others else _named(opened, names or [])
        if records and not yes:
            _ask(records)
        free = sum(opened.delete_model(record.id) for record in records)
    deleted = [record.name for record in records]
    if json:
        show_json({"deleted": deleted, "bytes": free})
    elif not deleted:
        say("There is no model that is neither pinned nor in use.")
    else:
        say(f"Deleted {', '.join(deleted)}: {free / 1e6:.1f} MB are free now.")


def _pin(name: str, project: str, *, pinned: bool, json: bool) -> None:
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        record = opened.pin_model(name, pinned=pinned)
    if json:
        show_json({"model": record.name, "pinned": record.pinned})
    else:
        say(f"{record.name} is {'pinned' if pinned else 'no longer pinned'}.")


def _unkept(project: Project) -> list[ModelRecord]:
    active = project.active_model
    used = None if active is None else active.id
    return [record for record in project.models() if not record.pinned and record.id != used]


def _named(project: Project, names: Sequence[str]) -> list[ModelRecord]:
    """Find all before any is deleted: of a mistyped list nothing goes."""
    from faceloop_datasets import ProjectError

    found = {record.id: record for record in (project.model(name) for name in names)}
    kept = {record.id for record in _unkept(project)}
    refused = [record.name for record in found.values() if record.id not in kept]
    if refused:
        raise ProjectError(
            f"Nothing was deleted: {', '.join(refused)} is in use or pinned. Use another model "
            "(faceloop model use) or unpin it (faceloop model unpin) first."
        )
    return list(found.values())


def _ask(records: Sequence[ModelRecord]) -> None:
    from faceloop_datasets import Cancelled, ProjectError

    sizes = {r.file: r.file.stat().st_size for r in records if r.file.is_file()}
    names = ", ".join(record.name for record in records)
    note(f"To be deleted: {names} ({sum(sizes.values()) / 1e6:.1f} MB).")
    try:
        sure = typer.confirm("They cannot be brought back. Delete them?", err=True)
    except typer.Abort as abort:
        raise ProjectError("Nothing was deleted. Where nobody can answer, add --yes.") from abort
    if not sure:
        raise Cancelled("Nothing was deleted.")
