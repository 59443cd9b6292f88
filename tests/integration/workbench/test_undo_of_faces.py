"""Undo of what was done to faces of a picture spares later work, and says what it did."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from faceloop_datasets import PointState, Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.annotate.expression import FaceExpression
from faceloop_workbench.annotate.face_commands import FaceCommands
from faceloop_workbench.annotate.face_state import FaceState
from faceloop_workbench.annotate.mouse_editing import MouseEditing
from faceloop_workbench.annotate.picture_faces import PictureFaces
from faceloop_workbench.annotate.start_commands import StartCommands
from faceloop_workbench.annotate.undo import UndoStacks
from faceloop_workbench.commands import Commands
from faceloop_workbench.services.finding import Finding
from faceloop_workbench.session import Session


class Window:
    """The faces of a picture in the tab Annotate, without its widgets."""

    def __init__(self, project: Project) -> None:
        self.session, self.commands, self.said = Session(), Commands(), []
        self.session.told.connect(lambda message: self.said.append(message.text))
        self.faces = PictureFaces(self.session)
        self.editor = FaceEditor(self.session)
        self.undo = UndoStacks(self.editor, FaceExpression(self.session))
        self.faces.named.connect(self.undo.note)
        mouse = MouseEditing(self.editor)
        starts = StartCommands(self.session, self.commands, self.editor, mouse, lambda: None)
        self.adding = FaceCommands(
            self.session, self.commands, self.editor, mouse, self.faces, starts,
            picture=lambda: None, finding=Finding, note=self.undo.note,
        )  # fmt: skip
        self.session.open(project)
        self.item = project.items()[0]
        self.session.show(self.item)

    def add(self) -> int:
        """Add a face beside the one in work; returns its number."""
        state = self.editor.state
        self.adding._add(state.points + 40.0, "a model", "Fit by a model")
        return self.session.need_project().items()[-1].id


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    project = Project.create(tmp_path / "faces")
    project.import_entries("sample", islice(sample_faces(), 1), scheme="face70", copy=True)
    window = Window(project)
    yield window
    window.session.close()


def test_an_added_face_that_was_changed_since_is_not_removed_by_undo(window):
    new, project = window.add(), window.session.need_project()
    window.undo.undo()
    assert project.item(new).removed
    assert window.said[-1].startswith("Took back: Add a face: Fit by a model; ")
    window.undo.redo()
    window.session.show(project.item(new))
    window.editor.select([3, 4, 5])
    window.editor.confirm()
    window.adding._go_back({new: (project.item(new).subject,)}, "Took back: it", removed=True)
    assert not project.item(new).removed
    assert "was changed since; remove it by Shift+Del" in window.said[-1]


def test_a_name_is_taken_back_and_given_again(window):
    project, number = window.session.need_project(), window.item.id
    before = project.item(number).subject
    window.faces.name(number, "Ann")
    window.faces.name(number, "Ben")
    window.undo.undo()
    assert project.item(number).subject == "Ann"
    window.undo.undo()
    assert project.item(number).subject == before
    assert window.said[-1] == f"Took back: Name face {number} Ann."
    window.undo.redo()
    assert project.item(number).subject == "Ann"
    assert window.said[-1] == f"Done again: Name face {number} Ann."


def test_what_was_done_beside_the_face_keeps_its_place_when_the_face_is_left(window):
    project, number = window.session.need_project(), window.item.id
    point, before = window.editor.state.points[9].tolist(), project.item(number).subject
    for x in (3.0, 4.0):
        window.editor.drag(9, window.editor.state.points[9] + x, alone=True)
        window.editor.drop()
        window.faces.name(number, f"Ann {x:.0f}")
    window.undo.undo()
    window.session.show(project.item(number))
    window.undo.undo()  # of the second move, not of the first name
    assert window.editor.state.points[9, 0] == point[0] + 3
    assert project.item(number).subject == "Ann 3"
    window.undo.redo()
    window.undo.redo()
    assert project.item(number).subject == "Ann 4"
    for _ in range(4):
        window.undo.undo()
    assert (project.item(number).subject, window.editor.state.points[9].tolist()) == (before, point)
    window.undo.redo()
    window.editor.drag(9, window.editor.state.points[9] + 5, alone=True)
    window.editor.drop()
    window.session.show(project.item(number))
    window.undo.redo()  # the names are not made again after another change
    assert project.item(number).subject == before


def test_points_outside_the_picture_are_accepted_as_occluded(window):
    project, number = window.session.need_project(), window.item.id
    points = window.editor.state.points.copy()
    points[:3, 0] = -5.0
    head = project.annotation(number)
    annotation = FaceState.estimated(points, "a model").annotation("face70")
    project.save(number, annotation, head.id)
    window.session.show(project.item(number))
    window.editor.select([0, 9])
    window.editor.confirm()
    assert window.editor.state.states[[0, 9]].tolist() == [PointState.OCCLUDED, PointState.VISIBLE]
    assert window.said[-1].startswith("1 point lies outside the picture")
    states = window.editor.accept().annotation.states
    assert (states[:3] == PointState.OCCLUDED).all()
    assert (states[3:] == PointState.VISIBLE).all()
