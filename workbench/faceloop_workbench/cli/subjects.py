"""Commands on subjects: whom the faces of a project show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .choosing import ItemsOption, MatchingOption, RegexOption, chosen_faces
from .console import Column, note, say, show_json, show_table
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from faceloop_datasets import Item

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
    item: ItemsOption = None,
    matching: MatchingOption = None,
    regex: RegexOption = None,
    json: JsonOption = False,
) -> None:
    """Say whom faces show. No annotation changes, and no import takes it back.

    Example: faceloop subjects set anna --matching 'img_1*' --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        chosen = chosen_faces(opened, item or (), matching, regex)
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
