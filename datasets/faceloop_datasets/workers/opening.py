"""From what a person writes after ``--scheduler`` to those who do the work."""

from __future__ import annotations

import re
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeAlias

from faceloop_datasets.errors import InputError

from .base import Workers
from .processes import Processes
from .threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

SchedulerLike: TypeAlias = Workers | str | None
"""What callers give to work that can be shared out: open workers, or what `open_workers` takes."""

_in_use: ContextVar[Workers | None] = ContextVar("workers", default=None)


@contextmanager
def use_scheduler(scheduler: SchedulerLike) -> Iterator[Workers]:
    """Have workers do what takes long for many faces, within a ``with`` statement.

    Trainings and measurements in it, and all that is made of these, are shared out; their results
    are the same. It holds for the thread it is in.

    Parameters
    ----------
    scheduler : str, Workers or None
        ``local:N``: N processes of this computer, ``local`` as many as it has cores.
        ``tcp://HOST:PORT`` or ``tls://HOST:PORT``: a Dask scheduler. ``slurm:N``: Dask workers in
        up to N jobs of Slurm, as dask-jobqueue's configuration describes them. None changes
        nothing.

    Raises
    ------
    InputError
        If it is none of these, cannot be reached, or its packages are not installed.

    Examples
    --------
    >>> with use_scheduler("tcp://head:8786"):  # doctest: +SKIP
    ...     result = train(project)
    """
    if scheduler is None:
        yield workers_in_use()
        return
    with open_workers(scheduler) as workers:
        before = _in_use.set(workers)
        try:
            yield workers
        finally:
            _in_use.reset(before)


def workers_in_use() -> Workers:
    """Return the workers of `use_scheduler`; threads of this process outside of it."""
    return _in_use.get() or Threads()


def open_workers(scheduler: SchedulerLike) -> AbstractContextManager[Workers]:
    """Open workers for a ``with`` statement; what was open before stays open after it.

    Parameters
    ----------
    scheduler : Workers, str or None
        As `use_scheduler` takes it; None: threads of this process.

    Raises
    ------
    InputError
        As there.
    """
    if isinstance(scheduler, Workers):
        return nullcontext(scheduler)
    if scheduler is None:
        return Threads()
    if local := re.fullmatch(r"local(?::([1-9]\d{0,3}))?", scheduler):
        return Processes(int(local[1] or 0))
    if re.fullmatch(r"(tcp|tls)://\S+:\d+", scheduler):
        from .cluster import Cluster  # noqa: PLC0415 - Dask is an extra, and takes long to import

        return Cluster.at(scheduler)
    if slurm := re.fullmatch(r"slurm(?::([1-9]\d{0,4}))?", scheduler):
        from .cluster import Cluster  # noqa: PLC0415

        return Cluster.of_slurm(int(slurm[1] or 16))
    raise InputError(
        f"'{scheduler:.80}' is no scheduler: expected local:N (N processes of this computer), "
        "tcp://HOST:PORT or tls://HOST:PORT (a Dask scheduler), or slurm:N."
    )
