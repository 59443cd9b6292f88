"""Arrays by name, kept in a cache: the first ones together, later ones in a file each.

Thousands of small files take longer to read than what is in them took to make.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .cache import Arrays, Cache

_TOGETHER = 1000
"""Most in a file: of out-of-fold fits 60 megabytes."""


class Packs:
    """Arrays by name; all have the same fields and shapes.

    Parameters
    ----------
    cache : Cache
        Where they are kept.
    kind, key : str
        What they are, and what they depend on beside their names.
    """

    def __init__(self, cache: Cache, kind: str, key: str) -> None:
        self._cache, self._kind, self._key = cache, kind, key
        self._found: dict[str, Arrays] = {}
        for part in count():
            arrays = cache.load(kind, self._part(part))
            if arrays is None:
                break
            columns = dict(arrays)
            names = columns.pop("names").tobytes().decode().split()
            for number, name in enumerate(names):
                self._found[name] = {k: rows[number] for k, rows in columns.items()}

    def missing(self, names: Sequence[str]) -> list[str]:
        """Return which of these have not been made yet."""
        for name in names:
            if name not in self._found and (kept := self._cache.load(self._kind, self._own(name))):
                self._found[name] = kept
        return [name for name in names if name not in self._found]

    def add(self, made: Mapping[str, Arrays]) -> None:
        """Keep what was missing."""
        if not self._found:
            every = list(made)
            for part, first in enumerate(range(0, len(every), _TOGETHER)):
                names = every[first : first + _TOGETHER]
                rows = [made[name] for name in names]
                columns = {field: np.stack([row[field] for row in rows]) for field in rows[0]}
                columns["names"] = np.frombuffer(" ".join(names).encode(), np.uint8)
                self._cache.save(self._kind, self._part(part), columns)
        else:
            for name, arrays in made.items():
                self._cache.save(self._kind, self._own(name), arrays)
        self._found.update(made)

    def take(self, names: Sequence[str]) -> list[Arrays]:
        """Return arrays in this order."""
        return [self._found[name] for name in names]

    def _part(self, number: int) -> str:
        return f"{self._key}-{number}"

    def _own(self, name: str) -> str:
        return f"{self._key}-{name}"
