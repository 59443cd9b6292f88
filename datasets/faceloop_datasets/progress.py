"""How long work says how far it is, and hears that it should stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

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
    detail : str
        More for people who watch, which changes too often for a log.
    """

    done: int
    total: int | None
    what: str
    error: float | None = None
    detail: str = ""


ProgressCallback = Callable[[Progress], None]
"""Is told each step; called in the thread that does the work."""

CancelCheck = Callable[[], bool]
"""Asked between steps; True stops the work."""


class Monitor:
    """Is told each step of a long piece of work, and may stop it.

    It keeps nothing, so that several threads can use one if what it calls can be called by them.

    Parameters
    ----------
    show : callable, optional
        Is told each step.
    cancel : callable, optional
        Asked between steps; True stops the work.
    """

    __slots__ = ("_cancel", "_show")

    def __init__(
        self, show: ProgressCallback | None = None, cancel: CancelCheck | None = None
    ) -> None:
        self._show, self._cancel = show, cancel

    @classmethod
    def of(cls, progress: ProgressLike) -> Monitor:
        """Return the monitor that a caller gave; one that never stops, where it only listens.

        Parameters
        ----------
        progress : Monitor, callable or None
            What the caller of long work handed over.
        """
        return progress if isinstance(progress, Monitor) else cls(progress)

    @property
    def stopping(self) -> bool:
        """Whether the work should stop, for work that ends by itself then."""
        return self._cancel is not None and self._cancel()

    def check(self, what: str) -> None:
        """Stop here if that is asked for; ``what`` is being done, for people.

        Raises
        ------
        Cancelled
            If the work should stop.
        """
        if self.stopping:
            raise Cancelled(f"Stopped while {what}; nothing half-written is left behind.")

    def tell(
        self,
        done: int,
        total: int | None,
        what: str,
        *,
        error: float | None = None,
        detail: str = "",
    ) -> None:
        """Report one step, where the work cannot stop; see `Progress`.

        Parameters
        ----------
        done, total, what, error, detail
            The fields of `Progress`.
        """
        if self._show is not None:
            self._show(Progress(done, total, what, error, detail))

    def step(self, done: int, total: int | None, what: str, *, error: float | None = None) -> None:
        """Report one step, unless the work should stop here; see `Progress`.

        Parameters
        ----------
        done, total, what, error
            The fields of `Progress`.

        Raises
        ------
        Cancelled
            If the work should stop; the step is not reported then.
        """
        self.check(what)
        self.tell(done, total, what, error=error)

    def quiet(self) -> Monitor:
        """Return one for a part of the work that reports nothing and can be stopped as well."""
        return Monitor(None, self._cancel)

    def within(self, whole: str) -> Monitor:
        """Return one for a part of the work: ``whole`` stands before what its steps do."""
        return Monitor(lambda p: self._pass_on(replace(p, what=f"{whole}: {p.what}")), self._cancel)

    def also(self, show: ProgressCallback) -> Monitor:
        """Return one that tells somebody else each step, first.

        Parameters
        ----------
        show : callable
            Is told each `Progress`.
        """

        def both(progress: Progress) -> None:
            show(progress)
            self._pass_on(progress)

        return Monitor(both, self._cancel)

    def _pass_on(self, progress: Progress) -> None:
        if self._show is not None:
            self._show(progress)


ProgressLike: TypeAlias = Monitor | ProgressCallback | None
"""What callers give to long work: a monitor, or who only wants to be told; or nothing."""
