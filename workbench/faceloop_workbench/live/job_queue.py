"""Jobs on the video that is open, one after the other. Without Qt."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from faceloop_datasets.wording import enumerated
from faceloop_workbench.services.background import Job

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_datasets import FaceloopError, Monitor, Progress

    from .track_jobs import TrackStep

    Work = Callable[[Monitor], TrackStep]


@dataclass(frozen=True)
class _Waiting:
    """Work that waits: its name, of which video it is, and whether it is done in any case."""

    name: str
    work: Work
    video: int
    always: bool


class JobQueue:
    """Does one piece of work at a time.

    What was asked of a video that is no longer open is forgotten, and what comes of it is told
    to nobody.

    Attributes
    ----------
    progressed : Signal(str, Progress)
        A step of the work of this name.
    done : Signal(TrackStep)
        Work on the open video came to this.
    failed : Signal(FaceloopError)
        It raised this.
    idle : Signal()
        Nothing is under way any more.
    """

    progressed = Signal(str, object)
    done = Signal(object)
    failed = Signal(object)
    idle = Signal()

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._job: Job[TrackStep] | None = None
        self._video = 0

    @property
    def busy(self) -> bool:
        """Whether anything is under way."""
        return self._job is not None

    @property
    def name(self) -> str:
        """What is under way, for people; empty if nothing is that takes long."""
        return "" if self._job is None else self._job.name

    def loss(self) -> str:
        """Say what is lost if the window closes now; empty if nothing is that takes long."""
        waiting = [one.name for one in self._waiting if self._is_wanted(one)]
        names = list(filter(None, [self.name, *waiting]))
        if not names:
            return ""
        what = f"{enumerated(names)} {'is' if len(names) == 1 else 'are'} under way."
        return f"{what} What is not finished is lost; frames that are tracked are kept."

    @property
    def opened(self) -> int:
        """How many videos were opened."""
        return self._video

    def open_another(self) -> None:
        """Say that another video is open from here on."""
        self._video += 1

    def begin(self, name: str, work: Work, *, always: bool = False) -> None:
        """Do work when its turn comes.

        Parameters
        ----------
        name : str
            For people; empty if they need not know.
        work : callable
            Is given a monitor.
        always : bool
            Whether it is done even if another video is open by then.
        """
        self._waiting.append(_Waiting(name, work, self._video, always))
        if self._job is None:
            self._next()

    def cancel(self) -> None:
        """Ask what is under way to stop."""
        if self._job is not None:
            self._job.cancel()

    def close_down(self) -> None:
        """Forget what waits, stop what is under way, and wait for its end."""
        self._waiting.clear()
        self.cancel()
        if self._job is not None:
            self._job.wait()

    def _next(self) -> None:
        while self._waiting and not self._is_wanted(self._waiting[0]):
            self._waiting.popleft()
        if not self._waiting:
            self.idle.emit()
            return
        wanted = self._waiting.popleft()
        self._job = job = Job(wanted.work, wanted.name)
        job.progressed.connect(partial(self._progressed, wanted.name), thread="main")
        job.done.connect(partial(self._done, wanted.video), thread="main")
        job.failed.connect(self._failed, thread="main")
        job.ended.connect(self._ended, thread="main")
        job.start()

    def _is_wanted(self, waiting: _Waiting) -> bool:
        return waiting.always or waiting.video == self._video

    def _progressed(self, name: str, progress: Progress) -> None:
        self.progressed.emit(name, progress)

    def _done(self, video: int, step: TrackStep) -> None:
        if video == self._video:
            self.done.emit(step)

    def _failed(self, error: FaceloopError) -> None:
        self.failed.emit(error)

    def _ended(self) -> None:
        self._job = None
        self._next()
