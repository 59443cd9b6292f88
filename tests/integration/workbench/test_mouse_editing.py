"""What presses, moves and releases of the mouse do to a face, and the ways to start one."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import PointState, Project
from faceloop_datasets.sample import sample_clip, sample_clip_truth, sample_faces
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.annotate.mouse_editing import ClickRequest, MouseEditing, MousePosition
from faceloop_workbench.annotate.start_commands import StartCommands
from faceloop_workbench.commands import Commands
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIXEL = 0.5  # the screen shows a pixel of the picture as two


class Table:
    """An editor with a hand and the commands that start a face, on one face of the sample."""

    def __init__(self, folder: Path) -> None:
        self.project = Project.create(folder)
        faces = list(islice(sample_faces(), 1))
        self.project.import_entries("sample", faces, scheme="face70", copy=True)
        self.session, self.commands = Session(), Commands()
        self.editor = FaceEditor(self.session)
        self.mouse = MouseEditing(self.editor)
        self.told: list[str] = []
        self.session.told.connect(lambda message: self.told.append(message.text))
        self.starting = StartCommands(
            self.session, self.commands, self.editor, self.mouse, self._picture
        )
        self.editor.loaded.connect(lambda _: self.starting.update())
        self.session.open(self.project)
        self.item = self.project.items()[0]
        self.session.show(self.item)
        self.start = self.editor.state.points

    def _picture(self):
        item = self.editor.item
        return None if item is None or item.media_id is None else self.session.picture(item)

    def drag(self, start, shift, **keys: bool) -> bool:
        """Press, move in three steps, release; returns whether the hand took the press."""
        begin, way = np.asarray(start, dtype=float), np.asarray(shift, dtype=float)
        taken = self.mouse.press(MousePosition(begin, PIXEL, **keys))
        for share in (0.1, 0.5, 1.0):
            self.mouse.move(MousePosition(begin + share * way, PIXEL, **keys))
        self.mouse.release()
        return taken

    def click(self, place, **keys: bool) -> None:
        """Press and release without a move to speak of."""
        position = MousePosition(np.asarray(place, dtype=float), PIXEL, **keys)
        self.mouse.press(position)
        self.mouse.move(MousePosition(position.xy + 0.4, PIXEL, **keys))
        self.mouse.release()

    def moved(self) -> list[int]:
        """Points that are not where they were at the beginning."""
        return np.flatnonzero((self.editor.state.points != self.start).any(axis=1)).tolist()


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    table = Table(tmp_path / "faces")
    yield table
    table.starting.close_down()
    table.session.close()


def test_a_click_selects_without_moving_anything(table):
    table.click(table.start[7])
    assert table.editor.selection == (7,)
    table.click(table.start[8], shift=True)
    table.click(table.start[9], shift=True)
    table.click(table.start[8], shift=True)
    assert table.editor.selection == (7, 9)
    table.click((5, 5))
    assert table.editor.selection == ()
    assert table.moved() == []
    assert len(table.editor.history()) == 1


def test_a_point_is_dragged_by_as_much_as_the_mouse_moves(table):
    # Pressed a little beside the point: it must not jump to the mouse.
    assert table.drag(table.start[7] + 2, (10, 4))
    assert np.allclose(table.editor.state.points[7], table.start[7] + [10, 4])
    assert table.editor.selection == (7,)
    assert len(table.editor.history()) == 2


def test_empty_ground_is_the_viewers(table):
    assert not table.drag((5, 5), (30, 30))
    assert table.moved() == []


def test_a_selected_point_takes_the_others_along_unless_control_is_held(table):
    table.editor.select([43, 49])
    table.drag(table.start[43], (3, 0))
    assert table.moved() == [43, 49]
    table.drag(table.editor.state.points[43], (0, 5), control=True)
    assert np.allclose(
        table.editor.state.points[[43, 49]] - table.start[[43, 49]], [[3, 5], [3, 0]]
    )


def test_a_rectangle_selects_what_it_holds_and_can_shrink_again(table):
    low, high = table.start[:15].min(axis=0) - 2, table.start[:15].max(axis=0) + 2
    bands = []
    table.mouse.selection_box.connect(bands.append)
    table.mouse.press(MousePosition(low, PIXEL, shift=True))
    table.mouse.move(MousePosition(high + 100, PIXEL, shift=True))
    assert len(table.editor.selection) > 50
    table.mouse.move(MousePosition(low + 4, PIXEL, shift=True))
    table.mouse.release()
    assert len(table.editor.selection) < 5
    assert bands[-1] is None
    assert bands[0] is not None


def test_control_beside_the_points_turns_and_scales_round_their_centre(table):
    chosen = [43, 46, 49, 52]
    table.editor.select(chosen)
    centre = table.start[chosen].mean(axis=0)
    begin = centre + np.array([60, 0])
    table.mouse.press(MousePosition(begin, PIXEL, control=True))
    table.mouse.move(MousePosition(centre + np.array([0, 120]), PIXEL, control=True))
    table.mouse.release()
    expected = centre + 2 * (table.start[chosen] - centre) @ np.array([[0, 1], [-1, 0]])
    assert np.allclose(table.editor.state.points[chosen], expected)
    assert table.moved() == chosen


def test_cancel_in_the_middle_of_a_drag_puts_all_back(table):
    table.mouse.press(MousePosition(table.start[7], PIXEL))
    table.mouse.move(MousePosition(table.start[7] + 20, PIXEL))
    assert table.editor.dragging
    assert table.mouse.cancel()
    table.mouse.move(MousePosition(table.start[7] + 40, PIXEL))
    table.mouse.release()
    assert table.moved() == []
    assert not table.mouse.cancel()


def test_what_was_begun_on_one_face_does_not_go_on_with_the_next(table):
    other = table.project.add_item(table.project.item_media(table.item), name="other")
    table.mouse.press(MousePosition(table.start[7], PIXEL))
    table.mouse.move(MousePosition(table.start[7] + 20, PIXEL))
    table.session.show(other)
    table.mouse.move(MousePosition(table.start[7] + 40, PIXEL))
    table.mouse.release()
    assert table.project.annotation(other.id) is None
    table.commands.run("annotate.three_clicks")
    table.session.show(table.item)
    assert table.mouse.clicks is None
    assert table.moved() == []


def test_clicks_that_are_asked_for_come_before_points_and_panning_is_no_click(table):
    places = []
    table.mouse.request_clicks(ClickRequest(("one", "other"), table.told.append, places.append))
    assert "one (1 of 2)" in table.told[-1]
    table.click(table.start[7])
    assert "other (2 of 2)" in table.told[-1]
    table.drag(table.start[7], (40, 0))
    assert places == []
    table.click((1, 2))
    assert np.allclose(places[0], [table.start[7], (1, 2)])
    assert table.mouse.clicks is None
    assert table.moved() == []


def test_a_drag_ends_looking_at_an_old_revision(table):
    old = table.editor.history()[0]
    table.editor.view(old)
    assert np.array_equal(table.editor.faint, old.annotation.points)
    assert table.drag(table.start[7], (10, 0))
    assert table.editor.faint is None
    assert table.moved() == [7]


# Ways to start


def wait_for_fit(table: Table) -> None:
    """Deliver what the fit's thread reports, as the window's timer does."""
    from psygnal import emit_queued

    assert table.starting._job is not None
    table.starting._job.wait()
    emit_queued()


def new_face(table: Table) -> None:
    """Take a face without points in work, in the picture of the sample face."""
    item = table.project.add_item(table.project.item_media(table.item), name="new")
    table.session.show(item)


def test_fit_finds_the_face_and_confirms_nothing(table):
    new_face(table)
    started = []
    table.starting.started.connect(lambda: started.append(1))
    table.commands.run("annotate.fit")
    wait_for_fit(table)
    state = table.editor.state
    assert np.linalg.norm(state.points - table.start, axis=1).mean() < 8
    assert state.unconfirmed == 70
    assert state.source == "fit:starter"
    assert started == [1]


def test_a_fit_that_ends_after_another_face_was_chosen_is_not_given_to_that_one(table):
    new_face(table)
    table.commands.run("annotate.fit")
    table.session.show(table.item)
    wait_for_fit(table)
    assert table.moved() == []


def test_a_fit_leaves_points_alone_that_a_person_has_placed(table):
    new_face(table)
    for number in (7, 0, 14):
        table.editor.drag(number, table.start[number])
        table.editor.drop()
    table.commands.run("annotate.fit")
    wait_for_fit(table)
    state = table.editor.state
    assert np.array_equal(state.points[[0, 7, 14]], table.start[[0, 7, 14]])
    assert (state.states == PointState.ESTIMATED).sum() == 67
    table.session.show(table.item)
    table.commands.run("annotate.fit")
    assert "Every point" in table.told[-1]


def test_three_clicks_place_a_face_through_them(table):
    new_face(table)
    table.commands.run("annotate.three_clicks")
    for number in (27, 32, 7):
        table.click(table.start[number])
    state = table.editor.state
    assert np.allclose(state.points[[27, 32, 7]], table.start[[27, 32, 7]])
    # Those the person has put; the others come from the mean shape.
    assert np.flatnonzero(state.placed).tolist() == [7, 27, 32]
    assert state.unconfirmed == 67
    assert state.source == "manual+fit:three clicks"
    wait_for_fit(table)
    fitted = table.editor.state
    assert np.array_equal(fitted.points[[27, 32, 7]], state.points[[27, 32, 7]])
    assert fitted.source == "fit:starter"
    error = np.linalg.norm(fitted.points - table.start, axis=1).mean()
    assert error < np.linalg.norm(state.points - table.start, axis=1).mean()


def test_a_mirrored_copy_takes_the_selected_half(table):
    table.drag(table.start[3], (-20, 0))
    dragged = table.editor.state.points
    table.editor.select([3])
    table.commands.run("annotate.mirror")
    state = table.editor.state
    assert np.array_equal(state.points[3], dragged[3])
    assert state.points[11][0] > table.start[11][0] + 5
    assert state.states[11] == PointState.ESTIMATED


def test_commands_say_why_they_cannot_be_done(table):
    assert "no frames" in table.commands.why_not("annotate.copy_previous")
    assert table.commands.why_not("annotate.fit") == ""
    shape = table.project.add_item(None, name="only a shape")
    table.session.show(shape)
    assert "picture" in table.commands.why_not("annotate.fit")
    assert "points" in table.commands.why_not("annotate.mirror")
    table.session.show(None)
    assert "No face" in table.commands.why_not("annotate.mirror")


def test_a_project_of_another_scheme_says_that_the_starter_does_not_fit(tmp_path):
    session, commands = Session(), Commands()
    editor = FaceEditor(session)
    starting = StartCommands(session, commands, editor, MouseEditing(editor), lambda: None)
    with Project.create(tmp_path / "imm", scheme="imm58") as project:
        item = project.add_item(None)
        session.open(project)
        session.show(item)
        starting.update()
        assert "imm58" in commands.why_not("annotate.fit")
        editor.drag(3, np.array([5.0, 6.0]))
        editor.drop()
        assert editor.state.present.tolist() == [k == 3 for k in range(58)]
        session.close()


@pytest.fixture
def clip(table: Table):
    """Frames 16, 20 and 24 of the sample clip; the first and the last are annotated."""
    media = table.project.add_media(sample_clip())
    truth = sample_clip_truth()
    frames = {n: table.project.add_item(media, n) for n in (16, 20, 24)}
    for number in (16, 24):
        table.session.show(frames[number])
        table.editor.start(truth.points[number], "truth", "Start")
        table.editor.select(np.flatnonzero(~truth.visible[number]).tolist() or [0])
        table.editor.toggle_occluded()
        table.editor.accept()
    table.session.show(frames[20])
    return truth


def test_a_frame_starts_from_the_one_before_and_occluded_points_are_selected(table, clip):
    table.commands.run("annotate.copy_previous")
    state = table.editor.state
    assert np.allclose(state.points, clip.points[16])
    assert state.unconfirmed == 70
    assert state.source == "fit:previous frame"
    assert len(table.editor.selection) > 0
    assert "occluded" in table.told[-1]


def test_a_frame_starts_between_two_key_frames(table, clip):
    table.commands.run("annotate.interpolate")
    error = np.linalg.norm(table.editor.state.points - clip.points[20], axis=1).mean()
    copied = np.linalg.norm(clip.points[16] - clip.points[20], axis=1).mean()
    assert error < copied


def test_the_first_frame_says_that_there_is_none_before_it(table, clip):
    first = table.project.items()[1]
    table.session.show(first)
    table.commands.run("annotate.copy_previous")
    assert "No earlier frame" in table.told[-1]
    table.commands.run("annotate.interpolate")
    assert "both sides" in table.told[-1]
    assert clip.points.shape[1:] == (70, 2)
