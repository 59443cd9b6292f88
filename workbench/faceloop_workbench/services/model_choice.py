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
from faceloop_runtime.model.face_model import STARTER_FILE

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


@dataclass(frozen=True)
class ModelPlace:
    """The file of a model, to be loaded here or in another process.

    Parameters
    ----------
    name : str
        What the model is called.
    file : Path
        Absolute: of faceloop's, or of clmtrackr's.
    """

    name: str
    file: Path

    def load(self) -> ChosenModel | ChosenTracker:
        """Load the model.

        Raises
        ------
        ModelFileError
            If the file cannot be used.
        """
        if self.file.suffix.lower() in CLMTRACKR:
            return ChosenTracker(self.name, load_clmtrackr(self.file))
        return ChosenModel(self.name, FaceModel.load(self.file))


def choose_tracker(which: str | None, project: Project | None) -> ChosenModel | ChosenTracker:
    """Load a model to fit pictures with: as `choose_model` does, or a file of clmtrackr's.

    Raises
    ------
    ProjectError, ModelFileError
        See `choose_model`.
    """
    chosen = find_model(which, project).load()
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
    place = _find(which, project)
    chosen = ChosenModel(place.name, FaceModel.load(place.file))
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


def find_model(which: str | None, project: Project | None) -> ModelPlace:
    """Find the file of the model that `choose_tracker` loads.

    Raises
    ------
    ProjectError, ModelFileError
        If the project has no such model, or there is no such file.
    """
    if which is not None and Path(which).suffix.lower() in CLMTRACKR:
        return ModelPlace(Path(which).stem, Path(which).absolute())
    return _find(which, project)


def _find(which: str | None, project: Project | None) -> ModelPlace:
    if which is None:
        record = None if project is None else project.active_model
    elif Path(which).is_file():
        return ModelPlace(Path(which).stem, Path(which).absolute())
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
        return ModelPlace(STARTER, STARTER_FILE)
    return ModelPlace(record.name, record.file.absolute())


def _of_project(which: str, project: Project) -> ModelRecord:
    try:
        return project.model(which)
    except ProjectError as error:
        raise ProjectError(f"{error} There is no file {which} either.") from error
