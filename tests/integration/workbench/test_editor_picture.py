"""The picture of the face in work comes from a thread, and is never another face's."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from psygnal import emit_queued

from faceloop_datasets import Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.annotate import picture as module
from faceloop_workbench.annotate.picture import FacePicture
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = Session()
    project = Project.create(tmp_path / "faces")
    project.import_entries("sample", list(islice(sample_faces(), 3)), scheme="face70", copy=True)
    session.open(project)
    yield session
    session.close()


@pytest.mark.parametrize("soon", [0.0, 5.0])
def test_the_picture_asked_for_last_arrives_last(session, monkeypatch, soon):
    # At once if it can be had soon; by the window's timer if not.
    monkeypatch.setattr(module, "_SOON", soon)
    items = session.need_project().items()
    picture, arrived = FacePicture(session), []
    picture.arrived.connect(lambda: arrived.append(picture.pixels))
    for item in items:
        picture.read(item)
    picture._job.wait()
    emit_queued()
    assert np.array_equal(picture.pixels, session.picture(items[2]))
    assert np.array_equal(arrived[-1], picture.pixels)
    assert len(arrived) == 3 or not soon
    picture.close_down()


def test_a_picture_that_is_gone_is_a_problem_that_is_told(session):
    project = session.need_project()
    item = project.items()[0]
    (project.path / project.item_media(item).path).unlink()
    picture = FacePicture(session)
    picture.read(item)
    picture._job.wait()
    emit_queued()
    assert picture.pixels is None
    assert "missing" in picture.problem
    picture.read(project.items()[1])
    picture._job.wait()
    emit_queued()
    assert picture.problem == ""
    assert picture.pixels is not None


def test_nothing_arrives_after_nothing_was_asked_for(session, monkeypatch):
    monkeypatch.setattr(module, "_SOON", 0.0)
    picture = FacePicture(session)
    picture.read(session.need_project().items()[0])
    picture.read(None)
    emit_queued()
    assert picture.pixels is None
    assert picture.problem == ""
