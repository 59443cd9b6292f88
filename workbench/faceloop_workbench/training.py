"""Training a model into a project."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import ModelFileError, TrainingError
from faceloop_runtime import FaceModel
from faceloop_trainer import TrainingConfig, evaluate, train

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from faceloop_datasets import CancelCheck, ModelRecord, ProgressCallback, Project
    from faceloop_trainer import Evaluation


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model that was trained and registered.

    Parameters
    ----------
    record : ModelRecord
        The model in the project.
    report : mapping
        Settings, counts and metrics of the training.
    evaluation : Evaluation or None
        Errors on the subjects that were kept aside; None if there were too few.
    in_use : bool
        Whether it is the model in use now.
    because : str
        Why it is, or is not.
    """

    record: ModelRecord
    report: Mapping[str, Any]
    evaluation: Evaluation | None
    in_use: bool
    because: str

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        record = self.record
        return {
            "model": record.name,
            "file": record.file,
            "in_use": self.in_use,
            "because": self.because,
            "report": self.report,
        }


def train_into(
    project: Project,
    config: TrainingConfig,
    *,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> TrainedModel:
    """Train a model on a project's faces and register it there.

    It becomes the model in use if it is the first, or not worse than the one in use on the
    faces that both were not trained on.

    Parameters
    ----------
    project : Project
        Where the faces are.
    config : TrainingConfig
        Settings of the training.
    progress, cancel : callable, optional
        Told each step; asked between steps.

    Raises
    ------
    TrainingError
        If the faces cannot be trained on.
    Cancelled
        If ``cancel`` said so; the project is as it was.
    ProjectError
        If the project cannot be written.
    """
    result = train(project, config, progress=progress, cancel=cancel)
    in_use, because = _choose(project, result.evaluation, config.seed, progress, cancel)
    metrics = {} if result.evaluation is None else result.evaluation.metrics()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{project.scheme.name}-{config.experts}.safetensors"
        result.model.save(file)
        record = project.add_model(file, metrics)
    if in_use:
        project.use_model(record.id)
    return TrainedModel(record, result.report, result.evaluation, in_use, because)


def _choose(
    project: Project,
    new: Evaluation | None,
    seed: int,
    progress: ProgressCallback | None,
    cancel: CancelCheck | None,
) -> tuple[bool, str]:
    """Say whether the new model is to be used, and why."""
    before = project.active_model
    if before is None:
        return True, "it is the first"
    if new is None:
        return False, f"there are too few people to compare it with {before.name}"
    try:
        model = FaceModel.load(before.file)
        old = evaluate(project, model, seed=seed, progress=progress, cancel=cancel)
    except ModelFileError:
        return True, f"{before.name}, the one before, cannot be loaded any more"
    except TrainingError as error:
        return False, f"it cannot be compared with {before.name} ({error})"
    errors = _same_faces(new, old)
    if not len(errors):
        return False, f"there is no face that neither it nor {before.name} was trained on"
    ours, theirs = errors.mean(axis=0)
    because = f"NME {ours:.4f} against {theirs:.4f} of {before.name}, on the same faces"
    return bool(ours <= theirs), because


def _same_faces(new: Evaluation, old: Evaluation) -> NDArray[np.float64]:
    """Errors of the two models on the faces that both have not seen, shape (faces, 2)."""
    before = dict(zip(zip(old.names, old.subjects, strict=True), old.errors, strict=True))
    faces = zip(zip(new.names, new.subjects, strict=True), new.errors, strict=True)
    pairs = [(error, before[face]) for face, error in faces if face in before]
    return np.array(pairs, dtype=np.float64).reshape(-1, 2)
