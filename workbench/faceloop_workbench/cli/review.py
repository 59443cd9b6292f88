"""Commands on the review queue."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from .console import Column, note, say, show_json, show_table, show_values
from .options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Project, QueueEntry, Reason
    from faceloop_datasets.review import entries as kinds

queue = typer.Typer(no_args_is_help=True, help="What a person should look at next, worst first.")

EntryArgument = Annotated[int, typer.Argument(metavar="ENTRY", help="Number of the entry.")]


class Status(StrEnum):
    """Status of an entry; `all` for any."""

    open = "open"
    claimed = "claimed"
    done = "done"
    skipped = "skipped"
    all = "all"


class ReasonName(StrEnum):
    """Why an entry is there."""

    manual = "manual"
    lost_track = "lost-track"
    poor_fit = "poor-fit"
    disagreement = "disagreement"
    label_check = "label-check"
    imported_estimate = "imported-estimate"


@queue.command("list")
def list_entries(
    project: ProjectOption,
    status: Annotated[Status, typer.Option(help="Which entries.")] = Status.open,
    reason: Annotated[
        ReasonName | None,
        typer.Option(help="Only those that have this reason, alone or beside others."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    json: JsonOption = False,
) -> None:
    """List entries, in the order they should be looked at.

    Example: faceloop queue list --project faces --reason label-check
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted

    with Project.open(project) as opened:
        wanted = None if status is Status.all else cast("kinds.Status", status.value)
        why: Reason | None = None if reason is None else reason.value
        entries = opened.queue.list(wanted, reason=why, limit=limit)
        count = opened.queue.count(wanted, reason=why)
        shown = [entry_values(opened, entry) for entry in entries]
    if json:
        show_json({"entries": shown, "count": count})
        return
    show_entries(shown)
    note(counted(count, "entry", "entries") + ("" if status is Status.all else f", {status.value}"))


@queue.command("next")
def next_entry(
    project: ProjectOption,
    author: Annotated[str | None, typer.Option(help="Who; by default your login.")] = None,
    json: JsonOption = False,
) -> None:
    """Claim the first open entry and show it.

    Example: faceloop queue next --project faces
    """
    from faceloop_datasets import Project

    with Project.open(project) as opened:
        entry = opened.queue.next(author or opened.author)
        values = None if entry is None else entry_values(opened, entry)
    if json:
        show_json(values)
    elif values is None:
        say("The queue is empty.")
    else:
        show_values(_entry_fields(values))


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
        "reasons": [why._asdict() for why in entry.reasons],
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
    """Show entries as a table; a column in which nothing would stand is left out."""
    columns = (
        Column("entry", number=True),
        "name",
        "reason",
        Column("predicted error", number=True),
        Column("time", number=True),
        Column("shot", number=True),
        "status",
        "what was found",
    )
    rows = [_row(entry) for entry in entries]
    used = [k for k in range(len(columns)) if not rows or any(row[k] for row in rows)]
    show_table([columns[k] for k in used], [[row[k] for k in used] for row in rows])


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    errors = [why["predicted_error"] for why in entry["reasons"]]
    return (
        str(entry["entry"]),
        entry["name"],
        _kinds(entry),
        next((f"{error:.3f}" for error in errors if error is not None), ""),
        "" if entry["time"] is None else f"{entry['time']:.2f} s",
        "" if entry["shot"] is None else str(entry["shot"]),
        entry["status"],
        _sentences(entry),
    )


def _kinds(entry: dict[str, Any]) -> str:
    return ", ".join(why["reason"] for why in entry["reasons"])


def _sentences(entry: dict[str, Any]) -> str:
    """Return what a person said when skipping it, else all that was found."""
    notes = [why["note"] for why in entry["reasons"]]
    said = [entry["note"]] if entry["status"] == "skipped" else notes
    return " ".join(note for note in said if note)


def _entry_fields(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the values of one entry for people: all its reasons, nothing that is not known."""
    values = {**entry, "reason": _kinds(entry), "note": _sentences(entry)}
    del values["reasons"]
    return {name: value for name, value in values.items() if value not in (None, "")}


def _show_changed(values: dict[str, Any], json: bool) -> None:
    if json:
        show_json(values)
    else:
        say(f"Entry {values['entry']} ({values['name']}) is {values['status']}.")
