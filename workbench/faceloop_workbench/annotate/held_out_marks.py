"""Which faces are held out, found out in the background and kept for the lists. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from faceloop_datasets import Project
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.people import HELD_OUT, sides_of

if TYPE_CHECKING:
    from faceloop_datasets import Monitor
    from faceloop_workbench.session import Session


class HeldOutMarks:
    """The faces of the open project that no training gets.

    Parameters
    ----------
    session : Session
        The open project.

    Attributes
    ----------
    changed : Signal()
        Others are held out, or it is known now.
    items : frozenset of int
        Numbers of the faces; empty until it is known.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self.items: frozenset[int] = frozenset()
        self._job: Job[frozenset[int]] | None = None
        self._again = False
        session.project_changed.connect(self._forget)
        session.items_changed.connect(self.read)

    def read(self) -> None:
        """Find out again; what is found comes with `changed`."""
        project = self._session.project
        self._again = self._job is not None and self._job.running
        if project is None or self._again:
            return  # what is at work is followed by the next: a large project takes a while
        folder = project.address

        def work(_monitor: Monitor) -> frozenset[int]:
            with Project.open(folder) as opened:
                return frozenset(k for k, side in sides_of(opened).items() if side == HELD_OUT)

        job = self._job = Job(work, "looking who is held out")
        job.done.connect(lambda items: self._show(job, items), thread="main")
        job.ended.connect(lambda: self._ended(job), thread="main")
        job.start()

    def close_down(self) -> None:
        """Wait for what runs."""
        if self._job is not None:
            self._job.wait()
            self._job = None

    def _forget(self, _project: object) -> None:
        self._job, self.items = None, frozenset()
        self.read()

    def _show(self, job: Job[frozenset[int]], items: frozenset[int]) -> None:
        if job is self._job and items != self.items:  # a newer one may be at work
            self.items = items
            self.changed.emit()

    def _ended(self, job: Job[frozenset[int]]) -> None:
        if job is self._job and self._again:
            job.wait()
            self.read()
