"""Commands that keep a project's data safe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import note, say, show_json
from .monitoring import progress_monitor
from .options import JsonOption, PlaceArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets.care import Backup

_SHOWN = 10


def backup(
    project: PlaceArgument,
    dest: Annotated[
        Path,
        typer.Argument(
            help="File to make, or a folder; by default here, named by project and time.",
            show_default=False,
        ),
    ] = Path(),
    with_media: Annotated[
        bool, typer.Option("--with-media", help="With the pictures in the project's folder.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Copy a project into one file: the database and the models. It may be in use meanwhile.

    Pictures are left out unless asked for, and those outside the project's folder always. Of a
    project on a server it makes the same file, which faceloop restore makes a folder of.

    Example: faceloop backup faces /mnt/backups --with-media
    """
    from faceloop_datasets.care import back_up
    from faceloop_datasets.wording import counted

    with progress_monitor() as monitor:
        report = back_up(project, dest, with_media=with_media, progress=monitor)
    if json:
        values = {
            "missing": report.missing,
            "media_left_out": report.media_left_out,
            "media_elsewhere": report.media_elsewhere,
        }
        show_json({**_values(report.backup), **values})
        return
    size = sum(member.bytes for member in report.backup.members)
    files = counted(len(report.backup.members), "file")
    say(f"Wrote {report.backup.file}: {files}, {size / 1e6:.1f} MB.")
    if report.media_left_out:
        note(
            f"Without {counted(report.media_left_out, 'picture or video', 'pictures and videos')} "
            "of the project's folder: --with-media takes them along."
        )
    if report.media_elsewhere:
        lie = counted(report.media_elsewhere, "picture or video lies", "pictures and videos lie")
        note(f"{lie} outside the project's folder, and not in the backup. Keep copies too.")
    list_some("Not in it, because it is missing from the project", report.missing)


def restore(
    file: Annotated[Path, typer.Argument(metavar="BACKUP", help="The file of a backup.")],
    dest: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    json: JsonOption = False,
) -> None:
    """Make a project from a backup, in a new folder; nothing is overwritten.

    Example: faceloop restore faces-20260114T091500Z.zip faces-again
    """
    from faceloop_datasets.care import restore as unpack
    from faceloop_datasets.wording import counted

    with progress_monitor() as monitor:
        restored = unpack(file, dest, progress=monitor)
    if json:
        values = {"from_project": restored.from_project, "missing": restored.missing}
        show_json({"project": restored.path, **_values(restored.backup), **values})
        return
    moment = f"{restored.backup.created.astimezone():%Y-%m-%d %H:%M}"
    say(f"Made {restored.path}: the project {restored.backup.project} as it was on {moment}.")
    if restored.from_project:
        files = counted(len(restored.from_project), "file comes", "files come")
        note(f"{files} from the project that the backup lies in.")
    list_some("Not in the backup", restored.missing)


def _values(made: Backup) -> dict[str, object]:
    return {
        "file": made.file,
        "name": made.project,
        "created": made.created,
        "tables": made.tables,
        "files": [vars(member) for member in made.members],
    }


def list_some(what: str, paths: Sequence[object]) -> None:
    """Name the first few of some files, each after ``what`` is the matter with it."""
    for path in paths[:_SHOWN]:
        note(f"{what}: {path}")
    if len(paths) > _SHOWN:
        note(f"... and {len(paths) - _SHOWN} more; --json lists all.")
