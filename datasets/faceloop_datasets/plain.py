"""Values from somebody else's JSON: what is known of them is only that they are JSON."""

from __future__ import annotations

from typing import TypeGuard

_MOST = 1e12
_DEEPEST = 20


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number that can be shown and computed with: finite, not huge."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _MOST


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number from 0 up."""
    return isinstance(value, int) and is_number(value) and value >= 0


def is_deep(value: object, most: int = _DEEPEST) -> bool:
    """Whether lists and tables lie so deep in each other that who walks through them may fail."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(most == 0 or is_deep(one, most - 1) for one in inner)
