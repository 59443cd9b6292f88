"""Copies of a project, made while it is in use: on request, and on their own before changes."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.errors import FaceloopError, InputError, ProjectError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import as_file_name
from faceloop_datasets.outputs import database_files, refuse_in_project, refuse_to_replace
from faceloop_datasets.progress import Monitor
from faceloop_datasets.staging import content_hash, remove_leftovers, staging
from faceloop_datasets.store import inspecting
from faceloop_datasets.store.address import ProjectAddress, is_address
from faceloop_datasets.store.direct import complaints, copy_database, direct

from .bundle import DATABASE, Backup, read_bundle, timestamp, write_bundle
from .place import copy_to_file
from .project_files import ProjectFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from faceloop_datasets.progress import ProgressLike

FOLDER = "backups"
"""Folder of a project for the backups that are made on their own."""

_LAST = 5  # automatic backups that are kept whatever their age
_DAYS = 7  # and the newest of each of so many days
_ROTATED = re.compile(r"auto-(\d{8}T\d{6}Z(\.\d+)?)-before-import\.zip")


@dataclass(frozen=True)
class BackupReport:
    """A backup, and what of the project is not in it.

    Parameters
    ----------
    backup : Backup
        The file and what it holds.
    missing : tuple of str
        Files that the project should have and that are not there, or are others.
    media_left_out : int
        Pictures and videos in the project's folder that nobody asked for.
    media_elsewhere : int
        Pictures and videos outside the folder, which are only referred to.
    """

    backup: Backup
    missing: tuple[str, ...]
    media_left_out: int
    media_elsewhere: int


def back_up(
    place: str | Path,
    dest: Path,
    *,
    with_media: bool = False,
    progress: ProgressLike = None,
) -> BackupReport:
    """Copy a project into one file, while other programs go on working on it.

    It holds the database as it was at one moment, the models, and the tracks of videos. All of it
    is read back and checked before the file gets its name.

    Parameters
    ----------
    place : str or Path
        The project's folder, or its address on a server.
    dest : Path
        The file to make, or a folder, in which it is named by project and time.
    with_media : bool
        Take the pictures and videos in the project's folder along. What lies elsewhere stays
        where it is.
    progress : Monitor or callable, optional
        Told each file; a monitor may stop the work between files.

    Raises
    ------
    ProjectError
        If there is no project, or its database is damaged.
    InputError
        If ``dest`` exists or cannot be written, or lies in a project, but for its backups.
    Cancelled
        If the monitor stopped it; there is no file.
    """
    monitor, created = Monitor.of(progress), datetime.now(UTC)
    name = ProjectAddress.of(place).name
    target = dest / f"{as_file_name(name)}-{timestamp(created)}.zip" if dest.is_dir() else dest
    if target.exists() or Path(os.path.normpath(target.absolute())).exists():
        raise InputError(f"{target} exists already. Choose another name: nothing is overwritten.")
    if not is_address(place):  # those that are not there yet
        refuse_to_replace([target], database_files(Path(place) / DATABASE))
    if not _is_listed(target):
        refuse_in_project([target])
    remove_leftovers(target.parent)
    with staging(target.parent) as scratch:
        monitor.step(0, None, "copying the database")
        database = scratch / DATABASE
        root = copy_to_file(place, database, monitor)
        own = ProjectFiles.of(database)
        wanted = {**own.models, **(own.media if with_media else {})}
        missing = tuple(path for path in wanted if not _is_there(root / path, wanted[path]))
        files = [(path, root / path) for path in wanted if path not in missing]
        files += own.tracks(root).items()
        done = iter(range(len(files) + 1))

        def step(path: str) -> None:
            monitor.step(next(done), len(files) + 1, f"copying {Path(path).parts[0]}")

        backup = _write(database, files, target, _BackupInfo(name, created, ""), step)
    return BackupReport(backup, missing, 0 if with_media else len(own.media), own.elsewhere)


def _is_there(file: Path, sha256: str) -> bool:
    """Whether a file is the one that the project knows.

    In a stranger's project a link may be in its place, and the backup that is given back to them
    would hold what it leads to.
    """
    try:
        return file.is_file() and content_hash(file) == sha256
    except OSError:
        return False


def back_up_before(root: Path, database: Path, what: str) -> Path | None:
    """Copy the database, and only it, into the project's folder before something changes it.

    If nothing has changed since the last such copy, that one stands. Of the copies before imports
    the last five are kept, and the newest of each of the last seven days; those before an update
    of the tables stay.

    Parameters
    ----------
    root : Path
        The project's folder.
    database : Path
        Its database.
    what : str
        ``import``, or ``version-N`` of the tables.

    Returns
    -------
    Path or None
        The copy; None if there is no face to lose yet.

    Raises
    ------
    ProjectError, InputError
        If it cannot be made; those before are still there.
    """
    folder, created = root / FOLDER, datetime.now(UTC)
    with direct(database, read_only=True) as connection:
        if not inspecting.has_items(connection):
            return None
    with staging(folder) as scratch:
        copied = scratch / DATABASE
        copy_database(database, copied)
        last = _last(folder)
        if last is not None and last.members[0].sha256 == content_hash(copied):
            return last.file
        target = _free(folder, timestamp(created), what)
        _write(copied, [], target, _BackupInfo(root.name, created, what), lambda _path: None)
    for name in outdated((file.name for file in folder.iterdir()), created, new=target.name):
        (folder / name).unlink(missing_ok=True)
    return target


def back_up_before_update(database: Path | None, version: int) -> None:
    """Copy a database whose tables are to be changed; None is one on a server, which has its own.

    Raises
    ------
    ProjectError
        If it cannot be copied; the tables are to stay as they are.
    """
    if database is None:
        return
    try:
        back_up_before(database.parent, database, f"version-{version + 1}")
    except FaceloopError as error:
        raise ProjectError(
            f"{database} is of an older faceloop and was not changed, because no backup "
            f"could be made first: {error} Where it cannot be written, copy its whole folder to "
            "another place and open the copy."
        ) from error


def outdated(names: Iterable[str], now: datetime, new: str = "") -> list[str]:
    """Names of the copies before imports that need not be kept any longer.

    The ``new`` one stays: where the clock was set back, others have later names.
    """
    found = sorted((match[1], name) for name in names if (match := _ROTATED.fullmatch(name)))
    newest_first = found[::-1]
    kept = {new, *(name for _, name in newest_first[:_LAST])}
    days: dict[str, str] = {}
    for moment, name in newest_first:
        days.setdefault(moment[:8], name)
    first = timestamp(now - timedelta(days=_DAYS - 1))[:8]
    kept |= {name for day, name in days.items() if day >= first}
    return [name for _, name in found if name not in kept]


def _is_listed(file: Path) -> bool:
    """Whether a file is one of the backups in the folder of a project, which erasures look at."""
    whole = Path(os.path.realpath(file))
    here = whole.parent.name == FOLDER and (whole.parents[1] / DATABASE).is_file()
    return here and whole.suffix == ".zip"


def list_backups(root: Path) -> list[Path]:
    """Files in the project's folder of backups, oldest first."""
    return sorted((root / FOLDER).glob("*.zip"))


def _last(folder: Path) -> Backup | None:
    for file in sorted(folder.glob("auto-*.zip"), reverse=True):
        with suppress(InputError):  # a damaged one is told by the check
            return read_bundle(file)
    return None


def _free(folder: Path, moment: str, what: str) -> Path:
    """Return a name that is free, and sorts after those of the same second."""
    target, number = folder / f"auto-{moment}-before-{what}.zip", 2
    while target.exists():
        target = folder / f"auto-{moment}.{number}-before-{what}.zip"
        number += 1
    return target


@dataclass(frozen=True)
class _BackupInfo:
    project: str
    created: datetime
    why: str


def _write(
    database: Path,
    files: Iterable[tuple[str, Path]],
    target: Path,
    about: _BackupInfo,
    step: Callable[[str], object],
) -> Backup:
    """Make the file beside a copy of the database, and move it to its place."""
    with direct(database, read_only=True) as connection:
        found = complaints(connection)
        tables = inspecting.tables_version(connection) or 0
    if found:
        raise ProjectError(
            f"The database of {about.project} is damaged ({found[0]}), so no backup was made of "
            "it. Restore an earlier one; faceloop check says what is wrong."
        )
    values = {
        "project": about.project,
        "created": about.created.isoformat(),
        "tables": tables,
        "why": about.why,
    }
    made = database.with_name("backup.zip")
    try:
        backup = write_bundle(made, values, [(DATABASE, database), *files], step)
        made.replace(target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {in_words(error)}.") from error
    return replace(backup, file=target)
