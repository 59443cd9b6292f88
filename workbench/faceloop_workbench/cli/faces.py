"""Commands on the faces of a project's pictures: list, find, remove gently, bring back."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faceloop_workbench.services.finding import Finding

from .choosing import ItemsOption, MatchingOption, RegexOption, chosen_faces, is_like
from .console import Column, note, say, show_json, show_table
from .monitoring import progress_monitor
from .options import (
    DetectorOption,
    FitStart,
    JsonOption,
    ModelOption,
    PlaceArgument,
    StartOption,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Item, ItemSummary
    from faceloop_workbench.services.finding_in_project import FoundInPicture

faces = typer.Typer(no_args_is_help=True, help="The faces of the pictures, several in one or not.")

_NAMED = 10  # faces that are changed; --json has all

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be done; change nothing.")
]
AuthorOption = Annotated[str | None, typer.Option(help="Who; by default your login.")]
PictureOption = Annotated[
    str | None,
    typer.Option(
        "--picture",
        metavar="GLOB",
        help="Only pictures whose path is like this: 'party/*.jpg'.",
        show_default=False,
    ),
]


@faces.command("list")
def list_faces(
    project: PlaceArgument,
    picture: PictureOption = None,
    several: Annotated[
        bool, typer.Option("--several", help="Only those in a picture with several faces.")
    ] = False,
    removed: Annotated[
        bool, typer.Option("--removed", help="Those that were removed, instead of the others.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """List faces by picture: whom they show, and how many points nobody has confirmed.

    Example: faceloop faces list faces --several
    """
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted

    with Project.open(project) as opened:
        every = [one for one in opened.overview(with_removed=True) if bool(one.removed) == removed]
    chosen = [one for one in every if picture is None or is_like(one.media_path or "", picture)]
    if several:
        chosen = _several(chosen)
    rows = [_face_values(one) for one in chosen]
    if json:
        show_json({"faces": rows})
        return
    show_table(
        (Column("item", number=True), "picture", "name", "subject", "points to go"),
        [(r["item"], r["picture"], r["name"], r["subject"], _to_go(r)) for r in rows],
    )
    one, many = ("face that was removed", "faces that were removed") if removed else ("face", "")
    note(counted(len(rows), one, many))


@faces.command("find")
def find_faces(
    project: PlaceArgument,
    picture: PictureOption = None,
    model: ModelOption = None,
    detector: DetectorOption = "auto",
    start: StartOption = FitStart.auto,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Find the faces of all pictures that are not in the project yet, and add them.

    They come into the review queue with their fits to start from, and train nothing until somebody
    has corrected or accepted them. Faces that were removed are not found again. Where the project
    has no model yet, the starter finds them, if its points can be converted to the project's.

    Example: faceloop faces find faces --dry-run
    """
    from faceloop_datasets import Project
    from faceloop_workbench.services.face_finder import FaceFinder
    from faceloop_workbench.services.finding_in_project import find_in_project

    with Project.open(project) as opened:
        finder = FaceFinder.of(opened, model)
        with progress_monitor() as monitor:
            found = find_in_project(
                opened,
                finder,
                wanted=lambda media: picture is None or is_like(media.path, picture),
                finding=Finding(detector, start.value),
                dry_run=dry_run,
                progress=monitor,
            )
    count = sum(len(one.fits) for one in found)
    if json:
        pictures = [_found_values(one) for one in found]
        name = finder.chosen.name
        show_json({"model": name, "dry_run": dry_run, "found": count, "pictures": pictures})
    else:
        _show_found(found, count, dry_run=dry_run)
    errors = [one.error for one in found if one.error is not None]
    for error in errors:
        note(f"Error: {error}")
    if errors:
        raise typer.Exit(1)


@faces.command("remove")
def remove_faces(
    project: PlaceArgument,
    item: ItemsOption = None,
    matching: MatchingOption = None,
    regex: RegexOption = None,
    author: AuthorOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Take faces out gently: they no longer wait, train or count, and can be brought back.

    Nothing is deleted. What must not exist any more is erased: faceloop erase.

    Example: faceloop faces remove faces --item 12 --dry-run
    """
    _set_removed(project, (item, matching, regex), author, removed=True, dry=dry_run, json=json)


@faces.command("restore")
def restore_faces(
    project: PlaceArgument,
    item: ItemsOption = None,
    matching: MatchingOption = None,
    regex: RegexOption = None,
    author: AuthorOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Bring back faces that were removed, with all that was said of them.

    Example: faceloop faces restore faces --matching 'party/*'
    """
    _set_removed(project, (item, matching, regex), author, removed=False, dry=dry_run, json=json)


def _set_removed(
    folder: str,
    which: tuple[list[int] | None, str | None, str | None],
    author: str | None,
    *,
    removed: bool,
    dry: bool,
    json: bool,
) -> None:
    from faceloop_datasets import Project
    from faceloop_datasets.wording import counted

    numbers, matching, regex = which
    with Project.open(folder) as opened:
        chosen = chosen_faces(opened, numbers or (), matching, regex, removed=not removed)
        changed = [one for one in chosen if one.removed != removed]
        if not dry:
            change = opened.remove if removed else opened.bring_back
            change([one.id for one in changed], author)
    if json:
        show_json({"dry_run": dry, "changed": len(changed), "faces": _named(chosen)})
        return
    rows = [(one.id, one.name, one.subject) for one in changed[:_NAMED]]
    show_table((Column("item", number=True), "name", "subject"), rows)
    if len(changed) > _NAMED:
        note(f"... and {len(changed) - _NAMED} more; --json lists all.")
    done = "removed" if removed else "brought back"
    verb = "would be" if dry else "is" if len(changed) == 1 else "are"
    say(f"{counted(len(changed), 'face')} {verb} {done}.")
    if len(changed) < len(chosen):
        were = counted(len(chosen) - len(changed), "was", "were")
        note(f"{were} {'removed' if removed else 'there'} already.")
    if removed and changed and not dry:
        note("Bring them back: faceloop faces restore. Delete for good: faceloop erase.")


def _named(chosen: Sequence[Item]) -> list[dict[str, Any]]:
    return [{"item": one.id, "name": one.name, "subject": one.subject} for one in chosen]


def _several(rows: list[ItemSummary]) -> list[ItemSummary]:
    from collections import Counter

    shown = [row for row in rows if row.media_id is not None]
    counts = Counter((row.media_id, row.frame) for row in shown)
    return [row for row in shown if counts[row.media_id, row.frame] > 1]


def _face_values(row: ItemSummary) -> dict[str, Any]:
    name = PurePosixPath(row.media_path or "").name
    return {
        "item": row.item_id,
        "picture": name if row.frame is None else f"{name}#{row.frame}",
        "path": row.media_path,
        "frame": row.frame,
        "name": row.name,
        "subject": row.subject,
        "labelled": row.labelled,
        "to_confirm": row.estimated,
        "missing": row.missing,
        "queue": row.status,
        "removed": bool(row.removed),
    }


def _to_go(values: dict[str, Any]) -> str:
    if not values["labelled"]:
        return "all"
    return str(values["to_confirm"] or "")


def _found_values(one: FoundInPicture) -> dict[str, Any]:
    return {
        "picture": one.media.path,
        "frame": one.frame,
        "faces": [
            {"points": fit.points, "predicted_error": fit.predicted_error} for fit in one.fits
        ],
        "items": [item.id for item in one.items],
        "error": one.error,
    }


def _show_found(found: Sequence[FoundInPicture], count: int, *, dry_run: bool) -> None:
    from faceloop_datasets.wording import counted

    rows = [
        (
            one.media.name if one.frame is None else f"{one.media.name}#{one.frame}",
            len(one.fits),
            ", ".join(f"{fit.predicted_error:.3f}" for fit in one.fits),
        )
        for one in found
        if one.fits
    ]
    show_table(("picture", Column("new faces", number=True), "predicted errors"), rows)
    said = "to add" if dry_run else "added to the review queue, with their fits to start from"
    say(f"{counted(count, 'face')} {said}." if count else "No other face was found.")
