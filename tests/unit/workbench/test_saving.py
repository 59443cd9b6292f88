"""Saving a face: written, refused, met by somebody else's revision."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, Project
from faceloop_workbench.annotate.face_state import FaceState
from faceloop_workbench.annotate.saving import FaceSaver, SaveStatus, UnsavedFaces

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

N = 70


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as made:
        yield made


@pytest.fixture
def saver(project: Project) -> FaceSaver:
    return FaceSaver(project, project.add_item(None, name="one"), None)


def state(x: float) -> FaceState:
    return FaceState.empty(N).placed_at(range(N), np.full((N, 2), x))


def refuse(project: Project, *, writes: bool) -> None:
    """Have the database refuse all new revisions, as a full disk would, or no longer."""
    trigger = "CREATE TRIGGER no BEFORE INSERT ON revisions BEGIN SELECT RAISE(FAIL, 'full'); END"
    with closing(sqlite3.connect(project.path / "project.db")) as connection:
        connection.execute(trigger if writes else "DROP TRIGGER no")
        connection.commit()


def test_each_state_is_based_on_the_last(project: Project, saver: FaceSaver) -> None:
    heard: list[SaveStatus] = []
    saver.changed.connect(heard.append)
    assert saver.status.kind == "untouched"
    saved = [saver.save(state(x), f"to {x}") for x in (1.0, 2.0)]
    history = project.history(saver.item.id)
    assert [r.id for r in history] == [r.id for r in saved if r is not None]
    assert [r.action for r in history] == ["to 1.0", "to 2.0"]
    assert [status.kind for status in heard] == ["saved", "saved"]
    assert saver.head == saved[-1]


def test_what_cannot_be_written_is_written_later(project: Project, saver: FaceSaver) -> None:
    refuse(project, writes=True)
    assert saver.save(state(1.0), "move") is None
    assert (saver.status.kind, saver.retry()) == ("unsaved", None)
    assert saver.status.why
    refuse(project, writes=False)
    saved = saver.retry()
    assert saved is not None
    assert saved.action == "move"
    assert saved.annotation.points[0, 0] == 1.0
    assert saver.retry() is None  # there is nothing left to write


def theirs(project: Project, saver: FaceSaver) -> None:
    head = None if saver.head is None else saver.head.id
    points = np.full((N, 2), 9.0)
    project.save(saver.item.id, Annotation("face70", points, np.zeros(N)), head, "bob")


def test_somebody_elses_revision_counts_until_it_is_decided(
    project: Project, saver: FaceSaver
) -> None:
    saver.save(state(1.0), "move")
    theirs(project, saver)
    assert saver.save(state(2.0), "move") is None
    assert saver.status.kind == "conflict"
    assert saver.theirs is not None
    assert saver.theirs.author == "bob"
    heard: list[SaveStatus] = []
    saver.changed.connect(heard.append)
    assert (saver.retry(), heard) == (None, [])  # nothing is tried: only a person decides
    mine = saver.keep_mine()
    assert mine is not None
    assert mine.annotation.points[0, 0] == 2.0
    assert (saver.theirs, saver.keep_mine()) == (None, None)


def test_theirs_can_be_taken(project: Project, saver: FaceSaver) -> None:
    saver.save(state(1.0), "move")
    theirs(project, saver)
    saver.save(state(2.0), "move")
    taken = saver.take_theirs()
    assert taken is not None
    assert (taken.author, saver.head, saver.waiting) == ("bob", taken, None)
    assert saver.save(state(3.0), "move") is not None  # based on theirs


def test_a_newer_revision_is_noticed_once(project: Project, saver: FaceSaver) -> None:
    saver.save(state(1.0), "move")
    assert saver.newer_revision() is None
    theirs(project, saver)
    newer = saver.newer_revision()
    assert newer is not None
    assert newer.author == "bob"
    assert saver.newer_revision() is None


def test_faces_that_were_left_unsaved_are_tried_again(project: Project, saver: FaceSaver) -> None:
    unsaved, told, saved = UnsavedFaces(), list[str](), list[object]()
    unsaved.told.connect(lambda text, level: told.append(f"{level}: {text}"))
    unsaved.saved.connect(saved.append)
    saver.save(state(1.0), "move")
    unsaved.add(saver)
    assert unsaved.pop(saver.item.id) is None  # it is on disk
    refuse(project, writes=True)
    saver.save(state(2.0), "move")
    unsaved.add(saver)
    assert told[0].startswith("error: one is not saved, trying again: ")
    assert unsaved.pop(saver.item.id) is saver
    unsaved.add(saver)
    refuse(project, writes=False)
    unsaved.retry()
    assert len(saved) == 1
    assert unsaved.pop(saver.item.id) is None
