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

from faceloop_datasets.opencv import opencv_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KEPT = 4
"""Functions that a worker keeps, with what they hold."""
_kept: OrderedDict[str, Callable[[Any], Any]] = OrderedDict()
_lock = Lock()


@dataclass(frozen=True)
class Packed:
    """A function, or something else that is large, on its way to workers.

    Parameters
    ----------
    content : bytes
        The pickled value.
    name : str
        Digest of it.
    """

    content: bytes
    name: str

    @classmethod
    def of(cls, value: Any) -> Packed:
        """Pickle a value."""
        content = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)
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


class _OneThread:
    """BLAS has one thread while any thread of the process is in here."""

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._limits: threadpool_limits | None = None

    def __enter__(self) -> None:
        with self._lock:
            if self._limits is None:
                self._limits = threadpool_limits(1, "blas")
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._limits is not None and not self._inside:
                self._limits.restore_original_limits()
                self._limits = None


_one_thread = _OneThread()


def do(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Do some jobs."""
    # As where they were asked for: more threads add in another order, and round otherwise.
    with _one_thread:
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
    return (*found, ("OpenCV", opencv_version()), ("processor", platform.machine()))
