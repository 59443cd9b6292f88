"""The whole loop on the bundled sample."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import Cancelled, Project, ProjectError
from faceloop_datasets.files import REPORTS
from faceloop_datasets.sample import ClipTruth, sample_clip, sample_clip_truth
from faceloop_runtime import FaceModel
from faceloop_trainer import TrainingConfig

from .tracking import TrackResult, queue_frames, track_video
from .training import TrainedModel, train_into

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import ProgressLike, QueueEntry, Scheme
    from faceloop_runtime import FrameResult

_SCHEME = "face70"


@dataclass(frozen=True, eq=False)
class ClipErrors:
    """Tracked points against the truth of the sample clip.

    Parameters
    ----------
    errors : ndarray, shape (frames,)
        NME over all points; NaN where no face was found or none is in view.
    found : ndarray of bool, shape (frames,)
        Whether the tracker has a face.
    in_view, gone : ndarray of bool, shape (frames,)
        Whether at least half of the face is visible, or nothing of it.
    """

    errors: NDArray[np.float64]
    found: NDArray[np.bool_]
    in_view: NDArray[np.bool_]
    gone: NDArray[np.bool_]

    def to_dict(self) -> dict[str, Any]:
        """Return what is said about the clip."""
        known = self.errors[np.isfinite(self.errors)]
        return {
            "nme_median": float(np.median(known)) if known.size else None,
            "nme_p95": float(np.percentile(known, 95)) if known.size else None,
            "found_in_view": float(self.found[self.in_view].mean()),
            "lost_while_gone": float(1 - self.found[self.gone].mean()),
        }


class ClipMeasure:
    """Compares the results of tracking the sample clip with its truth, frame by frame."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._truth: ClipTruth = sample_clip_truth()
        self._errors = np.full(len(self._truth.face), np.nan)
        self._found = np.zeros(len(self._truth.face), dtype=bool)

    def add(self, result: FrameResult) -> None:
        """Take the next frame."""
        if result.points is None:
            return
        self._found[result.index] = True
        if self._truth.face[result.index]:
            truth = self._truth.points[result.index]
            distance = np.linalg.norm(result.points - truth, axis=1).mean()
            iod = self._scheme.inter_ocular_distance(truth)
            self._errors[result.index] = distance / iod

    def result(self) -> ClipErrors:
        """Return errors of the frames so far."""
        gone = np.asarray(self._truth.visible.sum(axis=1) == 0)
        return ClipErrors(self._errors, self._found, self._truth.face, gone)


@dataclass(frozen=True, eq=False)
class DemoResult:
    """What the demo came to, and the files it made."""

    trained: TrainedModel
    track: TrackResult
    clip: ClipErrors
    queued: list[QueueEntry]
    points: Path
    overlay: Path
    plot: Path | None


def open_demo(folder: Path, progress: ProgressLike = None) -> Project:
    """Open the demo's project, or make it, with the sample faces in it.

    Raises
    ------
    ProjectError
        If the folder is a project with other points.
    """
    if (folder / "project.db").is_file():
        project = Project.open(folder)
    else:
        project = Project.create(folder, _SCHEME)
    try:
        if project.scheme.name != _SCHEME:
            raise ProjectError(
                f"{folder} is a project with the points of {project.scheme.name}. Choose another "
                "folder for the demo."
            )
        project.import_sample(progress=progress)
    except BaseException:
        project.close()
        raise
    return project


def run_demo(
    project: Project,
    *,
    progress: ProgressLike = None,
) -> DemoResult:
    """Train on the project's faces, measure, track the sample clip, and queue its poor frames.

    Parameters
    ----------
    project : Project
        See `open_demo`.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    Cancelled
        If the monitor stopped it; the project holds what was complete.
    """
    trained = train_into(project, TrainingConfig(), progress=progress)
    model = FaceModel.load(trained.record.file)
    made, plot = project.path / REPORTS / "demo", None
    made.mkdir(parents=True, exist_ok=True)
    if trained.evaluation is not None:
        plot = made / "ced.png"
        trained.evaluation.plot(plot)
    points, overlay = made / "clip.parquet", made / "clip.mp4"
    measure = ClipMeasure(model.scheme)
    track = track_video(
        model,
        sample_clip(),
        points=points,
        overlay=overlay,
        each=measure.add,
        progress=progress,
    )
    if track.summary.stopped:
        raise Cancelled(f"Stopped while tracking; {points} and {overlay} hold the frames so far.")
    queued = queue_frames(project, track, trained.record.name)
    return DemoResult(trained, track, measure.result(), queued, points, overlay, plot)
