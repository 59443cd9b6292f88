"""Which model a command works with, and whose faces a model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import ModelFileError, Project, ProjectError
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_trainer.data.split import fingerprint
from faceloop_workbench.services.model_choice import STARTER, choose_model, choose_tracker
from faceloop_workbench.services.model_file import copy_model
from faceloop_workbench.services.trained_on import trained_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.safetensors"
    FaceModel.starter().save(path)
    return path


def test_without_a_project_it_is_the_starter_or_a_file(file: Path) -> None:
    assert choose_model(None, None).name == STARTER
    assert choose_model(str(file), None).name == "theirs"
    with pytest.raises(ModelFileError, match=r"no model file none\.safetensors.*--project"):
        choose_model("none.safetensors", None)


def test_a_projects_own_model_comes_before_the_starter(project: Project, file: Path) -> None:
    assert choose_model(None, project).name == STARTER
    record = project.add_model(file, {})
    assert choose_model(None, project).name == STARTER  # it is not in use yet
    project.use_model(record.id)
    for which in (None, "theirs", str(record.id), str(file)):
        assert choose_model(which, project).name == "theirs"
    assert choose_model(STARTER, project).name == STARTER
    with pytest.raises(ProjectError, match="mine"):
        choose_model("mine", project)


def test_what_was_looked_for_is_said(project: Project) -> None:
    with pytest.raises(ProjectError, match=r"no model 'nosuch' in .*There is no file nosuch"):
        choose_model("nosuch", project)


def test_a_model_whose_file_is_gone_is_not_a_fault_of_the_copy(file: Path, tmp_path: Path) -> None:
    copy_model(file, tmp_path / "copy.safetensors")
    assert (tmp_path / "copy.safetensors").read_bytes() == file.read_bytes()
    file.unlink()
    with pytest.raises(ModelFileError, match=r"theirs\.safetensors is missing"):
        copy_model(file, tmp_path / "again.safetensors")


def test_a_model_of_other_points_is_refused(tmp_path: Path) -> None:
    with (
        Project.create(tmp_path / "other", "ibug68") as project,
        pytest.raises(ProjectError, match=r"has the points of face70.* other has those of ibug68"),
    ):
        choose_tracker(None, project)


def test_a_model_tells_whose_faces_it_was_trained_on(project: Project, file: Path) -> None:
    project.import_entries("sample", list(sample_faces())[:2], scheme="face70", copy=True)
    known = project.faces()[0].subject
    assert known is not None
    assert trained_on(project, known) == []
    record = project.add_model(file, {})
    trained = FaceModel.load(record.file).provenance
    assert fingerprint("a stranger") not in str(trained)
    assert trained_on(project, known) == ["theirs"]  # the sample trained the starter
    assert trained_on(project, "a stranger") == []
    record.file.write_bytes(b"damaged")
    assert trained_on(project, known) == []
