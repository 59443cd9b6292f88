"""Commands on the review queue."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from .console import Column, note, say, show_json, show_table, show_values
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Project, QueueEntry
    from faceloop_datasets import queue as queues

queue = typer.Typer(no_args_is_help=True, help="What a person should look at next, worst first.")

EntryArgument = Annotated[int, typer.Argument(metavar="ENTRY", help="Number of the entry.")]


class Status(StrEnum):
    """Status of an entry; `all` for any."""

    open = "open"
    claimed = "claimed"
    done = "done"
    skipped = "skipped"
    all = "all"


@queue.command("list")
def list_entries(
    project: ProjectOption,
    status: Annotated[Status, typer.Option(help="Which entries.")] = Status.open,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    json: JsonOption = False,
) -> None:
    """List entries, in the order they should be looked at.

    Example: faceloop queue list --project faces --limit 10
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        wanted = None if status is Status.all else cast("queues.Status", status.value)
        entries, count = opened.queue.list(wanted, limit=limit), opened.queue.count(wanted)
        shown = [entry_values(opened, entry) for entry in entries]
    if json:
        show_json({"entries": shown, "count": count})
        return
    show_entries(shown)
    note(f"{count} entries" + ("" if status is Status.all else f", {status.value}"))


@queue.command("next")
def next_entry(
    project: ProjectOption,
    author: Annotated[str | None, typer.Option(help="Who; by default the user here.")] = None,
    json: JsonOption = False,
) -> None:
    """Claim the first open entry and show it.

    Example: faceloop queue next --project faces
    """
    from faceloop_datasets import Project
    from faceloop_datasets.project import default_author

    with Project.open(project) as opened:
        entry = opened.queue.next(author or default_author())
        values = None if entry is None else entry_values(opened, entry)
    if json:
        show_json(values)
    elif values is None:
        say("The queue is empty.")
    else:
        show_values({name: value for name, value in values.items() if value not in (None, "")})


@queue.command("skip")
def skip_entry(
    entry: EntryArgument,
    project: ProjectOption,
    reason: Annotated[str, typer.Option(help="Why it is not worth looking at.")] = "",
    json: JsonOption = False,
) -> None:
    """Note that an entry is not worth looking at.

    Example: faceloop queue skip 12 --project faces --reason "no face"
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        values = entry_values(opened, opened.queue.skip(entry, reason))
    _show_changed(values, json)


@queue.command("done")
def done_entry(entry: EntryArgument, project: ProjectOption, json: JsonOption = False) -> None:
    """Note that an entry was looked at and put right.

    Example: faceloop queue done 12 --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        values = entry_values(opened, opened.queue.done(entry))
    _show_changed(values, json)


def entry_values(project: Project, entry: QueueEntry) -> dict[str, Any]:
    """Return what is shown of an entry."""
    item = project.item(entry.item_id)
    media = project.item_media(item)
    return {
        "entry": entry.id,
        "item": entry.item_id,
        "name": item.name,
        "reason": entry.reason,
        "predicted_error": entry.predicted_error,
        "status": entry.status,
        "author": entry.author,
        "model": entry.model,
        "file": None if media is None else media.where(project.path),
        "frame": item.frame,
        "time": entry.time,
        "shot": entry.shot,
        "note": entry.note,
    }


def show_entries(entries: Sequence[dict[str, Any]]) -> None:
    """Show entries as a table."""
    columns = (
        Column("entry", number=True),
        "name",
        "reason",
        Column("predicted error", number=True),
        Column("time", number=True),
        Column("shot", number=True),
        "status",
    )
    rows = [
        (
            e["entry"],
            e["name"],
            e["reason"],
            "" if e["predicted_error"] is None else f"{e['predicted_error']:.3f}",
            "" if e["time"] is None else f"{e['time']:.2f} s",
            e["shot"],
            e["status"],
        )
        for e in entries
    ]
    show_table(columns, rows)


def _show_changed(values: dict[str, Any], json: bool) -> None:
    if json:
        show_json(values)
    else:
        say(f"Entry {values['entry']} ({values['name']}) is {values['status']}.")
