"""First lines of text files, to recognise a format before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = 1 << 20
"""Bytes: three header rows of a few hundred named points of several faces have fewer."""


def head_lines(file: Path, count: int) -> list[str]:
    """Return the first lines of a file as text, without their ends; none if it cannot be read."""
    try:
        if not file.is_file():
            return []
        with file.open("rb") as stream:
            text = stream.read(_HEAD).decode("utf-8-sig", errors="replace")
    except OSError:
        return []
    return text.splitlines()[:count]


def head_line(file: Path) -> str:
    """Return the first line of a file; empty if it cannot be read."""
    return "".join(head_lines(file, 1))
