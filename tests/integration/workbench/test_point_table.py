"""The point table on a real project: what is typed, chosen and pasted is on disk, and undone."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.annotate.point_table import PointTable
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

V, H, E, M = PointState.VISIBLE, PointState.OCCLUDED, PointState.ESTIMATED, PointState.MISSING


class Desk:
    """A session with a point table on two faces, and a third nobody has annotated."""

    def __init__(self, folder: Path) -> None:
        self.project = Project.create(folder)
        faces = list(islice(sample_faces(), 0, 10, 5))
        self.project.import_entries("sample", faces, scheme="face70", copy=True)
        self.session = Session()
        self.editor = FaceEditor(self.session)
        self.table = PointTable(self.session, self.editor)
        self.told: list[str] = []
        self.session.told.connect(lambda message: self.told.append(message.text))
        self.session.open(self.project)
        self.first, self.second = self.project.items()
        self.new = self.project.add_item(self.project.item_media(self.second), name="new")
        self.session.show(self.first)

    def head(self) -> Annotation:
        """Return what counts of the face in work, as another program reads it."""
        with Project.open(self.project.path) as project:
            return project.annotation(self.editor.item.id).annotation


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "faces")
    yield desk
    desk.session.close()


def test_a_typed_coordinate_moves_that_point_alone_and_is_saved(desk: Desk) -> None:
    before = desk.head().points
    assert desk.table.type_coordinate(7, 0, "101,25")
    after = desk.head().points
    assert after[7].tolist() == [101.25, before[7, 1]]
    assert np.array_equal(np.delete(after, 7, 0), np.delete(before, 7, 0))
    assert desk.project.history(desk.first.id)[-1].action.startswith("Move ")
    assert desk.table.rows()[7][2:5] == (101.25, before[7, 1], V)
    assert not desk.table.type_coordinate(7, 1, "low")
    assert "y of " in desk.told[-1]
    assert "'low' is no number of pixels; expected one from -1000000 to 1000000" in desk.told[-1]
    assert np.array_equal(desk.head().points, after)


def test_a_missing_point_is_placed_when_both_coordinates_are_typed(desk: Desk) -> None:
    desk.session.show(desk.new)
    assert desk.table.type_coordinate(3, 1, "20")
    assert desk.project.annotation(desk.new.id) is None
    assert np.isnan(desk.table.rows()[3].x)
    assert desk.table.rows()[3].y == 20
    assert desk.table.type_coordinate(3, 0, "10")
    assert desk.head().points[3].tolist() == [10, 20]
    assert desk.head().present.sum() == 1
    desk.table.type_coordinate(4, 0, "1")
    desk.session.show(desk.first)
    assert desk.table.rows()[4].x != 1  # half a place belongs to the face it was typed for


@pytest.mark.parametrize("wanted", [V, H, E, M])
def test_a_state_is_set_for_several_points_whatever_they_were(
    desk: Desk, wanted: PointState
) -> None:
    for number, state in enumerate((V, H, E)):
        desk.table.set_state([number], state)
    desk.editor.select([3])
    desk.editor.remove()
    desk.table.set_state([0, 1, 2, 3], wanted)
    states = desk.head().states
    assert states[:4].tolist() == [wanted] * 3 + [M]
    assert (states[4:] == V).all()
    trains = desk.head().trains_shape[:3].tolist()
    assert trains == [wanted in (V, H)] * 3  # what is only estimated teaches nothing
    told = f"{desk.project.scheme.names[3]}: missing, so there is no place"
    assert (told in desk.told[-1] if desk.told else False) == (wanted != M)


def test_points_outside_the_picture_become_occluded_not_visible(desk: Desk) -> None:
    points = desk.editor.state.points.copy()
    points[[2, 5]] = [-9.0, 20.0], [5000.0, 20.0]
    states = np.full(len(points), E)
    desk.project.save(desk.first.id, Annotation("face70", points, states), desk.first.head)
    desk.session.show(desk.project.item(desk.first.id))
    desk.table.set_state([1, 2, 5], V)
    assert desk.head().states[:6].tolist() == [E, V, H, E, E, H]
    assert desk.told[-1] == "2 points lie outside the picture: marked occluded, not visible."


def test_points_are_pasted_on_another_face_as_they_are(desk: Desk) -> None:
    desk.table.set_state([1], H)
    desk.table.set_state([2], M)
    desk.table.set_state([3], E)
    shape = desk.head()
    text = desk.table.copy()
    assert "Copied 70 points" in desk.told[-1]
    desk.session.show(desk.new)
    assert desk.table.paste(text, aligned=False)
    pasted = desk.head()
    assert np.array_equal(pasted.points, shape.points, equal_nan=True)
    assert np.array_equal(pasted.states, shape.states)
    assert not pasted.trains_shape[3]
    assert pasted.trains_shape[0]
    desk.session.show(desk.second)
    before = desk.head()
    desk.editor.select([5, 6])
    some = desk.table.copy()
    assert len(some.splitlines()) == 3
    desk.session.show(desk.first)
    desk.table.paste(some, aligned=False)
    changed = (desk.head().points != shape.points).any(axis=1) & shape.present
    assert np.flatnonzero(changed).tolist() == [5, 6]
    assert np.array_equal(desk.head().points[[5, 6]], before.points[[5, 6]])
    assert desk.editor.selection == (5, 6)


def test_aligned_points_are_a_guess_between_the_eyes_of_the_other_face(desk: Desk) -> None:
    text = desk.table.copy()
    shape = desk.head().points
    desk.session.show(desk.second)
    theirs = desk.head()
    corners = list(desk.project.scheme.iod)
    assert desk.table.paste(text, aligned=True)
    pasted = desk.head()
    assert np.allclose(pasted.points[corners], theirs.points[corners])
    sizes = [np.linalg.norm(np.ptp(points, axis=0)) for points in (pasted.points, shape)]
    spans = [np.linalg.norm(points[corners[1]] - points[corners[0]]) for points in
             (theirs.points, shape)]  # fmt: skip
    assert sizes[0] / sizes[1] == pytest.approx(spans[0] / spans[1], rel=0.2)
    assert (pasted.states == E).sum() >= 68
    assert not pasted.trains_shape[pasted.states == E].any()
    desk.session.show(desk.new)
    assert not desk.table.paste(text, aligned=True)
    assert "no two points in common" in desk.told[-1]
    assert not desk.table.paste("nothing", aligned=False)
    assert desk.told[-1].startswith("Row 1 of the clipboard")
    assert desk.project.annotation(desk.new.id) is None


def test_doubts_are_those_of_entries_that_wait(desk: Desk) -> None:
    entry = desk.project.queue.add(desk.first.id, "label-check", note="Two are swapped.",
                                   points=[4, 9])  # fmt: skip
    desk.table.read_doubts()
    doubtful = {row.number: row.doubt for row in desk.table.rows() if row.doubt}
    assert doubtful == dict.fromkeys((4, 9), "Label looks wrong: Two are swapped.")
    desk.project.queue.done(entry.id, "ann")
    desk.table.read_doubts()
    assert not any(row.doubt for row in desk.table.rows())
