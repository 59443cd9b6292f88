"""From what a person writes after ``--scheduler`` to those who do the work."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeAlias

from faceloop_datasets.errors import InputError

from .base import Workers
from .processes import Processes
from .threads import Threads

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

SchedulerLike: TypeAlias = Workers | str | None
"""What callers give to work that can be shared out: open workers, or what `open_workers` takes."""


def open_workers(scheduler: SchedulerLike) -> AbstractContextManager[Workers]:
    """Open workers for a ``with`` statement; what was open before stays open after it.

    Parameters
    ----------
    scheduler : Workers, str or None
        None: threads of this process. ``local:N``: N processes of this computer, ``local`` as many
        as it has cores. ``tcp://HOST:PORT`` or ``tls://HOST:PORT``: a Dask scheduler. ``slurm:N``:
        Dask workers in up to N jobs of Slurm, as dask-jobqueue's configuration describes them.

    Raises
    ------
    InputError
        If it is none of these, cannot be reached, or its packages are not installed.
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
