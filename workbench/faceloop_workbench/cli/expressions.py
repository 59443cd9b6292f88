"""Commands on expressions: what the faces of a project express, in words of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .choosing import ItemsOption, MatchingOption, RegexOption, chosen_faces
from .console import Column, note, say, show_json, show_table
from .options import JsonOption, ProjectOption

expressions = typer.Typer(
    no_args_is_help=True, help="What the faces express, in words of one's own."
)

_SHOWN = 10  # refused rows; --json has all


@expressions.command("list")
def list_expressions(project: ProjectOption, json: JsonOption = False) -> None:
    """List the labels that faces have: how many faces of how many people.

    A training learns those of 5 faces or more, of 2 people or more.

    Example: faceloop expressions list --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        found, faces = opened.expressions(), len(opened.items())
    if json:
        rows = [
            {"expression": one.label, "faces": len(one.items), "subjects": one.subjects,
             "items": one.items}
            for one in found
        ]  # fmt: skip
        show_json({"expressions": rows, "faces": faces})
        return
    show_table(
        ("expression", Column("faces", number=True), Column("subjects", number=True)),
        [(one.label, len(one.items), one.subjects) for one in found],
    )
    note(f"{sum(len(one.items) for one in found)} of {faces} faces have a label")


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

    with Project.open(project) as opened:
        chosen = [one.id for one in chosen_faces(opened, item or (), matching, regex)]
        changed = opened.set_expression(chosen, label)
    label = label.strip()
    if json:
        show_json({"expression": label, "changed": changed, "items": chosen})
        return
    what = f"are labelled {label} now" if label else "have no label now"
    say(f"{len(chosen)} faces {what}; {changed} were something else before.")


@expressions.command("import")
def import_expressions(
    table: Annotated[
        Path,
        typer.Argument(
            help="Table (.csv) with a column expression, and item, face, image or frame."
        ),
    ],
    project: ProjectOption,
    json: JsonOption = False,
) -> None:
    """Take labels from a table; faceloop export csv writes one.

    Example: faceloop expressions import labels.csv --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        said = opened.import_expressions(table)
    if json:
        refused = [{"line": one.line, "reason": one.reason} for one in said.refused]
        show_json({"faces": len(said.labels), "labels": said.labels, "refused": refused})
    else:
        say(f"{len(said.labels)} faces are labelled as {table.name} says.")
        if said.refused:
            note(f"{len(said.refused)} rows cannot be used:")
            rows = [(one.line, one.reason) for one in said.refused[:_SHOWN]]
            show_table((Column("line", number=True), "reason"), rows)
    if not said.labels:
        raise typer.Exit(1)
