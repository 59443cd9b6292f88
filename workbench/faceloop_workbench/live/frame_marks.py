"""Which frames of a video are annotated, and which are in the review queue. Without Qt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from psygnal import Signal

from faceloop_workbench.services.background import Job

if TYPE_CHECKING:
    from pathlib import Path

    from psygnal import SignalInstance

    from faceloop_datasets import Monitor, Project
    from faceloop_workbench.session import Session

_WAITING = ("open", "claimed")


class Marks(NamedTuple):
    """Frames of a video, sorted."""

    annotated: tuple[int, ...] = ()
    queued: tuple[int, ...] = ()


class FrameMarks:
    """Keeps the marks of the video that is open; a large project is read in the background.

    Parameters
    ----------
    session : Session
        The open project.

    Attributes
    ----------
    changed : Signal(tuple, tuple)
        The annotated frames, and those in the queue, are these now.
    """

    changed = Signal(tuple, tuple)

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path: Path | None = None
        self._job: Job[Marks] | None = None
        self._again = self._late = False
        self._watching = True
        for signal in self._signals():
            signal.connect(self.renew)

    def use(self, path: Path | None) -> None:
        """Look for the marks of another video; None for none."""
        self._path = path
        self.renew()

    def watch(self, *, wanted: bool) -> None:
        """Look at once when something changes, or, unseen, when it is wanted again."""
        self._watching = wanted
        if wanted and self._late:
            self.renew()

    def renew(self) -> None:
        """Look again: something of the project has changed."""
        project, path = self._session.project, self._path
        self._late = not self._watching
        if self._late:  # a person annotates, and each save would read the project
            return
        if project is None or path is None:
            self.changed.emit(*Marks())
        elif self._job is not None:
            self._again = True
        else:
            self._job = Job(partial(_read, project, path), "reading marks")
            self._job.done.connect(self._read, thread="main")
            self._job.ended.connect(self._ended, thread="main")
            self._job.start()

    def close_down(self) -> None:
        """Look no more."""
        for signal in self._signals():
            signal.disconnect(self.renew)
        self._path = None
        if self._job is not None:
            self._job.wait()

    def _signals(self) -> list[SignalInstance]:
        of = self._session
        return [of.project_changed, of.saved, of.items_changed, of.queue_changed]

    def _read(self, marks: Marks) -> None:
        if not self._again:
            self.changed.emit(*marks)

    def _ended(self) -> None:
        self._job = None
        if self._again:
            self._again = False
            self.renew()


def video_marks(project: Project, path: Path) -> Marks:
    """Return the marks of a video; none if the project does not know it."""
    alike = [m for m in project.media() if m.kind == "video" and m.name == path.name]
    known = [media.id for media in alike if _same(media.where(project.path), path)]
    here = [s for s in project.overview() if s.media_id in known and s.frame is not None]
    return Marks(
        tuple(sorted({s.frame for s in here if s.frame is not None and s.labelled})),
        tuple(sorted({s.frame for s in here if s.frame is not None and s.status in _WAITING})),
    )


def _read(project: Project, path: Path, _monitor: Monitor) -> Marks:
    return video_marks(project, path)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
