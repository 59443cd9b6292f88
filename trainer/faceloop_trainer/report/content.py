"""What a report is made of: measurements of a model, and of the training that makes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_datasets.face import snapshot_hash
from faceloop_trainer.config import TrainingConfig
from faceloop_trainer.evaluate import evaluate_models, faces_to_measure
from faceloop_trainer.paired import compare_models
from faceloop_trainer.shape import procrustes_mean
from faceloop_trainer.uncertainty import group_intervals, metric_intervals, point_intervals
from faceloop_trainer.validation import cross_validate, learning_curve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Face, Project, Scheme
    from faceloop_datasets.progress import CancelCheck, ProgressCallback
    from faceloop_runtime import FaceModel
    from faceloop_trainer.evaluation import Evaluation
    from faceloop_trainer.paired import PairedTest
    from faceloop_trainer.uncertainty import Interval
    from faceloop_trainer.validation import CrossValidation, LearningStep

_WORST = 12
_CURVES = 3


@dataclass(frozen=True, eq=False)
class Measured:
    """An evaluation and how sure its figures are.

    Parameters
    ----------
    name : str
        Of the model, or what else was measured.
    evaluation : Evaluation
        The errors.
    seed : int
        Seed of the intervals.
    """

    name: str
    evaluation: Evaluation
    seed: int

    @cached_property
    def figures(self) -> dict[str, Interval]:
        """Intervals of the figures; none if no face was found."""
        if not np.isfinite(self.evaluation.errors).any():
            return {}
        return metric_intervals(self.evaluation, self.seed)

    @cached_property
    def groups(self) -> dict[str, Interval]:
        """Intervals of the parts of the face."""
        return group_intervals(self.evaluation, self.seed)

    @cached_property
    def points(self) -> list[Interval]:
        """Intervals of the points."""
        return point_intervals(self.evaluation, self.seed)

    @property
    def worst(self) -> list[int]:
        """Places of the faces with the largest errors, worst first."""
        return [int(k) for k in np.argsort(-self.evaluation.errors, kind="stable")[:_WORST]]

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {
            "name": self.name,
            **self.evaluation.to_dict(),
            "intervals": {name: [i.low, i.high] for name, i in self.figures.items()},
        }


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that a report shows.

    Attributes
    ----------
    project : str
        Name of the project.
    scheme : Scheme
        The landmarks.
    made : datetime
        When.
    faces, people : int
        Annotated faces with pictures in the project, and whom they show.
    snapshot : str
        Hash of the faces that the models were measured on, or that were cross-validated.
    shape : ndarray, shape (N, 2)
        A mean face in units of its inter-ocular distance, to draw on.
    seed : int
        Seed of starts, trainings and intervals.
    provenance : mapping
        Of the model; empty without one.
    model, other : Measured or None
        The model, and the one it is compared with.
    unmeasured : str
        Why the model was not measured; empty if it was, or there is none.
    test : PairedTest or None
        The comparison.
    validation : CrossValidation or None
        Errors of models trained without the people they were measured on.
    curve : tuple of LearningStep
        Trainings on more and more faces.
    pictures : tuple of ndarray
        Of the model's worst faces, where they were asked for.
    """

    project: str
    scheme: Scheme
    made: datetime
    faces: int
    people: int
    snapshot: str
    shape: NDArray[np.float64]
    seed: int
    provenance: Mapping[str, Any]
    model: Measured | None = None
    other: Measured | None = None
    unmeasured: str = ""
    test: PairedTest | None = None
    validation: CrossValidation | None = None
    curve: tuple[LearningStep, ...] = ()
    pictures: tuple[tuple[NDArray[np.uint8], NDArray[np.float64]], ...] = ()

    @cached_property
    def pooled(self) -> Measured | None:
        """The cross-validation, all parts together."""
        if self.validation is None:
            return None
        return Measured("cross-validation", self.validation.pooled, self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        test, pooled = self.test, self.pooled
        return {
            "project": self.project,
            "snapshot": self.snapshot,
            "model": None if self.model is None else self.model.to_dict(),
            "against": None if self.other is None else self.other.to_dict(),
            "difference": None
            if test is None
            else {
                "nme_mean": test.difference.value,
                "interval": [test.difference.low, test.difference.high],
                "p_value": test.p_value,
                "faces": test.faces,
                "people": test.people,
            },
            "cross_validation": None if pooled is None else pooled.to_dict(),
            "learning_curve": [
                {
                    "faces": step.faces,
                    "people": step.people,
                    "seed": step.seed,
                    "seconds": step.seconds,
                    **step.evaluation.metrics(),
                }
                for step in self.curve
            ],
        }


@dataclass(frozen=True)
class Wanted:
    """What a report should hold.

    Parameters
    ----------
    start : {"jitter", "detector"}
        Where the fits begin, as in `measure`.
    parts : int, optional
        Cross-validate in so many parts.
    curve : bool
        Train on more and more faces.
    pictures : bool
        Show the worst faces. They are personal data.
    seed : int
        Seed of starts, trainings and intervals.
    """

    start: str = "jitter"
    parts: int | None = None
    curve: bool = False
    pictures: bool = False
    seed: int = 0


def make_report(
    project: Project,
    models: Sequence[tuple[str, FaceModel]],
    wanted: Wanted | None = None,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> Report:
    """Measure what a report shows; `write_report` writes it.

    Parameters
    ----------
    project : Project
        Gives the annotated faces.
    models : sequence of (str, FaceModel)
        Names and models: the one that the report is of, and one to compare it with, if any. None
        if only the training is to be cross-validated.
    wanted : Wanted, optional
        What else.
    progress, cancel : callable, optional
        Told about progress; asked whether to stop.

    Raises
    ------
    TrainingError
        If the models have seen everybody and no cross-validation is wanted, or there are too few
        people for what is wanted.
    Cancelled
        If ``cancel`` said so.
    """
    return _Making(project, models, wanted or Wanted(), progress, cancel).report()


class _Making:
    """One report being made."""

    def __init__(
        self,
        project: Project,
        models: Sequence[tuple[str, FaceModel]],
        wanted: Wanted,
        progress: ProgressCallback | None,
        cancel: CancelCheck | None,
    ) -> None:
        self._project, self._wanted = project, wanted
        self._names = [name for name, _ in models]
        self._models = [model for _, model in models]
        self._progress, self._cancel = progress, cancel

    def report(self) -> Report:
        wanted, report = self._wanted, self._blank()
        try:
            faces = faces_to_measure(self._project, self._models) if self._models else []
        except TrainingError as error:
            if wanted.parts is None or len(self._models) > 1:
                raise
            faces, report = [], replace(report, unmeasured=str(error))
        if faces:
            report = self._with_models(report, faces)
        if wanted.parts is not None:
            report = replace(report, validation=self._validation(wanted.parts))
        if wanted.curve:
            report = replace(report, curve=tuple(self._curve()))
        return report

    def _validation(self, parts: int) -> CrossValidation:
        return cross_validate(
            self._project,
            TrainingConfig(seed=self._wanted.seed),
            parts,
            progress=self._progress,
            cancel=self._cancel,
        )

    def _curve(self) -> list[LearningStep]:
        first = self._wanted.seed
        return learning_curve(
            self._project,
            TrainingConfig(seed=first),
            seeds=range(first, first + _CURVES),
            progress=self._progress,
            cancel=self._cancel,
        )

    def _blank(self) -> Report:
        project, models = self._project, self._models
        annotated = [face for face in project.faces() if face.has_image]
        return Report(
            project=project.name,
            scheme=project.scheme,
            made=datetime.now(UTC),
            faces=len(annotated),
            people=len({face.subject or face.name for face in annotated}),
            snapshot=snapshot_hash(annotated),
            shape=models[0].pdm.mean if models else _mean_shape(project.scheme, annotated),
            seed=self._wanted.seed,
            provenance=models[0].provenance if models else {},
        )

    def _with_models(self, report: Report, faces: Sequence[Face]) -> Report:
        found = evaluate_models(
            self._project,
            self._models,
            start=self._wanted.start,
            seed=self._wanted.seed,
            progress=self._progress,
            cancel=self._cancel,
        )
        made = [
            Measured(name, evaluation, self._wanted.seed)
            for name, evaluation in zip(self._names, found, strict=True)
        ]
        report = replace(report, model=made[0], snapshot=snapshot_hash(faces))
        if len(made) > 1:
            test = compare_models(found[0], found[1], self._wanted.seed)
            report = replace(report, other=made[1], test=test)
        if self._wanted.pictures:
            report = replace(report, pictures=_pictures(made[0], faces))
        return report


def _pictures(
    one: Measured, faces: Sequence[Face]
) -> tuple[tuple[NDArray[np.uint8], NDArray[np.float64]], ...]:
    by_item = {face.item_id: face for face in faces}
    items = (one.evaluation.items[k] for k in one.worst)
    worst = [by_item[item] for item in items if item is not None]
    return tuple((face.read_gray(), face.annotation.points) for face in worst)


def _mean_shape(scheme: Scheme, faces: Sequence[Face]) -> NDArray[np.float64]:
    known = [
        np.where(face.annotation.trains_shape[:, None], face.annotation.points, np.nan)
        for face in faces
    ]
    whole = [p for p in known if scheme.inter_ocular_distance(p) > 1.0]
    if not whole:
        raise TrainingError("There is no annotated face with a picture and both eyes to report on.")
    return procrustes_mean(scheme, np.array(whole))
