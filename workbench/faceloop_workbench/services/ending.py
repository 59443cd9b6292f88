"""How a process that has done its one thing ends."""

from __future__ import annotations

import atexit
import gc
from functools import cache


@cache
def end_quickly() -> None:
    """Leave what lies about to the system when this process ends.

    Python looks through all objects for rings of them once more then, which takes a third of a
    second after the imports of a training. What is printed is printed; files have to be closed
    by whoever opened them, since nobody does it for them any more.
    """
    atexit.register(gc.freeze)
