"""How long a stage of some work will still take, from how long it took so far."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import Progress

_SOON = 2.0  # seconds of a stage before anything is said: the first steps are not typical


class ProgressText:
    """Follows the progress of some work.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage = ""
        self._began, self._first = 0.0, 0

    def text(self, progress: Progress) -> str:
        """Say what is done, how far it is, and how long it will take.

        Parameters
        ----------
        progress : Progress
            The latest step.
        """
        stage = progress.what.split(" ", 1)[0]  # "adding 1.jpg" and "adding 2.jpg" are one
        if stage != self._stage or progress.done < self._first:
            self._stage, self._began, self._first = stage, self._clock(), progress.done
        parts = [progress.what]
        if progress.total:
            parts.append(f"{progress.done} of {progress.total}")
            seconds = self._seconds(progress.done, progress.total)
            parts += [] if seconds is None else [f"{duration(seconds)} left"]
        return ", ".join(parts)

    def _seconds(self, done: int, total: int) -> float | None:
        passed = self._clock() - self._began
        steps = done - self._first
        return None if steps <= 0 or passed < _SOON else passed / steps * (total - done)


def duration(seconds: float) -> str:
    """Round a time as people do."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds / 10) * 10} s"
    return f"about {round(seconds / 60)} min"
