"""Jobs in threads of this process; one thread does them one after the other."""

from __future__ import annotations

import os
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

from .base import POLL, Workers, go_on, sum_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

_MOST = 8
"""More threads than this wait for each other."""


class Threads(Workers):
    """Does jobs here; nothing has to be pickled.

    Parameters
    ----------
    count : int
        How many threads; by default as many as cores.
    """

    def __init__(self, count: int = 0) -> None:
        self.count = count or min(os.cpu_count() or 1, _MOST)

    def as_done(
        self,
        function: Callable[[T], R],
        items: Sequence[T],
        *,
        batch: int = 1,  # noqa: ARG002 - nothing travels
        check: Callable[[], None] = go_on,
    ) -> Iterator[tuple[int, R]]:
        """See `Workers.as_done`."""
        waiting = iter(enumerate(items))
        running: dict[Future[R], int] = {}
        with ThreadPoolExecutor(self.count) as pool:
            try:
                while True:
                    while len(running) < 2 * self.count and (one := next(waiting, None)):
                        running[pool.submit(function, one[1])] = one[0]
                    if not running:
                        return
                    check()
                    ready, _ = wait(running, POLL, FIRST_COMPLETED)
                    for future in ready:
                        yield running.pop(future), future.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

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
