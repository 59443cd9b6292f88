"""The command that takes a face or a person out of a project for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import note, say, show_json
from .keeping import list_some
from .monitoring import progress_monitor
from .options import JsonOption, PlaceArgument

if TYPE_CHECKING:
    from faceloop_datasets.care import Erasure


def erase(
    project: PlaceArgument,
    item: Annotated[
        int | None, typer.Option(help="Number of one face.", show_default=False)
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="A subject: all its faces.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonOption = False,
) -> None:
    """Erase a face, or all faces of a subject, for good: history, queue, pictures, backups.

    The only thing in faceloop that deletes what was saved; a face that is only not wanted is taken
    out by faceloop faces remove, and can be brought back. Pictures outside the project's folder
    and models stay; afterwards all files of the project are searched for what should be gone.

    Example: faceloop erase faces --subject anna
    """
    from faceloop_datasets import Project
    from faceloop_datasets.care import erase as erase_for_good
    from faceloop_datasets.care import find_erasure_target, plan_erasure
    from faceloop_workbench.services.trained_on import trained_on

    if (item is None) == (subject is None):
        raise typer.BadParameter("Name either --item or --subject.")
    # Opening brings old tables up to date, and finishes what was begun.
    with Project.open(project) as opened:
        target = find_erasure_target(project, item=item, subject=subject or "")
        planned = plan_erasure(project, target)
        models = trained_on(opened, target.subject)
    _show(planned)
    if not yes:
        _ask(str(item) if subject is None else subject)
    with progress_monitor() as monitor:
        done = erase_for_good(project, planned, progress=monitor)
    if json:
        show_json(_values(done, models))
    else:
        _show_done(done, models)
    if done.left:
        raise typer.Exit(1)


def _show(planned: Erasure) -> None:
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.care_text import known_text

    is_file = planned.kind in {"picture", "clip"}
    note(
        f"To be erased: {counted(len(planned.items), 'face')} of "
        f"{f'the {planned.kind} ' if is_file else ''}{planned.target.subject!r} with "
        f"{counted(planned.revisions, 'saved annotation')} and "
        f"{counted(planned.entries, 'entry', 'entries')} of the queue, "
        f"{counted(len(planned.files), 'picture or video', 'pictures and videos')} in the project, "
        f"and what {counted(len(planned.backups), 'backup')} in the project "
        f"{'has' if len(planned.backups) == 1 else 'have'} of them."
    )
    for number, name in zip(planned.numbers, planned.items, strict=True):
        note(f"face: {name} (item {number})")
    for file in planned.files:
        note(f"file: {file}")
    if planned.sources:
        note(known_text(planned))
    list_some("track of a video", planned.tracks)
    list_some("report, since reports name people", planned.reports)


def _ask(wanted: str) -> None:
    from faceloop_datasets import Cancelled, ProjectError

    try:
        said = typer.prompt(f"This cannot be taken back. Type {wanted} to go on", err=True)
    except typer.Abort as abort:
        raise ProjectError("Nothing was erased. Where nobody can answer, add --yes.") from abort
    if said.strip() != wanted:
        raise Cancelled("Nothing was erased.")


def _show_done(done: Erasure, models: list[str]) -> None:
    from faceloop_datasets.wording import counted
    from faceloop_workbench.services.care_text import NOT_FORGOTTEN, OUT_OF_REACH, found_text

    files, size = done.searched
    say(
        f"Erased {counted(len(done.items), 'face')} of {done.target.subject!r}: "
        f"{counted(done.revisions, 'saved annotation')}, "
        f"{counted(done.entries, 'entry', 'entries')} of the queue, "
        f"{counted(len(done.files), 'file')}; "
        f"{counted(len(done.backups), 'backup was', 'backups were')} written again."
    )
    say(f"Searched {counted(files, 'file')}, {size / 1e6:.1f} MB: {found_text(done)}")
    for line in done.left:
        say(f"  {line}")
    list_some("not the project's own", done.unknown)
    list_some("Still in the project, since other faces are in it", done.shared)
    list_some("Not touched, since it lies outside the project's media", done.elsewhere)
    if models:
        say(f"Trained on this subject: {', '.join(models)}. {NOT_FORGOTTEN}")
    note(OUT_OF_REACH)


def _values(done: Erasure, models: list[str]) -> dict[str, object]:
    return {
        "subject": done.target.subject,
        "items": done.items,
        "numbers": done.numbers,
        "kind": done.kind,
        "sources": done.sources,
        "revisions": done.revisions,
        "entries": done.entries,
        "files": done.files,
        "shared": done.shared,
        "elsewhere": done.elsewhere,
        "backups": done.backups,
        "tracks": done.tracks,
        "reports": done.reports,
        "models": models,
        "left": done.left,
        "unknown": done.unknown,
        "searched_files": done.searched[0],
        "searched_bytes": done.searched[1],
    }
