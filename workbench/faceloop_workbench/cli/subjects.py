"""Commands on subjects: whom the faces of a project show."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .choosing import ItemsOption, MatchingOption, RegexOption, chosen_faces
from .console import Column, note, say, show_json, show_table
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from faceloop_datasets import Item
    from faceloop_datasets.importing.subject_plan import SubjectPlan
    from faceloop_datasets.store.chosen_sides import Side
    from faceloop_workbench.services.people import Person

subjects = typer.Typer(no_args_is_help=True, help="Whom the faces show: people, clips, pictures.")

_NAMED = 10  # faces that are changed; --json has all


@subjects.command("list")
def list_subjects(project: ProjectOption, json: JsonOption = False) -> None:
    """List subjects: faces, what is annotated and to do, who is held out, how they are known.

    Those held out measure the next model, and are never trained on. The error is that of the model
    in use on their faces, where it was measured on them.

    Example: faceloop subjects list --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.subjects import count_of, how_known, kind_of
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.people import list_people

    with Project.open(project) as opened:
        people = list_people(opened)
    if json:
        show_json({"subjects": [_person_values(one) for one in people]})
        return
    show_table(
        (
            "subject",
            *(Column(name, number=True) for name in ("faces", "annotated", "to do", "error")),
            "held out",
            "how it is known",
        ),
        [
            (
                one.name,
                one.faces,
                one.annotated,
                one.to_do,
                "" if one.error is None else f"{one.error:.4f}",
                ("chosen" if one.chosen else "yes") if one.side == "held out" else "",
                how_known(one.sources),
            )
            for one in people
        ],
    )
    sources = {source for one in people for source in one.sources}
    faces = sum(one.faces for one in people)
    note(f"{counted(faces, 'face')} of {count_of(len(people), kind_of(sources))}")


def _person_values(one: Person) -> dict[str, Any]:
    from faceloop_datasets.subjects import how_known, kind_of

    return {
        "subject": one.name,
        "faces": one.faces,
        "pictures": one.pictures,
        "videos": one.videos,
        "annotated": one.annotated,
        "to_do": one.to_do,
        "removed": one.removed,
        "kind": kind_of(one.sources),
        "sources": one.sources,
        "how": how_known(one.sources),
        "held_out": one.side == "held out",
        "chosen": one.chosen,
        "error": one.error,
        "predicted_error": one.predicted,
        "items": one.items,
    }


@subjects.command("set")
def set_subject(
    project: ProjectOption,
    subject: Annotated[
        str | None,
        typer.Argument(help="Name of the subject, new or known.", show_default=False),
    ] = None,
    item: ItemsOption = None,
    matching: MatchingOption = None,
    regex: RegexOption = None,
    from_folder: Annotated[
        bool, typer.Option("--from-folder", help="The folder of each picture is one subject.")
    ] = False,
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Where the name stands in the path of the picture: '{subject}_*.jpg', or a "
            "regular expression, whose first group it is.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show which face would get which subject.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Say whom faces show: one name, or what a rule finds in the path of each picture.

    No annotation changes, and no import takes it back; faceloop subjects undo does.

    Example: faceloop subjects set anna --matching 'img_1*' --project faces

    Example: faceloop subjects set --pattern '{subject}_*.jpg' --dry-run --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.subjects import check_subject

    rule = "folder" if from_folder else pattern
    if [subject is not None, from_folder, pattern is not None].count(True) != 1:
        raise typer.BadParameter("Give a subject, --from-folder or --pattern: one of them.")
    with Project.open(project) as opened:
        some = item or matching is not None or regex is not None
        if rule is not None:
            asked = chosen_faces(opened, item or (), matching, regex) if some else opened.items()
            plan = opened.plan_subjects(rule, [one.id for one in asked])
            changed = 0 if dry_run else opened.apply_subjects(plan)
            _show_plan(plan, changed, dry_run=dry_run, json=json)
            return
        chosen = chosen_faces(opened, item or (), matching, regex)
        name = check_subject(subject or "")
        before = sum(one.subject != name for one in chosen)
        if not dry_run:
            before = opened.set_subject([one.id for one in chosen], name)
    _show_changed(chosen, name, before, dry_run=dry_run, json=json)


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


class _Side(StrEnum):
    HELD_OUT = "held-out"
    TRAINING = "training"
    BY_NAME = "by-name"


@subjects.command("hold-out")
def hold_out(
    names: Annotated[list[str], typer.Argument(metavar="SUBJECT", help="Subjects.")],
    project: ProjectOption,
    side: Annotated[
        _Side,
        typer.Option(
            help="held-out: they measure models and train none; training: the other way round; "
            "by-name: as where nobody has chosen."
        ),
    ] = _Side.HELD_OUT,
    json: JsonOption = False,
) -> None:
    """Choose who measures models and never trains one, from the next training on.

    Without a choice a fifth of the people is held out, by their names.

    Example: faceloop subjects hold-out anna ben --project faces
    """
    from faceloop_datasets import Project, ProjectError
    from faceloop_datasets.subjects import no_such_subject
    from faceloop_datasets.wording import counted

    chosen: dict[_Side, Side | None] = {
        _Side.HELD_OUT: "held out",
        _Side.TRAINING: "training",
        _Side.BY_NAME: None,
    }
    with Project.open(project) as opened:
        known = {one.name: one.items for one in opened.subjects()}
        for name in names:
            if name not in known:
                raise ProjectError(no_such_subject(name, list(known)))
        items = [item for name in names for item in known[name]]
        opened.choose_side(items, chosen[side])
    if json:
        show_json({"side": chosen[side], "items": items})
        return
    what = {
        _Side.HELD_OUT: "held out",
        _Side.TRAINING: "only for training",
        _Side.BY_NAME: "used as the name decides",
    }
    faces, are = counted(len(items), "face"), "is" if len(items) == 1 else "are"
    say(f"{faces} of {', '.join(names)} {are} {what[side]} from the next training on.")


@subjects.command("undo")
def undo_subjects(project: ProjectOption, json: JsonOption = False) -> None:
    """Take back what was last said of subjects; faces whose subject has changed since stay.

    Example: faceloop subjects undo --project faces
    """
    from faceloop_datasets import Project, ProjectError
    from faceloop_workbench.services.outcome_text import subjects_back_text

    with Project.open(project) as opened:
        last = opened.last_subject_change()
        done = opened.undo_subjects()
    if last is None or done is None:
        raise ProjectError("There is no change of subjects that could be taken back.")
    if json:
        show_json({"action": done.action, "items": list(done.before)})
        return
    say(subjects_back_text(done, len(last.before)))


def _show_changed(
    chosen: list[Item], subject: str, changed: int, *, dry_run: bool = False, json: bool
) -> None:
    from faceloop_datasets.wording import counted

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
    if dry_run:
        others = counted(changed, "shows", "show")
        say(f"{counted(len(chosen), 'face')} would show {subject}; {others} somebody else now.")
        return
    faces = counted(len(chosen), "face shows", "faces show")
    say(f"{faces} {subject} now; {changed} showed somebody else before.")


def _show_plan(plan: SubjectPlan, changed: int, *, dry_run: bool, json: bool) -> None:
    """Show what a rule says of every face, those that change or that it knows nothing of first."""
    from faceloop_datasets.wording import counted

    if json:
        faces = [{**asdict(face), "changes": face.changes} for face in plan.faces]
        counts = {"would_change": len(plan.changed), "refused": len(plan.refused)}
        show_json({"subjects": dict(plan.subjects), "changed": changed, **counts, "faces": faces})
        return
    rows = [*plan.changed, *plan.refused] or plan.faces
    named = rows if dry_run else rows[:_NAMED]
    show_table(
        (Column("item", number=True), "picture", "subject before", "subject then"),
        [(f.item_id, f.path, f.before, f.why_not or f.after) for f in named],
    )
    if len(rows) > len(named):
        note(f"... and {len(rows) - len(named)} more; --json lists all.")
    same = len(plan.found) - len(plan.changed)
    say(
        f"The rule finds {counted(len(plan.subjects), 'subject')} in {len(plan.found)} of "
        f"{counted(len(plan.faces), 'face')}; {counted(same, 'shows it', 'show them')} already, "
        f"{len(plan.changed)} " + ("would change." if dry_run else f"did not; changed: {changed}.")
    )
