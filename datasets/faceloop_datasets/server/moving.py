"""A whole project from a folder to a server, and back: verified, and all of it or nothing.

Files come first, each under its name when it is whole; what an earlier attempt brought is not
brought again. The database follows in one transaction, which ends only if every table holds there
what it holds here. A place with files but no database is no project, and the same call goes on.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.care.project_files import is_inside
from faceloop_datasets.errors import InputError, ProjectError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import PART, PROJECT, REPORTS, atomic_path
from faceloop_datasets.progress import Monitor
from faceloop_datasets.project import Project
from faceloop_datasets.staging import content_hash
from faceloop_datasets.store import media as media_store
from faceloop_datasets.store import models, roles, settings
from faceloop_datasets.store.address import FOLDER, ProjectAddress
from faceloop_datasets.store.copying import copy_rows, digest
from faceloop_datasets.store.database import Database
from faceloop_datasets.tracks.folder import TRACKS, TrackFolder

from .connecting import on_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from faceloop_datasets.progress import ProgressLike

_FOLDERS = ("media", "models", TRACKS, REPORTS)
_OWN = frozenset({FOLDER})  # settings that say where a project is


@dataclass(frozen=True)
class Moved:
    """What was copied, and found to be the same there.

    Parameters
    ----------
    place : str
        What opens the copy.
    rows : dict of str to int
        Rows of each table.
    files, bytes : int
        Models, tracks, reports, and pictures and videos in the project's folder.
    elsewhere : tuple of str
        Pictures and videos outside the folder, which stay where they are.
    missing : tuple of str
        Files that the project knows, and that are not where they should be.
    """

    place: str
    rows: dict[str, int]
    files: int
    bytes: int
    elsewhere: tuple[str, ...]
    missing: tuple[str, ...]


def push_project(
    root: str | Path,
    address: str,
    *,
    folder: str | Path | None = None,
    progress: ProgressLike = None,
) -> Moved:
    """Copy a project in a folder to an empty database on a server, with roles.

    History, queue, rounds, tracks and models come along, under the same numbers. The folder stays
    as it is: whoever goes on working in it works on another project.

    Parameters
    ----------
    root : str or Path
        Folder of the project.
    address : str
        Of the database; see `make_team_project` for what its user needs.
    folder : str or Path, optional
        Where models, tracks and media go, for all who work on it; may also be in the address.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work, which the same call finishes later.

    Raises
    ------
    ProjectError
        If there is a project already, or the copy is not the same.
    InputError
        If a file cannot be copied, or another one is in its place.
    Cancelled
        If the monitor stopped it; there is no project yet.
    """
    target = ProjectAddress.of(address, folder)
    with Project.open(root) as source, on_server(target) as database:
        _refuse_project(database)
        return _copy(source, database, target, target.need_folder(), Monitor.of(progress))


def pull_project(address: str, root: str | Path, *, progress: ProgressLike = None) -> Moved:
    """Copy a project on a server into a new folder; see `push_project`.

    Parameters
    ----------
    address : str
        Of the project.
    root : str or Path
        Folder to make; empty, or what an attempt that was stopped left.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work, which the same call finishes later.

    Raises
    ------
    ProjectError
        If there is a project already, or the copy is not the same.
    InputError
        If a file cannot be copied, or another one is in its place.
    Cancelled
        If the monitor stopped it; there is no project yet.
    """
    target = ProjectAddress.of(Path(root))
    with Project.open(address) as source:
        made = target.need_folder()
        _make(made)  # or there would be no place for the database
        database = Database(target.url, target.where)
        try:
            if (made / PROJECT).exists():  # a look would make it, before others are refused
                _refuse_project(database)
            return _copy(source, database, target, made, Monitor.of(progress))
        finally:
            database.close()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(f"{folder} cannot be made: {in_words(error)}.") from error


def _refuse_project(database: Database) -> None:
    """Refuse, before anything is copied, a place that is taken or whose roles others make."""
    with database.read() as connection:
        if database.exists(connection):
            raise ProjectError(
                f"{database.where} is a project already. Nothing was changed: name an empty one."
            )
        if database.file is None:
            roles.require_maker(connection)


def _copy(
    source: Project, database: Database, target: ProjectAddress, folder: Path, monitor: Monitor
) -> Moved:
    with source._database.read() as rows:
        files, missing, elsewhere = _files(rows, source.path)
        _refuse_others(folder, files)
        size = 0
        for number, path in enumerate(sorted(files)):
            monitor.step(number, len(files), f"copying {Path(path).parts[0]}")
            size += _copy_file(source.path / path, folder / path, files[path])
        for needed in ("media", "models"):
            _make(folder / needed)
        with database.write() as connection:
            if database.exists(connection):
                raise ProjectError(f"Somebody made {database.where} a project meanwhile.")
            database.create(connection)
            counts = copy_rows(rows, connection, monitor)
            _place(connection, source.path, folder, target)
            monitor.step(0, None, "comparing what was copied")
            _compare(digest(rows, _OWN), digest(connection, _OWN))
            if target.on_server:
                roles.make_roles(connection)
            _sweep(folder)
    return Moved(target.text, counts, len(files), size, tuple(elsewhere), tuple(missing))


def _files(connection: Connection, root: Path) -> tuple[dict[str, str], list[str], list[str]]:
    """Files to copy, by path in the project, with their hashes; what is missing or elsewhere."""
    known = media_store.list_all(connection)
    wanted = {media.path: media.sha256 for media in known if is_inside(media.path, "media")}
    elsewhere = [media.absolute for media in known if not is_inside(media.path, "media")]
    for record in models.list_models(connection, root / "models"):
        wanted[f"models/{record.file.name}"] = record.sha256
    missing = [path for path, sha256 in wanted.items() if not _is_there(root / path, sha256)]
    files = {path: sha256 for path, sha256 in wanted.items() if path not in missing}
    videos = {media.sha256 for media in known}
    for video, file in TrackFolder(root).files().items():
        if video in videos:
            files[f"{TRACKS}/{file.name}"] = content_hash(file)
    for file in sorted((root / REPORTS).rglob("*")):
        if file.is_file() and not file.is_symlink():
            files[file.relative_to(root).as_posix()] = content_hash(file)
    return files, missing, elsewhere


def _is_there(file: Path, sha256: str) -> bool:
    try:
        return file.is_file() and content_hash(file) == sha256
    except OSError:
        return False


def _refuse_others(folder: Path, files: dict[str, str]) -> None:
    """Refuse a place that holds what no attempt of this copy can have left."""
    for file in _all_files(folder):
        path = file.relative_to(folder).as_posix()
        if path not in files:
            raise ProjectError(
                f"{folder} holds {path}, which is not of this project. Nothing was changed: name "
                "an empty folder."
            )


def _sweep(folder: Path) -> None:
    """Delete what attempts that were killed have left half written."""
    for part in sorted(folder.rglob(f"{PART}*")):
        with suppress(OSError):  # in use on Windows; `check` names what stays
            part.unlink()


def _all_files(folder: Path) -> Iterator[Path]:
    own = {PROJECT, f"{PROJECT}-wal", f"{PROJECT}-shm"}  # of an attempt; without tables
    for file in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if not file.is_dir() and file.name not in own and not file.name.startswith(PART):
            yield file


def _copy_file(source: Path, target: Path, sha256: str) -> int:
    """Copy a file unless it is there; returns its bytes."""
    size = source.stat().st_size
    if target.is_file() and content_hash(target) == sha256:
        return size
    if target.exists():
        raise InputError(f"{target} is another file than {source}. Move it away, and try again.")
    with atomic_path(target) as part:
        shutil.copyfile(source, part)
        if content_hash(part) != sha256:
            raise InputError(f"{source} changed while it was copied. Try again.")
    return size


def _place(connection: Connection, before: Path, folder: Path, target: ProjectAddress) -> None:
    """Say where the files are from the new folder."""
    for media in media_store.list_all(connection):
        own = is_inside(media.path, "media")
        path = folder / media.path if own else media.where(before)
        media_store.move(connection, media.id, path, folder)
    settings.drop(connection, FOLDER)
    if target.on_server:
        settings.put(connection, FOLDER, str(folder))


def _compare(ours: dict[str, str], theirs: dict[str, str]) -> None:
    differ = [table for table, found in ours.items() if theirs[table] != found]
    if differ:
        raise ProjectError(
            f"The copy is not the same: {', '.join(differ)} differ. Nothing was kept; try again, "
            "and report it if it happens again."
        )
