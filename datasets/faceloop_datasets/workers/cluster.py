"""Jobs on a Dask cluster, which does retries, places of data, and losses of workers.

What is here decides only what goes there, how much of it at once, and what a loss is called.
"""

from __future__ import annotations

import logging
import pickle
import platform
from collections import deque
from concurrent.futures import CancelledError
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from faceloop_datasets.errors import InputError
from faceloop_datasets.extras import need
from faceloop_datasets.faults import in_words

from .base import POLL, PairwiseSum, Workers, WorkersLost, go_on
from .jobs import Packed, do, unpacked, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

T = TypeVar("T")
R = TypeVar("R")
Expected = tuple[tuple[str, str], ...]

_AHEAD = 3
"""Batches a core that are at the cluster at once: one in work, others on their way."""
_CONNECT, _FIRST_WORKER = 10, 60
"""Seconds in which a scheduler must answer, and have a worker."""
_RETRIES = 2
"""A job that fails is tried elsewhere so often: the disk of one worker may be full."""
_GONE = (CancelledError, OSError, RuntimeError, TimeoutError)
"""What Dask raises when the connection to the scheduler is lost."""


class Cluster(Workers):
    """Does jobs on a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    name : str
        What a person calls it.
    owned : Any, optional
        A cluster that was started for this and ends with it.
    """

    def __init__(self, client: Any, name: str, owned: Any = None) -> None:
        self.client, self.name, self._owned = client, name, owned
        # What it logs when the scheduler is lost is a page long; we say it in a line.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL + 1)
        # Functions and faces are in the graph on purpose: a worker that is lost loses nothing.
        need("dask", "cluster").config.set(
            {"distributed.admin.large-graph-warning-threshold": "1GB"}
        )

    @classmethod
    def at(cls, address: str) -> Self:
        """Connect to a scheduler; for ``tls://`` with what Dask's configuration says of TLS.

        Raises
        ------
        InputError
            If nobody answers, or Dask is not installed.
        """
        distributed = need("distributed", "cluster")
        certified = distributed.Security().get_connection_args("client").get("ssl_context")
        if address.startswith("tls:") and certified is None:
            raise InputError(
                f"{address} needs certificates, and Dask's configuration names none: expected "
                "distributed.comm.tls in a file of ~/.config/dask."
            )
        try:
            client = distributed.Client(address, set_as_default=False, timeout=_CONNECT)
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                f"No Dask scheduler answers at {address} ({_first_line(error)}). "
                "Start one with 'dask scheduler', or see that the address and, for tls://, the "
                "certificates of Dask's configuration are right."
            ) from error
        made = cls(client, address)
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER)
        except TimeoutError as error:
            made.close()
            raise InputError(
                f"The Dask scheduler at {address} has had no worker for {_FIRST_WORKER} seconds. "
                f"Start some with 'dask worker {address}'."
            ) from error
        return made

    @classmethod
    def of_slurm(cls, jobs: int) -> Self:
        """Have Slurm start workers, as the configuration of dask-jobqueue says.

        Parameters
        ----------
        jobs : int
            Most jobs of Slurm at once.
        """
        jobqueue = need("dask_jobqueue", "cluster")
        distributed = need("distributed", "cluster")
        try:
            cluster = jobqueue.SLURMCluster()
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(
                "Slurm cannot be asked for workers: "
                f"{_first_line(error)}. Cores, memory and queue stand in "
                "~/.config/dask/jobqueue.yaml, as dask-jobqueue's documentation says."
            ) from error
        cluster.adapt(minimum_jobs=1, maximum_jobs=jobs)
        return cls(distributed.Client(cluster, set_as_default=False), "Slurm", cluster)

    @property
    def count(self) -> int:  # type: ignore[override]
        """How many jobs run at once, now."""
        try:
            cores: dict[str, int] = self.client.nthreads()
            return max(sum(cores.values()), 1)
        except (OSError, RuntimeError, TypeError, ValueError):  # the connection is lost
            return 1

    def as_done(
        self,
        function: Callable[[T], R],
        items: Sequence[T],
        *,
        batch: int = 1,
        check: Callable[[], None] = go_on,
    ) -> Iterator[tuple[int, R]]:
        """See `Workers.as_done`."""
        waiting = deque(range(0, len(items), batch))
        with _Submitted(self, function) as submitted:
            running: dict[Any, int] = {}
            while waiting or running:
                for first in submitted.room(waiting, len(running)):
                    running[submitted.job(items[first : first + batch])] = first
                for future in submitted.ready(check):
                    first = running.pop(future)
                    numbers = range(first, min(first + batch, len(items)))
                    yield from zip(numbers, submitted.result(future, numbers), strict=True)

    def map_sum(
        self,
        function: Callable[[T], R],
        chunks: Sequence[T],
        *,
        check: Callable[[], None] = go_on,
        done: Callable[[int], None] | None = None,
    ) -> R:
        """See `Workers.map_sum`; partial sums stay at the cluster."""
        waiting = deque(range(len(chunks)))
        with _Submitted(self, function) as submitted:
            sums = PairwiseSum(submitted.sum)
            running: dict[Any, int] = {}
            while waiting or running:
                for number in submitted.room(waiting, len(running)):
                    job = submitted.job_of_chunk(chunks[number])
                    running[job] = number
                    sums.take(job)
                for future in submitted.ready(check):
                    number = running.pop(future)
                    submitted.see(future)
                    if done is not None:
                        done(number)
            total = sums.total()
            submitted.watch(total)
            while not submitted.ready(check):
                pass
            (whole,) = submitted.result(total)
            return whole  # type: ignore[no-any-return]

    def close(self) -> None:
        """Leave the cluster; end it if it was started for this."""
        self.client.close()
        if self._owned is not None:
            self._owned.close()


class _Submitted:
    """What one piece of work has at the cluster; gone from there when it ends, however it ends."""

    def __init__(self, cluster: Cluster, function: Callable[..., Any]) -> None:
        self._name, self._cluster, self._client = cluster.name, cluster, cluster.client
        self._done: SimpleQueue[Any] = SimpleQueue()
        self._known: WeakSet[Any] = WeakSet()
        packed = Packed.of(function)
        self._key = packed.name
        # Part of the graph, not scattered: it outlives every worker that has a copy.
        self._held = self._submit(_hold, packed.content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        # What nobody wants any more is dropped. Dask's cancel() stumbles over jobs that depend on
        # such as are done, and takes the client's connection with it.
        for future in list(self._known):
            future.release()

    def _submit(self, function: Callable[..., Any], *args: Any, key: str | None = None) -> Any:
        try:
            future = self._client.submit(function, *args, key=key, pure=False, retries=_RETRIES)
        except _GONE as error:
            raise self._lost() from error
        self._known.add(future)
        return future

    def room(self, waiting: deque[int], running: int) -> list[int]:
        """Take from what waits as much as the cluster should have in addition."""
        room = _AHEAD * self._cluster.count - running
        return [waiting.popleft() for _ in range(min(room, len(waiting)))]

    def job(self, items: Sequence[Any]) -> Any:
        """Submit some jobs; their result is a list."""
        return self.watch(self._submit(_do, self._key, self._held, items, versions()))

    def job_of_chunk(self, chunk: Any) -> Any:
        """Submit one job, whose item may be large, and the same as that of another sum now."""
        packed = Packed.of(chunk)
        held = self._submit(_hold, packed.content, key=f"{_hold.__name__}-{packed.name}")
        return self.watch(self._submit(_do_chunk, self._key, self._held, held, versions()))

    def sum(self, one: Any, other: Any) -> Any:
        """Submit the sum of two lists of one result."""
        return self._submit(_add, one, other)

    def watch(self, future: Any) -> Any:
        """Have `ready` return it when it is."""
        future.add_done_callback(self._done.put)
        return future

    def ready(self, check: Callable[[], None]) -> list[Any]:
        """Wait a little, and return what is done or has failed."""
        found = []
        with suppress(Empty):
            found.append(self._done.get(timeout=POLL))
            while True:
                found.append(self._done.get_nowait())
        check()
        return found

    def see(self, future: Any) -> None:
        """Raise what went wrong in a job that is done."""
        if future.status != "finished":
            self.result(future)

    def result(self, future: Any, items: Sequence[int] = ()) -> list[Any]:
        """Return what a job of some items made, or raise what went wrong."""
        distributed = need("distributed", "cluster")
        try:
            found: list[Any] = future.result()
        except distributed.scheduler.KilledWorker as error:
            raise WorkersLost(
                f"Workers of {self._name} died again and again at the same job, most "
                "likely for want of memory. Give them more, and start again: what was finished is "
                "kept.",
                items,
            ) from error
        except OSError as error:
            if isinstance(error, distributed.comm.CommClosedError | ConnectionError):
                raise self._lost() from error
            raise WorkersLost(
                f"A worker of {self._name} cannot go on: {in_words(error)}. What was "
                "finished is kept.",
                items,
            ) from error
        except _GONE as error:
            raise self._lost() from error
        return found

    def _lost(self) -> WorkersLost:
        return WorkersLost(
            f"The scheduler {self._name} is no longer there. Start it and its workers, and "
            "then the same again: what was finished is kept."
        )


def _hold(content: bytes) -> bytes:
    return content


def _do(name: str, content: bytes, items: Sequence[Any], expected: Expected) -> list[Any]:
    if (found := versions()) != expected:
        theirs, ours = next(
            (f"{name} {one}", other)
            for (name, one), (_, other) in zip(found, expected, strict=True)
            if one != other
        )
        raise InputError(
            f"A worker of the cluster ({platform.node()}) has {theirs}, and this computer {ours}: "
            "their results may differ. Install the same versions on both."
        )
    return do(unpacked(name, lambda: content), items)


def _do_chunk(name: str, content: bytes, chunk: bytes, expected: Expected) -> list[Any]:
    return _do(name, content, [pickle.loads(chunk)], expected)  # noqa: S301 - as in `unpacked`


def _add(one: list[Any], other: list[Any]) -> list[Any]:
    return [one[0] + other[0]]


def _first_line(error: Exception) -> str:
    """Return what Dask says, which may be a page, without its end."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".:")
