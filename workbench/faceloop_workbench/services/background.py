"""Long work in a thread, with progress, cancel and one of four ends."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

from psygnal import Signal

from faceloop_datasets import Cancelled, FaceloopError, Monitor, Progress

if TYPE_CHECKING:
    from collections.abc import Callable

    Work = Callable[[Monitor], "Result"]

Result = TypeVar("Result")

_PAUSE = 0.1  # seconds between two steps that are told


class Job(Generic[Result]):
    """A function that runs in a thread of its own, once.

    The signals are emitted in that thread: a view connects with ``thread="main"``, and
    `faceloop_workbench.dock` delivers them on the GUI thread. `ended` always comes, last.

    Parameters
    ----------
    work : callable
        Is given the monitor of it; returns the result.
    name : str
        What it is, for people: ``"importing MUCT"``.

    Attributes
    ----------
    progressed : Signal(Progress)
        A step of the work; those that come faster than a screen shows are left out.
    done : Signal(object)
        It returned this.
    failed : Signal(FaceloopError)
        It raised this.
    cancelled : Signal()
        It stopped because `cancel` was called.
    ended : Signal()
        It is over, in whichever way.
    """

    progressed = Signal(Progress)
    done = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    ended = Signal()

    def __init__(self, work: Work[Result], name: str) -> None:
        self.name = name
        self._work = work
        self._stop = threading.Event()
        self._told = float("-inf")
        self._thread = threading.Thread(target=self._run, name=f"faceloop {name}", daemon=True)

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def cancel(self) -> None:
        """Ask it to stop at its next step."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end; returns whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _progress(self, progress: Progress) -> None:
        # Each that is told costs the GUI thread milliseconds while this one computes.
        now = time.monotonic()
        if now - self._told >= _PAUSE or progress.done == progress.total:
            self._told = now
            self.progressed.emit(progress)

    def _run(self) -> None:
        try:
            result = self._work(Monitor(self._progress, self._stop.is_set))
        except Cancelled:
            self.cancelled.emit()
        except FaceloopError as error:
            self.failed.emit(error)
        else:
            self.done.emit(result)
        finally:
            self.ended.emit()
