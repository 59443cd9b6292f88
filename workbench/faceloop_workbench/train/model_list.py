"""The models a person can choose from: the project's, and the starter. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faceloop_datasets.subjects import count_of
from faceloop_datasets.wording import counted
from faceloop_runtime import FaceModel
from faceloop_workbench.services.comparison import Comparison
from faceloop_workbench.services.expression_text import expressions_text
from faceloop_workbench.services.model_choice import STARTER
from faceloop_workbench.services.model_file import copy_model

from .checked_metrics import checked_metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from faceloop_datasets import ModelRecord, Project


@dataclass(frozen=True, eq=False)
class ListedModel:
    """One model of the list.

    Parameters
    ----------
    id : int or None
        Its number in the project; None for the starter.
    name : str
        Its name.
    file : Path or None
        Its file; None for the starter.
    created : datetime or None
        When it came into the project, in UTC.
    note : str
        For people.
    in_use : bool
        Whether it is the one in use.
    metrics : mapping
        What was measured when it was made, as `checked_metrics` gives them.
    pinned : bool
        Whether it is to be kept, and stands first.
    """

    id: int | None
    name: str
    file: Path | None
    created: datetime | None
    note: str
    in_use: bool
    metrics: Mapping[str, Any]
    pinned: bool = False

    @property
    def faces(self) -> int | None:
        """How many faces it was trained on, if that is known."""
        value: int | None = self.metrics.get("trained_faces")
        return value

    @property
    def trained_here(self) -> bool:
        """Whether it was trained in this project, and not brought in."""
        return "stages" in self.metrics

    @property
    def nme(self) -> float | None:
        """Mean error on the faces held out when it was made, if it was measured."""
        value: float | None = self.metrics.get("nme_mean")
        return value

    @property
    def measured_on(self) -> str:
        """What the error was measured on, for people."""
        if self.nme is None:
            return "Not measured: there was no face that it had not been trained on."
        people = count_of(self.metrics["subjects"], self.metrics.get("subject_kind", "person"))
        return f"Measured on {counted(self.metrics['faces'], 'face')} of {people}."

    @property
    def expressions(self) -> str:
        """How well it names expressions, for people; empty if it knows none."""
        return expressions_text(self.metrics.get("expressions"))

    @property
    def bytes(self) -> int:
        """Size of its file; 0 of the starter, and where the file is missing."""
        try:
            return 0 if self.file is None else self.file.stat().st_size
        except OSError:
            return 0

    @property
    def why_kept(self) -> str:
        """Why it cannot be deleted; empty if it can."""
        if self.id is None:
            return "The starter comes with faceloop."
        if self.in_use:
            return "It is in use. Take another into use first."
        return "It is pinned. Unpin it first." if self.pinned else ""

    @property
    def comparison(self) -> Comparison | None:
        """How it compared with the model before it; None for the starter and older models."""
        values = self.metrics.get("comparison")
        return None if values is None else Comparison.from_dict(values)

    def load(self) -> FaceModel:
        """Load it.

        Raises
        ------
        ModelFileError
            If its file is missing or damaged.
        """
        return FaceModel.starter() if self.file is None else FaceModel.load(self.file)

    def export(self, path: Path) -> None:
        """Copy it to a file, whole or not at all.

        Raises
        ------
        ModelFileError
            If its file is missing.
        InputError
            If it cannot be written.
        """
        if self.file is None:
            self.load().save(path)
        else:
            copy_model(self.file, path)


def list_models(project: Project) -> list[ListedModel]:
    """Models that a project can use, pinned ones first, each part newest first.

    The starter, if it has the same points, is the last.
    """
    active = project.active_model
    points = len(project.scheme)
    listed = [_listed(record, active, points) for record in reversed(project.models())]
    listed.sort(key=lambda model: not model.pinned)
    starter = FaceModel.starter()
    if starter.scheme.name == project.scheme.name:
        made = starter.provenance
        metrics = {"trained_faces": made["pictured"], "expressions": made.get("expressions")}
        note = "comes with faceloop"
        listed.append(ListedModel(None, STARTER, None, None, note, active is None, metrics))
    return listed


def use(project: Project, model: ListedModel) -> None:
    """Take a model into use.

    Raises
    ------
    ProjectError
        If its file is missing or has changed, or the project cannot be written.
    """
    if model.id is None:
        project.use_starter()
    else:
        project.use_model(model.id)


def trainings(models: list[ListedModel]) -> list[Mapping[str, Any]]:
    """Metrics of the models trained here, newest first, with settings and times of the stages."""
    return [m.metrics for m in reversed(_oldest_first(models)) if m.trained_here]


def deletable(models: Sequence[ListedModel]) -> list[ListedModel]:
    """Return those that are neither pinned nor in use, nor the starter."""
    return [model for model in models if not model.why_kept]


def learning_curve(models: list[ListedModel]) -> tuple[list[ListedModel], list[float]]:
    """Return the models that were trained and measured, oldest first, and their errors."""
    measured = [m for m in _oldest_first(models) if m.nme is not None]
    return measured, [m.nme for m in measured if m.nme is not None]


def _oldest_first(models: Sequence[ListedModel]) -> list[ListedModel]:
    return sorted((m for m in models if m.id is not None), key=lambda m: m.id or 0)


def error_text(model: ListedModel, models: Sequence[ListedModel]) -> str:
    """Return the error of a model, and on how many faces where others were measured on others."""
    if model.nme is None:
        return ""
    counts = {one.metrics["faces"] for one in models if one.nme is not None}
    return f"{model.nme:.4f}" + (f" on {model.metrics['faces']}" if len(counts) > 1 else "")


def _listed(record: ModelRecord, active: ModelRecord | None, points: int) -> ListedModel:
    return ListedModel(
        id=record.id,
        name=record.name,
        file=record.file,
        created=record.created,
        note=record.note,
        in_use=active is not None and record.id == active.id,
        metrics=checked_metrics(record.metrics, points),
        pinned=record.pinned,
    )
