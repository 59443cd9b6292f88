"""First bytes of files, and what they are like: to recognise a format before it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._rows import MARKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_HEAD = 8192  # bytes: a line of clmtools' 71 points has 2000
_FEW = 5


def head(path: Path) -> str:
    """Beginning of a regular file as text; empty if it cannot be read."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            data = file.read(_HEAD)
    except OSError:
        return ""
    return data.decode(MARKS.get(data[:2], "utf-8-sig"), errors="replace")


def share_like(files: Sequence[Path], is_like: Callable[[str], float]) -> float:
    """How much the heads of a few files are like a format, in the mean; 0 without files."""
    step = max(1, len(files) // _FEW)
    few = files[::step][:_FEW]
    return sum(is_like(head(path)) for path in few) / len(few) if few else 0.0
