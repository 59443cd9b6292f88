"""Members of ``.tar.gz`` archives: listed and taken out in one pass, and never outside a folder."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import tarfile
import zlib
from contextlib import contextmanager
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, cast

from .errors import InputError
from .faults import in_words
from .files import MAX_TEXT, atomic_path, is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path
    from typing import Self

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar")
"""File names that are taken for archives."""

MAX_MEMBERS = 500_000
"""An archive of more is refused: names alone would fill the memory."""

_MAX_RATIO = 100  # what unpacks to more is a bomb: photographs have 1, tables of numbers 10
_FREE_RATIO = 1 << 26  # bytes that any archive may unpack to, since short ones repeat themselves
_MAX_NOTE = 1 << 13  # bytes of a long name or of extended attributes; paths have 4096
_ROOM = 1 << 28  # bytes that unpacking leaves free on the disk

# What tarfile raises for damaged archives; ValueError for a number that is none, and
# RecursionError for attributes of attributes of attributes.
_DAMAGED = (
    tarfile.TarError,
    EOFError,
    zlib.error,
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    RecursionError,
)


def is_archive(path: Path) -> bool:
    """Whether a file is named like an archive."""
    return path.is_file() and path.name.lower().endswith(ARCHIVE_SUFFIXES)


def leads_outside(name: str) -> bool:
    """Whether a member's name would put it outside the folder that it is unpacked to."""
    path = PurePosixPath(name)
    # a drive or a backslash means something to Windows only, but there it leads outside
    return path.is_absolute() or ".." in path.parts or bool(set(name) & {"\\", ":"})


def list_members(archive: Path) -> tuple[str, ...]:
    """Names of the files in an archive, in its order.

    A compressed archive is read through once for this; the answer is kept while the file
    does not change.

    Raises
    ------
    InputError
        If the archive is truncated or damaged, or holds an absolute path, a path with
        ``..``, a link or a device.
    """
    stat = archive.stat()
    return _listed(archive, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _listed(archive: Path, _mtime: int, _size: int) -> tuple[str, ...]:
    with _opened(archive, whole=True) as tar:
        return tuple(member.name for member in _files(archive, tar))


def member_hashes(archive: Path) -> dict[str, str]:
    """SHA-256 of each file in an archive, in hexadecimal, by its name; kept like `list_members`.

    Raises
    ------
    InputError
        As `list_members`.
    """
    stat = archive.stat()
    return _hashed(archive, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=16)
def _hashed(archive: Path, _mtime: int, _size: int) -> dict[str, str]:
    with _opened(archive) as tar:
        return {
            member.name: hashlib.file_digest(_content(tar, member), "sha256").hexdigest()  # type: ignore[arg-type]
            for member in _files(archive, tar)
        }


def read_member(archive: Path, name: str) -> bytes:
    """Bytes of one member; for a small file, since an archive is read from its start.

    Raises
    ------
    InputError
        As `list_members`, or if there is no such member.
    """
    with _opened(archive) as tar:
        for member in _files(archive, tar):
            if member.name == name:
                if member.size > MAX_TEXT:
                    raise InputError(
                        f"{archive}: {name} has {member.size:,} bytes, which is "
                        f"too much for a table (at most {MAX_TEXT:,})."
                    )
                return _content(tar, member).read()
    raise InputError(f"The archive {archive} has no file {name}.")


def extract_members(
    archive: Path,
    members: Collection[str],
    dest: Path,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Path]:
    """Take members out of an archive in one pass through it.

    Each file appears under its own name at once and complete; a file that already has the
    right size is left alone, so an interrupted extraction goes on where it stopped.

    Parameters
    ----------
    archive : Path
        The ``.tar.gz``.
    members : collection of str
        Names as `list_members` gives them.
    dest : Path
        Folder that the members' paths are put under; made if needed.
    progress : callable, optional
        Called with (members done, members in all) after each; may raise to stop.

    Returns
    -------
    dict of str to Path
        The file of each member.

    Raises
    ------
    InputError
        As `list_members`, or if a member is not there or cannot be written.
    """
    list_members(archive)  # refuses an unsafe or truncated archive before anything is written
    wanted = set(members)
    found: dict[str, Path] = {}
    with _opened(archive) as tar:
        for member in _files(archive, tar):
            if member.name not in wanted or member.name in found:
                continue
            target = dest / PurePosixPath(member.name)
            if not (target.is_file() and target.stat().st_size == member.size):
                _check_room(member, target)
                with atomic_path(target, scratch=True) as part, part.open("wb") as out:
                    shutil.copyfileobj(_content(tar, member), out)
            found[member.name] = target
            if progress is not None:
                progress(len(found), len(wanted))
            if len(found) == len(wanted):
                break
    missing = sorted(wanted - set(found))
    if missing:
        raise InputError(f"The archive {archive} has no file {missing[0]}.")
    return found


@contextmanager
def _opened(archive: Path, *, whole: bool = False) -> Iterator[tarfile.TarFile]:
    """Open for reading forward; with ``whole`` the rest is read too, and its checksum checked."""
    try:
        # Forward only: seeking back in gzip would decompress from the start again. And gzip's own
        # reader, since tarfile's takes a file that ends early for the end of the archive.
        with (
            _stream(archive) as stream,
            tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as tar,
        ):
            yield tar
            while whole and stream.read(1 << 20):
                pass
    except FileNotFoundError as error:
        raise InputError(f"The archive {archive} does not exist.") from error
    except _DAMAGED as error:
        raise InputError(
            f"The archive {archive} is truncated or damaged ({in_words(error)}). Download it again."
        ) from error


def _stream(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    opened = (gzip.open if compressed else open)(archive, "rb")
    return cast("IO[bytes]", _Bounded(cast("IO[bytes]", opened), archive))


class _Bounded:
    """A stream that ends the reading of what unpacks to far more than it is."""

    def __init__(self, stream: IO[bytes], archive: Path) -> None:
        self._stream, self._archive = stream, archive
        self._left = max(_FREE_RATIO, _MAX_RATIO * archive.stat().st_size)
        self._ends = 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise InputError(
                f"The archive {self._archive} unpacks to more than {_MAX_RATIO} times its size, "
                "which no archive of annotations or images does. Nothing was taken from it."
            )
        self._ends += not data
        if self._ends > 100:  # tarfile would ask on for ever
            raise EOFError("the file ends early")
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


class _Member(tarfile.TarInfo):
    """A member whose notes are short. tarfile's way to read them in another way is to override."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._refuse_sparse()
        if not self.isreg() and not 0 <= self.size <= _MAX_NOTE:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        if self.size < 0:
            raise tarfile.ReadError("a file of less than no bytes")
        member: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return member

    def _refuse_sparse(self, *_: object) -> None:
        raise tarfile.ReadError("a file with holes")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_sparse


def _files(archive: Path, tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    count = 0
    while (member := tar.next()) is not None:
        tar.members = []  # type: ignore[attr-defined]  # it would keep them all
        count += 1
        if count > MAX_MEMBERS:
            raise InputError(
                f"The archive {archive} holds more than {MAX_MEMBERS:,} files. Unpack the part "
                "that you need, and import that."
            )
        what = _unsafe(member)
        if what:
            raise InputError(
                f"The archive {archive} holds {what} ({member.name!r:.200}), which an archive of "
                "annotations or images never needs. Nothing was taken from it."
            )
        if member.isfile():
            yield member


def _unsafe(member: tarfile.TarInfo) -> str:
    if leads_outside(member.name):
        return "a path that leads outside"
    if not (member.isfile() or member.isdir()):
        return "a link or a device"
    if not is_text(member.name):
        return "a name that is no text"
    return ""


def _check_room(member: tarfile.TarInfo, target: Path) -> None:
    place = next(folder for folder in target.parents if folder.exists())
    free = shutil.disk_usage(place).free
    if member.size > free - _ROOM:
        raise InputError(
            f"{member.name!r} needs {member.size:,} bytes, and {place} has {free:,} left. "
            "Free some space."
        )


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise InputError(f"{member.name!r} is not a file.")
    return content
