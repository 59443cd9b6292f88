"""The file of a backup: a zip archive whose first member says what the others are.

Everything is stored and nothing compressed: pictures, models and coordinates hardly shrink, and
a file that cannot grow when it is unpacked cannot be a bomb.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from faceloop_datasets.archive import leads_outside
from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

DATABASE = PROJECT
"""The member that every backup has."""

_MANIFEST = "manifest.json"
_FORMAT = 1
_MAX_MANIFEST = 1 << 26
_CHUNK = 1 << 20
_FOLDERS = ("models", "media", "tracks")
# What zipfile raises for an archive that somebody has damaged, or made to do damage.
_BROKEN = (
    zipfile.BadZipFile,
    EOFError,
    NotImplementedError,
    OSError,  # of a place before the file's beginning, where a directory says that a member is
    RuntimeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True)
class Member:
    """One file of a backup: path in the project, size, SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Backup:
    """What the file of a backup says about itself.

    Parameters
    ----------
    file : Path
        The file.
    project : str
        Name of the project.
    created : datetime
        When the copy of the database was made, in UTC.
    tables : int
        Version of the tables.
    why : str
        What it was made before, or ``""``.
    members : tuple of Member
        The files in it.
    """

    file: Path
    project: str
    created: datetime
    tables: int
    why: str
    members: tuple[Member, ...]

    def about(self) -> dict[str, object]:
        """Return what only its maker knew, as `write_bundle` takes it."""
        return {
            "project": self.project,
            "created": self.created.isoformat(),
            "tables": self.tables,
            "why": self.why,
        }


def write_bundle(
    file: Path,
    about: Mapping[str, Any],
    sources: Iterable[tuple[str, Path]],
    step: Callable[[str], object] = lambda _path: None,
) -> Backup:
    """Write a backup and read all of it back.

    Parameters
    ----------
    file : Path
        The archive to make.
    about : mapping
        The fields of `Backup` that only the caller knows: project, created, tables, why.
    sources : iterable of (str, Path)
        Path in the project, and the file to read.
    step : callable
        Told the path of each file; may raise to stop.

    Raises
    ------
    InputError
        If what is read back is not what was written.
    OSError
        If a file cannot be read or written.
    """
    members = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for path, source in sources:
            step(path)
            with source.open("rb") as read, archive.open(_entry(path), "w", force_zip64=True) as to:
                members.append(Member(path, *copy(read, to)))
        manifest = {"faceloop backup": _FORMAT, **about, "members": [asdict(m) for m in members]}
        archive.writestr(_entry(_MANIFEST), json.dumps(manifest, indent=1))
    with file.open("rb+") as written:
        os.fsync(written.fileno())
    return verify_bundle(file)


def verify_bundle(file: Path, step: Callable[[str], object] = lambda _path: None) -> Backup:
    """Read all of a backup and compare it with its manifest.

    Raises
    ------
    InputError
        If it is no backup, damaged, or not what a backup can be.
    """
    with opened(file) as (backup, content):
        for member in backup.members:
            step(member.path)
            with content(member) as read:
                copy(read, None)
    return backup


def read_bundle(file: Path) -> Backup:
    """Read what a backup says about itself.

    Raises
    ------
    InputError
        As `verify_bundle`, as far as can be said without reading all of it.
    """
    with opened(file) as (backup, _content):
        return backup


@contextmanager
def opened(
    file: Path,
) -> Iterator[tuple[Backup, Callable[[Member], Any]]]:
    """Open a backup; yields what it says about itself, and a function that opens a member.

    What that function opens raises `InputError` at its end if size or hash are not as they were.

    Raises
    ------
    InputError
        As `read_bundle`.
    """
    with _opened(file) as archive:
        backup = _checked(file, archive)
        yield backup, lambda member: _Content(file, archive, member)


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except FileNotFoundError as error:
        raise InputError(f"There is no backup {file}.") from error
    except OSError as error:
        raise InputError(f"The backup {file} cannot be read: {in_words(error)}.") from error
    except _BROKEN as error:
        raise InputError(
            f"{file} is no backup of a faceloop project, or is damaged ({error}). Backups are the "
            ".zip files that faceloop backup makes."
        ) from error


def unpack(
    file: Path,
    folder: Path,
    step: Callable[[int, int], object] = lambda _done, _total: None,
    *,
    only: str = "",
) -> Backup:
    """Take the files of a backup out, each compared with its hash.

    Parameters
    ----------
    file : Path
        The backup.
    folder : Path
        Where to; the files must not exist there.
    step : callable
        Told files done and in all before each; may raise to stop.
    only : str
        The one path to take out; all by default.

    Raises
    ------
    InputError
        As `verify_bundle`.
    OSError
        If a file cannot be written.
    """
    with opened(file) as (backup, content):
        for number, member in enumerate(backup.members):
            step(number, len(backup.members))
            if only and member.path != only:
                continue
            target = folder / member.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with content(member) as read, target.open("xb") as to:
                copy(read, to)
    return backup


def copy(read: IO[bytes], to: IO[bytes] | None) -> tuple[int, str]:
    """Copy to the end, or only read; returns size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    while chunk := read.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if to is not None:
            to.write(chunk)
    return size, digest.hexdigest()


def timestamp(moment: datetime) -> str:
    """Return a moment as it stands in a file name."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


class _Content:
    """A member open for reading, which compares what was read with the manifest."""

    def __init__(self, file: Path, archive: zipfile.ZipFile, member: Member) -> None:
        self._file, self._member = file, member
        self._digest, self._size = hashlib.sha256(), 0
        with self._sound():
            self._stream = archive.open(member.path)

    def read(self, size: int = _CHUNK) -> bytes:
        with self._sound():
            chunk = self._stream.read(size)
        self._digest.update(chunk)
        self._size += len(chunk)
        as_written = (self._size, self._digest.hexdigest())
        if not chunk and as_written != (self._member.bytes, self._member.sha256):
            raise _damaged(self._file, f"{self._member.path} is not what was written")
        return chunk

    @contextmanager
    def _sound(self) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise _damaged(self._file, f"{self._member.path}: {error}") from error

    def __enter__(self) -> _Content:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stream.close()


def _entry(path: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(path, datetime.now(UTC).timetuple()[:6])


def _checked(file: Path, archive: zipfile.ZipFile) -> Backup:
    """Read the manifest, and refuse an archive that is not exactly what it says."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    about = _manifest(file, archive, entries.pop(_MANIFEST, None))
    try:
        backup = Backup(
            file,
            str(about["project"]),
            datetime.fromisoformat(about["created"]),
            int(about["tables"]),
            str(about["why"]),
            tuple(
                Member(str(m["path"]), int(m["bytes"]), str(m["sha256"])) for m in about["members"]
            ),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _damaged(file, f"its {_MANIFEST} cannot be understood: {error!r}") from error
    for entry in entries.values():
        _refuse_unsafe(file, entry)
    named = [member.path for member in backup.members]
    if sorted(named) != sorted(entries) or len(archive.infolist()) != len(named) + 1:
        raise _damaged(file, f"its files are not those that {_MANIFEST} names")
    if DATABASE not in named:
        raise _damaged(file, f"it has no {DATABASE}")
    if sum(entry.file_size for entry in entries.values()) > file.stat().st_size:
        raise _damaged(file, "its files overlap, as in an archive made to fill the disk")
    return backup


def _manifest(file: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo | None) -> Any:
    if entry is None:
        raise InputError(
            f"{file} is no backup of a faceloop project: it has no {_MANIFEST}. Backups are made "
            "by faceloop backup."
        )
    _refuse_unsafe(file, entry)
    if entry.file_size > _MAX_MANIFEST:
        raise _damaged(file, f"its {_MANIFEST} has {entry.file_size:,} bytes")
    try:
        about = json.loads(archive.read(entry))
        version = about["faceloop backup"]
    except (KeyError, TypeError, RecursionError, *_BROKEN) as error:
        raise _damaged(file, f"its {_MANIFEST} cannot be understood: {error!r}") from error
    if version != _FORMAT:
        raise InputError(
            f"{file} is a backup of format {version}, this faceloop knows format {_FORMAT}. "
            "Update faceloop to restore it."
        )
    return about


def _refuse_unsafe(file: Path, entry: zipfile.ZipInfo) -> None:
    parts = PurePosixPath(entry.filename).parts
    mode = entry.external_attr >> 16
    ours = len(parts) > 1 and parts[0] in _FOLDERS and ".." not in parts
    # Only where it means a drive is a colon dangerous; elsewhere people have it in file names.
    ours = ours and not (os.name == "nt" and leads_outside(entry.filename))
    if not ours and entry.filename not in (DATABASE, _MANIFEST):
        what = "a path that no project has"
    elif entry.is_dir() or (mode & 0o170000) not in (0, 0o100000):
        what = "a folder, a link or a device"
    elif entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        what = "a compressed or encrypted file"
    else:
        return
    raise InputError(
        f"{file} holds {what} ({entry.filename!r}), which a backup of faceloop never does. "
        "Nothing was taken from it."
    )


def _damaged(file: Path, why: str) -> InputError:
    return InputError(f"The backup {file} is damaged ({why}). Use another one.")
