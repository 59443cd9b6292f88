"""Which model a command works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import ProjectError
from faceloop_runtime import FaceModel

if TYPE_CHECKING:
    from faceloop_datasets import Project

STARTER = "starter"


@dataclass(frozen=True, eq=False)
class ChosenModel:
    """A loaded model and the name that reports and the review queue give it."""

    name: str
    model: FaceModel


def choose_model(which: str | None, project: Project | None) -> ChosenModel:
    """Load a model.

    Parameters
    ----------
    which : str or None
        A model file, the name or number of a model of the project, or ``starter``. By default
        the model that the project has in use, and the starter model where there is none.
    project : Project or None
        Where to look.

    Raises
    ------
    ProjectError
        If the project has no such model, or the model's points are not the project's.
    ModelFileError
        If the file cannot be used.
    """
    chosen = _load(which, project)
    if project is not None and chosen.model.scheme.name != project.scheme.name:
        raise ProjectError(
            f"The model {chosen.name} has the points of {chosen.model.scheme.name}, the project "
            f"{project.name} has those of {project.scheme.name}. Train a model in this project, "
            "or choose another with --model."
        )
    return chosen


def _load(which: str | None, project: Project | None) -> ChosenModel:
    if which is not None and (project is None or Path(which).is_file()):
        return ChosenModel(Path(which).stem, FaceModel.load(which))
    if project is None or which == STARTER:
        return ChosenModel(STARTER, FaceModel.starter())
    if which is not None:
        record = project.model(int(which) if which.isdigit() else which)
    elif (active := project.active_model) is not None:
        record = active
    else:
        return ChosenModel(STARTER, FaceModel.starter())
    return ChosenModel(record.name, FaceModel.load(record.file))
