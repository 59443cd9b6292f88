"""Jobs in processes of this computer, which are started afresh and end with this one."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar

import cv2

from faceloop_datasets.errors import InputError
from faceloop_datasets.faults import in_words

from .base import POLL, TRIES, Workers, WorkersLost, go_on, sum_in_order
from .jobs import Packed, do, unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")


class Processes(Workers):
    """Does jobs in processes; one that dies is replaced, and its jobs are done again.

    A script that uses it needs the line ``if __name__ == "__main__":`` before what it does, as all
    Python programs that start processes.

    Parameters
    ----------
    count : int
        How many; by default as many as cores.
    """

    def __init__(self, count: int = 0) -> None:
        self.count = count or os.cpu_count() or 1
        self._pool: _Pool | None = None
        self._lock = Lock()
        self._folder = tempfile.TemporaryDirectory(
            prefix="faceloop-jobs-", ignore_cleanup_errors=True
        )

    def as_done(
        self,
        function: Callable[[T], R],
        items: Sequence[T],
        *,
        batch: int = 1,
        check: Callable[[], None] = go_on,
    ) -> Iterator[tuple[int, R]]:
        """See `Workers.as_done`."""
        path = self._write(Packed.of(function))
        waiting = deque(range(0, len(items), batch))
        lost: dict[int, int] = {}
        running: dict[Future[list[R]], tuple[int, _Pool]] = {}
        finished = False
        try:
            while waiting or running:
                pool = self._working()
                while waiting and len(running) < 2 * self.count:
                    first = waiting.popleft()
                    future = pool.submit(path, items[first : first + batch])
                    running[future] = first, pool
                ready, _ = wait(running, POLL, FIRST_COMPLETED)
                check()
                for future in ready:
                    first, pool = running.pop(future)  # which may not be the newest any more
                    try:
                        made = future.result()
                    except BrokenProcessPool:
                        self._give_up(pool)
                        lost[first] = lost.get(first, 0) + 1
                        if lost[first] == TRIES:
                            raise _often_lost(sorted(_numbers(lost, batch, len(items)))) from None
                        waiting.appendleft(first)
                        continue
                    lost.pop(first, None)
                    yield from enumerate(made, first)
            finished = True
        finally:
            if not finished:
                left = [future for future in running if not future.cancel()]
                if wait(left, POLL).not_done:  # which may take hours
                    self._give_up(self._pool)

    def map_sum(
        self,
        function: Callable[[T], R],
        chunks: Sequence[T],
        *,
        check: Callable[[], None] = go_on,
        done: Callable[[int], None] | None = None,
    ) -> R:
        """See `Workers.map_sum`."""
        return sum_in_order(self.as_done(function, chunks, check=check), done)

    def close(self) -> None:
        """End the processes."""
        self._give_up(self._pool)
        self._folder.cleanup()

    def _write(self, packed: Packed) -> str:
        file = Path(self._folder.name) / packed.name
        try:
            if not file.exists():
                part = file.with_suffix(f".{id(packed)}")
                part.write_bytes(packed.content)
                part.replace(file)
        except OSError as error:
            raise InputError(
                f"{file.parent} cannot hold what worker processes need: {in_words(error)}. Make "
                "room there, or set TMPDIR to another folder."
            ) from error
        return str(file)

    def _working(self) -> _Pool:
        with self._lock:
            if self._pool is None:
                self._pool = _Pool(self.count)
            return self._pool

    def _give_up(self, pool: _Pool | None) -> None:
        with self._lock:
            if pool is not None and self._pool is pool:
                self._pool = None
                pool.end()


class _Pool:
    """Processes, and the line that holds them: when it is cut, here or by our death, they end."""

    def __init__(self, count: int) -> None:
        context = get_context("spawn")
        self._held, self._line = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            count, mp_context=context, initializer=_begin, initargs=(self._held,)
        )

    def submit(self, path: str, items: Sequence[Any]) -> Future[list[Any]]:
        """Queue some jobs; processes are started here."""
        try:
            with _without_interrupts():
                return self._pool.submit(_do, path, items)
        except BrokenProcessPool as error:
            failed: Future[list[Any]] = Future()
            failed.set_exception(error)
            return failed

    def end(self) -> None:
        """End the processes, and what they are doing."""
        self._line.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._held.close()


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Have Ctrl-C, which all processes of a terminal hear, wait for us; those started never do.

    The one who started them decides. One that has not come to `_begin` yet, which takes a moment,
    would say what it was importing.
    """
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(line: Connection) -> None:
    """Prepare a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it is not blocked from the beginning
    cv2.setNumThreads(1)  # a process has a core
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of libraries that are loaded later

    def end_with_the_line() -> None:
        line.poll(None)
        os._exit(0)

    Thread(target=end_with_the_line, daemon=True).start()


def _do(path: str, items: Sequence[Any]) -> list[Any]:
    file = Path(path)
    return do(unpacked(file.name, file.read_bytes), items)


def _numbers(firsts: Iterable[int], batch: int, count: int) -> Iterator[int]:
    """Yield the numbers of the items of some batches."""
    for first in firsts:
        yield from range(first, min(first + batch, count))


def _often_lost(items: Sequence[int]) -> WorkersLost:
    return WorkersLost(
        f"A worker process was ended from outside {TRIES} times at the same job, most likely for "
        "want of memory. Use fewer processes, or close other programs, and start again: what was "
        "finished is kept.",
        items,
    )
