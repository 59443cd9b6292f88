"""Counts and lists in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 120
"""Most characters of a name in a sentence."""


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


def short(name: str) -> str:
    """Name from a file, cut where it is longer than any that a person gave, and on one line."""
    cut = name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
    return " ".join(cut.splitlines())


def enumerated(names: Sequence[str], most: int = 3) -> str:
    """Name some, and count the rest: ``a, b, c and 2 more``; each is `short`.

    Parameters
    ----------
    names : sequence of str
        All of them.
    most : int
        How many are named.
    """
    more = len(names) - most
    return ", ".join(map(short, names[:most])) + (f" and {more} more" if more > 0 else "")
