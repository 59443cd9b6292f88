"""Undo and redo go on where they were when the project was closed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from faceloop_datasets import PointState, Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.annotate.expression import FaceExpression
from faceloop_workbench.annotate.undo import UndoStacks
from faceloop_workbench.session import Session

CHIN, PUPIL = 7, 27


class Window:
    """What the tab Annotate is made of, without its widgets, on a project in a folder."""

    def __init__(self, folder: Path, item_id: int) -> None:
        self.session = Session()
        self.editor = FaceEditor(self.session)
        self.expression = FaceExpression(self.session)
        self.undo = UndoStacks(self.editor, self.expression)
        self.session.project_changed.connect(lambda _: self.undo.clear())
        self.session.open(Project.open(folder))
        self.show(item_id)

    def show(self, item_id: int) -> None:
        """Take a face in work."""
        self.session.show(self.session.need_project().item(item_id))

    @property
    def points(self) -> np.ndarray:
        assert self.editor.state is not None
        return self.editor.state.points

    def move(self, number: int, dx: float) -> np.ndarray:
        """Drag a point alone; returns the points then."""
        self.editor.drag(number, self.points[number] + [dx, 0], alone=True)
        self.editor.drop()
        return self.points

    def actions(self) -> list[str]:
        """What the last revisions say was done, the oldest first."""
        return [revision.action for revision in self.editor.history()[::-1]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Project.create(tmp_path / "faces") as project:
        project.import_entries("sample", islice(sample_faces(), 2), scheme="face70", copy=True)
    return tmp_path / "faces"


@pytest.fixture
def reopen(folder: Path):
    """Close what is open, and open the project again with a face in work."""
    windows: list[Window] = []

    def open_again(item_id: int = 1) -> Window:
        if windows:
            windows[-1].session.close()
        windows.append(Window(folder, item_id))
        return windows[-1]

    yield open_again
    windows[-1].session.close()


def test_each_change_is_taken_back_and_made_again_after_reopening(reopen):
    window = reopen()
    imported = window.points
    first = window.move(CHIN, 5.0)
    second = window.move(PUPIL, 4.0)
    window.editor.select([CHIN])
    window.editor.toggle_occluded()
    third = window.editor.state
    window.undo.undo()
    assert np.array_equal(window.points, second)

    window = reopen()
    assert window.undo.group.canRedo()
    window.undo.undo()
    assert np.array_equal(window.points, first)
    assert window.actions()[-1] == "Undo: Move left pupil"
    window = reopen()
    window.undo.undo()
    assert np.array_equal(window.points, imported)
    assert not window.undo.group.canUndo()  # what was imported is where it ends

    window = reopen()
    for points in (first, second, third.points):
        window.undo.redo()
        assert np.array_equal(window.points, points)
    assert window.editor.state.is_same_as(third)
    assert window.editor.state.states[CHIN] == PointState.OCCLUDED
    assert not window.undo.group.canRedo()
    assert window.actions()[-1] == "Redo: Occlude chin"
    assert len(window.actions()) == 10  # nothing was overwritten: 1 + 3, 3 undone, 3 made again

    # A new change forgets what could have been made again, and is the next to be taken back.
    window.undo.undo()
    window.move(PUPIL, -3.0)
    window = reopen()
    assert not window.undo.group.canRedo()
    window.undo.undo()
    assert np.array_equal(window.points, second)


def test_a_face_begun_by_a_fit_goes_back_to_nothing_and_one_of_the_queue_to_its_fit(folder, reopen):
    with Project.open(folder) as project:
        media = project.item_media(project.item(1))
        truth = project.annotation(1).annotation.points
        begun, queued = (project.add_item(media, name=name).id for name in ("begun", "queued"))
        entry = project.queue.add(queued, "poor-fit", model="m1", fit=truth + 2)
    window = reopen(begun)
    window.editor.start(truth + 1, "starter", "Fit by starter")
    window.session.show(window.session.need_project().item(queued), entry)
    window.move(CHIN, 9.0)
    window = reopen(begun)
    window.undo.undo()
    assert not window.editor.state.present.any()
    window = reopen(queued)
    window.undo.undo()
    assert np.array_equal(window.points, truth + 2)
    window = reopen(begun)
    window.undo.redo()
    assert np.array_equal(window.points, truth + 1)


def test_labels_of_expressions_take_their_turn(reopen):
    window = reopen()
    imported = window.expression.label
    window.expression.set("happy")
    moved = window.move(CHIN, 5.0)
    window.expression.set("sad")
    window.undo.undo()

    window = reopen()
    assert window.expression.label == "happy"
    assert window.undo.group.redoText() == "Expression sad"
    window.undo.undo()
    assert not np.array_equal(window.points, moved)
    window.undo.undo()
    assert window.expression.label == imported != ""
    assert not window.undo.group.canUndo()
    window = reopen()
    for _ in range(3):
        window.undo.redo()
    assert (window.expression.label, window.points[CHIN, 0]) == ("sad", moved[CHIN, 0])


def test_what_others_saved_beside_is_no_step_and_what_counts_is(folder, reopen):
    window = reopen()
    mine = window.move(CHIN, 5.0)
    with Project.open(folder) as other:
        head = other.annotation(1)
        theirs = other.save(1, head.annotation, head.id, "bob", action="Move left pupil")
        beside = other.annotation(1).annotation
        with pytest.raises(Exception, match="somebody else"):
            other.save(1, beside, head.id, "eve", action="Move chin")
    window = reopen()
    assert window.editor.save_status.revision.id == theirs.id
    window.undo.undo()  # bob's, who changed nothing
    assert window.actions()[-1] in ("Undo: Move left pupil", "Move chin")
    window.undo.undo()
    assert not np.array_equal(window.points, mine)
    assert not window.undo.group.canUndo()


def test_faces_that_were_left_are_forgotten_and_read_again(reopen):
    window = reopen()
    first = window.points
    window.move(CHIN, 5.0)
    window.show(2)
    assert not window.undo.group.canUndo()
    assert len(window.undo.group.stacks()) == 1
    window.show(1)
    window.undo.undo()
    assert np.array_equal(window.points, first)


def test_an_undo_that_has_not_brought_the_state_back_is_a_change_like_any_other(folder, reopen):
    window = reopen()
    window.move(CHIN, 5.0)
    head = window.editor.save_status.revision
    points = head.annotation.points + 1
    annotation = type(head.annotation)("face70", points, head.annotation.states)
    window.session.need_project().save(1, annotation, head.id, action="Undo: Move chin")
    window = reopen()
    window.undo.undo()
    assert np.array_equal(window.points, head.annotation.points)
