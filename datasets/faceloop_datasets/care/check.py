"""Whether a project is whole: its database, its models, its pictures, its backups."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError, ProjectError, SchemeError
from faceloop_datasets.files import PART
from faceloop_datasets.media.files import Media
from faceloop_datasets.media.shown import ADVICE
from faceloop_datasets.media.video import Video
from faceloop_datasets.progress import Monitor
from faceloop_datasets.staging import content_hash
from faceloop_datasets.store import inspecting
from faceloop_datasets.store.direct import direct
from faceloop_datasets.store.migrations import VERSION
from faceloop_datasets.tracks.folder import TRACKS, TrackFolder

from .backup import list_backups
from .bundle import read_bundle, verify_bundle
from .check_rows import check_database, check_rows, stored_scheme
from .findings import RESTORE, Finding
from .place import database_file
from .project_files import is_inside

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from faceloop_datasets.media.shown import ShownVideo
    from faceloop_datasets.progress import ProgressLike

_RELINK = (
    "Put the file back; or, if it has moved, open the project and use Find moved media… in the "
    "tab Queue."
)
_TEMPORARY = {
    ".staging-": "Opening the project removes what is no longer in use.",
    PART: "Delete it if no program is at work on the project: one that was killed has left it.",
}


@dataclass(frozen=True)
class CheckReport:
    """What a check looked at and found.

    Parameters
    ----------
    findings : tuple of Finding
        Errors first, then warnings, then notes.
    counts : dict of str to int
        How many items, revisions, media and so on there are.
    """

    findings: tuple[Finding, ...]
    counts: dict[str, int]

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return all(finding.severity != "error" for finding in self.findings)


def check_project(
    place: str | Path,
    *,
    hashes: bool = False,
    progress: ProgressLike = None,
) -> CheckReport:
    """Look at everything a project holds; nothing is changed, and it may be in use meanwhile.

    Parameters
    ----------
    place : str or Path
        The project's folder, or its address on a server.
    hashes : bool
        Read all pictures, videos and backups and compare them with their hashes; otherwise a
        picture's size has to do.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    ProjectError
        If its server cannot be reached, or its folder from here.
    Cancelled
        If the monitor stopped it.
    """
    monitor = Monitor.of(progress)
    with database_file(place, monitor) as (root, database):
        return _check_files(root, database, hashes, monitor)


def _check_files(root: Path, database: Path, hashes: bool, monitor: Monitor) -> CheckReport:
    found: list[Finding] = []
    counts: dict[str, int] = {}
    check = _Check(root, hashes, monitor)
    try:
        with direct(database, read_only=True) as connection:
            inspecting.begin_view(connection)
            monitor.step(0, None, "checking the database")
            found += check_database(connection)
            if (inspecting.tables_version(connection) or VERSION + 1) <= VERSION:
                counts = inspecting.counts(connection)
                for part in (check_rows, check.media, check.models, check.tracks):
                    found += part(connection)
    except ProjectError as error:
        found.append(Finding("error", "The database cannot be read", str(error), RESTORE))
    found += check.backups()
    found += check.leftovers()
    order = ("error", "warning", "note")
    return CheckReport(tuple(sorted(found, key=lambda f: order.index(f.severity))), counts)


@dataclass
class _Check:
    root: Path
    hashes: bool
    monitor: Monitor

    def media(self, connection: sqlite3.Connection) -> Iterator[Finding]:
        """Check that pictures and videos are there, and those in the folder are known."""
        media = inspecting.media(connection)
        for number, medium in enumerate(media):
            self.monitor.step(number, len(media), "checking pictures and videos")
            yield from self._medium(medium)
        known = {medium.path for medium in media}
        yield from self._unknown("media", known, "A file in media belongs to nothing here")

    def _medium(self, medium: Media) -> Iterator[Finding]:
        changed, here = "A picture or video has changed", self.root / medium.path
        try:
            file = medium.resolve(self.root)
        except InputError:
            there = here.is_file() or Path(medium.absolute).is_file()
            what = changed if there else "A picture or video is missing"
            yield Finding("error", what, medium.path, _RELINK)
            return
        if self.hashes and content_hash(file) != medium.sha256:
            yield Finding("error", changed, str(file), _RELINK)
        elif (otherwise := _shown_otherwise(medium.shown, file)) is not None:
            yield otherwise
        elif not here.is_file():
            what = "A picture or video is only where it was when it was added"
            where = f"{medium.path}, found at {file}"
            yield Finding("warning", what, where, "Keep that file, or copy it to its place here.")

    def models(self, connection: sqlite3.Connection) -> Iterator[Finding]:
        """Check that models are there and whole, and that nothing else is."""
        known = set()
        for _, name, file, digest, _ in inspecting.models(connection):
            path = f"models/{file}"
            known.add(path)
            if not is_inside(path, "models"):
                what = "The file of a model lies outside the project"
                yield Finding("error", what, f"{name}: {file}", "Do not use this model.")
            elif not (self.root / path).is_file():
                what = "The file of a model is missing"
                yield Finding("error", what, path, "Put it back, or train again.")
            elif content_hash(self.root / path) != digest:
                what = "The file of a model has changed"
                yield Finding("error", what, path, "Take it from a backup, or train again.")
        yield from self._unknown("models", known, "A file in models belongs to no model here")

    def tracks(self, connection: sqlite3.Connection) -> Iterator[Finding]:
        """Check that the tracks of videos can be read, and nothing else is there."""
        folder, known = TrackFolder(self.root), set()
        scheme = None
        with suppress(SchemeError):  # which is told of the rows
            scheme = stored_scheme(connection)
        videos = {digest for _, digest in inspecting.media_files(connection)}
        for video, file in folder.files().items():
            self.monitor.step(0, None, "checking tracks")
            if video in videos:
                known.add(file.relative_to(self.root).as_posix())
                try:
                    folder.read(video, scheme)
                except InputError as error:
                    advice = "Take it from a backup, or delete it and track the video again."
                    yield Finding("error", "A track cannot be used", str(error), advice)
        yield from self._unknown(TRACKS, known, "A file in tracks belongs to no video here")

    def _unknown(self, folder: str, known: set[str], what: str) -> Iterator[Finding]:
        for file in sorted((self.root / folder).rglob("*")):
            path = file.relative_to(self.root).as_posix()
            temporary = any(part.startswith(tuple(_TEMPORARY)) for part in file.parts)
            if file.is_file() and path not in known and not temporary:
                advice = (
                    "A program that was killed leaves such files. Delete it if it is not yours."
                )
                yield Finding("warning", what, path, advice)

    def backups(self) -> Iterator[Finding]:
        """Check that the backups in the project's folder can be used."""
        for file in list_backups(self.root):
            self.monitor.step(0, None, "checking backups")
            try:
                (verify_bundle if self.hashes else read_bundle)(file)
            except InputError as error:
                where = file.relative_to(self.root).as_posix()
                yield Finding("error", "A backup cannot be used", f"{where}: {error}", "Delete it.")

    def leftovers(self) -> Iterator[Finding]:
        """Look for what processes that died, or are at work now, have left."""
        for prefix, advice in _TEMPORARY.items():
            for file in sorted(self.root.rglob(f"{prefix}*")):
                path = file.relative_to(self.root).as_posix()
                yield Finding("note", "A temporary file", path, advice)


def _shown_otherwise(shown: ShownVideo | None, file: Path) -> Finding | None:
    if shown is None:
        return None
    try:
        with Video(file) as video:
            changed = shown.changed(video.size, len(video), video.mirrored)
    except InputError as error:
        return Finding("error", "A video cannot be read", str(error), _RELINK)
    if changed is None:
        return None
    what = "A video is shown otherwise than when its faces were annotated"
    return Finding("error", what, f"{file}: {changed} now", ADVICE)
