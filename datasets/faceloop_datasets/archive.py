"""Members of ``.tar.gz`` archives: listed and taken out in one pass, and never outside a folder."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from contextlib import contextmanager
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, cast

from .errors import InputError
from .files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar")
"""File names that are taken for archives."""

MAX_MEMBER = 1 << 28
"""Largest member in bytes that `read_member` takes into memory."""

_DAMAGED = (tarfile.TarError, EOFError, zlib.error, OSError)


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
                if member.size > MAX_MEMBER:
                    raise InputError(
                        f"{archive}: {name} has {member.size:,} bytes, which is "
                        f"too much for a table (at most {MAX_MEMBER:,})."
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
        with _stream(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            yield tar
            while whole and stream.read(1 << 20):
                pass
    except FileNotFoundError as error:
        raise InputError(f"The archive {archive} does not exist.") from error
    except _DAMAGED as error:
        raise InputError(
            f"The archive {archive} is truncated or damaged ({error}). Download it again."
        ) from error


def _stream(archive: Path) -> IO[bytes]:
    with archive.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(archive)) if compressed else archive.open("rb")


def _files(archive: Path, tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in tar:
        outside = leads_outside(member.name)
        if outside or not (member.isfile() or member.isdir()):
            what = "a path that leads outside" if outside else "a link or a device"
            raise InputError(
                f"The archive {archive} holds {what} ({member.name!r}), which an archive of "
                "annotations or images never needs. Nothing was taken from it."
            )
        if member.isfile():
            yield member


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise InputError(f"{member.name!r} is not a file.")
    return content
