"""Several faces in one picture: found, named, gone through, moved, removed and brought back."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from driver import type_into
from given import picture_of_two
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit, QTreeWidget

from faceloop_datasets import Project

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
SHOTS = os.environ.get("FACELOOP_SHOTS")


class Desk:
    """A project with one picture of two people, of which nobody has annotated anything."""

    def __init__(self, driver, folder: Path) -> None:
        self.driver = driver
        file = folder / "two.png"
        self.truth = picture_of_two(file)
        self.project = Project.create(folder / "two")
        self.item = self.project.add_item(self.project.add_media(file))
        driver.dock.session.open(self.project)
        driver.tab("Annotate")
        driver.dock.session.show(self.item)
        driver.until(lambda: self.panel.canvas.ready)
        driver.settle(100)
        self.step = np.array([6.0, 4.0])
        self._shots = count()

    @property
    def panel(self):
        return self.driver.dock.annotate

    @property
    def list(self) -> QTreeWidget:
        return self.panel.findChild(QTreeWidget, "annotate.faces")

    @property
    def rows(self) -> list[tuple[str, ...]]:
        rows = (self.list.topLevelItem(k) for k in range(self.list.topLevelItemCount()))
        return [tuple(row.text(column) for column in range(3)) for row in rows]

    @property
    def at(self) -> int:
        """Number of the face in work."""
        return self.panel.editor.item.id

    def head(self, number: int) -> np.ndarray | None:
        """Points that count on disk, as another program reads them."""
        with Project.open(self.project.path) as other:
            revision = other.annotation(number)
            return None if revision is None else revision.annotation.points

    def name(self, text: str) -> None:
        self.driver.press("s", SHIFT)
        line = self.list.findChild(QLineEdit)
        type_into(line, text)
        QTest.keyClick(line, Qt.Key.Key_Return)
        self.driver.until(lambda: text in [row[1] for row in self.rows])
        self.driver.settle()
        assert QApplication.focusWidget() is None  # so that the next key is the picture's

    def shot(self, name: str) -> None:
        if SHOTS:
            self.driver.picture(Path(SHOTS) / f"{next(self._shots):02} {name}.png")


@pytest.fixture
def desk(driver, tmp_path):
    desk = Desk(driver, tmp_path)
    yield desk
    desk.project = None
    desk.__dict__.clear()


def error(points: np.ndarray, truth: np.ndarray) -> float:
    return float(np.nanmean(np.linalg.norm(points - truth, axis=1)))


def test_two_faces_are_found_named_corrected_removed_and_brought_back(desk):
    first = desk.item.id
    second = found_and_kept(desk)
    named(desk, first, second)
    corrected(desk, first, second)
    removed_and_brought_back(desk, first, second)


def found_and_kept(desk) -> int:
    driver, first = desk.driver, desk.item.id
    driver.press("f", CONTROL)
    driver.until(lambda: len(desk.panel.faces.proposals) == 2)
    driver.settle(100)
    desk.shot("found")
    assert [row[0] for row in desk.rows] == [str(first), "found 1", "found 2"]
    # A click on one says that it is none, another that it is.
    middle = [np.nanmean(points, axis=0) for points in desk.truth]
    driver.click(middle[1])
    assert [one.wanted for one in desk.panel.faces.proposals] == [True, False]
    driver.settle(400)  # or it is a double click
    driver.click(middle[1])
    driver.button("annotate.keep_found")
    driver.until(lambda: len(desk.rows) == 2 and desk.rows[1][2])
    second = desk.project.items()[-1].id
    assert [row[::2] for row in desk.rows] == [
        (str(first), "70 points to go"),
        (str(second), "70 points to go"),
    ]
    assert desk.at == first  # it had no points, and is the first that was found
    assert error(desk.panel.editor.state.points, desk.truth[0]) < 8
    driver.settle(100)
    desk.shot("kept")
    return second


def named(desk, first: int, second: int) -> None:
    driver = desk.driver
    desk.name("Ann")
    driver.press(Qt.Key.Key_Tab)
    assert desk.at == second
    assert error(desk.panel.editor.state.points, desk.truth[1]) < 8
    desk.name("Ben")
    assert [one.name for one in desk.project.subjects()] == ["Ann", "Ben"]
    driver.press(Qt.Key.Key_Tab, SHIFT)
    assert desk.at == first
    driver.dock.picture_layer.look_at_all()
    driver.settle(100)
    desk.shot("named")
    driver.click(np.nanmean(desk.truth[1], axis=0))
    assert desk.at == second


def corrected(desk, first: int, second: int) -> None:
    driver = desk.driver
    # A point in each; what is saved of one leaves the other alone.
    lines = driver.viewer.layers["other faces"]
    for number, place in ((second, 7), (first, 0)):
        assert lines.visible
        point = desk.panel.editor.state.points[place]
        others = lines.data.copy()
        driver.drag(point, point + desk.step)
        assert np.allclose(desk.head(number)[place], point + desk.step, atol=0.6)
        assert np.array_equal(lines.data, others)
        driver.press(Qt.Key.Key_Tab)
    assert desk.at == second
    desk.project.choose_side([second], "held out")
    driver.dock.session.items_changed.emit()
    driver.until(lambda: desk.rows[1][2] == "69 points to go · held out")
    assert desk.rows[0][2] == "69 points to go"


def removed_and_brought_back(desk, first: int, second: int) -> None:
    driver, lines = desk.driver, desk.driver.viewer.layers["other faces"]
    driver.press(Qt.Key.Key_Delete, SHIFT)
    assert desk.at == first
    assert [row[1] for row in desk.rows] == ["Ann"]
    assert [one.id for one in desk.project.items()] == [first]
    assert not lines.visible
    driver.press("z", CONTROL)
    assert [row[1] for row in desk.rows] == ["Ann", "Ben"]
    assert lines.visible
    driver.press("z", CONTROL | SHIFT)
    assert [one.id for one in desk.project.items()] == [first]
    driver.button("annotate.show_removed")
    assert desk.rows[1] == (str(second), "Ben", "removed")
    row = desk.list.visualItemRect(desk.list.topLevelItem(1)).center()
    QTest.mouseClick(desk.list.viewport(), Qt.MouseButton.LeftButton, pos=row)
    driver.settle(100)
    desk.shot("removed")
    assert desk.at == second
    driver.tab("Queue")
    box = driver.dock.findChild(QComboBox, "queue.show")
    driver.focus(box)
    QTest.keyClick(box, Qt.Key.Key_End)
    driver.settle(200)
    assert box.currentText() == "Removed (1)"
    assert driver.dock.queue.review.rows == [second]
    desk.shot("queue")
    driver.tab("Annotate")
    driver.button("annotate.bring_face_back")
    assert [one.id for one in desk.project.items()] == [first, second]
    assert [r.removed for r in desk.project.removals(second)] == [True, False, True, False]
    assert len(desk.project.history(second)) == 2  # found, and its point moved


def test_a_face_is_added_by_a_box_or_three_clicks_and_undone_at_once(desk):
    driver, first = desk.driver, desk.item.id
    box = [points.min(axis=0) for points in desk.truth], [p.max(axis=0) for p in desk.truth]
    driver.press("f", SHIFT)
    driver.click(box[0][0])  # no box
    driver.drag(box[0][0] - 8, box[1][0] + 8)
    driver.until(lambda: not desk.panel.editor.state.missing)
    assert desk.at == first
    assert error(desk.panel.editor.state.points, desk.truth[0]) < 8

    driver.button("annotate.add_face")
    driver.drag(box[0][1] - 8, box[1][1] + 8)
    driver.until(lambda: desk.at != first)
    second = desk.at
    driver.settle(100)
    assert error(desk.panel.editor.state.points, desk.truth[1]) < 8
    assert error(desk.head(second), desk.truth[1]) < 8
    driver.press("z", CONTROL)
    assert desk.project.item(second).removed
    assert desk.panel.findChild(object, "annotate.removed").isVisible()

    driver.press(Qt.Key.Key_Tab)
    assert desk.at == first
    driver.press("t", SHIFT)
    scheme = desk.project.scheme
    for place in ("left pupil", "right pupil", "chin"):
        number = scheme.names.index(place)
        driver.click(desk.truth[1][number])
    driver.until(lambda: desk.at not in {first, second})
    driver.until(lambda: len(desk.project.history(desk.at)) == 2)
    assert error(desk.panel.editor.state.points, desk.truth[1]) < 8
    assert [one.id for one in desk.project.items()] == [first, desk.at]
