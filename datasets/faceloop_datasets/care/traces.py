"""Searching the files of a project for what should be gone from them."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_PIECE = 64  # bytes: four points, which no other face has at the same places by chance
_SHORTEST = 6  # bytes of a text: shorter ones are found everywhere by chance


@dataclass(frozen=True)
class Trace:
    """Bytes that should be gone, and what they are for people."""

    what: str
    content: bytes | str

    @property
    def bytes(self) -> bytes:
        """As they stand in a file."""
        return self.content.encode() if isinstance(self.content, str) else self.content


def coordinates(what: str, blob: bytes) -> Iterator[Trace]:
    """Two pieces of stored points, as far as they are no row of zeros or missing points."""
    for start in (0, max(0, (len(blob) - _PIECE) // 32 * 16)):
        piece = blob[start : start + _PIECE]
        values = np.frombuffer(piece, "<f8")
        if len(piece) == _PIECE and len(set(values[np.isfinite(values)].tolist())) > 3:
            yield Trace(what, piece)


def texts(what: str, values: Iterable[str | None]) -> Iterator[Trace]:
    """Texts that are long enough to be searched for."""
    for value in values:
        if value is not None and len(value.encode()) >= _SHORTEST:
            yield Trace(what, value)


def find(root: Path, traces: Sequence[Trace]) -> tuple[list[tuple[Trace, Path]], int, int]:
    """Search the names of all files of a project, and the content of all but its media.

    Returns
    -------
    list of (Trace, Path)
        What was found where.
    int, int
        How many files and bytes were searched.
    """
    found, count, size = [], 0, 0
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        name = file.relative_to(root).as_posix()
        found += [(n, file) for n in traces if isinstance(n.content, str) and n.content in name]
        if name.startswith("media/") or file.stat().st_size == 0:
            continue
        count, size = count + 1, size + file.stat().st_size
        with (
            file.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view,
        ):
            found += [(n, file) for n in traces if view.find(n.bytes) >= 0]
    return found, count, size
