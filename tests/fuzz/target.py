"""What a fuzz target is, and the folder that one writes its input to."""

from __future__ import annotations

import atexit
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Target:
    """One reader under test.

    Parameters
    ----------
    name : str
        Name of the target, and of its folders of inputs.
    run : callable
        Reads bytes. A `FaceloopError` is the right answer to bad ones; anything else is a fault.
    seeds : callable
        Inputs that are good, to start from. Made and not kept, so that they follow the code.
    words : tuple of bytes
        What the format is made of, for mutations that say something.
    most : int
        Longest input in bytes.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]
    words: tuple[bytes, ...] = field(default=())
    most: int = 16384


@cache
def folder(name: str) -> Path:
    """Make a scratch folder for this process."""
    made = tempfile.TemporaryDirectory(prefix=f"fuzz-{name}-")
    atexit.register(made.cleanup)
    return Path(made.name)


def written(target: str, name: str, data: bytes) -> Path:
    """Write an input to a file, for a reader that takes a path."""
    path = folder(target) / name
    path.write_bytes(data)
    return path


def edited(base: bytes, edits: bytes) -> bytes:
    """Change a large file by a short list of edits, so that inputs stay small.

    An edit is one byte for what to do (overwrite, insert, delete, cut off), three for where, one
    for how many bytes follow, and these bytes.
    """
    changed, at = bytearray(base), 0
    while at + 5 <= len(edits) and changed:
        what, where, count = (
            edits[at] % 4,
            int.from_bytes(edits[at + 1 : at + 4], "big") % len(changed),
            edits[at + 4],
        )
        new = edits[at + 5 : at + 5 + count]
        at += 5 + len(new)
        if what == 0:
            changed[where : where + len(new)] = new
        elif what == 1:
            changed[where:where] = new
        elif what == 2:
            del changed[where : where + count]
        else:
            del changed[where:]
    return bytes(changed)


def edit(where: int, new: bytes, what: int = 0) -> bytes:
    """One edit for `edited`."""
    return bytes([what]) + where.to_bytes(3, "big") + bytes([len(new)]) + new
