"""Which model a command works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets import ModelFileError, ProjectError
from faceloop_datasets.schemes.scheme import check_namesakes
from faceloop_runtime import FaceModel
from faceloop_runtime.clmtrackr import ClmtrackrModel
from faceloop_runtime.clmtrackr import load as load_clmtrackr

if TYPE_CHECKING:
    from faceloop_datasets import ModelRecord, Project

STARTER = "starter"
CLMTRACKR = (".js", ".json")
"""Endings of clmtrackr's model files."""


@dataclass(frozen=True, eq=False)
class ChosenModel:
    """A loaded model and the name that reports and the review queue give it.

    One that is only tried is not kept in any file.
    """

    name: str
    model: FaceModel
    kept: bool = True


@dataclass(frozen=True, eq=False)
class ChosenTracker:
    """A loaded model that can be fitted, and perhaps nothing else, and its name."""

    name: str
    model: FaceModel | ClmtrackrModel


def choose_tracker(which: str | None, project: Project | None) -> ChosenModel | ChosenTracker:
    """Load a model to fit pictures with: as `choose_model` does, or a file of clmtrackr's.

    Raises
    ------
    ProjectError, ModelFileError
        See `choose_model`.
    """
    if which is None or Path(which).suffix.lower() not in CLMTRACKR:
        return choose_model(which, project)
    chosen = ChosenTracker(Path(which).stem, load_clmtrackr(which))
    check_points(chosen, project)
    return chosen


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
    check_points(chosen, project)
    return chosen


def expression_names(model: FaceModel | ClmtrackrModel) -> tuple[str, ...]:
    """Return the expressions that a model knows; none of a model of clmtrackr's."""
    return model.expression_names if isinstance(model, FaceModel) else ()


def check_points(chosen: ChosenModel | ChosenTracker, project: Project | None) -> None:
    """Check that a model has the points of a project.

    Raises
    ------
    ProjectError, SchemeError
        If it has not.
    """
    if project is None:
        return
    check_namesakes(chosen.model.scheme, project.scheme)
    if chosen.model.scheme.name != project.scheme.name:
        raise ProjectError(
            f"The model {chosen.name} has the points of {chosen.model.scheme.name}, the project "
            f"{project.name} has those of {project.scheme.name}. Train a model in this project, "
            "or choose another."
        )


def _load(which: str | None, project: Project | None) -> ChosenModel:
    if which is None:
        record = None if project is None else project.active_model
    elif Path(which).is_file():
        return ChosenModel(Path(which).stem, FaceModel.load(which))
    elif which == STARTER:
        record = None
    elif project is None:
        raise ModelFileError(
            f"There is no model file {which}. Name a file (.safetensors), starter, or with "
            "--project a model of the project."
        )
    else:
        record = _of_project(which, project)
    if record is None:
        return ChosenModel(STARTER, FaceModel.starter())
    return ChosenModel(record.name, FaceModel.load(record.file))


def _of_project(which: str, project: Project) -> ModelRecord:
    try:
        return project.model(which)
    except ProjectError as error:
        raise ProjectError(f"{error} There is no file {which} either.") from error
