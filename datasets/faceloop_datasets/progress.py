"""How long work says how far it is, and hears that it should stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """One step of a long piece of work.

    Parameters
    ----------
    done : int
        Steps done so far.
    total : int or None
        Steps in all; None while nobody knows.
    what : str
        What is being done, for people.
    error : float or None
        Where the step was a fit to a face the model had not seen: its normalised mean error.
    """

    done: int
    total: int | None
    what: str
    error: float | None = None


ProgressCallback = Callable[[Progress], None]
"""Is told each step; called in the thread that does the work."""

CancelCheck = Callable[[], bool]
"""Asked between steps; True stops the work."""


def step(
    progress: ProgressCallback | None,
    cancel: CancelCheck | None,
    done: int,
    total: int | None,
    what: str,
    *,
    error: float | None = None,
) -> None:
    """Report one step, and stop here if the user asked for it.

    Raises
    ------
    Cancelled
        If ``cancel`` says so.
    """
    if cancel is not None and cancel():
        raise Cancelled(f"Stopped while {what}; nothing half-written is left behind.")
    if progress is not None:
        progress(Progress(done, total, what, error))
