"""A face or a person taken out of a project for good, its history included.

Saved revisions are never changed and never deleted, with this one exception: people may ask for
their data to be erased. Everything else that faceloop does only adds.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError, ProjectError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import CACHE, PART, REPORTS
from faceloop_datasets.outputs import database_files
from faceloop_datasets.progress import Monitor
from faceloop_datasets.staging import content_hash, remove_leftovers, staging
from faceloop_datasets.store import erasing, inspecting
from faceloop_datasets.store.direct import direct
from faceloop_datasets.store.erasing import ErasureTarget
from faceloop_datasets.subjects import kind_of, no_such_subject
from faceloop_datasets.tracks.folder import TRACKS, TrackFolder

from .backup import list_backups
from .bundle import DATABASE, read_bundle, unpack, write_bundle
from .place import own_folder
from .project_files import ProjectFiles, is_inside
from .traces import Trace, coordinates, find, texts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from faceloop_datasets.progress import ProgressLike
    from faceloop_datasets.store.erasing import ErasedMedia, ErasedRows


@dataclass(frozen=True)
class Erasure:
    """What an erasure takes away and what it leaves; the same before it and after.

    Parameters
    ----------
    target : ErasureTarget
        What is erased.
    items : tuple of str
        Names of the faces in the project.
    revisions, entries : int
        Saved annotations, and entries of the review queue.
    files : tuple of Path
        Pictures and videos in the project's ``media`` that nothing else needs.
    shared : tuple of str
        Pictures and videos that stay, since other faces are in them.
    elsewhere : tuple of str
        Files outside ``media``, which the project only forgets.
    backups : tuple of Path
        Backups in the project's folder, which are written again without it.
    reports : tuple of Path
        Reports in the project's folder: they name people and may show them, and which ones a
        page shows cannot be told from its bytes. All go; they can be made again.
    left : tuple of str
        Afterwards: what was found of it when all files were searched, and where.
    searched : tuple of int, int
        Afterwards: how many files and bytes were searched.
    numbers : tuple of int
        Numbers of the faces in the project, in the order of ``items``.
    sources : tuple of str
        How it is known whom they show (`faceloop_datasets.subjects.SubjectSource`).
    tracks : tuple of Path
        Tracks of the videos that it is in, which go whole: a face that nobody annotated in them
        may be the same person's. They can be made again.
    unknown : tuple of Path
        Files in the project's folder that are not the project's own: what they show cannot be
        told, and they stay.
    """

    target: ErasureTarget
    items: tuple[str, ...]
    revisions: int
    entries: int
    files: tuple[Path, ...]
    shared: tuple[str, ...]
    elsewhere: tuple[str, ...]
    backups: tuple[Path, ...]
    reports: tuple[Path, ...] = ()
    left: tuple[str, ...] = ()
    searched: tuple[int, int] = (0, 0)
    numbers: tuple[int, ...] = ()
    sources: tuple[str, ...] = ()
    tracks: tuple[Path, ...] = ()
    unknown: tuple[Path, ...] = ()

    @property
    def kind(self) -> str:
        """What the subject is: a person, or only a picture or clip."""
        return kind_of(self.sources)


def find_erasure_target(
    place: str | Path, *, item: int | None = None, subject: str = ""
) -> ErasureTarget:
    """Look up what a person wants to erase: an item by number, or a subject.

    Raises
    ------
    ProjectError
        If there is no such item, or no item of that subject in the project or its backups.
    InputError
        If a backup in the project's folder cannot be read.
    """
    root = own_folder(place)
    with direct(root / DATABASE, read_only=True) as connection:
        if item is not None:
            return erasing.target_of_item(connection, item)
        known = erasing.subjects(connection)
        target = erasing.target_of_subject(connection, subject)
    if subject not in known and not _backups_with(root, ErasureTarget(subject)):
        raise ProjectError(no_such_subject(subject, known))
    return target


def plan_erasure(place: str | Path, target: ErasureTarget) -> Erasure:
    """Say what an erasure would do, and change nothing.

    Raises
    ------
    ProjectError
        If the project cannot be read.
    InputError
        If a backup in its folder cannot be read, and so not be cleaned.
    """
    root = own_folder(place)
    target = _with_media(root, target)
    with direct(root / DATABASE, read_only=True) as connection:
        rows = erasing.find_rows(connection, target)
        revisions, entries = erasing.counts(connection, rows)
        sources = erasing.subject_sources(connection, rows)
    return Erasure(
        target=target,
        items=rows.names,
        revisions=revisions,
        entries=entries,
        files=tuple(_copies(root / "media", rows.alone)),
        shared=tuple(media.path for media in rows.shared),
        elsewhere=tuple(m.absolute for m in rows.alone if not is_inside(m.path, "media")),
        backups=tuple(_backups_with(root, target)),
        reports=tuple(sorted((root / REPORTS).glob("*"))),
        numbers=rows.items,
        sources=sources,
        tracks=tuple(_tracks(root, target, rows)),
        unknown=tuple(_unknown(root)),
    )


def erase(
    place: str | Path,
    planned: Erasure,
    *,
    progress: ProgressLike = None,
) -> Erasure:
    """Erase for good, then search every file of the project for what should be gone.

    Backups in the project's folder come first, then pictures and rows in one transaction, then
    the pages of the database that the rows were on. After a kill the same call does the rest;
    where only pages are left, opening the project does.

    Parameters
    ----------
    place : str or Path
        The project's folder; one on a server is refused.
    planned : Erasure
        From `plan_erasure`.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work before each backup and before the project
        itself.

    Returns
    -------
    Erasure
        With ``left`` and ``searched``.

    Raises
    ------
    ProjectError
        If the project cannot be written, or a program that reads it keeps old pages alive.
    InputError
        If a backup or a picture cannot be replaced or deleted.
    Cancelled
        If the monitor stopped it; the project itself is as it was.
    """
    root, monitor = own_folder(place), Monitor.of(progress)
    for folder in ("media", "models", TRACKS, "backups"):
        remove_leftovers(root / folder)
    _delete(root / CACHE, "it holds pictures of faces")
    _delete(root / REPORTS, "it names people and may show them")
    for number, file in enumerate(planned.backups):
        monitor.step(number, len(planned.backups), "cleaning backups")
        _clean_backup(file, planned.target)
    monitor.step(0, None, "erasing")
    with direct(root / DATABASE) as connection:
        traces = _erase_rows(connection, planned.target, root, pending=True)
        erasing.write_anew(connection)
        monitor.tell(0, None, "searching all files")
        found, files, size = find(root, traces)
        left = [(n, file) for n, file in found if not erasing.is_used(connection, n.content)]
    said = dict.fromkeys(f"{n.what} in {file.relative_to(root).as_posix()}" for n, file in left)
    return replace(planned, left=tuple(said), searched=(files, size))


def _delete(folder: Path, why: str) -> None:
    """Delete a folder of what can be made again, since faces are in it."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(
            f"{folder} cannot be deleted ({in_words(error)}); {why}. Delete it, and erase again."
        ) from error


def finish_erasure(database: Path) -> None:
    """Do the rest of an erasure that was stopped, unless another program is in the way now."""
    with suppress(ProjectError), direct(database) as connection:
        if erasing.is_unfinished(connection):
            erasing.write_anew(connection)


def _erase_rows(
    connection: sqlite3.Connection, target: ErasureTarget, root: Path, *, pending: bool
) -> list[Trace]:
    """Delete rows, pictures and tracks in one transaction; returns what to search for."""
    with erasing.overwriting(connection):
        rows = erasing.find_rows(connection, target)
        traces = list(_traces(connection, rows))
        # Before the rows: without a row nobody would know that a file is left to delete.
        for file in (*_copies(root / "media", rows.alone), *_tracks(root, target, rows)):
            try:
                file.unlink()
            except OSError as error:
                raise InputError(f"{file} cannot be deleted: {in_words(error)}.") from error
        erasing.delete_rows(connection, rows, pending=pending)
    return traces


def _traces(connection: sqlite3.Connection, rows: ErasedRows) -> Iterator[Trace]:
    for blob in erasing.stored_points(connection, rows):
        yield from coordinates("coordinates of its points", blob)
    for text in erasing.stored_texts(connection, rows):
        yield from texts(f"the text {text!r}", [text])
    for medium in rows.alone:
        yield from texts("the hash of its picture", [medium.sha256])
        yield from texts("the name of its picture", [medium.absolute])


def _copies(media: Path, alone: Iterable[ErasedMedia]) -> Iterator[Path]:
    """Files in the project's media folder with the content of these media, by whatever name."""
    by_size: dict[int, set[str]] = {}
    for medium in alone:
        by_size.setdefault(medium.bytes, set()).add(medium.sha256)
    inside = media.resolve()
    for file in sorted(media.rglob("*") if by_size else ()):
        hashes = by_size.get(file.stat().st_size) if file.is_file() else None
        # A link may lead to somebody's originals, which are not the project's to delete.
        if hashes and file.resolve().is_relative_to(inside) and content_hash(file) in hashes:
            yield file


def _tracks(root: Path, target: ErasureTarget, rows: ErasedRows) -> Iterator[Path]:
    """Tracks of the videos that the faces are in, and what was killed while it wrote any track."""
    own = {medium.sha256 for medium in (*rows.alone, *rows.shared)}
    videos = {*own, *target.alone, *target.shared}
    yield from (file for video, file in TrackFolder(root).files().items() if video in videos)
    yield from sorted((root / TRACKS).glob(f"{PART}*"))


def _unknown(root: Path) -> Iterator[Path]:
    """Files in a project's folder that nothing in the project names."""
    own = ProjectFiles.of(root / DATABASE)
    with direct(root / DATABASE, read_only=True) as connection:
        media = {path for path, _ in inspecting.media_files(connection)}
    known = {*own.models, *media, *own.tracks(root)}
    known |= {file.name for file in database_files(root / DATABASE)}
    backups = set(list_backups(root))
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        place = file.relative_to(root)
        is_own = place.parts[0] in (CACHE, REPORTS) or file in backups
        if not is_own and place.as_posix() not in known:
            yield file


def _with_media(root: Path, target: ErasureTarget) -> ErasureTarget:
    """Add what the faces are in, by the project and all its backups."""
    with direct(root / DATABASE, read_only=True) as connection:
        found = [erasing.find_rows(connection, target)]
    found += [_rows_in(file, target) for file in list_backups(root)]
    shared = {medium.sha256 for rows in found for medium in rows.shared}
    alone = {medium.sha256 for rows in found for medium in rows.alone} - shared
    return replace(target, alone=tuple(sorted(alone)), shared=tuple(sorted(shared)))


def _backups_with(root: Path, target: ErasureTarget) -> list[Path]:
    return [file for file in list_backups(root) if _has(file, target)]


def _has(file: Path, target: ErasureTarget) -> bool:
    """Whether a backup has faces of it, their pictures and videos, or tracks of those."""
    tracks = {f"{TRACKS}/{video}.safetensors" for video in (*target.alone, *target.shared)}
    if any(member.path in tracks for member in read_bundle(file).members):
        return True
    rows = _rows_in(file, target)
    return bool(rows.items or rows.alone)


def _rows_in(backup: Path, target: ErasureTarget) -> ErasedRows:
    with staging(backup.parent) as scratch:
        unpack(backup, scratch, only=DATABASE)
        with direct(scratch / DATABASE, read_only=True) as connection:
            return erasing.find_rows(connection, target)


def _clean_backup(file: Path, target: ErasureTarget) -> None:
    """Write a backup again without a person."""
    with staging(file.parent) as scratch:
        folder, made = scratch / "project", scratch / file.name
        try:
            backup = unpack(file, folder)
            with direct(folder / DATABASE) as connection:
                _erase_rows(connection, target, folder, pending=False)
                erasing.shrink(connection)
            files = [(m.path, folder / m.path) for m in backup.members]
            write_bundle(made, backup.about(), [(p, file) for p, file in files if file.exists()])
            made.replace(file)
        except OSError as error:
            raise InputError(f"{file} cannot be written: {in_words(error)}.") from error
