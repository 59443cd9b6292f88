"""A few people of the bundled sample, trained once for all tests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from faceloop_datasets import Progress, Project, Scheme
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_trainer import TrainingConfig, TrainingResult, train
from faceloop_trainer.data.faces import TrainingFace, load_faces
from faceloop_trainer.train import train_faces

if TYPE_CHECKING:
    from collections.abc import Iterator

PEOPLE = 16
VIEWS = 4
QUICK = TrainingConfig(channels=("raw",), mirror=False, components=8)
"""Poor, and fast."""


@pytest.fixture(scope="session")
def sample_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """64 faces of 16 people."""
    records = [f for f, _ in zip(sample_faces(), range(PEOPLE * VIEWS), strict=False)]
    with Project.create(tmp_path_factory.mktemp("people") / "project") as project:
        project.import_entries("sample", records, scheme="face70")
        yield project


@pytest.fixture(scope="session")
def scheme(sample_project: Project) -> Scheme:
    return sample_project.scheme


@pytest.fixture(scope="session")
def trained(sample_project: Project) -> TrainingResult:
    """What `train` makes of them with default settings."""
    return train(sample_project, TrainingConfig(holdout=0.25))


@pytest.fixture(scope="session")
def few_faces(sample_project: Project) -> list[TrainingFace]:
    """16 faces of 4 people, read: as few as the quick tests need. What they express is unknown."""
    faces, unusable = load_faces(sample_project.scheme, sample_project.faces()[:16], 54.0)
    assert unusable == []
    return [replace(face, expression="") for face in faces]


@pytest.fixture(scope="session")
def unseen_faces(sample_project: Project) -> list[TrainingFace]:
    """20 faces of people who are not among the few."""
    return load_faces(sample_project.scheme, sample_project.faces()[40:60], 54.0)[0]


@pytest.fixture(scope="session")
def quick_training(
    few_faces: list[TrainingFace], scheme: Scheme
) -> tuple[FaceModel, list[Progress]]:
    """The quick model of the few faces, and the steps that its training told."""
    steps: list[Progress] = []
    return train_faces(scheme, few_faces, QUICK, progress=steps.append), steps


@pytest.fixture(scope="session")
def quick_model(quick_training: tuple[FaceModel, list[Progress]]) -> FaceModel:
    return quick_training[0]
