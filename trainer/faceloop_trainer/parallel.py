"""Independent pieces of work in threads or by workers, and a count of their steps."""

from __future__ import annotations

import os
import platform
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from faceloop_datasets import InputError
from faceloop_datasets.workers import workers_in_use
from faceloop_runtime import kernels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_datasets.progress import Monitor

_T = TypeVar("_T")
_R = TypeVar("_R")


_TOGETHER = 8
"""Faces that travel to a worker together: each takes some milliseconds."""


class StepCounter:
    """Has many faces worked on, counts the steps of the work, and tells a monitor.

    Parameters
    ----------
    monitor : Monitor
        Told each step, by one thread at a time, and may stop the work there.

    Attributes
    ----------
    total : int
        Steps in all.
    what : str
        Name of the stage, for people.
    workers : Workers
        Who does what takes long for each face: those in use when this was made.
    """

    def __init__(self, monitor: Monitor) -> None:
        self.total, self.what = 0, "training"
        self.workers = workers_in_use()
        self._monitor, self._lock = monitor, Lock()
        self._done = 0

    def tick(self, count: int = 1, *, error: float | None = None) -> None:
        """Count steps that are done; ``error`` is the NME of a fit that one of them made."""
        with self._lock:
            self._done += count
            done = min(self._done, self.total)
            self._monitor.step(done, self.total, self.what, error=error)

    def check(self) -> None:
        """Stop here if that is asked for."""
        self._monitor.check(self.what)

    def map(
        self,
        function: Callable[[_T], _R],
        items: Sequence[_T],
        *,
        done: Callable[[_R], None] | None = None,
    ) -> list[_R]:
        """Have the workers apply a function to items; the results keep their order.

        Parameters
        ----------
        function : callable
            One that can travel, as `Workers` says.
        items : sequence
            Its arguments, of about a face each.
        done : callable, optional
            Told each result as it comes, to count it.
        """
        return self.workers.map(
            alike(function), items, batch=_TOGETHER, check=self.check, done=done
        )

    def map_sum(
        self, function: Callable[[_T], _R], chunks: Sequence[_T], done: Callable[[int], None]
    ) -> _R:
        """Have the workers apply a function to chunks, and return the sum of the results.

        Parameters
        ----------
        function, chunks, done
            As in `Workers.map_sum`.
        """
        return self.workers.map_sum(alike(function), chunks, check=self.check, done=done)


@dataclass(frozen=True)
class _Alike(Generic[_T, _R]):
    """A function that is done only where the kernels are those of where it was asked for."""

    function: Callable[[_T], _R]
    kernels: str

    def __call__(self, item: _T) -> _R:
        if (there := kernels.describe()) != self.kernels:
            raise InputError(
                f"A worker ({platform.node()}) computes with {there}, and this computer with "
                f"{self.kernels}: their results may differ. Use workers with processors of one "
                "kind, or set FACELOOP_KERNELS=0 for all."
            )
        return self.function(item)


def alike(function: Callable[[_T], _R]) -> Callable[[_T], _R]:
    """Return a function for workers that gives the same bits there, or refuses."""
    return _Alike(function, kernels.describe())


def parallel_map(function: Callable[[_T], _R], items: Sequence[_T], threads: int = 0) -> list[_R]:
    """Apply a function to items in threads; the results keep their order.

    Parameters
    ----------
    function : callable
        Applied to each item.
    items : sequence
        Its arguments.
    threads : int
        How many; by default as many as cores. A few large pieces end at about the same time
        only if each has a thread of its own.
    """
    count = threads or min(os.cpu_count() or 1, 8)
    with solvers_may_stop_early(), ThreadPoolExecutor(count) as pool:
        return list(pool.map(function, items))


def run_both(one: Callable[[], _T], other: Callable[[], _R]) -> tuple[_T, _R]:
    """Call two functions in threads, and return what both return."""
    # Both may use `parallel_map`: the filter stays until the later one is through.
    with solvers_may_stop_early(), ThreadPoolExecutor(1) as pool:
        promised = pool.submit(other)
        return one(), promised.result()


@contextmanager
def solvers_may_stop_early() -> Iterator[None]:
    """Let scikit-learn not warn of solvers that stop before they converge, as ours are meant to.

    Filters of warnings are the whole process's, so threads cannot each set their own.
    """
    with warnings.catch_warnings():
        said = "(lbfgs|Liblinear) failed to converge|Objective did not converge"
        warnings.filterwarnings("ignore", message=said)
        yield
