"""Counts and lists in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def counted(count: int, one: str, many: str = "") -> str:
    """Say how many there are: ``1 face``, ``2 faces``.

    Parameters
    ----------
    count : int
        How many.
    one, many : str
        What one is called, and several; by default the same with an s.
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def enumerated(names: Sequence[str], most: int = 3) -> str:
    """Name some, and count the rest: ``a, b, c and 2 more``.

    Parameters
    ----------
    names : sequence of str
        All of them.
    most : int
        How many are named.
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
