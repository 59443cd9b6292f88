"""The face editor on a real project: every change on disk, nobody's work lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from psygnal import emit_queued

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.sample import sample_faces
from faceloop_runtime.geometry import Similarity
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.annotate.face_state import FaceState
from faceloop_workbench.annotate.fit_error_learning import FitErrorLearning
from faceloop_workbench.annotate.person_learning import PersonLearning
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets import Item


class Desk:
    """A session with an editor on a project of three faces and a fourth nobody has annotated."""

    def __init__(self, folder: Path) -> None:
        self.project = Project.create(folder)
        faces = list(islice(sample_faces(), 3))
        self.project.import_entries("sample", faces, scheme="face70", copy=True)
        self.session = Session()
        self.editor = FaceEditor(self.session)
        self.told: list[str] = []
        self.session.told.connect(lambda message: self.told.append(message.text))
        self.session.open(self.project)
        self.done = self.project.items()[0]
        self.truth = self._revision(self.done).annotation.points
        self.new = self.project.add_item(self.project.item_media(self.done), name="new")

    def _revision(self, item: Item):
        revision = self.project.annotation(item.id)
        assert revision is not None
        return revision

    def head(self, item: Item) -> Annotation:
        """Return what counts now, as another program reads it."""
        with Project.open(self.project.path) as project:
            revision = project.annotation(item.id)
            assert revision is not None
            return revision.annotation

    def revisions(self, item: Item) -> int:
        """How many revisions are on disk."""
        return len(self.project.history(item.id))

    def fit_new(self) -> NDArray[np.float64]:
        """Start the new face with points that are a little off, as a fit's are."""
        self.session.show(self.new)
        off = self.truth + np.random.default_rng(0).normal(0, 1.5, self.truth.shape)
        self.editor.start(off, "starter", "Fit")
        return off


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "faces")
    yield desk
    desk.session.close()


def drag(editor: FaceEditor, number: int, place: NDArray[np.float64], *, alone: bool = False):
    """Drag in three steps and let go."""
    assert editor.state is not None
    start = editor.state.points[number]
    if np.isnan(start).any():
        start = place
    for share in (0.3, 0.7, 1.0):
        editor.drag(number, start + share * (place - start), alone=alone)
    return editor.drop()


def test_a_face_nobody_has_touched_has_no_points_and_nothing_is_saved(desk):
    desk.session.show(desk.new)
    assert desk.editor.state.missing == list(range(70))
    assert desk.editor.save_status.kind == "untouched"
    assert desk.revisions(desk.new) == 0


def test_an_entry_of_the_queue_brings_its_fit_and_saves_it_with_the_first_change(desk):
    entry = desk.project.queue.add(desk.new.id, "poor-fit", model="m1", fit=desk.truth + 2)
    desk.session.show(desk.new, entry)
    assert desk.editor.state.source == "fit:m1"
    assert desk.revisions(desk.new) == 0
    drag(desk.editor, 7, desk.truth[7])
    head = desk.head(desk.new)
    assert head.source == "manual+fit:m1"
    assert np.flatnonzero(head.trains_shape).tolist() == [7]


def test_a_drag_saves_once_and_only_when_it_is_dropped(desk):
    off = desk.fit_new()
    desk.editor.drag(7, off[7] + [0, 9])
    desk.editor.drag(7, off[7] + [0, 10])
    assert desk.revisions(desk.new) == 1
    assert np.array_equal(desk.editor.state.points, off)
    desk.editor.drop()
    assert desk.revisions(desk.new) == 2
    assert np.allclose(desk.head(desk.new).points[7], off[7] + [0, 10])


def test_a_drag_that_is_cancelled_leaves_nothing(desk):
    off = desk.fit_new()
    desk.editor.drag(7, off[7] + 5)
    desk.editor.cancel()
    assert desk.editor.drop() is None
    assert desk.revisions(desk.new) == 1
    assert np.array_equal(desk.editor.drawn.points, off)


def test_assisted_drags_bring_the_others_nearer_and_leave_placed_points_alone(desk):
    desk.session.show(desk.new)
    off = desk.truth + np.array([4.0, -3.0])
    desk.editor.start(off, "starter", "Fit")
    drag(desk.editor, 7, desk.truth[7])
    for number in (0, 14, 27, 43):
        before = desk.editor.state
        drag(desk.editor, number, desk.truth[number])
        placed = before.placed
        assert np.array_equal(desk.editor.state.points[placed], before.points[placed])
    rest = ~desk.editor.state.placed
    now = desk.editor.state.points
    assert (now[rest] != off[rest]).all()

    def error(points):
        return np.linalg.norm(points - desk.truth, axis=1)[rest].mean()

    assert error(now) < error(off)
    assert desk.editor.state.states[rest].tolist() == [PointState.ESTIMATED] * rest.sum()


@pytest.mark.parametrize("way", ["alone", "unassisted"])
def test_a_plain_drag_moves_one_point(desk, way):
    off = desk.fit_new()
    desk.editor.assisted = way != "unassisted"
    drag(desk.editor, 7, off[7] + 6, alone=way == "alone")
    moved = (desk.editor.state.points != off).any(axis=1)
    assert np.flatnonzero(moved).tolist() == [7]


def test_placed_points_are_still_fixed_after_the_face_was_closed(desk):
    off = desk.fit_new()
    drag(desk.editor, 7, off[7] + [0, 12])
    drag(desk.editor, 0, off[0] + [3, 0])
    expected = desk.editor.state
    desk.session.show(desk.done)
    desk.session.show(desk.new)
    state = desk.editor.state
    assert np.flatnonzero(state.placed).tolist() == [0, 7]
    assert np.array_equal(state.reference, off)
    assert state.is_same_as(expected)
    drag(desk.editor, 14, off[14] + 2)
    assert np.array_equal(desk.editor.state.points[[0, 7]], expected.points[[0, 7]])


def test_half_a_correction_trains_only_what_was_corrected_and_accept_makes_it_whole(desk):
    off = desk.fit_new()
    drag(desk.editor, 7, off[7] + 1)
    half = next(f for f in desk.project.faces() if f.item_id == desk.new.id)
    assert half.annotation.trains_shape.sum() == half.annotation.trains_patches.sum() == 1
    revision = desk.editor.accept()
    assert revision.annotation.source == "manual"
    whole = next(f for f in desk.project.faces() if f.item_id == desk.new.id)
    assert whole.annotation.trains_patches.all()


def test_accepting_twice_saves_once_and_says_what_is_missing(desk):
    desk.fit_new()
    desk.editor.select([41])
    desk.editor.remove()
    first = desk.editor.accept()
    assert "left nostril" in desk.told[-1]
    assert desk.editor.accept().id == first.id
    assert first.annotation.states[41] == PointState.MISSING


def test_a_face_without_points_is_not_accepted(desk):
    desk.session.show(desk.new)
    assert desk.editor.accept() is None
    assert "no points" in desk.told[-1]
    desk.session.show(None)
    assert desk.editor.accept() is None


def test_a_missing_point_is_placed_by_a_click_or_by_the_model(desk):
    desk.session.show(desk.done)
    desk.editor.select([27, 61])
    desk.editor.remove()
    assert desk.editor.state.missing == [27, 61]
    drag(desk.editor, 27, desk.truth[27])
    desk.editor.bring_back([61])
    state = desk.editor.state
    assert state.states[27] == PointState.VISIBLE
    assert state.states[61] == PointState.ESTIMATED
    assert np.linalg.norm(state.points[61] - desk.truth[61]) < 15
    assert not desk.head(desk.done).trains_shape[61]


def test_points_are_placed_from_nothing_one_by_one(desk):
    desk.session.show(desk.new)
    for number in (27, 32, 7):
        drag(desk.editor, number, desk.truth[number])
    head = desk.head(desk.new)
    assert head.source == "manual"
    assert np.flatnonzero(head.present).tolist() == [7, 27, 32]
    desk.editor.bring_back(desk.editor.state.missing)
    assert desk.editor.state.missing == []
    assert desk.head(desk.new).trains_shape.sum() == 3


def test_selected_points_move_turn_and_scale_together(desk):
    off = desk.fit_new()
    desk.editor.select([43, 49])
    desk.editor.assisted = False
    desk.editor.transform(Similarity(tx=2.0))
    desk.editor.drop()
    assert np.allclose(desk.editor.state.points[[43, 49]], off[[43, 49]] + [2, 0])
    assert desk.editor.state.placed.sum() == 2
    desk.editor.select(range(70))
    desk.editor.transform(Similarity.from_polar(1.1, 0.2, 3.0, 4.0))
    desk.editor.drop()
    assert desk.editor.state.placed.sum() == 2  # aligning the face confirms nothing


def test_nudges_add_up_to_one_change(desk):
    off = desk.fit_new()
    desk.editor.select([7])
    for _ in range(4):
        desk.editor.nudge(0.5, 0.0)
    assert desk.revisions(desk.new) == 1
    desk.editor.drop()
    assert desk.revisions(desk.new) == 2
    assert np.allclose(desk.editor.state.points[7], off[7] + [2, 0])


def test_filling_half_a_face_leaves_the_other_half_as_it_was(desk):
    desk.session.show(desk.done)
    before = desk.editor.state
    points = before.points.copy()
    points[:7] += 3
    desk.editor.fill(points, "mirrored copy", "Mirror")
    state = desk.editor.state
    assert state.source == "fit:mirrored copy"
    assert (state.states[:7] == PointState.ESTIMATED).all()
    assert np.array_equal(state.states[7:], before.states[7:])
    assert np.array_equal(state.points[7:], before.points[7:])


def test_an_old_revision_is_looked_at_without_change_and_brought_back_as_a_new_one(desk):
    off = desk.fit_new()
    drag(desk.editor, 7, off[7] + 8)
    first = desk.editor.history()[-1]
    desk.editor.view(first)
    assert np.array_equal(desk.editor.faint, off)
    assert not np.array_equal(desk.editor.drawn.points, off)
    assert desk.revisions(desk.new) == 2
    desk.editor.restore_revision(first)
    assert desk.revisions(desk.new) == 3
    assert np.array_equal(desk.head(desk.new).points, off)
    assert desk.editor.viewing is None


def test_restoring_is_saved_but_is_no_edit(desk):
    off = desk.fit_new()
    start = desk.editor.state
    drag(desk.editor, 7, off[7] + 8)
    edits = []
    desk.editor.edited.connect(lambda *edit: edits.append(edit))
    desk.editor.restore(start, "Undo: Move chin")
    assert edits == []
    assert desk.revisions(desk.new) == 3
    assert np.array_equal(desk.head(desk.new).points, off)


def test_an_import_that_is_repeated_does_not_replace_what_a_person_dragged(desk):
    desk.session.show(desk.done)
    mine = drag(desk.editor, 7, desk.truth[7] + 5, alone=True).annotation
    record = next(iter(sample_faces()))
    other = Annotation("face70", record.annotation.points + 1, record.annotation.states)
    report = desk.project.import_entries(
        "sample", [replace(record, annotation=other)], scheme="face70", copy=True
    )
    assert report.kept_aside == 1
    assert desk.head(desk.done) == mine


# Somebody else


def save_elsewhere(desk: Desk, item: Item, shift: float) -> int:
    """Save as another window does; returns the revision."""
    with Project.open(desk.project.path) as other:
        head = other.annotation(item.id)
        annotation = Annotation("face70", desk.truth + shift, [PointState.VISIBLE] * 70)
        base = None if head is None else head.id
        return other.save(item.id, annotation, base, author="jo").id


def test_what_another_window_saved_is_shown_before_it_is_in_the_way(desk):
    desk.session.show(desk.done)
    edits = []
    desk.editor.edited.connect(lambda *edit: edits.append(edit))
    save_elsewhere(desk, desk.done, 2.0)
    desk.editor.synchronise()
    assert np.array_equal(desk.editor.state.points, desk.truth + 2)
    assert "jo" in desk.told[-1]
    assert len(edits) == 1
    assert drag(desk.editor, 7, desk.truth[7]) is not None
    desk.editor.synchronise()
    assert len(edits) == 2


@pytest.mark.parametrize("mine", [True, False])
def test_of_two_saves_at_once_both_are_kept_and_the_person_chooses(desk, mine):
    desk.session.show(desk.done)
    conflicts = []
    desk.editor.conflict.connect(conflicts.append)
    desk.editor.drag(7, desk.truth[7] + 5, alone=True)
    theirs = save_elsewhere(desk, desk.done, 2.0)
    desk.editor.synchronise()  # in the middle of a drag nothing jumps away
    assert desk.editor.drop() is None
    assert conflicts[-1].id == theirs
    assert desk.editor.save_status.kind == "conflict"
    assert desk.revisions(desk.done) == 3
    assert np.array_equal(desk.head(desk.done).points, desk.truth + 2)
    # Until that is decided nothing can be changed.
    assert drag(desk.editor, 0, desk.truth[0] + 1) is None
    assert desk.editor.accept() is None
    assert desk.revisions(desk.done) == 3
    if mine:
        desk.editor.keep_mine()
        assert np.allclose(desk.head(desk.done).points[7], desk.truth[7] + 5)
    else:
        desk.editor.take_theirs()
        assert np.array_equal(desk.editor.state.points, desk.truth + 2)
        assert desk.head(desk.done) == desk.project.annotation(desk.done.id).annotation
    assert conflicts[-1] is None
    assert desk.editor.save_status.kind == "saved"
    assert drag(desk.editor, 0, desk.truth[0] + 1) is not None


def test_a_conflict_is_still_there_after_looking_at_another_face(desk):
    desk.session.show(desk.done)
    desk.editor.drag(7, desk.truth[7] + 5, alone=True)
    save_elsewhere(desk, desk.done, 2.0)
    desk.editor.drop()
    desk.session.show(desk.new)
    assert desk.editor.theirs is None
    desk.session.show(desk.done)
    assert desk.editor.theirs is not None
    assert np.allclose(desk.editor.state.points[7], desk.truth[7] + 5)


# A disk that fails


@pytest.fixture
def blocked(desk: Desk) -> None:
    """Let every write fail, as a disk that is full does."""
    with closing(sqlite3.connect(desk.project.path / "project.db")) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON revisions BEGIN SELECT RAISE(ABORT, "
            "'database or disk is full'); END"
        )


def free(desk: Desk) -> None:
    """Let writes work again."""
    with closing(sqlite3.connect(desk.project.path / "project.db")) as database:
        database.execute("DROP TRIGGER full")


@pytest.mark.usefixtures("blocked")
def test_what_could_not_be_written_is_kept_and_written_later(desk):
    desk.session.show(desk.done)
    assert drag(desk.editor, 7, desk.truth[7] + 5) is None
    assert desk.editor.save_status.kind == "unsaved"
    assert "full" in desk.editor.save_status.why
    assert np.allclose(desk.editor.state.points[7], desk.truth[7] + 5)
    desk.editor.synchronise()
    assert desk.editor.save_status.kind == "unsaved"
    free(desk)
    desk.editor.synchronise()
    assert desk.editor.save_status.kind == "saved"
    assert np.allclose(desk.head(desk.done).points[7], desk.truth[7] + 5)


@pytest.mark.usefixtures("blocked")
def test_what_could_not_be_written_survives_a_look_at_another_face(desk):
    desk.session.show(desk.done)
    drag(desk.editor, 7, desk.truth[7] + 5)
    desk.session.show(desk.new)
    assert "not saved" in desk.told[-1]
    saved = []
    desk.session.saved.connect(saved.append)
    free(desk)
    desk.editor.synchronise()
    assert [revision.item_id for revision in saved] == [desk.done.id]
    assert np.allclose(desk.head(desk.done).points[7], desk.truth[7] + 5)
    desk.session.show(desk.done)
    assert desk.editor.save_status.kind == "saved"


def test_what_the_faces_of_the_project_teach_about_the_model_is_used(desk):
    faces = list(islice(sample_faces(), 24))
    desk.project.import_entries("sample", faces, scheme="face70", copy=True)
    lessons = FitErrorLearning(desk.session, desk.editor)
    off = desk.fit_new()
    lessons._job.wait()
    emit_queued()
    model, errors = desk.editor.help.errors
    assert model is desk.session.model().model
    assert errors.shape == (140, 140)
    taught = drag(desk.editor, 7, off[7] + 9).annotation.points
    desk.editor.restore(FaceState.saved(desk.editor.history()[-1]), "Undo")
    desk.editor.help.errors = None
    assert not np.array_equal(drag(desk.editor, 7, off[7] + 9).annotation.points, taught)
    desk.session.close()
    assert desk.editor.help.errors is None
    lessons.close_down()


def test_a_project_with_few_faces_teaches_nothing(desk):
    lessons = FitErrorLearning(desk.session, desk.editor)
    desk.fit_new()
    lessons._job.wait()
    emit_queued()
    assert desk.editor.help.errors is None
    lessons.close_down()


def test_what_fits_of_a_person_are_wrong_by_is_taken_out_of_the_next(desk):
    """Of a fit in the queue, at once when another face of the person was opened before."""
    lessons = PersonLearning(desk.session, desk.editor)
    items = desk.project.items()
    assert len({item.subject for item in items[:3]}) == 1
    desk.session.show(items[1])
    lessons._job.wait()
    emit_queued()
    person = desk.editor.help.person
    assert (person.subject, person.faces, person.name) == (items[0].subject, 2, "starter")
    assert np.linalg.norm(person.expected, axis=1).max() > 0.005
    desk.project.set_subject([desk.new.id], items[0].subject)
    fit = desk.truth + 2
    entry = desk.project.queue.add(desk.new.id, "poor-fit", model="starter", fit=fit)
    desk.session.show(desk.project.item(desk.new.id), entry)
    moved, faces = desk.editor.help.for_person(fit, desk.project.item(desk.new.id), person.model)
    assert faces == 2
    assert np.abs(moved - fit).max() > 0.2
    assert np.array_equal(desk.editor.state.points, moved)
    lessons._job.wait()
    emit_queued()
    assert desk.editor.help.person.faces == 3
    # Nothing of it for another person, another model's fit, or another project.
    desk.session.show(desk.project.add_item(None, name="stranger", subject="stranger"))
    lessons._job.wait()
    emit_queued()
    assert desk.editor.help.person is None
    desk.session.show(items[1])
    lessons._job.wait()
    emit_queued()
    other = desk.project.add_item(None, name="other", subject=items[0].subject)
    entry = desk.project.queue.add(other.id, "poor-fit", model="m1", fit=fit)
    desk.session.show(other, entry)
    assert np.array_equal(desk.editor.state.points, fit)
    desk.session.close()
    assert desk.editor.help.person is None
    lessons.close_down()
