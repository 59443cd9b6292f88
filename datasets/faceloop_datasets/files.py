"""Files that appear complete or not at all, and files read that may be anything."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from .errors import InputError
from .faults import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_TEXT = 1 << 26
"""Largest annotation file in bytes: ten thousand faces of a hundred points have a third of it."""

_LONGEST_NAME, _LONGEST_ENDING = 200, 20
"""Bytes of the name of a file that we make: file systems take 255, and something may be added."""

# What Windows takes in no name, at no end of a name, and for a device whatever ending follows.
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*]')
_DROPPED_AT_THE_END = re.compile("[. ]+$")
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", re.IGNORECASE)

# Seconds: Windows gives no file a name while another program has it open, as scanners of new files
# do for a moment.
_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)

_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def is_text(name: str) -> bool:
    """Whether a name can be shown and stored: no control characters or lines, nothing undecoded."""
    return _NO_TEXT.search(name) is None


_FORMULA = re.compile("[=+\\-@\t\r\n|\uff1d\uff0b\uff0d\uff20]")


def escape_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula.

    The signs are OWASP's, with their full-width forms. `unescape_formula` is the way back, which
    is why a text that has an apostrophe before such a sign gets another one.
    """
    return f"'{text}" if _FORMULA.match(text.lstrip("'")) else text


def unescape_formula(text: str) -> str:
    """Remove the apostrophe that `escape_formula` has put before a text."""
    guarded = text.startswith("'") and _FORMULA.match(text.lstrip("'"))
    return text[1:] if guarded else text


def is_file_name(name: str) -> bool:
    """Whether a text is the name of a file in a folder, on any system, and no path out of it."""
    plain = name == PurePosixPath(name).name == PureWindowsPath(name).name
    return plain and is_text(name) and name not in ("", "..")


def as_file_name(name: str) -> str:
    """Return a name that a file can have on any system, as much as possible of the one given.

    Names that `is_file_name` are changed too where Windows would not take them, or would take them
    for a device or for another name: a project that was made here is opened there.
    """
    plain = _NOT_IN_NAMES.sub("_", _NO_TEXT.sub("_", name))
    plain = _DROPPED_AT_THE_END.sub(lambda end: "_" * len(end[0]), plain)
    plain = f"_{plain}" if not plain or _DEVICE.match(plain) else plain
    return plain if len(plain.encode()) <= _LONGEST_NAME else _cut(plain)


def _cut(name: str) -> str:
    """Return the beginning of a name, and its ending; what is between tells it from others."""
    ending = PurePosixPath(name).suffix
    ending = ending if len(ending.encode()) <= _LONGEST_ENDING else ""
    rest = f"~{hashlib.sha256(name.encode()).hexdigest()[:8]}{ending}"
    return name.encode()[: _LONGEST_NAME - len(rest.encode())].decode(errors="ignore") + rest


def is_local(path: str) -> bool:
    """Whether a path leads to this computer: no address, and no share of a Windows network.

    To look at a share is to tell its server who one is.
    """
    share = PureWindowsPath(path).drive.startswith("\\\\")
    return is_text(path) and "://" not in path and not share


def read_regular(path: Path, most: int = MAX_TEXT) -> bytes:
    """Bytes of a file of somebody else's.

    Raises
    ------
    InputError
        If it is missing, cannot be read, has more than ``most`` bytes, or is no regular file: a
        pipe would never end.
    """
    try:
        require_regular(path, most)
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise InputError(f"{path} cannot be read: {in_words(error)}.") from error


def require_regular(path: Path, most: int) -> None:
    """Refuse what is no regular file, or has more than ``most`` bytes.

    Raises
    ------
    InputError
        If it is.
    OSError
        If it cannot be looked at.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{path} is a folder or a device; expected a file.")
    if found.st_size > most:
        raise InputError(
            f"{path} has {found.st_size:,} bytes; a file of its kind has at most {most:,}."
        )


PROJECT = "project.db"
"""File in a project's folder by which it is known as one: its database."""

CACHE = "cache"
"""Folder of a project with what can be made again from the rest; it may be deleted at any time."""

PART = ".part-"
"""What the names of files begin with while they are written."""

REPORTS = "reports"
"""Folder of a project with the pages that the window writes on its models."""


def part_of(target: Path) -> Path:
    """Return a free path beside a file that is to be made, to write it at.

    Raises
    ------
    InputError
        If the target has no name, as ``.`` and ``/``, or is a device: see `refuse_device`.
    """
    if not target.name:
        raise InputError(f"{target} is a folder. Choose the name of a file to write.")
    refuse_device(target)
    # the suffix stays last, since some writers choose the format by it
    return target.with_name(f"{PART}{secrets.token_hex(8)}{target.suffix}")


def refuse_device(target: Path) -> None:
    """Refuse to put a file in the place of a device, a pipe or a socket: it would be gone.

    Raises
    ------
    InputError
        If the target is one, also through links.
    """
    try:
        mode = target.stat().st_mode
    except (OSError, ValueError):  # it is not there, or the name has a zero byte
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(
            f"{target} is a device, a pipe or a socket; files are not written into those. "
            "Choose the name of a file to write."
        )


@contextmanager
def atomic_path(target: Path, *, scratch: bool = False) -> Iterator[Path]:
    """Yield a free path beside ``target``; the file made there replaces it at the end.

    If the block raises, ``target`` stays as it was and the new file is removed. It is on disk
    before it has its name, so that a power failure leaves no empty file either, unless it is
    ``scratch`` that nobody wants after that.

    Raises
    ------
    InputError
        If the folder or the file cannot be written, or the disk is full.
    """
    part = part_of(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if scratch:
            _replace(part, target)
        else:
            put_in_place(part, target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {in_words(error)}.") from error
    finally:
        with suppress(OSError):  # gone after the replacement, or its folder never was one
            part.unlink()


def put_in_place(part: Path, target: Path) -> None:
    """Give a complete file its name, once it is on disk; what had the name is replaced."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    _replace(part, target)


def _replace(part: Path, target: Path, held: bool = os.name == "nt") -> None:
    """Rename a file; where open files cannot be, try again until their reader may be done."""
    for pause in _PAUSES if held else ():
        try:
            part.replace(target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    part.replace(target)
