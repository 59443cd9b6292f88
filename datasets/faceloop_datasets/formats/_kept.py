"""What was read of a file, kept while the file does not change."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


def kept_by_version(
    nothing: Callable[[], T], *, files: int = 4
) -> Callable[[Callable[[Path], T]], Callable[[Path], T]]:
    """Make a function of a file that reads each version of it once.

    Parameters
    ----------
    nothing : callable
        What it returns of a file that is not there; who reads that says why it cannot be.
    files : int
        Of how many files the result is kept.
    """

    def decorate(read: Callable[[Path], T]) -> Callable[[Path], T]:
        @lru_cache(maxsize=files)
        def of_version(path: Path, _mtime: int, _size: int) -> T:
            return read(path)

        def of(path: Path) -> T:
            try:
                found = path.stat()
            except OSError:
                return nothing()
            return of_version(path, found.st_mtime_ns, found.st_size)

        return of

    return decorate
