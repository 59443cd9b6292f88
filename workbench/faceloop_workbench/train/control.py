"""What the tab Train does, without Qt: one training at a time, its models, what it would find."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal, emit_queued

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.wording import counted
from faceloop_trainer import TrainingConfig
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.child import ChildJob
from faceloop_workbench.services.messages import (
    ImportModel,
    Log,
    MeasureCurve,
    Outcome,
    Regularise,
    Step,
    Train,
    WriteReport,
    with_tuples,
)
from faceloop_workbench.services.next_faces import put_into_queue
from faceloop_workbench.services.regularising import regularised
from faceloop_workbench.services.stage_times import Stage, expected_stages

from .model_list import ListedModel, list_models, trainings, use
from .readiness import Readiness, training_readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.services.next_faces import NextFaces
    from faceloop_workbench.session import Session

_CLOSING = 5.0  # seconds that a killed process may take to be gone


class TrainControl:
    """Runs trainings in a process of their own, and keeps the list of models.

    Used on the GUI thread; its signals come in that thread.

    Parameters
    ----------
    session : Session
        Knows the project.
    scheduler : callable
        Tells who is to do what takes long, as the person has set it.

    Attributes
    ----------
    readiness_changed : Signal(Readiness)
        What a training would find.
    listed : Signal(list of ListedModel)
        The models have changed.
    begun : Signal(str, list of Stage)
        A training, import or report has begun: its name, and the stages that are expected.
    received : Signal(Step or Log)
        What the process says.
    ended : Signal(Outcome)
        It is over, and its process gone. It names a model only if that is in the project that is
        open.
    """

    readiness_changed = Signal(Readiness)
    listed = Signal(list)
    begun = Signal(str, list)
    received = Signal(object)
    ended = Signal(Outcome)

    def __init__(
        self, session: Session, scheduler: Callable[[], str | None] = lambda: None
    ) -> None:
        self._session, self._scheduler = session, scheduler
        self.settings: dict[str, Any] = {}
        self.readiness = Readiness()
        self.models: list[ListedModel] = []
        self._job: ChildJob[Outcome] | None = None
        self._trained: Project | None = None
        self._readiness_job: Job[Readiness] | None = None
        self._queue_job: Job[int] | None = None
        self._stale = False
        session.project_changed.connect(self._opened)
        session.models_changed.connect(self.read_models)

    @property
    def running(self) -> bool:
        """Whether a training, import or report is under way."""
        return self._job is not None

    @property
    def why_not(self) -> str:
        """Why no training can begin now; empty if one can."""
        if self._job is not None:
            return f"{self._job.name} is under way."
        return self.readiness.blocked

    def loss(self) -> str:
        """Say what is lost if the window closes now; ``""`` if nothing is under way."""
        if self._job is None:
            return ""
        return f"{self._job.name} is under way. What it has worked out so far is lost."

    # One training

    def start(self, *, anyway: bool = False) -> None:
        """Begin a training; ``anyway`` also where nothing has changed since another."""
        project = self._session.need_project()
        expected = expected_stages(trainings(self.models), self.readiness.faces)
        request = Train(project.address, self.settings, anyway, scheduler=self._scheduler())
        self._begin(ChildJob(request, f"Training of {project.name}"), expected)

    def import_model(self, file: Path) -> None:
        """Begin to bring a model in from a file, and to measure it."""
        project = self._session.need_project()
        request = ImportModel(project.address, str(file.absolute()))
        self._begin(ChildJob(request, f"Import of {file.name}"), [])

    def try_factors(self, chosen: ChosenModel, factors: Mapping[int, float]) -> None:
        """Fit videos with other factors of a model's modes; none: with the model in use again."""
        self._session.try_model(regularised(chosen, factors) if factors else None)

    def end_trial(self, chosen: ChosenModel) -> None:
        """Try a model no longer, whatever its factors; another that is tried stays."""
        trial = self._session.trial
        if trial is not None and trial.model.experts is chosen.model.experts:
            self._session.try_model(None)

    def regularise(self, model: ListedModel, factors: Mapping[int, float]) -> None:
        """Begin to save a model whose modes are regularised otherwise, and to measure it."""
        project = self._session.need_project()
        by_text = {str(number): factor for number, factor in factors.items()}
        request = Regularise(project.address, model.id, by_text)
        self._begin(ChildJob(request, f"Saving {model.name} with other factors"), [])

    def report(self, model: ListedModel) -> None:
        """Begin to write a report on a model, compared with the one in use if that is another."""
        project = self._session.need_project()
        others = (m.name for m in self.models if m.in_use and m is not model)
        names = (model.name, *others)
        request = WriteReport(project.address, names, scheduler=self._scheduler())
        self._begin(ChildJob(request, f"Report on {model.name}"), [])

    def measure_curve(self) -> None:
        """Begin to find out whether more faces would help."""
        project = self._session.need_project()
        request = MeasureCurve(project.address, self.settings, scheduler=self._scheduler())
        self._begin(ChildJob(request, "Whether more faces would help"), [])

    def cancel(self) -> None:
        """Ask what is under way to stop; it is killed if it does not."""
        if self._job is not None:
            self._job.cancel()

    def _begin(self, job: ChildJob[Outcome], expected: list[list[Stage]]) -> None:
        if self._job is not None:
            raise FaceloopError(f"{self._job.name} is under way. Wait for its end, or cancel it.")
        self._job, self._trained = job, self._session.project
        job.received.connect(self._pass_on, thread="main")
        job.done.connect(self._done, thread="main")
        job.failed.connect(self._failed, thread="main")
        job.cancelled.connect(self._cancelled, thread="main")
        self.begun.emit(job.name, expected)
        job.start()

    def _pass_on(self, said: Step | Log) -> None:
        self.received.emit(said)

    def _done(self, outcome: Outcome) -> None:
        same = self._trained is self._session.project
        self._end(replace(outcome, model=outcome.model if same else None))

    def _failed(self, error: FaceloopError) -> None:
        self._end(Outcome("failed", str(error)))

    def _cancelled(self) -> None:
        name = "It" if self._job is None else self._job.name
        self._end(Outcome("cancelled", f"{name} was cancelled; the project is as it was."))

    def _end(self, ending: Outcome) -> None:
        trained = self._trained
        if trained is not None and trained is not self._session.project:
            ending = replace(ending, text=f"{trained.name}: {ending.text}")
        self._job = self._trained = None
        self._session.models_changed.emit()
        self.ended.emit(ending)

    # Models

    def read_models(self) -> None:
        """Read the list of models again."""
        project = self._session.project
        self.models = [] if project is None else list_models(project)
        self.listed.emit(self.models)

    def use(self, model: ListedModel) -> None:
        """Take a model into use.

        Raises
        ------
        ProjectError
            If its file is missing or has changed.
        """
        use(self._session.need_project(), model)
        self._session.models_changed.emit()

    def note(self, model: ListedModel, text: str) -> None:
        """Put another note on a model of the project."""
        if model.id is not None and text != model.note:
            self._session.need_project().note_model(model.id, text)
            self._session.models_changed.emit()

    def pin(self, model: ListedModel) -> None:
        """Pin a model of the project, or unpin one that is."""
        if model.id is not None:
            self._session.need_project().pin_model(model.id, pinned=not model.pinned)
            self._session.models_changed.emit()

    def delete(self, models: Sequence[ListedModel]) -> None:
        """Delete models of the project.

        Raises
        ------
        ProjectError
            If one is in use or pinned, or its file cannot be deleted; those before it are deleted.
        """
        project, free = self._session.need_project(), 0
        try:
            for model in models:
                free += 0 if model.id is None else project.delete_model(model.id)
        finally:
            self._session.models_changed.emit()
        self.update_readiness()
        what = models[0].name if len(models) == 1 else f"{len(models)} models"
        self._session.tell(f"Deleted {what}: {free / 1e6:.1f} MB are free now.")

    # What a training would find

    def queue_next(self) -> None:
        """Put the faces that would help most into the queue, in a thread, and show the queue."""
        project, chosen = self._session.need_project(), self.readiness.next_faces
        if self._queue_job is not None or not chosen.items:
            return
        path = project.address
        self._queue_job = Job(lambda _monitor: _put(path, chosen), "putting faces into the queue")
        self._queue_job.done.connect(self._queued, thread="main")
        self._queue_job.failed.connect(self._not_queued, thread="main")
        self._queue_job.ended.connect(self._queue_ended, thread="main")
        self._queue_job.start()

    def _queued(self, count: int) -> None:
        self._session.queue_changed.emit()
        self._session.tell(f"Put {counted(count, 'face')} into the queue.")
        self._session.tab_wanted.emit("queue")

    def _not_queued(self, error: FaceloopError) -> None:
        self._session.tell(str(error), "error")

    def _queue_ended(self) -> None:
        self._queue_job = None

    def update_readiness(self) -> None:
        """Find out, in a thread, what a training would find."""
        project = self._session.project
        if project is None:
            self._set_readiness(Readiness())
        elif self._readiness_job is not None:
            self._stale = True
        else:
            self._stale = False
            path, settings = project.address, dict(self.settings)
            self._readiness_job = Job(
                lambda _monitor: _project_readiness(path, settings), "looking at the faces"
            )
            self._readiness_job.done.connect(self._readiness_found, thread="main")
            self._readiness_job.failed.connect(self._readiness_failed, thread="main")
            self._readiness_job.ended.connect(self._readiness_ended, thread="main")
            self._readiness_job.start()

    def close_down(self) -> None:
        """Stop what runs; its process is gone when this returns."""
        if self._job is not None:
            self._job.kill()
            self._job.wait(_CLOSING)
        for job in (self._readiness_job, self._queue_job):
            if job is not None:
                job.wait(_CLOSING)
        self._stale = False
        emit_queued()  # what the threads said last, while there is somebody to hear it

    def _set_readiness(self, readiness: Readiness) -> None:
        self.readiness = readiness
        self.readiness_changed.emit(readiness)

    def _readiness_found(self, readiness: Readiness) -> None:
        if not self._stale:  # or it is another project's
            self._set_readiness(readiness)

    def _readiness_failed(self, error: FaceloopError) -> None:
        self._set_readiness(Readiness(blocked=str(error)))

    def _readiness_ended(self) -> None:
        self._readiness_job = None
        if self._stale:
            self.update_readiness()

    def _opened(self, project: Project | None) -> None:
        self.read_models()
        last = trainings(self.models)
        self.settings = {} if project is None or not last else with_tuples(last[0]["settings"])
        self._set_readiness(
            Readiness() if project is None else Readiness(blocked="Looking at the faces…")
        )
        self.update_readiness()


def _put(path: str, chosen: NextFaces) -> int:
    with Project.open(path) as project:
        return put_into_queue(project, chosen)


def _project_readiness(path: str, settings: Mapping[str, Any]) -> Readiness:
    with Project.open(path) as project:
        return training_readiness(project, TrainingConfig(**settings))
