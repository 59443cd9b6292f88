"""Commands on expressions: what the faces of a project express, in words of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .choosing import ItemsOption, MatchingOption, RegexOption, chosen_faces
from .console import Column, note, say, show_json, show_table
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from collections.abc import Collection

    from faceloop_datasets import Project
    from faceloop_datasets.importing.expression_table import TableLabels

expressions = typer.Typer(
    no_args_is_help=True, help="What the faces express, in words of one's own."
)

_SHOWN = 10  # refused rows; --json has all


@expressions.command("list")
def list_expressions(project: ProjectOption, json: JsonOption = False) -> None:
    """List the labels that faces have: how many faces of how many people.

    A training learns those of 5 faces or more, of 2 people or more, the fifth of the people that
    it keeps aside not counted; others are marked as too rare.

    Example: faceloop expressions list --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted

    with Project.open(project) as opened:
        found, faces = opened.expressions(), len(opened.items())
        learned = _learned(opened)
    found = sorted(found, key=lambda one: one.label)
    if json:
        rows = [
            {"expression": one.label, "faces": len(one.items), "subjects": one.subjects,
             "learned": one.label in learned, "items": one.items}
            for one in found
        ]  # fmt: skip
        show_json({"expressions": rows, "faces": faces})
        return
    show_table(
        ("expression", Column("faces", number=True), Column("subjects", number=True), ""),
        [
            (one.label, len(one.items), one.subjects, "" if one.label in learned else "too rare")
            for one in found
        ],
    )
    labelled = sum(len(one.items) for one in found)
    note(f"{labelled} of {counted(faces, 'face')} {'has' if labelled == 1 else 'have'} a label")


def _learned(project: Project) -> Collection[str]:
    """Return the labels that a training with the default settings would learn."""
    from faceloop_trainer import TrainingConfig
    from faceloop_trainer.data.expression_labels import learned_labels
    from faceloop_trainer.data.split import split_faces

    training = split_faces(project.faces(), TrainingConfig()).training
    return learned_labels((one.expression, one.subject_key) for one in training if one.has_image)


@expressions.command("set")
def set_expression(
    label: Annotated[str, typer.Argument(help="A word of your own; '' takes the label away.")],
    project: ProjectOption,
    item: ItemsOption = None,
    matching: MatchingOption = None,
    regex: RegexOption = None,
    json: JsonOption = False,
) -> None:
    """Say what faces express. No points change, and no import takes it back.

    Example: faceloop expressions set smile --item 3 --item 8 --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted

    if label and not label.strip():
        raise typer.BadParameter(
            f"found {label!r}, expected a word, or '' to take the label away", param_hint="LABEL"
        )
    with Project.open(project) as opened:
        chosen = [one.id for one in chosen_faces(opened, item or (), matching, regex)]
        changed = opened.set_expression(chosen, label)
    label = label.strip()
    if json:
        show_json({"expression": label, "changed": changed, "items": chosen})
        return
    count = len(chosen)
    what = f"{_verb(count, 'is', 'are')} labelled {label} now"
    if not label:
        what = f"{_verb(count, 'has', 'have')} no label now"
    was = _verb(changed, "was", "were")
    say(f"{counted(count, 'face')} {what}; {changed} {was} something else before.")


@expressions.command("import")
def import_expressions(
    table: Annotated[
        Path,
        typer.Argument(
            help="Table (.csv) with a column expression, and item, face, image or frame."
        ),
    ],
    project: ProjectOption,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only report what would be done.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Take labels from a table; faceloop export csv writes one.

    They replace the labels that its faces have. Rows without a label change nothing.

    Example: faceloop expressions import labels.csv --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        said = opened.import_expressions(table, dry_run=dry_run)
    if json:
        refused = [{"line": one.line, "reason": one.reason} for one in said.refused]
        show_json({
            "faces": len(said.labels), "replaced": said.replaced, "unchanged": said.same,
            "labels": said.labels, "refused": refused, "dry_run": dry_run,
        })  # fmt: skip
    else:
        _show_import(said, table, dry_run)
    if not said.labels:
        raise typer.Exit(1)


def _show_import(said: TableLabels, table: Path, dry_run: bool) -> None:
    from faceloop_datasets.wording import counted

    count = len(said.labels)
    are = "would be" if dry_run else _verb(count, "is", "are")
    new = count - said.replaced - said.same
    say(
        f"{counted(count, 'face')} {are} labelled as {table.name} says: "
        f"{new} had no label before, {said.replaced} had another one, "
        f"{said.same} had this one."
    )
    if said.refused:
        note(f"{counted(len(said.refused), 'row')} cannot be used:")
        rows = [(one.line, one.reason) for one in said.refused[:_SHOWN]]
        show_table((Column("line", number=True), "reason"), rows)


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many
