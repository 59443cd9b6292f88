"""Files that appear under their names complete or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from faceloop_datasets.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFIX = ".staging-"
_LOCK = ".lock"


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Make a scratch folder inside ``folder``, gone afterwards.

    Being inside, its files can be renamed into place. A process that dies leaves it behind;
    `clean` removes it, and knows it is no longer in use because a lock dies with its process.
    """
    scratch = folder / f"{_PREFIX}{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(scratch)
        scratch.mkdir()
    except (OSError, sqlite3.Error) as error:
        raise ProjectError(f"{folder} cannot be written ({error}).") from error
    try:
        yield scratch
    finally:
        _discard(scratch, lock)


def clean(folder: Path) -> None:
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
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _discard(scratch: Path, lock: sqlite3.Connection) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    lock.close()
    with suppress(OSError):
        scratch.with_name(scratch.name + _LOCK).unlink(missing_ok=True)


def place(source: Path, target: Path, sha256: str) -> Path:
    """Move a scratch file to ``target`` and return where it is.

    A file of the same content is left as it is; one of other content keeps its name, and the new
    file takes a longer one.
    """
    if target.exists() and content_hash(target) != sha256:
        target = target.with_name(f"{target.stem}-{sha256[:12]}{target.suffix}")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb+") as file:
            os.fsync(file.fileno())
        source.replace(target)
    return target


def content_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
