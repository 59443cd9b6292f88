"""What all workers do: jobs in any order, results in theirs, and sums over fixed pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from faceloop_datasets.errors import FaceloopError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

T = TypeVar("T")
R = TypeVar("R")

TRIES = 3
"""A job whose worker was lost is given to another one until it has been lost so often."""
POLL = 0.2
"""Seconds between two looks at whether the work should stop."""


class WorkersLost(FaceloopError):  # noqa: N818 - what happened, as the other errors are named
    """Those who did the work are gone; nothing half-written is left behind.

    Parameters
    ----------
    message : str
        For people.
    items : sequence of int
        Numbers of the items at which workers died, of which one or more are the cause; empty where
        it was something else.
    """

    def __init__(self, message: str, items: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.items = tuple(items)


def go_on() -> None:
    """Never stop."""


class Workers(ABC):
    """Who does many independent jobs.

    A job is a call of a function that gives the same result wherever it runs. Functions, items and
    results travel by pickle where the work leaves this process: a function is one of a module, a
    `functools.partial` of it, or a frozen dataclass with ``__call__``. It is sent to each worker
    once, so what is large and common to all jobs belongs into it, not into the items.

    Faults that a user can cause (`FaceloopError`) come out as they were raised in the job. After
    any error, and when ``check`` raises, jobs that have not begun are dropped.
    """

    count: int
    """How many jobs run at once, as far as that is known."""

    @abstractmethod
    def as_done(
        self,
        function: Callable[[T], R],
        items: Sequence[T],
        *,
        batch: int = 1,
        check: Callable[[], None] = go_on,
    ) -> Iterator[tuple[int, R]]:
        """Yield the number of each item and its result, as they come.

        Parameters
        ----------
        function : callable
            Called with each item.
        items : sequence
            What to do.
        batch : int
            Items that travel together: of jobs of some milliseconds ten or more.
        check : callable
            Called several times a second in the caller's thread while it waits; what it raises
            ends the work, `Monitor.check` for example.

        Raises
        ------
        WorkersLost
            If workers died so often, or went away, that the work cannot be finished.
        """

    @abstractmethod
    def map_sum(
        self,
        function: Callable[[T], R],
        chunks: Sequence[T],
        *,
        check: Callable[[], None] = go_on,
        done: Callable[[int], None] | None = None,
    ) -> R:
        """Return the sum of the function's results, added in pairs: (0 + 1) + (2 + 3) and so on.

        Which are added depends on their number only, so the sum has the same bits whoever did
        the work. No more than a few results are in memory here at any time.

        Parameters
        ----------
        function : callable
            Called with each chunk; what it returns can be added (``+``).
        chunks : sequence
            At least one. How the work is cut must not depend on who does it.
        check : callable
            As in `as_done`.
        done : callable, optional
            Told the number of each chunk that is through.

        Raises
        ------
        WorkersLost
            As in `as_done`.
        """

    def map(
        self,
        function: Callable[[T], R],
        items: Sequence[T],
        *,
        batch: int = 1,
        check: Callable[[], None] = go_on,
        done: Callable[[R], None] | None = None,
    ) -> list[R]:
        """Return the results in the order of the items.

        Parameters
        ----------
        function, items, batch, check
            As in `as_done`.
        done : callable, optional
            Told each result when it comes; may raise to stop.
        """
        if not len(items):  # nothing needs to travel
            return []
        found: dict[int, R] = {}
        for number, result in self.as_done(function, items, batch=batch, check=check):
            found[number] = result
            if done is not None:
                done(result)
        return [found[number] for number in range(len(items))]

    def close(self) -> None:  # noqa: B027 - threads have nothing to let go
        """Let the workers go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class PairwiseSum:
    """Adds what comes in order over a binary tree, and keeps one partial sum a level.

    Pairs are those of adding neighbours until one is left, an odd one being carried along.

    Parameters
    ----------
    add : callable
        Adds two neighbours, the earlier one first.
    """

    def __init__(self, add: Callable[[Any, Any], Any]) -> None:
        self._add = add
        self._sums: list[tuple[int, Any]] = []

    def take(self, value: Any) -> None:
        """Take the next one in."""
        size = 1
        while self._sums and self._sums[-1][0] == size:
            value, size = self._add(self._sums.pop()[1], value), 2 * size
        self._sums.append((size, value))

    def total(self) -> Any:
        """Return the sum of all."""
        _, value = self._sums.pop()
        while self._sums:
            value = self._add(self._sums.pop()[1], value)
        return value


def sum_in_order(results: Iterator[tuple[int, R]], done: Callable[[int], None] | None) -> R:
    """Add results that come in any order, in the order of their numbers."""
    sums, early, turn = PairwiseSum(lambda one, other: one + other), dict[int, R](), 0
    for number, result in results:
        early[number] = result
        while turn in early:
            sums.take(early.pop(turn))
            turn += 1
        if done is not None:
            done(number)
    total: R = sums.total()
    return total
