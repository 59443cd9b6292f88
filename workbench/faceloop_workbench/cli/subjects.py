"""Commands on subjects: whom the faces of a project show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Column, note, say, show_json, show_table
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faceloop_datasets import Item, Project

subjects = typer.Typer(no_args_is_help=True, help="Whom the faces show: people, clips, pictures.")

_NAMED = 10  # faces that are changed; --json has all


@subjects.command("list")
def list_subjects(project: ProjectOption, json: JsonOption = False) -> None:
    """List subjects: how many faces and pictures they have, how they are known, who is held out.

    Those held out measure the next model, and are never trained on.

    Example: faceloop subjects list --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.subjects import count_of, kind_of
    from faceloop_trainer import TrainingConfig
    from faceloop_trainer.data.split import split_faces

    with Project.open(project) as opened:
        found = opened.subjects()
        chosen = split_faces(opened.faces(), TrainingConfig()).held_out
        held = {face.item_id for face in chosen}
    rows = [
        {
            "subject": one.name,
            "faces": len(one.items),
            "pictures": one.pictures,
            "kind": one.kind,
            "sources": one.sources,
            "how": one.how,
            "held_out": bool(held & set(one.items)),
            "items": one.items,
        }
        for one in found
    ]
    if json:
        show_json({"subjects": rows})
        return
    show_table(
        (
            "subject",
            Column("faces", number=True),
            Column("pictures", number=True),
            "held out",
            "how it is known",
        ),
        [
            (r["subject"], r["faces"], r["pictures"], "yes" if r["held_out"] else "", r["how"])
            for r in rows
        ],
    )
    sources = {source for one in found for source in one.sources}
    faces = sum(len(one.items) for one in found)
    note(f"{faces} faces of {count_of(len(found), kind_of(sources))}")


@subjects.command("set")
def set_subject(
    subject: Annotated[str, typer.Argument(help="Name of the subject, new or known.")],
    project: ProjectOption,
    item: Annotated[
        list[int] | None,
        typer.Option(help="Number of a face; again for more.", show_default=False),
    ] = None,
    matching: Annotated[
        str | None,
        typer.Option(
            metavar="GLOB", help="Faces whose name is like this: 'anna/*'.", show_default=False
        ),
    ] = None,
    regex: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="Faces whose name has this.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Say whom faces show. No annotation changes, and no import takes it back.

    Example: faceloop subjects set anna --matching 'img_1*' --project faces
    """
    from faceloop_datasets import Project

    if not item and matching is None and regex is None:
        raise typer.BadParameter("Name faces by --item, --matching or --regex.")
    with Project.open(project) as opened:
        chosen = _chosen(opened, item or (), matching, regex)
        changed = opened.set_subject([one.id for one in chosen], subject)
    _show_changed(chosen, subject.strip(), changed, json=json)


@subjects.command("merge")
def merge_subjects(
    names: Annotated[list[str], typer.Argument(metavar="SUBJECT", help="Subjects to merge.")],
    project: ProjectOption,
    into: Annotated[str, typer.Option(help="Name that they have then.", show_default=False)],
    json: JsonOption = False,
) -> None:
    """Say that several subjects are one. No annotation changes, and no import takes it back.

    Example: faceloop subjects merge img_1 img_2 --into anna --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        chosen = [one for one in opened.items() if one.subject in names]
        changed = opened.merge_subjects(names, into)
    _show_changed(chosen, into.strip(), changed, json=json)


def _chosen(
    project: Project, numbers: Iterable[int], matching: str | None, regex: str | None
) -> list[Item]:
    """Faces by number, and by name.

    Raises
    ------
    InputError
        If ``regex`` is none, or no name is like it.
    ProjectError
        If there is no face of a number.
    """
    import re

    from faceloop_datasets import InputError

    try:
        pattern = None if regex is None else re.compile(regex)
    except re.error as error:
        raise InputError(f"--regex {regex!r} is no regular expression ({error}).") from error
    found = {number: project.item(number) for number in numbers}
    named = [
        one
        for one in project.items()
        if (matching is not None and _is_like(one.name, matching))
        or (pattern is not None and pattern.search(one.name))
    ]
    if (matching or regex) and not named:
        known = next((f", {one.name!r} for one" for one in project.items()), "")
        raise InputError(
            f"No face of this project has a name like {matching or regex!r}; their names are whole "
            f"paths{known}."
        )
    return list((found | {one.id: one for one in named}).values())


def _is_like(name: str, pattern: str) -> bool:
    """Whether a path, or the end of it, is like a pattern."""
    from fnmatch import fnmatchcase

    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*/{pattern}")


def _show_changed(chosen: list[Item], subject: str, changed: int, *, json: bool) -> None:
    values: list[dict[str, Any]] = [
        {"item": one.id, "name": one.name, "before": one.subject} for one in chosen
    ]
    if json:
        show_json({"subject": subject, "changed": changed, "faces": values})
        return
    rows = [(one.id, one.name, one.subject) for one in chosen[:_NAMED]]
    show_table((Column("item", number=True), "name", "subject before"), rows)
    if len(chosen) > _NAMED:
        note(f"... and {len(chosen) - _NAMED} more; --json lists all.")
    say(f"{len(chosen)} faces show {subject} now; {changed} showed somebody else before.")
