"""Cross-validation by subject."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from faceloop_datasets import TrainingError
from faceloop_datasets.progress import Monitor
from faceloop_datasets.subjects import kind_of, plural
from faceloop_trainer.data.annotated_shapes import scheme_of_faces
from faceloop_trainer.data.data_warnings import data_warnings
from faceloop_trainer.data.duplicates import join_duplicate_subjects
from faceloop_trainer.data.faces import TrainingFace, load_faces
from faceloop_trainer.data.split import assign_folds
from faceloop_trainer.data.unusable import Unusable
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.evaluation.result import Evaluation

from .config import TrainingConfig
from .train import train_faces

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from faceloop_datasets import Face, Project, Scheme
    from faceloop_datasets.progress import ProgressLike
    from faceloop_runtime import FaceModel


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Errors on every face, each by a model that was trained without its person.

    Attributes
    ----------
    folds : tuple of Evaluation
        One a part, by the model that was trained on the other parts.
    unusable : tuple of Unusable
        Faces that could not be used, and why.
    """

    folds: tuple[Evaluation, ...]
    unusable: tuple[Unusable, ...]

    @cached_property
    def pooled(self) -> Evaluation:
        """All faces together."""
        return Evaluation.joined(self.folds)


def cross_validate(
    project: Project,
    config: TrainingConfig | None = None,
    folds: int = 5,
    *,
    progress: ProgressLike = None,
) -> CrossValidation:
    """Train as often as there are parts, each time without the people of one, and measure on those.

    Says what the settings and the annotations are worth, also where no one can be kept aside. The
    error is that of models that were trained on fewer faces than there are.

    Parameters
    ----------
    project : Project
        The newest annotation of every item is used.
    config : TrainingConfig, optional
        Settings; ``limit`` and ``holdout`` are not used.
    folds : int
        How many parts, at least two.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Raises
    ------
    TrainingError
        If there are too few people or faces.
    Cancelled
        If the monitor stopped it.
    """
    config = config or TrainingConfig()
    scheme, everyone = project.scheme, join_duplicate_subjects(project.faces())
    people = len({face.subject_key for face in everyone})
    if folds < 2 or people < folds:
        raise TrainingError(
            f"A cross-validation in {folds} parts was asked for; expected 2 or more parts, and at "
            f"least as many {plural(_kind(everyone))}: the project {project.name} shows "
            f"{people}." + " ".join(["", *data_warnings(everyone, scheme)])
        )
    fold_of_subject = assign_folds(everyone, folds, config.seed)
    scheme = scheme_of_faces(scheme, everyone, config)
    faces, unusable = load_faces(
        scheme, everyone, config.scales[-1], seed=config.seed, progress=progress
    )
    monitor, protocol, found = Monitor.of(progress), EvaluationProtocol(seed=config.seed), []
    for fold in range(folds):
        held = {subject for subject, own in fold_of_subject.items() if own == fold}
        training = [f for f in faces if f.subject not in held]
        testing = measurable(faces, held)
        part = f"part {fold + 1} of {folds}"
        model = train_part(scheme, training, config, part, monitor)
        within = monitor.within(part)
        found.append(measure(model, testing, len(testing), protocol, progress=within))
    return CrossValidation(tuple(found), tuple(unusable))


def _kind(faces: Sequence[Face]) -> str:
    return kind_of(face.subject_source for face in faces)


def measurable(faces: Sequence[TrainingFace], people: Collection[str]) -> list[TrainingFace]:
    """Return the faces of some people that a model can be measured on."""
    return [f for f in faces if f.subject in people and f.picture is not None and f.measured.any()]


def train_part(
    scheme: Scheme,
    faces: Sequence[TrainingFace],
    config: TrainingConfig,
    part: str,
    monitor: Monitor,
) -> FaceModel:
    """Train one of several models; ``part`` says which, to the monitor and in errors."""
    try:
        return train_faces(scheme, faces, config, progress=monitor.within(part))
    except TrainingError as error:
        raise TrainingError(f"In {part}: {error}") from error
