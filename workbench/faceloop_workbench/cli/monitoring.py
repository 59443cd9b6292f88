"""Long work of the command line: its steps are drawn, and Ctrl-C stops it at the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .console import progress_bar
from .interrupts import AFTER_STEP, stop_request

if TYPE_CHECKING:
    from faceloop_datasets import Monitor


@contextmanager
def progress_monitor(stopping: str = AFTER_STEP) -> Iterator[Monitor]:
    """Yield the monitor of a piece of work; see `progress_bar` and `stop_request`."""
    from faceloop_datasets import Monitor

    with stop_request(stopping) as stop, progress_bar() as show:
        yield Monitor(show, stop)
