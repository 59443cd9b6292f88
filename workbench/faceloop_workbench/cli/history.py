"""The command that tells what was done to a face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import Column, note, show_json, show_table
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from faceloop_workbench.services.history_text import HistoryStep


def history(
    item: Annotated[int, typer.Argument(help="Number of the face.")],
    project: ProjectOption,
    json: JsonOption = False,
) -> None:
    """Tell what was done to a face, by whom and when, the newest first.

    Changes of the same kind in the same part of the face, by one person within minutes, are one
    line; --json lists every revision.

    Example: faceloop history 12 --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.history_text import history_lines, history_steps

    with Project.open(project) as opened:
        name = opened.item(item).name
        steps = history_steps(opened.history(item)[::-1], opened.scheme)
        removals = opened.removals(item)[::-1]
    if json:
        revisions = [_values(step) for step in steps]
        gone = [{**vars(one), "created": one.created.isoformat()} for one in removals]
        show_json({"item": item, "name": name, "revisions": revisions, "removals": gone})
        return
    lines = history_lines(steps)
    rows = [
        (
            line.newest.revision.id,
            f"{line.newest.revision.created.astimezone():%Y-%m-%d %H:%M:%S}",
            line.newest.revision.author,
            line.words,
        )
        for line in lines
    ]
    show_table((Column("revision", number=True), "when", "who", "what was done"), rows)
    for one in removals:
        done = "removed" if one.removed else "brought back"
        note(f"{done} by {one.author}, {one.created.astimezone():%Y-%m-%d %H:%M:%S}")
    note(f"{name}: {counted(len(steps), 'revision')}")


def _values(step: HistoryStep) -> dict[str, object]:
    revision = step.revision
    return {
        "revision": revision.id,
        "based_on": revision.based_on,
        "counts": revision.is_head,
        "created": revision.created.isoformat(),
        "author": revision.author,
        "action": revision.action,
        "words": step.words,
        "source": revision.source,
        "points_changed": step.changed,
    }
