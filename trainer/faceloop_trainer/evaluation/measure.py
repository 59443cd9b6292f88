"""How far off a model's fits are, on people it has never seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from faceloop_datasets import TrainingError
from faceloop_datasets.progress import Monitor
from faceloop_datasets.subjects import kind_of, plural, singular
from faceloop_datasets.workers import Threads, workers_in_use
from faceloop_runtime.detect.detector import Detector
from faceloop_runtime.fit.fitter import Fitter
from faceloop_runtime.model import FaceModel
from faceloop_runtime.start.finding import find_faces
from faceloop_trainer.data.faces import whole_pictures
from faceloop_trainer.data.split import unseen_faces
from faceloop_trainer.parallel import alike

from .kept_fits import KeptFits, MeasuredFit
from .protocol import EvaluationProtocol
from .result import Evaluation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from faceloop_datasets import Face, Project
    from faceloop_datasets.progress import ProgressLike
    from faceloop_runtime.fit.result import Fit
    from faceloop_trainer.cache import Cache
    from faceloop_trainer.data.faces import TrainingFace

_EACH = 4
"""Faces that are read ahead for each worker: whole pictures may be large."""
_EACH_THREAD = 32
"""Of faces that are in memory, each thread is given more: it reads the start network first."""


def evaluate(
    project: Project,
    model: FaceModel | None = None,
    protocol: EvaluationProtocol | None = None,
    *,
    progress: ProgressLike = None,
) -> Evaluation:
    """Measure a model on the annotated faces of a project that it has never seen.

    Parameters
    ----------
    project, protocol, progress
        As in `evaluate_models`.
    model : FaceModel, optional
        The project's active model by default.

    Raises
    ------
    TrainingError
        If there is no model, it is of another scheme, or every face was trained on.
    Cancelled
        If the monitor stopped it.
    """
    if model is None:
        record = project.active_model
        if record is None:
            raise TrainingError(
                f"The project {project.name} has no model yet; train one, or name a model file."
            )
        model = FaceModel.load(record.file)
    (found,) = evaluate_models(
        project,
        (model,),
        protocol,
        progress=progress,
    )
    return found


def evaluate_models(
    project: Project,
    models: Sequence[FaceModel],
    protocol: EvaluationProtocol | None = None,
    *,
    progress: ProgressLike = None,
) -> list[Evaluation]:
    """Measure models on the annotated faces of a project that none of them has ever seen.

    Faces of people that one of the models was trained on are left out, whoever annotated them.

    Parameters
    ----------
    project : Project
        Gives the annotated faces.
    models : sequence of FaceModel
        What to measure; `compare_models` tells the results of two apart.
    protocol, progress
        As in `measure_models`.

    Returns
    -------
    list of Evaluation
        One a model; entry for entry on the same faces.

    Raises
    ------
    TrainingError
        If a model is of another scheme, or every face was trained on.
    Cancelled
        If the monitor stopped it.
    """
    faces = faces_to_measure(project, models)
    return measure_models(
        models,
        whole_pictures(project.scheme, faces),
        len(faces),
        protocol,
        progress=progress,
    )


def faces_to_measure(project: Project, models: Sequence[FaceModel]) -> list[Face]:
    """Return the annotated faces with pictures that none of the models was trained on.

    Raises
    ------
    TrainingError
        If there is none, or a model is of another scheme.
    """
    for model in models:
        if model.scheme.name != project.scheme.name:
            raise TrainingError(
                f"The model is for the scheme {model.scheme.name}, the project's is "
                f"{project.scheme.name}; they cannot be compared."
            )
    annotated = project.faces()
    if not any(face.has_image for face in annotated):
        raise TrainingError(
            f"The project {project.name} has no annotated face with a picture to measure on; "
            "import or annotate some."
        )
    faces = unseen_faces(annotated, *(model.provenance for model in models))
    if not faces:
        who = "The model was" if len(models) == 1 else "Between them, the models were"
        kind = kind_of(face.subject_source for face in annotated)
        raise TrainingError(
            f"{who} trained on every {singular(kind)} in this project, so an error measured here "
            f"would say nothing. Train with a share held out, annotate other {plural(kind)}, or "
            "cross-validate."
        )
    return faces


def measure(
    model: FaceModel,
    faces: Iterable[TrainingFace],
    total: int,
    protocol: EvaluationProtocol | None = None,
    *,
    cache: Cache | None = None,
    progress: ProgressLike = None,
) -> Evaluation:
    """Fit a model to faces and compare with their annotations; `measure_models` for one."""
    (found,) = measure_models((model,), faces, total, protocol, cache=cache, progress=progress)
    return found


def measure_models(
    models: Sequence[FaceModel],
    faces: Iterable[TrainingFace],
    total: int,
    protocol: EvaluationProtocol | None = None,
    *,
    cache: Cache | None = None,
    progress: ProgressLike = None,
) -> list[Evaluation]:
    """Fit models to the same faces from the same starts, and compare with the annotations.

    Parameters
    ----------
    models : sequence of FaceModel
        What to measure; all of one scheme.
    faces : iterable of TrainingFace
        Faces with pictures, none of whose subjects a model was trained on; read once, as
        they are needed.
    total : int
        How many there are, for the progress.
    protocol : EvaluationProtocol, optional
        Where the fits start; jittered starts by default.
    cache : Cache, optional
        Where fits are kept, each by what it depends on: a face is not fitted twice from a jittered
        start.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    list of Evaluation
        One a model; entry for entry on the same faces.

    Raises
    ------
    TrainingError
        If there are no faces.
    InputError
        If a model cannot start as the protocol says.
    Cancelled
        If the monitor stopped it.
    """
    monitor, protocol = Monitor.of(progress), protocol or EvaluationProtocol()
    measurements = [_Measurement(model, protocol, cache) for model in models]
    seen: list[TrainingFace] = []
    monitor.step(0, total, "measuring fits")
    for some in _read_some(faces):
        for measurement in measurements:
            measurement.share_out(some, monitor)
        for face in some:
            for measurement in measurements:
                measurement.fit(face)
            seen.append(replace(face, picture=None, backgrounds=()))
            monitor.step(len(seen), total, "measuring fits", error=measurements[0].last_error)
    if not seen:
        raise TrainingError("There are no faces to evaluate on.")
    return [measurement.evaluation(seen) for measurement in measurements]


def _read_some(faces: Iterable[TrainingFace]) -> Iterator[tuple[TrainingFace, ...]]:
    """Yield what keeps all workers in use busy for a while.

    Threads of this process would hold pictures in memory that are read one by one otherwise.
    """
    workers, rest, each = workers_in_use(), iter(faces), _EACH
    if isinstance(workers, Threads):
        each = _EACH_THREAD if isinstance(faces, Sequence) else 0
    count = max(1, each * workers.count)
    while some := tuple(islice(rest, count)):
        yield some


@dataclass(frozen=True, eq=False)
class _Fitting:
    """Fits a model to faces where a protocol starts it; can travel to workers."""

    model: FaceModel
    protocol: EvaluationProtocol

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.model, self.protocol)

    @cached_property
    def fitter(self) -> Fitter:
        return Fitter(self.model, start=self.protocol.fit_start)

    @cached_property
    def _detector(self) -> Detector:
        return self.protocol.detector or Detector()

    def __call__(self, face: TrainingFace) -> MeasuredFit:
        return MeasuredFit.of(self._found(face), face)

    def _found(self, face: TrainingFace) -> Fit | None:
        assert face.picture is not None  # noqa: S101 - checked by the callers
        if self.protocol.start == "jitter":
            iod = self.model.scheme.inter_ocular_distance(face.points)
            pose = self.protocol.jittered(self.model.pdm, face, iod)
            return self.fitter.fit_near(face.picture, pose)
        boxes = find_faces(self._detector, self.model, face.picture)
        if not boxes:
            return None
        # Other people in the picture are no mistakes.
        middle = np.nanmean(face.points, axis=0)
        box = min(boxes, key=lambda box: float(np.linalg.norm(np.array(box.centre) - middle)))
        return self.fitter.fit(face.picture, box)


class _Measurement:
    """Fits one face after the other and measures how far off each point is."""

    def __init__(self, model: FaceModel, protocol: EvaluationProtocol, cache: Cache | None) -> None:
        self._model, self._protocol = model, protocol
        self._fitting, self._made_away = _Fitting(model, protocol), dict[int, MeasuredFit]()
        self._kept = KeptFits.of(model, protocol, cache)
        self._distances: list[NDArray[np.float64]] = []
        self._fits: list[MeasuredFit] = []

    @property
    def last_error(self) -> float:
        """Normalised mean error of the face fitted last."""
        return _mean(self._distances[-1])

    def share_out(self, faces: Sequence[TrainingFace], monitor: Monitor) -> None:
        """Have the workers in use fit the faces that come next."""
        workers = workers_in_use()
        if isinstance(workers, Threads) and (len(faces) == 1 or self._protocol.start != "jitter"):
            return  # detectors serve one thread
        wanted = [face for face in faces if not self._kept.has(face)]
        # Workers have processors: what a graphics device rounds otherwise is fitted here.
        if wanted and self._fitting.fitter.backend.name == "cpu":
            lean = [replace(face, backgrounds=()) for face in wanted]
            # Threads set by turns how many BLAS has, which may round otherwise.
            with threadpool_limits(1, "blas"):
                made = workers.map(
                    alike(self._fitting), lean, check=lambda: monitor.check("measuring fits")
                )
            self._made_away = {id(face): fit for face, fit in zip(wanted, made, strict=True)}

    def fit(self, face: TrainingFace) -> None:
        """Fit a face; each point's error is over the IOD, NaN where the truth is unknown."""
        iod = self._model.scheme.inter_ocular_distance(face.points)
        fit = self._kept.get(
            face, lambda: self._made_away.pop(id(face), None) or self._fitting(face)
        )
        distance = np.linalg.norm(fit.points - face.points, axis=1) / iod
        self._distances.append(np.where(face.measured, distance, np.nan))
        self._fits.append(fit)

    def evaluation(self, faces: Sequence[TrainingFace]) -> Evaluation:
        """Return the errors on the faces that were fitted."""
        self._kept.save()
        return Evaluation(
            scheme=self._model.scheme,
            items=tuple(f.item_id for f in faces),
            names=tuple(f.name for f in faces),
            subjects=tuple(f.subject for f in faces),
            errors=np.array([_mean(distances) for distances in self._distances]),
            point_errors=np.array(self._distances),
            predicted=np.array([float(fit.predicted) for fit in self._fits]),
            fitted=np.array([fit.points for fit in self._fits]),
            start=self._protocol.start,
            subject_sources=tuple(f.subject_source for f in faces),
        )


def _mean(distances: NDArray[np.float64]) -> float:
    """Mean over the points that are known; infinite if none is: no face was found."""
    known = distances[~np.isnan(distances)]
    return float(known.mean()) if len(known) else np.inf
