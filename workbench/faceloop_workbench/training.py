"""Training a model into a project."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceloop_datasets import FaceloopError
from faceloop_runtime import FaceModel
from faceloop_trainer import TrainingConfig, evaluate, train

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faceloop_datasets import CancelCheck, ModelRecord, ProgressCallback, Project


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model that was trained and registered.

    Parameters
    ----------
    record : ModelRecord
        The model in the project.
    report : mapping
        What training measured.
    in_use : bool
        Whether it is the model in use now.
    because : str
        Why it is, or is not.
    """

    record: ModelRecord
    report: Mapping[str, Any]
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
    metrics = dict(result.report["metrics"])
    in_use, because = _compare(project, metrics, config, progress, cancel)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{project.scheme.name}-{config.experts}.safetensors"
        result.model.save(file)
        record = project.add_model(file, metrics)
    if in_use:
        project.use_model(record.id)
    return TrainedModel(record, result.report, in_use, because)


def _compare(
    project: Project,
    metrics: Mapping[str, Any],
    config: TrainingConfig,
    progress: ProgressCallback | None,
    cancel: CancelCheck | None,
) -> tuple[bool, str]:
    before = project.active_model
    if before is None:
        return True, "it is the first"
    try:
        model = FaceModel.load(before.file)
    except FaceloopError as error:
        return True, f"the one before cannot be loaded ({error})"
    new_error = metrics.get("nme_mean")
    if new_error is None:
        return False, f"there are too few people to compare it with {before.name}"
    old = evaluate(project, model, seed=config.seed, progress=progress, cancel=cancel)
    old_error = old.metrics().get("nme_mean", math.inf)
    comparison = f"NME {new_error:.4f} against {old_error:.4f} of {before.name} on the same faces"
    return new_error <= old_error, comparison
