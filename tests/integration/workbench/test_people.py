"""The people of a project: what each has, what is to do, and what the model in use makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_faces
from faceloop_runtime import FaceModel
from faceloop_workbench.services.face_errors import KEY, face_errors, read_face_errors
from faceloop_workbench.services.people import HELD_OUT, TRAINING, list_people

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as project:
        project.import_entries("sample", islice(sample_faces(), 120), scheme="face70")
        yield project


def test_a_row_tells_what_a_person_has_and_what_is_to_do(project: Project, tmp_path: Path) -> None:
    first, second, third, *_ = people = list_people(project)
    assert [one.faces for one in people] == [4] * 30
    assert (first.annotated, first.to_do, first.pictures, first.videos) == (4, 0, 4, 0)
    sides = {one.name: one.side for one in people}
    assert set(sides.values()) == {HELD_OUT, TRAINING}
    assert 1 <= [*sides.values()].count(HELD_OUT) <= 12

    media = project.item_media(project.item(first.items[0]))
    new = project.add_item(media, name="new", subject=first.name)
    project.queue.add(first.items[1], "manual")
    hidden = project.annotation(first.items[0])
    states = hidden.annotation.states.copy()
    states[:3] = 2  # estimated: the next face is a better portrait
    project.save(first.items[0], type(hidden.annotation)(
        "face70", hidden.annotation.points, states), based_on=hidden.id)  # fmt: skip
    file = tmp_path / "model.safetensors"
    FaceModel.starter().save(file)
    errors = {str(second.items[0]): 0.03, str(second.items[1]): 0.05}
    project.use_model(project.add_model(file, {KEY: errors}).id)
    project.remove([third.items[0]])
    first, second, third, *_ = list_people(project)
    assert (third.faces, third.removed) == (3, 1)
    assert new.id in first.items
    assert (first.faces, first.annotated, first.to_do) == (5, 4, 2)
    assert first.portrait == first.items[1]
    assert second.error == pytest.approx(0.04)
    assert third.error is None


@dataclass
class Measured:
    """What `face_errors` reads of an evaluation."""

    items: tuple[int | None, ...]
    errors: np.ndarray


def test_errors_of_faces_are_kept_by_their_numbers() -> None:
    kept = face_errors(Measured((4, None, 7), np.array([0.0123456, 0.5, np.inf])))
    assert kept == {"4": 0.01235}
    assert read_face_errors({KEY: kept}) == {4: 0.01235}
    assert face_errors(None) == {}
    for odd in (None, [], {"x": 1}, {"4": "1"}, {"4": -1}, {"9" * 99: 0.1}, {"4": 1e300}):
        assert read_face_errors({KEY: odd}) == {}
