"""The data of a report: the evaluation of a model, and of the training that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_trainer.evaluation.bootstrap import group_intervals, metric_intervals, point_intervals

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_trainer.cross_validation import CrossValidation
    from faceloop_trainer.evaluation.bootstrap import Interval
    from faceloop_trainer.evaluation.paired import PairedTest
    from faceloop_trainer.evaluation.result import Evaluation
    from faceloop_trainer.learning_curve import LearningStep

_WORST = 12


@dataclass(frozen=True, eq=False)
class EvaluationSummary:
    """An evaluation with confidence intervals of its metrics.

    Parameters
    ----------
    name : str
        Name of the model, or "cross-validation".
    evaluation : Evaluation
        The errors of all faces.
    seed : int
        Seed of the intervals.
    """

    name: str
    evaluation: Evaluation
    seed: int

    @cached_property
    def metrics(self) -> dict[str, Interval]:
        """Confidence intervals of the metrics; empty if no face was found."""
        if not np.isfinite(self.evaluation.errors).any():
            return {}
        return metric_intervals(self.evaluation, self.seed)

    @cached_property
    def groups(self) -> dict[str, Interval]:
        """Confidence intervals of the mean error of each part of the face."""
        return group_intervals(self.evaluation, self.seed)

    @cached_property
    def points(self) -> list[Interval]:
        """Confidence intervals of the mean error of each point."""
        return point_intervals(self.evaluation, self.seed)

    @property
    def worst(self) -> list[int]:
        """Indices of the faces with the largest errors, worst first."""
        return [int(k) for k in np.argsort(-self.evaluation.errors, kind="stable")[:_WORST]]

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON."""
        return {
            "name": self.name,
            **self.evaluation.to_dict(),
            "intervals": {name: [i.low, i.high] for name, i in self.metrics.items()},
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
        Time of the report.
    faces, people : int
        Number of annotated faces with pictures in the project, and of the people in them.
    snapshot : str
        Hash of the faces that the models were measured on, or that were cross-validated.
    shape : ndarray, shape (N, 2)
        A mean face in units of its inter-ocular distance, to draw on.
    seed : int
        Seed of starts, trainings and intervals.
    provenance : mapping
        Of the model; empty without one.
    warnings : tuple of str
        Warnings about the project's faces, one sentence each.
    model, other : EvaluationSummary or None
        The model, and the one it is compared with.
    unmeasured : str
        Why the model was not measured; empty if it was, or there is none.
    test : PairedTest or None
        The comparison of the two models.
    validation : CrossValidation or None
        Errors of models trained without the people they were measured on.
    curve : tuple of LearningStep
        Trainings on more and more faces.
    pictures : tuple of ndarray
        Picture and annotation of the model's worst faces, if they were asked for.
    kind : str
        What the people are (`faceloop_datasets.subjects`): perhaps only pictures or clips.
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
    warnings: tuple[str, ...] = ()
    model: EvaluationSummary | None = None
    other: EvaluationSummary | None = None
    unmeasured: str = ""
    test: PairedTest | None = None
    validation: CrossValidation | None = None
    curve: tuple[LearningStep, ...] = ()
    pictures: tuple[tuple[NDArray[np.uint8], NDArray[np.float64]], ...] = ()
    kind: str = "person"

    @cached_property
    def pooled(self) -> EvaluationSummary | None:
        """The cross-validation, all parts together."""
        if self.validation is None:
            return None
        return EvaluationSummary("cross-validation", self.validation.pooled, self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return values for JSON."""
        test, pooled = self.test, self.pooled
        return {
            "project": self.project,
            "snapshot": self.snapshot,
            "warnings": list(self.warnings),
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
                    "trained_faces": step.faces,
                    "trained_people": step.people,
                    "seed": step.seed,
                    "seconds": step.seconds,
                    **step.evaluation.metrics(),
                }
                for step in self.curve
            ],
        }
