"""The list of faces on real projects, with the real editor: order, filters, ways to go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from faceloop_datasets import Annotation, PointState, Project
from faceloop_workbench.annotate.editor import FaceEditor
from faceloop_workbench.queue.review import SKIP_REASONS, Review
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

N = 70
ERRORS = (0.05, 0.20, 0.10, 0.15)


class Window:
    """What a window has, without one."""

    def __init__(self, folder: Path) -> None:
        self.session = Session()
        self.said: list[tuple[str, str]] = []
        self.session.told.connect(lambda message: self.said.append((message.level, message.text)))
        self.review = Review(self.session, FaceEditor(self.session))
        self.session.open(Project.open(folder))

    @property
    def project(self) -> Project:
        return self.session.need_project()

    @property
    def now(self) -> int | None:
        return None if self.session.item is None else self.session.item.id

    def errors(self) -> list[float | None]:
        return [self.review.row(number).predicted_error for number in self.review.rows]


def face(*, estimated: int = 0, missing: int = 0, source: str = "manual") -> Annotation:
    states = np.zeros(N, dtype=np.uint8)
    states[:estimated] = PointState.ESTIMATED
    states[estimated : estimated + missing] = PointState.MISSING
    points = np.random.default_rng(0).normal(50, 20, (N, 2))
    return Annotation("face70", points, states, source)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("review") / "faces"
    with Project.create(folder) as project:
        for number, error in enumerate(ERRORS):
            item = project.add_item(None, name=f"queued {number}")
            fit = np.random.default_rng(number).normal(50, 20, (N, 2))
            project.queue.add(item.id, "poor-fit", predicted_error=error, model="m", fit=fit)
        project.add_item(None, name="labelled")
        project.add_item(None, name="bare")
        project.save(5, face(source="import:x"), None)
    return folder


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """Four entries of poor fits, and two faces that are in no queue."""
    return Path(shutil.copytree(template, tmp_path / "faces"))


@pytest.fixture
def open_window(folder: Path) -> Iterator[Callable[[], Window]]:
    windows: list[Window] = []

    def open_one() -> Window:
        windows.append(Window(folder))
        return windows[-1]

    yield open_one
    for window in windows:
        window.session.close()


@pytest.fixture
def window(open_window: Callable[[], Window]) -> Window:
    return open_window()


class TestList:
    def test_the_queue_worst_first(self, window: Window) -> None:
        assert window.errors() == [0.20, 0.15, 0.10, 0.05]

    def test_all_faces_in_the_order_they_came(self, window: Window) -> None:
        window.review.select(show="all")
        assert window.review.rows == [1, 2, 3, 4, 5, 6]

    def test_an_empty_queue_shows_all_faces_at_once(self, folder: Path) -> None:
        with Project.open(folder) as project:
            for entry in project.queue.list():
                project.queue.done(entry.id)
        window = Window(folder)
        assert window.review.selection.show == "all"
        assert len(window.review.rows) == 6
        window.session.close()

    def test_filters_narrow_it(self, window: Window) -> None:
        review = window.review
        review.select(show="all", label="unlabelled")
        assert review.rows == [1, 2, 3, 4, 6]
        review.select(label="labelled")
        assert review.rows == [5]
        review.select(label=None, reason="poor-fit")
        assert review.rows == [1, 2, 3, 4]
        review.select(reason=None, text="BAR")
        assert review.rows == [6]

    def test_a_reason_is_found_whichever_is_the_worst(self, window: Window) -> None:
        review = window.review
        for item, note in ((2, "Chin lies low."), (1, "Nose lies low."), (6, "Left is right.")):
            window.project.queue.add(item, "label-check", note=note)
        window.session.queue_changed.emit()
        assert review.rows == [2, 4, 1, 3, 6]
        assert [why.reason for why in review.row(2).reasons] == ["poor-fit", "label-check"]
        assert [why.reason for why in review.row(1).reasons] == ["label-check", "poor-fit"]
        assert (review.counts.left["label-check"], review.counts.left["poor-fit"]) == (3, 4)
        assert review.counts.entries["open"] == 5
        review.select(reason="label-check")
        assert review.rows == [2, 1, 6]
        review.next()
        assert review.accept()  # done with all its reasons
        assert review.rows == [1, 6]
        assert (review.counts.left["label-check"], review.counts.left["poor-fit"]) == (2, 3)
        assert (review.counts.done["label-check"], review.counts.done["poor-fit"]) == (1, 1)
        assert review.counts.entries == {"open": 4, "done": 1}

    def test_faces_with_points_to_confirm_are_found(self, window: Window) -> None:
        window.session.saved.emit(
            window.project.save(6, face(estimated=3, source="import:y"), None)
        )
        window.review.select(show="all", label="estimated")
        assert window.review.rows == [6]
        assert window.project.confirm_points([0, 1, 2]).faces == 1
        window.session.items_changed.emit()
        assert window.review.rows == []

    def test_half_corrected_faces_are_found(self, window: Window) -> None:
        window.session.saved.emit(window.project.save(6, face(estimated=3), None))
        window.review.select(show="all", label="half")
        assert window.review.rows == [6]

    def test_media_narrow_it(self, window: Window, tmp_path: Path) -> None:
        from faceloop_datasets import write_video
        from faceloop_datasets.sample import sample_negatives
        from faceloop_workbench.queue.selection import MISSING, PICTURES

        write_video(tmp_path / "v.mp4", [np.full((32, 32, 3), 9, np.uint8)] * 3, 25)
        video = window.project.add_media(tmp_path / "v.mp4")
        picture = window.project.add_media(sample_negatives()[0])
        on_video = window.project.add_item(video, 1).id
        on_picture = window.project.add_item(picture).id
        window.session.items_changed.emit()
        review = window.review
        assert review.videos == {video.id: review.row(on_video).media_path}
        review.select(show="all", media=video.id)
        assert review.rows == [on_video]
        review.select(media=PICTURES)
        assert review.rows == [on_picture]
        review.missing_media = frozenset({picture.id})
        review.select(media=MISSING)
        assert review.rows == [on_picture]

    def test_closing_empties_it(self, window: Window) -> None:
        window.review.next()
        window.session.close()
        assert window.review.rows == []
        assert window.review.place is None

    def test_what_others_add_is_seen_after_a_signal(self, window: Window) -> None:
        window.project.queue.add(6, "manual")
        assert 6 not in window.review.rows
        window.session.queue_changed.emit()
        assert window.review.rows[0] == 6


class TestGoing:
    def test_next_and_previous_go_through_the_list(self, window: Window) -> None:
        review = window.review
        seen = []
        while review.next():
            seen.append(window.now)
        assert seen == [2, 4, 3, 1]
        assert window.said[-1] == ("info", "This is the end of the list.")
        assert review.previous()
        assert window.now == 3
        while review.previous():
            pass
        assert window.now == 2

    def test_the_face_brings_its_entry(self, window: Window) -> None:
        window.review.next()
        assert window.session.entry is not None
        assert window.session.entry.item_id == 2
        assert window.session.entry.fit is not None

    def test_next_unlabelled_leaves_the_list_if_it_must(self, window: Window) -> None:
        review = window.review
        review.select(show="done")
        assert review.next_unlabelled()
        assert window.now == 1
        review.select(show="all")
        review.go_to(5)
        assert review.next_unlabelled()
        assert window.now == 6

    def test_next_unlabelled_says_when_there_is_none(self, window: Window) -> None:
        for number in (1, 2, 3, 4, 6):
            window.project.save(number, face(), None)
        window.session.items_changed.emit()
        assert not window.review.next_unlabelled()
        assert window.said[-1] == ("info", "Every face is labelled.")

    def test_back_goes_through_the_faces_edited_last(self, window: Window) -> None:
        review = window.review
        review.select(show="all")
        for number in (6, 1, 3):
            window.session.saved.emit(window.project.save(number, face(), None))
        review.go_to(5)  # imported, never edited
        went = []
        while review.back():
            went.append(window.now)
        assert went == [3, 1, 6]
        review.go_to(1)
        review.back()
        assert window.now == 3

    def test_back_is_remembered_over_a_restart(self, open_window: Callable[[], Window]) -> None:
        first = open_window()
        first.session.saved.emit(first.project.save(6, face(), None))
        first.session.close()
        again = open_window()
        assert again.review.back()
        assert again.now == 6


class TestAccept:
    def test_the_next_face_comes_and_the_counts_change(self, window: Window) -> None:
        review = window.review
        review.next()
        assert review.accept()
        assert window.now == 4
        assert window.errors() == [0.15, 0.10, 0.05]
        assert review.counts.left.total() == 3
        assert review.counts.done["poor-fit"] == 1
        entry = window.project.queue.get(2)
        assert entry.status == "done"
        assert entry.author is not None
        assert "@" not in entry.author
        saved = window.project.annotation(2)
        assert saved is not None
        assert (saved.annotation.states == PointState.VISIBLE).all()

    def test_it_joins_the_training_set_alone(self, window: Window) -> None:
        before = {f.item_id for f in window.project.faces()}
        window.review.next()
        window.review.accept()
        assert {f.item_id for f in window.project.faces()} - before == {2}

    def test_at_the_end_the_first_that_is_left_comes(self, window: Window) -> None:
        review = window.review
        review.go_to(1)  # the last of the list
        review.accept()
        assert window.now == 2

    def test_the_last_one_ends_it(self, window: Window) -> None:
        for _ in ERRORS:
            window.review.next()
            window.review.accept()
        assert window.review.rows == []
        assert "Everything here is reviewed." in window.said[-1][1]
        assert not window.review.next()

    def test_in_a_list_of_all_faces_the_next_follows(self, window: Window) -> None:
        window.review.select(show="all")
        window.review.go_to(3)
        window.review.accept()
        assert window.now == 4

    def test_missing_points_are_named(self, window: Window) -> None:
        window.project.save(5, face(missing=5, source="import:x"), 1)
        window.session.items_changed.emit()
        window.review.select(show="all")
        window.review.go_to(5)
        assert window.review.accept()
        level, text = window.said[-1]
        assert level == "warning"
        names = window.project.scheme.names
        assert f"5 points are missing: {names[0]}, {names[1]}, {names[2]} and 2 more." in text

    def test_a_face_without_points_is_not_accepted(self, window: Window) -> None:
        window.review.select(show="all")
        window.review.go_to(6)
        assert not window.review.accept()
        assert window.now == 6
        assert window.said[-1][0] == "warning"

    def test_undo_of_it_lets_the_entry_wait_again(self, window: Window) -> None:
        window.project.save(2, face(estimated=3), None)
        window.session.items_changed.emit()
        window.review.go_to(2)
        before = window.review._editor.state
        assert window.review.accept()
        assert window.review.row(2).status == "done"
        window.review.go_to(2)
        window.review._editor.restore(before, "Undo: Accept")
        assert window.review.row(2).status == "open"
        window.review._editor.restore(before.accepted(), "Redo: Accept")
        assert window.review.row(2).status == "done"

    def test_nothing_in_work_says_so(self, window: Window) -> None:
        assert not window.review.accept()
        assert window.said[-1] == ("warning", "No face is in work. Choose one in the list.")


class TestSkip:
    def test_the_reason_is_kept_and_offered_first(self, window: Window) -> None:
        review = window.review
        assert review.skip_reasons == list(SKIP_REASONS)
        review.next()
        assert review.skip("wears a mask")
        assert window.now == 4
        assert review.skip_reasons[0] == "wears a mask"
        assert review.counts.skipped.total() == 1
        review.select(show="skipped")
        assert review.rows == [2]
        assert review.row(2).note == "wears a mask"

    def test_a_face_that_was_in_no_queue_can_be_skipped(self, window: Window) -> None:
        window.review.select(show="all")
        window.review.go_to(6)
        window.review.skip("no face")
        assert window.review.row(6).status == "skipped"

    def test_a_skipped_face_can_be_put_back(self, window: Window) -> None:
        window.review.next()
        window.review.skip("")
        window.review.add(2)
        assert window.review.row(2).status == "open"
        assert window.review.row(2).reason == "manual"
        assert window.review.rows[0] == 2


class TestTwoWindows:
    def test_they_get_different_faces(self, open_window: Callable[[], Window]) -> None:
        one, two = open_window(), open_window()
        one.review.next()
        two.review.next()
        assert (one.now, two.now) == (2, 4)
        two.session.queue_changed.emit()
        assert two.review.row(2).status == "claimed"

    def test_a_face_that_is_left_is_free_again(self, open_window: Callable[[], Window]) -> None:
        one, two = open_window(), open_window()
        one.review.next()
        one.review.next()
        two.review.next()
        assert (one.now, two.now) == (4, 2)

    def test_closing_frees_it(self, open_window: Callable[[], Window]) -> None:
        one, two = open_window(), open_window()
        one.review.next()
        one.session.close()
        two.session.queue_changed.emit()
        two.review.next()
        assert two.now == 2

    def test_what_others_have_comes_last_and_with_a_warning(
        self, open_window: Callable[[], Window]
    ) -> None:
        one, two = open_window(), open_window()
        one.review.next()
        for _ in range(3):
            two.review.next()
            two.review.accept()
        assert two.now == 2
        assert any("another window" in text for level, text in two.said if level == "warning")
        # The other window keeps its claim, and what it has done stays done.
        assert two.project.queue.get(2).status == "claimed"
        one.review.accept()
        two.session.close()
        assert one.project.queue.get(2).status == "done"

    def test_a_click_takes_a_face_whoever_has_it(self, open_window: Callable[[], Window]) -> None:
        one, two = open_window(), open_window()
        one.review.next()
        two.review.go_to(2)
        assert two.now == 2
        assert two.said[-1][0] == "warning"

    @pytest.mark.skipif(os.name == "nt", reason="Windows cannot be asked whether a process runs")
    def test_a_killed_window_gives_its_face_back(
        self, folder: Path, open_window: Callable[[], Window]
    ) -> None:
        killed = (
            "import os, sys\n"
            "from faceloop_datasets import Project\n"
            "from faceloop_workbench.queue.claims import window_name\n"
            "Project.open(sys.argv[1]).queue.claim(2, window_name())\n"
            "os._exit(9)\n"
        )
        assert subprocess.run([sys.executable, "-c", killed, folder], check=False).returncode == 9
        window = open_window()
        window.review.next()
        assert window.now == 2


def test_a_project_that_cannot_be_written_can_be_looked_at(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = window.project.path / "project.db"
    with Project.open(window.project.path) as other, other._database.write():
        # Somebody writes for longer than anybody waits: the timeout is made short for the test.
        monkeypatch.setattr("faceloop_datasets.store.database.BUSY_MS", 50)
        window.review.next()
    assert database.is_file()
    assert window.now == 2
    assert any("another program is writing" in text for _, text in window.said)


def test_the_next_pictures_are_read_ahead(tmp_path: Path) -> None:
    from faceloop_datasets.sample import sample_negatives

    with Project.create(tmp_path / "p") as project:
        for path in sample_negatives()[:3]:
            project.add_item(project.add_media(path))
    window = Window(tmp_path / "p")
    window.review.next()
    pictures = window.session._pictures
    assert pictures is not None
    for future in pictures._asked:
        future.result(timeout=10)
    assert len(pictures._kept) == 2
    second = window.project.item(2)
    assert window.session.picture(second) is window.session.picture(second)
    assert not window.session.picture(second).flags.writeable
    window.session.close()
