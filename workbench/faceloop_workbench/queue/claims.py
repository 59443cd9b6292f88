"""Who has a face in work: this window, another one, or one that is gone."""

from __future__ import annotations

import itertools
import os
import socket
from typing import TYPE_CHECKING

from faceloop_datasets.project import default_author

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faceloop_datasets import ItemSummary

_numbers = itertools.count(1)


def window_name() -> str:
    """Return a name for a window that no other has: ``ann@host:4711.1``."""
    return f"{default_author()}@{socket.gethostname()}:{os.getpid()}.{next(_numbers)}"


def person(author: str) -> str:
    """Return who a window belongs to."""
    return author.partition("@")[0]


def abandoned(rows: Iterable[ItemSummary]) -> list[tuple[int, str]]:
    """Entries claimed by a process of this computer that is gone (it was killed), and its name."""
    return [
        (row.entry_id, row.author)
        for row in rows
        if row.status == "claimed" and row.entry_id and row.author and _gone(row.author)
    ]


def _gone(author: str) -> bool:
    where = author.rpartition("@")[2]
    host, _, number = where.rpartition(":")
    process = number.partition(".")[0]
    return host == socket.gethostname() and process.isdigit() and not _runs(int(process))


def _runs(process: int) -> bool:
    if os.name == "nt":
        return True  # asking would end it there; its faces come last in the list instead
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
