"""Evaluates models and trainings for a report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.progress import Monitor
from faceloop_datasets.subjects import kind_of
from faceloop_trainer.config import TrainingConfig
from faceloop_trainer.cross_validation import cross_validate
from faceloop_trainer.data.annotated_shapes import annotated_shapes
from faceloop_trainer.data.data_warnings import data_warnings
from faceloop_trainer.data.duplicates import join_duplicate_subjects
from faceloop_trainer.data.expression_labels import label_warning
from faceloop_trainer.data.split import unseen_faces
from faceloop_trainer.evaluation.measure import evaluate_models, faces_to_measure
from faceloop_trainer.evaluation.paired import compare_models
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.learning_curve import learning_curve
from faceloop_trainer.pdm.procrustes import procrustes_mean

from .report_data import EvaluationSummary, Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Face, Project, Scheme
    from faceloop_datasets.progress import ProgressLike
    from faceloop_runtime import FaceModel
    from faceloop_trainer.cross_validation import CrossValidation
    from faceloop_trainer.learning_curve import LearningStep

_CURVE_SEEDS = 3
"""Trainings of each size for the learning curve."""
_SETTINGS = ("experts", "channels", "scales", "components", "mirror")


@dataclass(frozen=True)
class ReportOptions:
    """What a report contains.

    Parameters
    ----------
    start : {"jitter", "detector"}
        Where the fits start, as in `EvaluationProtocol`.
    parts : int, optional
        Number of folds of a cross-validation; none by default.
    curve : bool
        Include a learning curve.
    pictures : bool
        Show the worst faces, which are personal data.
    seed : int
        Seed of the starts, the trainings and the confidence intervals.
    """

    start: str = "jitter"
    parts: int | None = None
    curve: bool = False
    pictures: bool = False
    seed: int = 0


def make_report(
    project: Project,
    models: Sequence[tuple[str, FaceModel]],
    options: ReportOptions | None = None,
    *,
    progress: ProgressLike = None,
) -> Report:
    """Make the evaluations of a report; `write_report` writes it.

    Parameters
    ----------
    project : Project
        Gives the annotated faces.
    models : sequence of (str, FaceModel)
        Names and models: the one to report on, and optionally one to compare it with. Empty if
        only the training is to be cross-validated.
    options : ReportOptions, optional
        What the report contains.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    TrainingError
        If the models were trained on all faces and no cross-validation is requested, or there are
        too few people.
    Cancelled
        If the monitor stopped it.
    """
    return _ReportBuilder(
        project, models, options or ReportOptions(), Monitor.of(progress)
    ).report()


class _ReportBuilder:
    """Makes one report."""

    def __init__(
        self,
        project: Project,
        models: Sequence[tuple[str, FaceModel]],
        options: ReportOptions,
        monitor: Monitor,
    ) -> None:
        self._project, self._options = project, options
        self._names = [name for name, _ in models]
        self._models = [model for _, model in models]
        self._monitor = monitor

    def report(self) -> Report:
        options, report = self._options, self._without_evaluations()
        try:
            faces = faces_to_measure(self._project, self._models) if self._models else []
        except TrainingError as error:
            if options.parts is None or len(self._models) > 1:
                raise
            faces, report = [], replace(report, unmeasured=str(error))
        if faces:
            report = self._with_models(report, faces)
        if options.parts is not None:
            report = replace(report, validation=self._validation(options.parts))
        if options.curve:
            report = replace(report, curve=tuple(self._curve()))
        return report

    def _validation(self, parts: int) -> CrossValidation:
        return cross_validate(
            self._project,
            self._settings(),
            parts,
            progress=self._monitor,
        )

    def _curve(self) -> list[LearningStep]:
        first = self._options.seed
        return learning_curve(
            self._project,
            self._settings(),
            seeds=range(first, first + _CURVE_SEEDS),
            progress=self._monitor,
        )

    def _settings(self) -> TrainingConfig:
        """Return the training settings of the model; the default ones without a model."""
        known = self._models[0].provenance.get("config") if self._models else None
        kept = {k: known[k] for k in _SETTINGS if k in known} if isinstance(known, dict) else {}
        try:  # a model file may hold anything
            for key in {"channels", "scales"} & set(kept):
                kept[key] = tuple(kept[key])  # lists in a model file
            return TrainingConfig(**kept, seed=self._options.seed)
        except (TypeError, TrainingError) as error:
            raise TrainingError(
                f"The model {self._names[0]} does not say in a usable way how it was trained "
                f"({error}); name another model, or none, to cross-validate."
            ) from error

    def _without_evaluations(self) -> Report:
        project, models = self._project, self._models
        everyone = project.faces()
        annotated = [face for face in everyone if face.has_image]
        return Report(
            project=project.name,
            scheme=project.scheme,
            made=datetime.now(UTC),
            faces=len(annotated),
            people=len({face.subject_key for face in join_duplicate_subjects(annotated)}),
            kind=kind_of(face.subject_source for face in annotated),
            snapshot=snapshot_hash(annotated),
            shape=models[0].pdm.mean if models else _mean_shape(project.scheme, annotated),
            seed=self._options.seed,
            provenance=models[0].provenance if models else {},
            warnings=(*data_warnings(everyone, project.scheme), *self._of_labels(everyone)),
        )

    def _of_labels(self, everyone: Sequence[Face]) -> tuple[str, ...]:
        """Warn of labels that the model does not know, or that none could learn."""
        people = join_duplicate_subjects(everyone)
        if not self._models:
            said = label_warning(people)
        else:
            model = self._models[0]
            unseen = {face.item_id for face in unseen_faces(everyone, model.provenance)}
            trained = {face.item_id for face in everyone} - unseen
            said = label_warning(people, trained, model.expression_names)
        return (said,) if said else ()

    def _with_models(self, report: Report, faces: Sequence[Face]) -> Report:
        found = evaluate_models(
            self._project,
            self._models,
            EvaluationProtocol(start=self._options.start, seed=self._options.seed),
            progress=self._monitor,
        )
        summaries = [
            EvaluationSummary(name, evaluation, self._options.seed)
            for name, evaluation in zip(self._names, found, strict=True)
        ]
        report = replace(report, model=summaries[0], snapshot=snapshot_hash(faces))
        if len(summaries) > 1:
            test = compare_models(found[0], found[1], self._options.seed)
            report = replace(report, other=summaries[1], test=test)
        if self._options.pictures:
            report = replace(report, pictures=_pictures(summaries[0], faces))
        return report


def _pictures(
    summary: EvaluationSummary, faces: Sequence[Face]
) -> tuple[tuple[NDArray[np.uint8], NDArray[np.float64]], ...]:
    by_item = {face.item_id: face for face in faces}
    items = (summary.evaluation.items[k] for k in summary.worst)
    worst = [by_item[item] for item in items if item is not None]
    return tuple((face.read_gray(), face.annotation.points) for face in worst)


def _mean_shape(scheme: Scheme, faces: Sequence[Face]) -> NDArray[np.float64]:
    whole = [p for p in annotated_shapes(faces) if scheme.inter_ocular_distance(p) > 1.0]
    if not whole:
        raise TrainingError("There is no annotated face with a picture and both eyes to report on.")
    return procrustes_mean(scheme, np.array(whole))
