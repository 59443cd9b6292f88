"""Tracking a video file: its points, a video with the fits drawn in, and its poor frames."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from faceloop_datasets import InputError, Monitor, Video, VideoWriter
from faceloop_datasets.outputs import refuse_in_project, refuse_to_replace, refuse_unwritable
from faceloop_runtime import FrameResult, OneEuro, Tracker
from faceloop_runtime.quality.thresholds import POOR_ERROR

from .expression_plot import ExpressionPlot
from .finding import AUTOMATIC, Finding
from .model_choice import expression_names
from .openface_table import Camera, OpenFaceTable
from .overlay import draw_fits
from .points_table import PointsTable
from .poor_frames import PoorFrames

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from faceloop_datasets import (
        FrameCandidate,
        ProgressLike,
        Project,
        QueueEntry,
        VideoFrame,
    )
    from faceloop_runtime import FaceModel, Fit
    from faceloop_runtime.clmtrackr import ClmtrackrModel

    Sink = Callable[[FrameResult, VideoFrame], None]

TableKind = Literal["faceloop", "openface"]

_AHEAD = 4
"""Frames that are decoded before they are fitted: of the greatest that are read, 200 MB."""


@dataclass(frozen=True)
class TrackSummary:
    """What tracking a video came to.

    Parameters
    ----------
    video : Path
        The file.
    frames, of : int
        Frames tracked, and frames the video has.
    lost : int
        Frames without a face.
    poor : int
        Frames with a face whose predicted error is higher than `POOR_ERROR`.
    face_seconds : float
        Time with a face, in seconds of the video.
    median_predicted_error, worst_predicted_error : float or None
        Over the faces, in IOD; None if there was none.
    starts : mapping of str to int
        How many fits started where (`faceloop_runtime.Fit.start`), the most frequent first.
    expressions : mapping of str to int
        How many faces most likely expressed what, the most frequent first; empty of a model that
        knows no expressions.
    fit_ms, read_ms : float or None
        Median milliseconds a frame for finding and fitting the face, and for decoding the frame,
        which is done meanwhile.
    stopped : bool
        Whether the user ended it before the video did.
    warning, error : str or None
        What is wrong with the video file; an error ended the tracking.
    """

    video: Path
    frames: int
    of: int
    lost: int
    poor: int
    face_seconds: float
    median_predicted_error: float | None
    worst_predicted_error: float | None
    starts: dict[str, int]
    expressions: dict[str, int]
    fit_ms: float | None
    read_ms: float | None
    stopped: bool
    warning: str | None
    error: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "video": str(self.video)}


@dataclass(frozen=True, eq=False)
class TrackResult:
    """Summary of a tracked video, and its poor frames for the review queue."""

    summary: TrackSummary
    poor: list[FrameCandidate]


def track_video(
    model: FaceModel | ClmtrackrModel,
    path: str | Path,
    *,
    points: Path | None = None,
    overlay: Path | None = None,
    plot: Path | None = None,
    max_faces: int = 1,
    smooth: bool = False,
    table: TableKind = "faceloop",
    finding: Finding = AUTOMATIC,
    keep: Iterable[Path] = (),
    each: Callable[[FrameResult], None] | None = None,
    threads: int = 0,
    progress: ProgressLike = None,
) -> TrackResult:
    """Track a video, frame by frame in constant memory.

    Frames are decoded in a thread of their own, a few ahead of the one that is fitted.

    Parameters
    ----------
    model : FaceModel or ClmtrackrModel
        What to fit.
    path : path
        The video.
    points : Path, optional
        Table to write.
    overlay : Path, optional
        Video to write, with the fits drawn in; each frame at its own time.
    plot : Path, optional
        Plot to write of what the face expresses over time, see
        `faceloop_workbench.services.expression_plot.ExpressionPlot`.
    max_faces : int
        Faces to follow.
    smooth : bool
        Write smoothed points beside the raw ones, and draw them; see
        `faceloop_runtime.OneEuro` for their lag.
    table : {"faceloop", "openface"}
        Which table: a `faceloop_workbench.services.points_table.PointsTable`, or one with the
        columns of OpenFace, `faceloop_workbench.services.openface_table.OpenFaceTable`, of the
        smoothed points if there are any.
    finding : Finding
        How faces are found and where their fits start.
    keep : iterable of Path
        Files besides the video that must not be replaced, see `faceloop_datasets.outputs`.
    each : callable, optional
        Is given the result of each frame.
    threads : int
        As `faceloop_datasets.Video` takes it.
    progress : Monitor or callable, optional
        Told each frame; a monitor may stop the work after each: then the files hold the frames
        until there.

    Raises
    ------
    InputError
        If the video cannot be opened, there is no such detector or start, a file cannot be written
        or would replace one that is read or kept, or a plot is asked for and the model knows no
        expressions. A video that breaks in the middle raises
        nothing: the summary says so and the files hold the frames before.
    """
    refuse_to_replace([points, overlay, plot], [Path(path), *keep])
    refuse_in_project([points, overlay, plot])
    if plot is not None:  # the others are opened before the first frame, this one after the last
        refuse_unwritable(plot)
    drawn = None if plot is None else _plot(plot, model)
    monitor, video = Monitor.of(progress), Video(path, threads=threads)
    tracker = Tracker(
        model,
        max_faces=max_faces,
        detector=finding.make_detector(),
        smoothing=OneEuro() if smooth else None,
        start=finding.start,
    )
    counts, poor = _TrackCounts(), PoorFrames()
    stopped = False
    with ExitStack() as files, ThreadPoolExecutor(1) as thread:
        frames = _FrameReader(video, thread)
        sinks = _open_files(files, model, video, overlay)
        if points is not None:
            sinks.append(_open_table(files, model, video, points, table, smooth=smooth))
        sinks.append(lambda result, frame: poor.add(result, frame.gray()))
        if drawn is not None:
            files.enter_context(drawn)
            sinks.append(lambda result, _: drawn.add(result))
        for result in _timed(tracker, frames, counts):
            for sink in sinks:
                sink(result, frames.frame)
            if each is not None:
                each(result)
            monitor.tell(result.index + 1, len(video), f"tracking {video.path.name}")
            if monitor.stopping:
                stopped = True
                break
    return TrackResult(counts.summary(video, frames, stopped=stopped), poor.candidates)


def _plot(path: Path, model: FaceModel | ClmtrackrModel) -> ExpressionPlot:
    names = expression_names(model)
    if not names:
        raise InputError(
            "This model knows no expressions to plot. Label faces (faceloop expressions set, or "
            "the key E in the window) and train."
        )
    return ExpressionPlot(path, names)


def queue_frames(project: Project, result: TrackResult, model: str) -> list[QueueEntry]:
    """Put the poor frames of a tracked video into a project's review queue.

    Returns
    -------
    list of QueueEntry
        New entries, worst first: at most a few of each shot, and none twice.
    """
    if not result.poor:
        return []
    media = project.add_media(result.summary.video)
    return project.queue.add_frames(media, result.poor, model=model)


class _FrameReader:
    """Frames of a video, decoded ahead in a thread of one, and the one last given out.

    It counts the seconds that decoding takes, and those that who asked for frames waited.
    """

    frame: VideoFrame

    def __init__(self, video: Video, thread: Executor) -> None:
        self._frames, self._thread = iter(video), thread
        self.seconds: list[float] = []
        self.waited = 0.0
        self.error: str | None = None

    def __iter__(self) -> Iterator[VideoFrame]:
        ahead = deque(self._thread.submit(self._decode) for _ in range(_AHEAD))
        while True:
            start = time.perf_counter()
            frame = ahead.popleft().result()
            self.waited += time.perf_counter() - start
            if frame is None:
                return
            ahead.append(self._thread.submit(self._decode))
            self.frame = frame
            yield frame

    def _decode(self) -> VideoFrame | None:
        start = time.perf_counter()
        try:
            frame = next(self._frames, None)
        except InputError as error:
            self.error = str(error)
            return None
        if frame is not None:
            self.seconds.append(time.perf_counter() - start)
        return frame


class _TrackCounts:
    """Counts and times of the frames tracked so far: three numbers a frame."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._errors: list[float] = []
        self._starts: Counter[str] = Counter()
        self._expressions: Counter[str] = Counter()
        self._lost = self._poor = 0

    def add(self, result: FrameResult, seconds: float) -> None:
        self.seconds.append(seconds)
        errors = [face.fit.predicted_error for face in result.faces]
        self._errors += errors
        self._poor += max(errors, default=0.0) > POOR_ERROR
        self._starts.update(face.fit.start for face in result.faces)
        said = (face.fit.expressions for face in result.faces)
        self._expressions.update(max(one, key=one.__getitem__) for one in said if one)
        self._lost += not result.faces

    def summary(self, video: Video, frames: _FrameReader, *, stopped: bool) -> TrackSummary:
        return TrackSummary(
            video=video.path,
            frames=len(self.seconds),
            of=len(video),
            lost=self._lost,
            poor=self._poor,
            face_seconds=(len(self.seconds) - self._lost) / video.rate,
            median_predicted_error=_median(self._errors),
            worst_predicted_error=max(self._errors, default=None),
            starts=dict(self._starts.most_common()),
            expressions=dict(self._expressions.most_common()),
            fit_ms=_milliseconds(self.seconds),
            read_ms=_milliseconds(frames.seconds),
            stopped=stopped,
            warning=video.warning,
            error=frames.error,
        )


def _timed(tracker: Tracker, frames: _FrameReader, counts: _TrackCounts) -> Iterator[FrameResult]:
    results = iter(tracker.track(frames))
    while True:
        start, waited = time.perf_counter(), frames.waited
        result = next(results, None)
        if result is None:
            return
        counts.add(result, time.perf_counter() - start - (frames.waited - waited))
        yield result


def _open_files(
    files: ExitStack,
    model: FaceModel | ClmtrackrModel,
    video: Video,
    overlay: Path | None,
) -> list[Sink]:
    if overlay is None:
        return []
    writer = files.enter_context(VideoWriter(overlay, video.rate))
    return [
        lambda r, frame: writer.write(
            draw_fits(frame.image, [fit for _, fit in _as_drawn(r)], model.scheme), r.time
        )
    ]


def _open_table(
    files: ExitStack,
    model: FaceModel | ClmtrackrModel,
    video: Video,
    points: Path,
    kind: TableKind,
    *,
    smooth: bool,
) -> Sink:
    if kind == "openface":
        columns = OpenFaceTable(points, model.scheme, Camera(*video.size))
        theirs = files.enter_context(columns)
        return lambda r, _: theirs.write((r.index, r.time), _as_drawn(r))
    about = {"scheme": model.scheme.name, "video": video.path.name}
    names = expression_names(model)
    table = files.enter_context(
        PointsTable(points, "track", model.scheme.names, about, expressions=names, smoothed=smooth)
    )
    return lambda r, _: table.write(
        (r.index, r.time),
        [(face.id, face.fit) for face in r.faces],
        {face.id: face.points for face in r.faces} if smooth else None,
    )


def _as_drawn(result: FrameResult) -> list[tuple[int, Fit]]:
    """Return number and fit of each face, with smoothed points if the tracker smooths."""
    return [(face.id, replace(face.fit, points=face.points)) for face in result.faces]


def _median(values: list[float]) -> float | None:
    return float(np.median(values)) if values else None


def _milliseconds(seconds: list[float]) -> float | None:
    middle = _median(seconds)
    return None if middle is None else middle * 1000
