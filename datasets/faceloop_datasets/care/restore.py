"""A project made from a backup."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError, ProjectError
from faceloop_datasets.faults import in_words
from faceloop_datasets.progress import Monitor
from faceloop_datasets.staging import content_hash, remove_leftovers, staging
from faceloop_datasets.store import inspecting
from faceloop_datasets.store.direct import complaints, direct
from faceloop_datasets.store.migrations import VERSION

from .backup import FOLDER
from .bundle import DATABASE, Backup, unpack
from .project_files import ProjectFiles

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets.progress import ProgressLike


@dataclass(frozen=True)
class Restored:
    """A project made from a backup.

    Parameters
    ----------
    path : Path
        Its folder.
    backup : Backup
        What it was made from.
    from_project : tuple of str
        Files that the backup does not have, taken from the project that it lies in.
    missing : tuple of str
        Models, and pictures of the project's own folder, that neither had.
    """

    path: Path
    backup: Backup
    from_project: tuple[str, ...]
    missing: tuple[str, ...]


def restore(
    file: Path,
    dest: Path,
    *,
    progress: ProgressLike = None,
) -> Restored:
    """Make a project from a backup, in a folder that is new or empty.

    Every file is compared with its hash while it is copied. What a backup of the database alone
    lacks is taken from the project in whose folder it lies, if it still is what it was.

    Parameters
    ----------
    file : Path
        The backup.
    dest : Path
        The folder to make.
    progress : Monitor or callable, optional
        Told each file; a monitor may stop the work between files.

    Raises
    ------
    InputError
        If it is no backup, damaged or dangerous, or cannot be unpacked; nothing is left behind.
    ProjectError
        If the folder is in use, or a newer faceloop made the backup.
    Cancelled
        If the monitor stopped it; nothing is left behind.
    """
    monitor = Monitor.of(progress)
    if dest.exists() and not (dest.is_dir() and not any(dest.iterdir())):
        raise ProjectError(
            f"{dest} exists and is not empty. Choose a new folder: a backup is never restored "
            "over something else."
        )
    remove_leftovers(dest.absolute().parent)
    with staging(dest.absolute().parent) as scratch:
        made = scratch / "project"
        try:
            for folder in (made / "models", made / "media"):
                folder.mkdir(parents=True)
            backup = unpack(file, made, lambda n, total: monitor.step(n, total, "unpacking"))
            _refuse_unusable(backup, made / DATABASE)
            taken, missing = _complete(made, file.absolute().parent)
            if dest.exists():
                dest.rmdir()
            made.replace(dest)
        except OSError as error:
            raise InputError(f"{file} cannot be unpacked to {dest}: {in_words(error)}.") from error
    return Restored(dest, backup, taken, missing)


def _refuse_unusable(backup: Backup, database: Path) -> None:
    with direct(database, read_only=True) as connection:
        found = complaints(connection)
        version = inspecting.tables_version(connection)
    if found:
        raise InputError(f"The database in {backup.file} is damaged ({found[0]}). Use another one.")
    if not isinstance(version, int) or version > VERSION:
        raise ProjectError(
            f"{backup.file} was made by a newer faceloop: its tables have version {version}, this "
            f"faceloop knows up to version {VERSION}. Update faceloop to restore it."
        )


def _complete(made: Path, folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fetch what the backup lacks from the project around it; returns what came, what did not."""
    own = ProjectFiles.of(made / DATABASE)
    lacking = {p: h for p, h in {**own.models, **own.media}.items() if not (made / p).is_file()}
    project = folder.parent
    beside = folder.name == FOLDER and (project / DATABASE).is_file()
    taken = []
    for path, digest in lacking.items() if beside else ():
        source, target = project / path, made / path
        if source.is_file() and content_hash(source) == digest:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
            taken.append(path)
    for path, source in own.tracks(project).items() if beside else ():
        (made / path).parent.mkdir(exist_ok=True)
        shutil.copyfile(source, made / path)
        taken.append(path)
    return tuple(taken), tuple(path for path in lacking if path not in taken)
