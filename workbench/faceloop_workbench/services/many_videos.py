"""Tracking many videos: in processes or on a cluster, so that it can be begun again at any time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

from faceloop_datasets import Cancelled, FaceloopError, Monitor
from faceloop_datasets.staging import remove_leftovers, staging
from faceloop_datasets.wording import counted
from faceloop_datasets.workers import WorkersLost

from .video_job import TrackVideo, VideoJob, VideoResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from faceloop_datasets import ProgressLike
    from faceloop_datasets.workers import Workers

    from .tracking import TrackSummary
    from .video_files import FoundVideos
    from .video_job import TrackSettings
    from .video_results import KeptTracks, Record, TableFolder

Status = Literal["tracked", "done before", "failed"]
_COUNTER = ".frames"


@dataclass(frozen=True, eq=False)
class VideoRow:
    """What came of one video.

    Parameters
    ----------
    video : Path
        The file.
    status : {"tracked", "done before", "failed"}
        Whether it was tracked now, or all that is wanted was there.
    summary : TrackSummary or None
        What its tracking came to; of one that failed None, unless it broke off in the middle.
    seconds : float or None
        That tracking took, now or before; None if nothing says so.
    table : Path or None
        Its table.
    faces, edited : int or None
        Of a track that a project keeps: its faces, and frames that people have edited.
    queued : tuple of int
        Entries that came into the review queue.
    error : str or None
        Why it failed.
    """

    video: Path
    status: Status
    summary: TrackSummary | None = None
    seconds: float | None = None
    table: Path | None = None
    faces: int | None = None
    edited: int | None = None
    queued: tuple[int, ...] = ()
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        summary = {} if self.summary is None else self.summary.to_dict()
        return {
            **summary,
            "video": str(self.video),
            "status": self.status,
            "seconds": self.seconds,
            "table": None if self.table is None else str(self.table),
            "faces": self.faces,
            "edited": self.edited,
            "queued": list(self.queued),
            "error": self.error,
        }


def track_many(
    found: FoundVideos,
    settings: TrackSettings,
    workers: Workers,
    *,
    tables: TableFolder | None = None,
    tracks: KeptTracks | None = None,
    progress: ProgressLike = None,
) -> Iterator[VideoRow]:
    """Track videos, each as a job of its own, and put what comes of each in its place at once.

    What was finished is not done again, whatever ended the run before; a video that was in work
    then begins anew. One that cannot be tracked, or that workers die at again and again, leaves
    the others.

    Parameters
    ----------
    found : FoundVideos
        Which.
    settings : TrackSettings
        How.
    workers : Workers
        Who does it; they have to see the videos, the model and the folder of the tables.
    tables, tracks : TableFolder and KeptTracks, optional
        Where results go.
    progress : Monitor or callable, optional
        Told each video; a monitor may stop the work: then this ends.

    Yields
    ------
    VideoRow
        One a video, as they come.

    Raises
    ------
    FaceloopError
        If the folder of the tables cannot be written, or those who do the work are lost.
    """
    monitor = Monitor.of(progress)
    what = f"tracking {counted(len(found.videos), 'video')}"
    run = _Run(tables, tracks)
    for path, why in found.faults.items():
        yield VideoRow(path, "failed", error=f"{path} cannot be tracked: {why}.")
    waiting = []
    for video, name in found.videos.items():
        row = run.before(video, name)
        if row is not None:
            yield row
        else:
            waiting.append((video, name))
        if monitor.stopping:
            return
    if not waiting:
        return
    with run.scratch() as scratch:
        display = _Display(monitor, what, scratch, len(found.videos), len(waiting))
        jobs = [run.job(*one, scratch / str(number)) for number, one in enumerate(waiting)]
        kept = frozenset[str]() if tracks is None else tracks.finished
        function = TrackVideo(settings, tracks is not None, kept)
        try:
            for number, result in _each(workers, function, jobs, display.check):
                row = run.put(jobs[number], waiting[number][1], result)
                yield row
                display.count(jobs[number], row)
        except Cancelled:
            return


def _each(
    workers: Workers,
    function: TrackVideo,
    jobs: Sequence[VideoJob],
    check: Callable[[], None],
) -> Iterator[tuple[int, VideoResult]]:
    """Yield number and result of each job, also of those at which workers die."""
    left, suspects = dict.fromkeys(range(len(jobs))), list[int]()
    while left:
        numbers = list(left)
        try:
            for at, result in workers.as_done(function, [jobs[n] for n in numbers], check=check):
                del left[numbers[at]]
                yield numbers[at], result
        except WorkersLost as error:
            lost = [numbers[at] for at in error.items if numbers[at] in left]
            if not lost:
                raise
            suspects += lost
            for number in lost:
                del left[number]
    for number in suspects:  # one at a time shows which of them it is
        try:
            ((_, result),) = workers.as_done(function, [jobs[number]], check=check)
        except WorkersLost as error:
            if not error.items:
                raise
            result = VideoResult(error=f"{jobs[number].video} cannot be tracked: {error}")
        yield number, result


class _Display:
    """Says how far the work is: videos, and frames, of those too that are in work."""

    def __init__(
        self, monitor: Monitor, what: str, scratch: Path, total: int, waiting: int
    ) -> None:
        self._monitor, self._what, self._scratch = monitor, what, scratch
        self._done, self._total = total - waiting, total
        self._frames = 0
        self._begun = self._shown = time.monotonic()
        monitor.tell(self._done, total, what)

    def check(self) -> None:
        """Show it once a second.

        Raises
        ------
        Cancelled
            If the work should stop.
        """
        self._monitor.check(self._what)
        if time.monotonic() >= self._shown + 1:
            self._show()

    def count(self, job: VideoJob, row: VideoRow) -> None:
        """Count a video that is through."""
        if job.counter is not None:
            job.counter.unlink(missing_ok=True)
        self._done += 1
        if row.summary is not None and row.status != "done before":
            self._frames += row.summary.frames
        self._show()

    def _show(self) -> None:
        self._shown = time.monotonic()
        frames = self._frames + sum(map(_number, self._scratch.glob(f"*{_COUNTER}")))
        rate = frames / max(self._shown - self._begun, 1e-3)
        detail = f"{frames:,} frames, {rate:.0f} a second" if frames else ""
        self._monitor.tell(self._done, self._total, self._what, detail=detail)


def _number(file: Path) -> int:
    try:
        return int(file.read_text(encoding="ascii") or 0)
    except (OSError, ValueError):  # it is gone, or being written
        return 0


class _Run:
    """What is known of the results of videos, and where they are put."""

    def __init__(self, tables: TableFolder | None, tracks: KeptTracks | None) -> None:
        self._tables, self._tracks = tables, tracks

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a folder for tables that are not finished, on the disk of those that are."""
        if self._tables is None:
            with TemporaryDirectory(prefix="faceloop-") as temporary:
                yield Path(temporary)
            return
        remove_leftovers(self._tables.folder)
        with staging(self._tables.folder) as folder:
            yield folder

    def before(self, video: Path, name: str) -> VideoRow | None:
        """Return the row of a video of which all is there; None if that is not sure yet."""
        row = VideoRow(video, "done before")
        if self._tables is not None:
            if self._tables.is_strange(name):
                said = (
                    f"{video} was not tracked: {self._tables.table(name)} is there, and no record "
                    "beside it says of which video it is. Choose another --out, or move that file "
                    "away."
                )
                return VideoRow(video, "failed", error=said)
            record = self._tables.record(name)
            # Another path may be another video, even of the same size and time.
            if record is None or record.summary.video != video:
                return None
            if not record.content.is_still(video):
                return None
            row = _with_record(row, record, self._tables.table(name))
        if self._tracks is not None:
            summary = self._tracks.summary(video)
            if summary is None:
                return None
            row = replace(row, summary=row.summary or summary)
        return row

    def job(self, video: Path, name: str, part: Path) -> VideoJob:
        """Return what is to be done."""
        job = VideoJob(video, counter=part.with_name(part.name + _COUNTER))
        if self._tables is None:
            return job
        record, whose = self._tables.record(name), self._tables.any_record(name)
        known = "" if record is None else record.content.sha256
        taken = None
        if whose is not None and whose.summary.video != video:
            taken = whose.summary.video, whose.content.sha256
        table = part.with_name(part.name + self._tables.ending)
        return replace(job, table=table, known=known, taken=taken)

    def put(self, job: VideoJob, name: str, result: VideoResult) -> VideoRow:
        """Put what came of a job in its place."""
        if result.error is not None:
            said = result.error
            if self._tables is not None:  # nobody knows the file that it was written to
                said = said.replace(str(job.table), str(self._tables.table(name)))
            return VideoRow(job.video, "failed", error=said)
        try:
            return self._put(job, name, result)
        except FaceloopError as error:
            return VideoRow(job.video, "failed", error=str(error))
        # As where videos are tracked: a fault at one of them leaves the others.
        except Exception as error:  # noqa: BLE001
            said = f"{type(error).__name__}: {error}".strip(": ")
            said = f"What came of {job.video} cannot be kept, unexpectedly: {said}."
            return VideoRow(job.video, "failed", error=said)

    def _put(self, job: VideoJob, name: str, result: VideoResult) -> VideoRow:
        if result.track is None:
            return self._moved(job, name, result)
        summary = result.track.summary
        row = VideoRow(
            job.video,
            "tracked" if summary.error is None else "failed",
            summary,
            result.seconds,
            error=summary.error,
        )
        if self._tracks is not None:
            put = self._tracks.put(job.video, result)
            row = replace(row, faces=put.faces, edited=put.edited, queued=tuple(put.queued))
        if self._tables is not None and job.table is not None:
            queued = self._tables.put(name, job.table, result)
            row = replace(row, table=self._tables.table(name), queued=(*row.queued, *queued))
        return row

    def _moved(self, job: VideoJob, name: str, result: VideoResult) -> VideoRow:
        """Return the row of a video that is elsewhere by now, or was touched, and is the same."""
        row = VideoRow(job.video, "done before")
        if self._tracks is not None:
            row = replace(row, summary=self._tracks.summary(job.video, result.content))
        record = None if self._tables is None else self._tables.record(name)
        if self._tables and record and job.table and result.content:
            here = replace(record.summary, video=job.video)
            record = replace(record, content=result.content, summary=here)
            self._tables.note(name, job.table, record)
            row = _with_record(row, record, self._tables.table(name))
        return row


def _with_record(row: VideoRow, record: Record, table: Path) -> VideoRow:
    return replace(row, summary=record.summary, seconds=record.seconds, table=table)
