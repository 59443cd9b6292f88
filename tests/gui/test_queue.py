"""The tab Queue, used as a person does: first page, list, keys, filters, files that are dropped."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driver import LEFT, type_into
from given import drop
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QComboBox,
    QFrame,
    QLabel,
    QLineEdit,
    QListView,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
)

from faceloop_datasets import PointState, Project
from faceloop_datasets.sample import sample_clip, sample_dir
from faceloop_workbench.widgets.text_dialog import TextDialog


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve pictures in a folder."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in sorted((sample_dir() / "stills").glob("*.jpg"))[:12]:
        shutil.copy(path, folder)
    return folder


def find(driver, kind, name):
    """Return the visible widget of a kind and object name, in the dock or one of its dialogs."""
    found = [w for w in driver.dock.findChildren(kind, name) if w.isVisible()]
    assert found, f"there is no visible {name}"
    return found[0]


def choose(driver, name, text):
    """Choose what begins with a text in a box: open it by mouse, go there by keys."""
    box = find(driver, QComboBox, name)
    QTest.mouseClick(box, LEFT, pos=QPoint(10, box.height() // 2))
    driver.settle(50)
    texts = [box.itemText(k) for k in range(box.count())]
    place = next(k for k, shown in enumerate(texts) if shown.startswith(text))
    QTest.keyClick(box.view(), Qt.Key.Key_Home)
    for _ in range(place):
        QTest.keyClick(box.view(), Qt.Key.Key_Down)
    QTest.keyClick(box.view(), Qt.Key.Key_Return)
    driver.settle(100)


def names(driver):
    """Names that the list shows, from top to bottom."""
    model = driver.dock.findChild(QListView, "queue.list").model()
    return [model.index(row).data() for row in range(model.rowCount())]


def counts(driver):
    return find(driver, QLabel, "queue.counts").text()


def now(driver):
    item = driver.dock.session.item
    return None if item is None else item.name


def test_the_sample_is_one_click_away_and_the_list_goes_through_it(driver):
    driver.button("start.sample")
    driver.until(lambda: driver.dock.session.project is not None, 60)
    driver.until(lambda: len(names(driver)) == 400)
    assert names(driver)[:2] == ["s0000", "s0001"]
    # Nothing is in the queue yet: all faces are shown, with their pictures.
    assert find(driver, QComboBox, "queue.show").currentText() == "All faces (400)"
    shown = find(driver, QListView, "queue.list")
    decoration = Qt.ItemDataRole.DecorationRole
    driver.until(lambda: shown.model().index(0).data(decoration) is not None)

    driver.press("D")
    assert now(driver) == "s0000"
    driver.press("D")
    driver.press("D")
    assert now(driver) == "s0002"
    driver.press("A")
    assert now(driver) == "s0001"
    assert shown.currentIndex().row() == 1
    QTest.mouseClick(shown.viewport(), LEFT, pos=shown.visualRect(shown.model().index(5)).center())
    driver.settle()
    assert now(driver) == "s0005"
    QTest.keyClick(shown, Qt.Key.Key_Down)
    driver.settle()
    assert now(driver) == "s0006"
    driver.press("Q")
    assert driver.dock.queue.review.counts.left["manual"] == 1


def test_reviewing_from_the_worst_face_to_the_last(driver, sample_project):
    project = sample_project
    for number, error in ((7, 0.3), (10, 0.1), (20, 0.2), (30, 0.15)):
        fit = project.annotation(number).annotation.points
        project.queue.add(number, "poor-fit", predicted_error=error, model="m", fit=fit)
    driver.dock.session.open(project)
    driver.settle(100)
    assert names(driver) == ["s0006", "s0019", "s0029", "s0009"]
    assert counts(driver) == "4 left · 0 done"

    # Another window has the worst one: this one gets the next.
    with Project.open(project.path) as other:
        worst = other.queue.next("ann")
        driver.press("D")
        assert now(driver) == "s0019"
        driver.press(" ")
        assert now(driver) == "s0029"
        assert counts(driver) == "3 left · 1 done"
        saved = project.annotation(20).annotation
        assert saved.source == "manual"
        assert (saved.states <= PointState.OCCLUDED).all()
        other.queue.release(worst.id)

    driver.press("X")
    reason = find(driver, QComboBox, "skip.reason").lineEdit()
    QTest.keyClicks(reason, "wears a mask")
    QTest.keyClick(reason, Qt.Key.Key_Return)
    driver.settle(100)
    assert now(driver) == "s0009"
    assert counts(driver) == "2 left · 1 done · 1 skipped"
    driver.press("X")
    offered = find(driver, QComboBox, "skip.reason")
    assert offered.currentText() == "wears a mask"
    QTest.keyClick(offered, Qt.Key.Key_Escape)
    driver.settle()

    driver.press(Qt.Key.Key_Backspace)
    assert now(driver) == "s0019"
    driver.press("D")
    driver.press(" ")
    driver.press(" ")
    assert project.queue.list() == []
    assert counts(driver) == "0 left · 3 done · 1 skipped"
    assert "Everything here is reviewed" in driver.dock._status.text()
    driver.button("queue.way_out")
    assert len(names(driver)) == 400


def test_filters_and_the_search_field_keep_their_keys(driver, sample_project):
    project = sample_project
    for item, reason in zip(project.items()[:6], ("poor-fit", "label-check") * 3, strict=True):
        project.queue.add(item.id, reason, predicted_error=0.1)
    driver.dock.session.open(project)
    driver.settle(100)
    assert len(names(driver)) == 6
    choose(driver, "queue.reason", "Poor fit (3)")
    assert names(driver) == ["s0000", "s0002", "s0004"]
    # The box is left after a choice: keys are commands again.
    shown = find(driver, QListView, "queue.list")
    assert shown.window().focusWidget() is shown
    QTest.keyClick(shown, "D")
    driver.settle()
    assert now(driver) == "s0000"
    choose(driver, "queue.show", "All faces")
    choose(driver, "queue.reason", "Any reason")
    search = find(driver, QLineEdit, "queue.text")
    QTest.mouseClick(search, LEFT)
    driver.focus(search)
    QTest.keyClicks(search, "s01 x")
    driver.settle(100)
    assert search.text() == "s01 x"  # the space is no "accept", the x no "skip"
    assert names(driver) == []
    assert now(driver) == "s0000"
    driver.button("queue.way_out")
    assert search.text() == ""
    assert len(names(driver)) == 400
    choose(driver, "queue.label", "Not labelled")
    assert names(driver) == []


def test_all_that_was_found_of_a_face_is_seen(driver, sample_project):
    project = sample_project
    fit = project.annotation(3).annotation.points
    project.queue.add(3, "poor-fit", predicted_error=0.05, model="m", fit=fit)
    project.queue.add(3, "label-check", note="Point 61, nose <tip>, lies low.", points=(61, 62))
    project.queue.add(8, "poor-fit", predicted_error=0.3, model="m", fit=fit)
    driver.dock.session.open(project)
    driver.settle(100)
    assert counts(driver) == "2 left · 0 done"
    choose(driver, "queue.reason", "Label looks wrong (1)")
    assert names(driver) == ["s0002"]
    model = find(driver, QListView, "queue.list").model()
    row = model.face(model.index(0))
    assert model.why(row) == "label looks wrong, poor fit"
    tip = model.index(0).data(Qt.ItemDataRole.ToolTipRole)
    assert "Label looks wrong: Point 61, nose &lt;tip&gt;, lies low." in tip
    assert "Poor fit: predicted error 0.050 IOD" in tip
    driver.press("D")
    driver.tab("Annotate")
    driver.settle(100)
    said = find(driver, QFrame, "annotate.why").findChild(QLabel).text()
    assert said.splitlines() == [
        "Label looks wrong: Point 61, nose <tip>, lies low.",
        "Poor fit: predicted error 0.050 IOD",
    ]
    driver.button("annotate.doubted")
    assert driver.dock.annotate.editor.selection == (61, 62)
    # What a check finds of the face in work is said at once.
    project.queue.add(3, "manual", note="Look again.")
    driver.dock.session.queue_changed.emit()
    driver.settle(50)
    shown = find(driver, QFrame, "annotate.why").findChild(QLabel).text()
    assert shown.startswith("Put here by hand: Look again.\n")


def test_estimated_points_are_confirmed_in_all_faces_and_back(driver, sample_project):
    project = sample_project
    bridge = project.scheme.point("nose bridge")
    for number in range(1, 41):
        head = project.annotation(number)
        states = head.annotation.states.copy()
        states[bridge] = PointState.ESTIMATED
        estimated = replace(head.annotation, states=states, source="import:muct")
        project.save(number, estimated, head.id)
    session = driver.dock.session
    session.open(project)
    driver.settle(100)
    choose(driver, "queue.label", "Points to confirm")
    assert len(names(driver)) == 40
    driver.press("D")
    driver.tab("Annotate")
    driver.settle(100)
    said = find(driver, QFrame, "annotate.estimated").findChild(QLabel).text()
    assert said == "Only estimated by the import: nose bridge."
    driver.button("queue.confirm_points")
    driver.until(lambda: driver.dock.findChild(QPushButton, "confirm.ok") is not None)
    button = find(driver, QPushButton, "confirm.ok")
    assert button.text() == "Confirm “nose bridge” in all 40 faces"
    points = find(driver, QListWidget, "confirm.points").item(0)
    points.setCheckState(Qt.CheckState.Unchecked)
    assert not button.isEnabled()
    points.setCheckState(Qt.CheckState.Checked)
    QTest.mouseClick(button, LEFT)
    driver.until(lambda: "done in 40 faces" in driver.dock._status.text())
    assert project.estimates().sum() == 0
    assert project.annotation(1).annotation.source == "manual"
    assert not driver.dock.annotate.findChild(QFrame, "annotate.estimated").isVisible()
    assert driver.dock.annotate.editor.state.states[bridge] == PointState.VISIBLE
    driver.dock.annotate.editor.synchronise()
    assert "done in 40 faces" in driver.dock._status.text()  # and not: somebody else saved it
    driver.tab("Queue")
    driver.settle(100)
    assert names(driver) == []
    undo = find(driver, QPushButton, "queue.undo_offer")
    assert undo.text() == "Undo: Confirm nose bridge in 40 faces"
    QTest.mouseClick(undo, LEFT)
    driver.until(lambda: "40 faces are as they were before" in driver.dock._status.text())
    assert project.estimates()[bridge] == 40
    assert project.annotation(1).annotation.source == "import:muct"
    driver.until(lambda: len(names(driver)) == 40)
    assert not undo.isVisible()
    assert not driver.dock.commands.run("queue.undo_confirm")
    assert "no confirmation in all faces" in driver.dock.commands.why_not("queue.undo_confirm")


def test_a_new_project_says_what_to_do_and_takes_what_is_dropped(driver, pictures, tmp_path):
    panel = driver.dock.queue
    drop(panel, [pictures])
    driver.settle()
    assert "Make or open a project first" in driver.dock._status.text()
    driver.button("start.new")
    folder = find(driver, QLineEdit, "new.folder")
    type_into(folder, str(pictures / "x.jpg"))
    (pictures / "x.jpg").write_bytes(b"a file, so no folder can be made here")
    driver.button("new.ok")
    assert "cannot be made" in find(driver, QLabel, "new.problem").text()
    type_into(folder, str(tmp_path / "mine"))
    driver.button("new.ok")
    driver.settle(100)
    project = driver.dock.session.project
    assert project.path == tmp_path / "mine"
    assert find(driver, QPushButton, "empty.import").isEnabled()
    assert driver.dock.commands.why_not("queue.next") == "The project has no faces yet."

    drop(panel, [pictures, sample_clip()])
    driver.until(lambda: len(project.items()) == 12)
    driver.until(lambda: len(names(driver)) == 12)
    status = driver.dock._status.text()
    assert "12 pictures added. 1 video added" in status
    assert "1 cannot be used" in status
    assert "x.jpg" in status
    assert [m.kind for m in project.media()].count("video") == 1
    driver.press("D", Qt.KeyboardModifier.ShiftModifier)
    assert now(driver) == names(driver)[0]
    # Again: nothing comes twice.
    drop(panel, [pictures])
    driver.until(lambda: "were here already" in driver.dock._status.text())
    assert len(project.items()) == 12

    # Of several that cannot be used each is named, with what is wrong; the others are added.
    broken = [pictures / name for name in ("x.jpg", "cut.png", "talk.mp4", "gone.webm")]
    broken[1].write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(30))
    broken[2].write_bytes(sample_clip().read_bytes()[:3000])
    good = pictures / "another.jpg"
    Image.new("RGB", (60, 50), "olive").save(good)
    drop(panel, [*broken, good])
    driver.until(lambda: bool(panel.findChildren(TextDialog)))
    text = panel.findChildren(TextDialog)[0].findChild(QPlainTextEdit, "report.text").toPlainText()
    assert "1 picture added. 4 cannot be used." in text
    assert all(str(path) in text for path in broken) and "Errno" not in text  # noqa: PT018
    panel.findChildren(TextDialog)[0].close()

    # Another project takes its place at once, also in what is drawn before it is read.
    Project.create(tmp_path / "other").close()
    driver.dock.session.open(Project.open(tmp_path / "other"))
    driver.dock.findChild(QListView, "queue.list").grab()
    driver.settle(100)
    assert names(driver) == []

    # The next time it is one click away.
    driver.dock.session.close()
    driver.settle(100)
    driver.button("start.recent.mine")
    assert driver.dock.session.project.path == tmp_path / "mine"


def test_media_that_moved_are_marked_and_found_again(driver, pictures, tmp_path):
    project = Project.create(tmp_path / "mine")
    for path in sorted(pictures.glob("*.jpg")):
        project.add_item(project.add_media(path))
    moved = tmp_path / "elsewhere" / "deep"
    moved.parent.mkdir()
    shutil.move(pictures, moved)
    driver.dock.session.open(project)
    driver.until(lambda: len(driver.dock.queue.review.missing_media) == 12)
    driver.settle(100)
    choose(driver, "queue.media", "Missing media")
    assert len(names(driver)) == 12
    driver.press("D")
    assert now(driver) is not None  # a face without its picture can be gone to
    driver.button("queue.relink")
    driver.enter_file(tmp_path / "elsewhere")
    driver.until(lambda: "Found" in driver.dock._status.text())
    driver.until(lambda: not driver.dock.queue.review.missing_media)
    assert project.resolve(project.media()[0]).parent == moved
    driver.until(lambda: len(names(driver)) == 12)  # all of them, with their pictures
    shown = find(driver, QListView, "queue.list")
    decoration = Qt.ItemDataRole.DecorationRole
    driver.until(lambda: shown.model().index(3).data(decoration) is not None)
    driver.until(lambda: np.any(driver.dock.picture_layer.layer.data))
