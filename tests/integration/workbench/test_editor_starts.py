"""What assisted drags start from: the same now, on coming back, reopened, and in another window."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from psygnal import emit_queued

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.sample import sample_clip, sample_clip_truth, sample_faces
from faceloop_runtime.geometry import Similarity
from faceloop_trainer.assist import initial_face
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.annotate.mouse_editing import MouseEditing, MousePosition
from faceloop_workbench.annotate.start_commands import StartCommands
from faceloop_workbench.commands import Commands
from faceloop_workbench.live.player import Player
from faceloop_workbench.live.screening import Screening
from faceloop_workbench.services.finding import Finding
from faceloop_workbench.services.history_text import history_steps
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from faceloop_datasets import Item, QueueEntry

CHIN, NOSE, BROW, MOUTH = 7, 62, 20, 43
FAR = [*range(15, 41), *range(41, 70)]  # brows, eyes, nose and mouth: all but the jaw
TRUTH = next(iter(sample_faces())).annotation.points
DOWN = np.array([0.0, 10.0])


class Window:
    """All of the tab Annotate but what draws it, on a project of its own or a shared one."""

    def __init__(self, project: Project) -> None:
        self.session, self.commands = Session(), Commands()
        self.editor = FaceEditor(self.session)
        self.mouse = MouseEditing(self.editor)
        self.starting = StartCommands(
            self.session, self.commands, self.editor, self.mouse, self._picture
        )
        self.editor.loaded.connect(lambda _: self.starting.update())
        self.editor.edited.connect(lambda *_: self.starting.update())
        self.session.open(project)

    @property
    def project(self) -> Project:
        return self.session.need_project()

    def _picture(self):
        return None if self.editor.item is None else self.session.picture(self.editor.item)

    def do(self, command: str) -> None:
        """Carry out a command, and a fit that comes of it."""
        assert self.commands.why_not(f"annotate.{command}") == ""
        self.commands.run(f"annotate.{command}")
        self.wait()

    def wait(self) -> None:
        """Wait for the fit under way."""
        if self.starting._job is not None:
            self.starting._job.wait()
        emit_queued()

    def new(self, frame: int | None = None) -> Item:
        """Take a face without points in work, in the first face's picture or the clip's frame."""
        if frame is None:
            media = self.project.item_media(self.project.items()[0])
        else:
            media = self.project.add_media(sample_clip())
        item = self.project.add_item(media, frame, name="new")
        self.session.show(item)
        return item

    def preview(self, number: int, shift: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where all points would be after a drag, without dragging."""
        self.editor.drag(number, self.points[number] + shift)
        points = self.editor.drawn.points
        self.editor.cancel()
        return points

    def drag(self, number: int, shift: NDArray[np.float64]) -> None:
        """Drag a point, as the mouse does."""
        begin = self.points[number]
        self.mouse.press(MousePosition(begin, 0.5))
        for share in (0.1, 0.5, 1.0):
            self.mouse.move(MousePosition(begin + share * shift, 0.5))
        self.mouse.release()

    @property
    def points(self) -> NDArray[np.float64]:
        return self.editor.state.points

    def close(self) -> None:
        """Close it, project and all."""
        self.starting.close_down()
        self.session.close()


class House:
    """Windows on one project of one annotated face; all are closed at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with Project.create(folder) as project:
            project.import_entries("sample", islice(sample_faces(), 1), scheme="face70", copy=True)
        self.windows: list[Window] = []

    def window(self) -> Window:
        """Open one more."""
        self.windows.append(Window(Project.open(self.folder)))
        return self.windows[-1]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "faces")
    yield house
    for window in house.windows:
        window.close()
    emit_queued()


# The starts


def by_fit(window: Window) -> None:
    window.new()
    window.do("fit")


def by_three_clicks(window: Window) -> None:
    window.new()
    window.commands.run("annotate.three_clicks")
    for number in (27, 32, CHIN):
        window.mouse.press(MousePosition(TRUTH[number] + [1.5, -1.0], 0.5))
        window.mouse.release()
    window.wait()


def by_another_fit(window: Window) -> None:
    """Fit, drag what is wrong, and fit again from there."""
    by_three_clicks(window)
    window.drag(0, np.array([-9.0, 2.0]))
    window.do("fit")


def by_mirror(window: Window) -> None:
    by_fit(window)
    window.drag(15, np.array([0.0, -7.0]))
    window.editor.select([15])
    window.do("mirror")


def moved_as_a_whole(window: Window) -> None:
    by_three_clicks(window)
    window.editor.select(range(70))
    window.editor.transform(Similarity.from_polar(1.2, 0.1, 6.0, -9.0))
    window.editor.drop()


def _annotated_frames(window: Window) -> None:
    for frame in (16, 24):
        window.new(frame)
        window.editor.start(sample_clip_truth().points[frame], "truth", "Start")
        window.editor.accept()
    window.new(20)


def by_previous_frame(window: Window) -> None:
    _annotated_frames(window)
    window.do("copy_previous")


def by_key_frames(window: Window) -> None:
    _annotated_frames(window)
    window.do("interpolate")


def with_hidden_points(window: Window) -> None:
    """Hide some where the model put them, which follow, and some that were dragged there."""
    by_three_clicks(window)
    window.drag(0, np.array([-6.0, 3.0]))
    window.editor.select([0, 4, 5, 15])
    window.editor.toggle_occluded()
    assert window.preview(CHIN, DOWN)[5][1] > window.points[5][1] + 1.0


def by_queue(window: Window) -> QueueEntry:
    item = window.new()
    fit = initial_face.from_clicks(window.session.model().model, TRUTH[[27, 32, CHIN]])
    entry = window.project.queue.add(item.id, "poor-fit", model="starter", fit=fit)
    window.session.show(item, entry)
    return entry


def taken_from_live(window: Window) -> QueueEntry:
    player = Player()
    screening = Screening(window.session, player)
    screening.use_model("cpu", 1)
    screening.open_file(sample_clip())
    shown, end = None, time.monotonic() + 20
    while shown is None or shown.result is None:
        assert time.monotonic() < end
        emit_queued()
        time.sleep(0.005)
        shown = player.take_frame() or shown
    told: list[str] = []
    window.session.told.connect(lambda message: told.append(message.text))
    screening.queue_fit(shown)
    while not told:
        assert time.monotonic() < end
        emit_queued()
        time.sleep(0.005)
    screening.close_down()
    player.close()
    (entry,) = window.project.queue.list()
    window.session.show(window.project.item(entry.item_id), entry)
    return entry


def _import(window: Window, estimated: list[int]) -> None:
    record = list(islice(sample_faces(), 5))[4]
    states = np.zeros(70, dtype=np.uint8)
    states[estimated] = PointState.ESTIMATED
    annotation = Annotation("face70", record.annotation.points, states)
    record = replace(record, annotation=annotation)
    window.project.import_entries("sample", [record], scheme="face70", copy=True)
    window.session.show(window.project.items()[-1])


def imported_with_estimates(window: Window) -> None:
    _import(window, [33, 15, 16, 5, 6, 8])


def imported_whole(window: Window) -> None:
    _import(window, [])


STARTS = {
    start.__name__: start
    for start in (
        by_fit,
        by_three_clicks,
        by_another_fit,
        by_mirror,
        moved_as_a_whole,
        by_previous_frame,
        by_key_frames,
        with_hidden_points,
        by_queue,
        taken_from_live,
        imported_with_estimates,
        imported_whole,
    )
}


# The ways to come back


def next_and_back(window: Window, _house: House, entry: QueueEntry | None) -> Window:
    item = window.editor.item
    window.session.show(window.project.items()[0])
    window.session.show(item, entry)
    return window


def reopened(window: Window, house: House, entry: QueueEntry | None) -> Window:
    number = window.editor.item.id
    window.close()
    house.windows.remove(window)
    again = house.window()
    again.session.show(again.project.item(number), entry)
    return again


def another_window(window: Window, house: House, entry: QueueEntry | None) -> Window:
    other = house.window()
    other.session.show(other.project.item(window.editor.item.id), entry)
    return other


WAYS = {way.__name__: way for way in (next_and_back, reopened, another_window)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("start", STARTS)
def test_a_drag_moves_the_same_points_equally_far_at_once_and_later(house, start, way):
    window = house.window()
    entry = STARTS[start](window)
    before = window.points
    expected = window.preview(CHIN, DOWN)
    far = np.linalg.norm(expected - before, axis=1)[FAR]
    assert far.max() < 3.0, "what is far from the chin must not move with it"
    assert np.allclose(expected[CHIN] - before[CHIN], DOWN)

    back = WAYS[way](window, house, entry)
    assert np.array_equal(back.points, before)
    assert np.abs(back.preview(CHIN, DOWN) - expected).max() < 1e-9

    # And on from a drag that was saved; by now no entry of the queue is needed.
    back.drag(CHIN, DOWN)
    assert np.abs(back.points - expected).max() < 1e-9
    then = back.preview(MOUTH, np.array([-6.0, 1.0]))
    again = WAYS[way](back, house, None)
    assert np.abs(again.preview(MOUTH, np.array([-6.0, 1.0])) - then).max() < 1e-9
    # Touching a point that was dragged moves nothing.
    assert np.abs(again.preview(CHIN, np.zeros(2)) - expected).max() < 1e-9


def reopen(window: Window, house: House) -> Window:
    """Open the project again, with the same face in work."""
    return reopened(window, house, None)


def chin_drag(window: Window) -> NDArray[np.float64]:
    """Return where all points would be after a drag of the chin."""
    return window.preview(CHIN, DOWN)


# What else is done to a face, and brings a start with it


def test_undo_redo_and_an_old_revision_bring_their_start_back(house):
    window = house.window()
    by_three_clicks(window)
    fitted = window.editor.state
    expected = chin_drag(window)
    window.do("mirror")
    mirrored = window.editor.state
    after_mirror = chin_drag(window)
    assert np.abs(after_mirror - expected).max() > 1.0
    for state, points in ((fitted, expected), (mirrored, after_mirror)):
        window.editor.restore(state, "Undo: Mirror")
        window = reopen(window, house)
        assert np.abs(chin_drag(window) - points).max() < 1e-9
    old = next(r for r in window.editor.history() if r.action == "Fit by starter")
    window.editor.view(old)
    window.editor.restore_revision(old)
    assert np.abs(chin_drag(reopen(window, house)) - expected).max() < 1e-9


def test_a_fit_says_where_it_started(house):
    window, told = house.window(), []
    window.session.told.connect(lambda message: told.append(message.text))
    window.new()
    window.do("fit")
    assert re.fullmatch(
        r"Fit by starter, started from (eyes and nose|start network); "
        r"predicted error 0\.\d{3} IOD\.",
        told[-1],
    )
    window.drag(0, np.array([-20.0, 4.0]))
    window.do("fit")  # where the face is now: a person has placed a point
    assert "started from given points" in told[-1]


def test_a_start_that_the_model_cannot_make_is_told(house):
    window, told = house.window(), []
    window.session.told.connect(lambda message: told.append(message.text))
    window.new()
    window.starting._finding = lambda: Finding("haar")
    window.do("fit")
    assert "no detector 'haar'" in told[-1]
    assert not window.editor.state.present.any()


def test_a_fit_that_moves_nothing_is_saved_for_what_starts_from_it(house):
    window = house.window()
    by_three_clicks(window)
    window.drag(0, np.array([-20.0, 4.0]))
    before, expected = window.points, chin_drag(window)
    window.editor.refit(before, "starter", "Fit by starter")
    assert np.abs(window.points - before).max() < 1e-9
    after = chin_drag(window)
    assert np.abs(after - expected).max() > 1e-3
    assert np.abs(chin_drag(reopen(window, house)) - after).max() < 1e-9


@pytest.mark.parametrize("mine", [True, False])
def test_of_two_faces_saved_at_once_the_one_that_is_chosen_has_its_own_start(house, mine):
    window = house.window()
    by_three_clicks(window)
    expected = window.preview(MOUTH, DOWN)
    other = another_window(window, house, None)
    window.editor.select(range(70))
    window.editor.transform(Similarity(tx=25.0))
    other.drag(0, np.array([-9.0, 0.0]))
    theirs = other.preview(MOUTH, DOWN)
    window.editor.drop()
    assert window.editor.theirs is not None
    if mine:
        assert window.editor.keep_mine().action == "Move the face"
        expected = expected + np.array([25.0, 0.0])
    else:
        window.editor.take_theirs()
        expected = theirs
    assert np.abs(window.preview(MOUTH, DOWN) - expected).max() < 1e-9
    assert np.abs(reopen(window, house).preview(MOUTH, DOWN) - expected).max() < 1e-9


def test_a_face_that_another_window_saves_comes_with_what_it_starts_from(house):
    window = house.window()
    by_fit(window)
    other = another_window(window, house, None)
    by_hand = window.points[[27, 32, CHIN]]
    other.commands.run("annotate.three_clicks")
    for place in by_hand + 3.0:
        other.mouse.press(MousePosition(place, 0.5))
        other.mouse.release()
    other.wait()
    window.editor.synchronise()
    assert np.array_equal(window.points, other.points)
    assert np.abs(chin_drag(window) - chin_drag(other)).max() < 1e-9


def test_what_waits_for_a_disk_that_is_full_keeps_its_start_and_its_name(house):
    window = house.window()
    by_three_clicks(window)
    full = "CREATE TRIGGER full BEFORE INSERT ON revisions BEGIN SELECT RAISE(ABORT, 'full'); END"
    with closing(sqlite3.connect(house.folder / "project.db")) as database:
        database.execute(full)
        window.editor.select(range(70))
        window.editor.transform(Similarity(ty=30.0), "Turn and scale")
        window.editor.drop()
        item, expected = window.editor.item, chin_drag(window)
        window.session.show(window.project.items()[0])
        database.execute("DROP TRIGGER full")
    window.editor.synchronise()
    window.session.show(item)
    assert window.editor.history()[0].action == "Turn and scale the face"
    assert np.abs(chin_drag(reopen(window, house)) - expected).max() < 1e-9


@pytest.mark.parametrize("start", ["by_fit", "by_three_clicks", "imported_whole"])
def test_a_point_that_was_brought_back_or_released_does_not_jump_with_the_next_drag(house, start):
    window = house.window()
    STARTS[start](window)
    brow = [15, 16, 17]
    window.drag(0, np.array([-8.0, 0.0]))
    window.editor.select(brow)
    window.editor.remove()
    window.editor.bring_back(brow)
    brought = window.points
    assert np.isfinite(brought).all()
    # The jaw's end, which was dragged, is touched only.
    assert np.abs(window.preview(0, np.zeros(2)) - brought).max() < 1e-9
    expected = chin_drag(window)
    assert np.linalg.norm(expected - brought, axis=1)[FAR].max() < 3.0
    window = reopen(window, house)
    assert np.abs(chin_drag(window) - expected).max() < 1e-9

    window.editor.select(range(70))
    window.editor.release()
    released = window.points
    assert np.abs(window.preview(0, np.zeros(2)) - released).max() < 1e-9
    expected = chin_drag(window)
    assert np.linalg.norm(expected - released, axis=1)[FAR].max() < 3.0
    assert np.abs(chin_drag(reopen(window, house)) - expected).max() < 1e-9


def test_a_face_of_an_older_version_does_not_jump(house):
    """Older versions did not save what drags start from: from the face as it is, then."""
    window = house.window()
    by_three_clicks(window)
    first = window.points
    history = window.editor.history()[::-1]
    old = window.project.add_item(window.project.item_media(window.editor.item), name="old")
    base = None
    for revision in history:
        base = window.project.save(old.id, revision.annotation, base).id
    window.session.show(window.project.item(old.id))
    assert np.array_equal(window.points, first)
    after = chin_drag(window)
    assert np.linalg.norm(after - first, axis=1)[FAR].max() < 3.0
    window.drag(CHIN, DOWN)
    assert np.abs(chin_drag(window) - chin_drag(reopen(window, house))).max() < 1e-9


def test_a_whole_import_stays_where_it_is_but_for_the_point_that_is_dragged(house):
    window = house.window()
    imported_whole(window)
    before = window.points
    assert np.flatnonzero((chin_drag(window) != before).any(axis=1)).tolist() == [CHIN]
    window.drag(CHIN, DOWN)
    moved = (chin_drag(reopen(window, house)) != before).any(axis=1)
    assert np.flatnonzero(moved).tolist() == [CHIN]


def test_every_revision_says_what_was_done(house):
    window = house.window()
    by_three_clicks(window)
    before = window.editor.state
    window.drag(CHIN, DOWN)
    window.editor.restore(before, "Undo: Move chin")
    window.editor.select([CHIN])
    window.editor.toggle_occluded()
    window.editor.accept()
    window.editor.restore_revision(window.editor.history()[-1])
    done = [revision.action for revision in window.editor.history()[::-1]]
    assert done == [
        "Three clicks",
        "Fit by starter",
        "Move chin",
        "Undo: Move chin",
        "Occlude chin",
        "Accept",
        "Go back to: Three clicks",
    ]
    steps = history_steps(window.editor.history()[::-1], window.project.scheme)
    assert [step.words for step in steps] == [
        "three clicks",
        "fit by starter",
        "moved chin",
        "undo: moved chin",
        "occluded chin",
        "accepted",
        "went back to: three clicks",
    ]
    assert steps[-2].changed == 67
    # What a person changed is the person's; what is a fit's of it is still known.
    assert [step.revision.source for step in steps] == [
        "manual+fit:three clicks",
        "fit:starter",
        "manual+fit:starter",
        "fit:starter",
        "manual+fit:starter",
        "manual",
        "manual+fit:three clicks",
    ]
    (sample,) = window.project.history(window.project.items()[0].id)
    assert history_steps([sample], window.project.scheme)[0].words == "imported from sample"
