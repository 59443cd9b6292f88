"""Files that appear under their names complete or not at all."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import shutil
import sqlite3
import uuid
from contextlib import contextmanager, suppress
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from faceloop_datasets.errors import ProjectError

from .faults import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFIX = ".staging-"
_LOCK = ".lock"
_TRIAL = 1 << 16  # bytes, more than the lock's journal has


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Make a scratch folder inside ``folder``, gone afterwards.

    Being inside, its files can be renamed into place. A process that dies leaves it behind;
    `remove_leftovers` removes it, and knows it is no longer in use because a lock dies with its
    process.
    """
    scratch = folder / f"{_PREFIX}{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(scratch)
        try:
            scratch.mkdir()
        except OSError:
            _discard(scratch, lock)
            raise
    except (OSError, sqlite3.Error) as error:
        raise ProjectError(f"{folder} cannot be written ({_why_not(folder, error)}).") from error
    try:
        yield scratch
    finally:
        _discard(scratch, lock)


def _why_not(folder: Path, error: Exception) -> str:
    """Say why nothing can be written; SQLite only says that it could not."""
    if isinstance(error, sqlite3.Error):
        try:
            with NamedTemporaryFile(dir=folder, prefix=_PREFIX) as trial:
                trial.write(bytes(_TRIAL))
        except OSError as found:
            return in_words(found)
    return in_words(error)


def remove_leftovers(folder: Path) -> None:
    """Remove what dead processes left in ``folder``; what is in use stays."""
    for lock_file in folder.glob(f"{_PREFIX}*{_LOCK}"):
        scratch = lock_file.with_name(lock_file.name.removesuffix(_LOCK))
        with suppress(sqlite3.Error):  # somebody holds it
            _discard(scratch, _lock(scratch))


def _lock(scratch: Path) -> sqlite3.Connection:
    # SQLite's file lock is the one in the standard library that works on every system.
    connection = sqlite3.connect(f"{scratch}{_LOCK}", timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:  # else somebody holds it
            scratch.with_name(scratch.name + _LOCK).unlink(missing_ok=True)
        raise
    return connection


def _discard(scratch: Path, lock: sqlite3.Connection) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    lock.close()
    with suppress(OSError):
        scratch.with_name(scratch.name + _LOCK).unlink(missing_ok=True)


def move_into_place(source: Path, target: Path, sha256: str) -> Path:
    """Move a scratch file to ``target`` and return where it is.

    A file of the same content is left as it is; one of other content keeps its name, and the new
    file takes a longer one. Of two processes that want one name at the same moment, one gets it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb+") as file:
        os.fsync(file.fileno())
    longer = f"{target.stem}-{sha256[:12]}"
    names = (f"-{number}" if number else "" for number in itertools.count())
    free = (target.with_name(f"{longer}{name}{target.suffix}") for name in names)
    for candidate in itertools.chain([target], free):
        if _move(source, candidate) or content_hash(candidate) == sha256:
            return candidate
    raise AssertionError  # the names never end


def _move(source: Path, target: Path) -> bool:
    """Move a file unless there is one; returns whether it was moved."""
    try:
        os.link(source, target)  # unlike a renaming, this never replaces a file
    except FileExistsError:
        return False
    except OSError:  # a file system without links
        if target.exists():
            return False
        source.replace(target)
    else:
        source.unlink()
    return True


def sync_folder(folder: Path) -> None:
    """Have the names of the files in a folder on disk, before a database relies on them."""
    if os.name != "posix" or not folder.is_dir():
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)


def content_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
