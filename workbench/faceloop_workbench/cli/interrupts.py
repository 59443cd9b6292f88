"""Ctrl-C as a request: the work stops at its next step and leaves everything whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from faceloop_datasets import CancelCheck

INTERRUPTED = 130
"""Exit code of a command that was asked to stop: 128 and the number of SIGINT, as shells do."""

AFTER_STEP = "Stopping after this step"
"""What is said of the first Ctrl-C, unless work has words of its own."""
_AGAIN = "press Ctrl-C again to stop at once"


@contextmanager
def stop_request(stopping: str = AFTER_STEP) -> Iterator[CancelCheck]:
    """Yield what tells whether Ctrl-C was pressed, or the process was asked to end.

    A second Ctrl-C raises KeyboardInterrupt. Only the main thread can call this.

    Parameters
    ----------
    stopping : str
        What is said of the first.
    """
    asked, said = False, f"\n{stopping}; {_AGAIN}.\n".encode()

    def ask(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        os.write(2, said)  # a handler may have interrupted a write to sys.stderr

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
