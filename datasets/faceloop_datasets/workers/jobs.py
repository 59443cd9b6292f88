"""A job in another process: its function is unpickled there once, and BLAS has one thread."""

from __future__ import annotations

import hashlib
import pickle
import platform
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from threading import Lock
from typing import TYPE_CHECKING, Any

from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KEPT = 4
"""Functions that a worker keeps, with what they hold."""
_kept: OrderedDict[str, Callable[[Any], Any]] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class Packed:
    """A function on its way to workers.

    Parameters
    ----------
    content : bytes
        The pickled function.
    name : str
        Digest of it.
    """

    content: bytes
    name: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Packed:
        """Pickle a function."""
        content = pickle.dumps(function, protocol=pickle.HIGHEST_PROTOCOL)
        return cls(content, hashlib.blake2b(content, digest_size=16).hexdigest())


def unpacked(name: str, content: Callable[[], bytes]) -> Callable[[Any], Any]:
    """Return a packed function; the same object for all jobs of this process."""
    with _lock:
        if name not in _kept:
            # Only our own processes and a cluster that the user has named are sent any.
            _kept[name] = pickle.loads(content())  # noqa: S301
        _kept.move_to_end(name)
        while len(_kept) > _KEPT:
            _kept.popitem(last=False)
        return _kept[name]


def do(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Do some jobs."""
    # As in this process: with more threads sums of other lengths are made, and rounded otherwise.
    with threadpool_limits(1, "blas"):
        return [function(item) for item in items]


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """Return what results depend on, by name: another version may round otherwise."""
    found = [("Python", ".".join(platform.python_version_tuple()[:2]))]
    for library in ("faceloop", "numpy", "scipy", "scikit-learn"):
        try:
            found.append((library, version(library)))
        except PackageNotFoundError:
            found.append((library, "none"))
    return (*found, ("processor", platform.machine()))
