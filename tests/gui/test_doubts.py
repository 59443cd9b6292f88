"""Labels in doubt in the window: gone through, said to be right or put right, then seen no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFrame, QLabel, QPushButton, QTreeWidget

from faceloop_datasets import Annotation, Project
from faceloop_datasets.sample import sample_faces

if TYPE_CHECKING:
    from pathlib import Path

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
FACES, MENDED, KEPT, WHOLE = 20, 3, 7, 9  # how many, and the numbers of those in doubt
PUPILS, CORNERS = (27, 32), (43, 49)


class Desk:
    """The window with some people; two have the pupils, or corners of the mouth, exchanged."""

    def __init__(self, driver, folder: Path) -> None:
        self.driver, self.folder = driver, folder
        with Project.create(folder) as made:
            records = list(sample_faces())[: 4 * FACES : 4]
            made.import_entries("sample", records, scheme="face70", copy=True)
            for item, pair in ((MENDED, PUPILS), (KEPT, CORNERS)):
                head = made.annotation(item)
                points, states = head.annotation.points.copy(), head.annotation.states
                points[list(pair)] = points[list(pair[::-1])]
                made.save(item, Annotation("face70", points, states), head.id, "bob")
        self.open()

    def open(self) -> None:
        """Open the project, or open it again."""
        self.project = Project.open(self.folder)
        self.driver.dock.session.open(self.project)

    @property
    def panel(self):
        return self.driver.dock.annotate

    @property
    def item(self) -> int:
        """Number of the face in work."""
        return self.driver.dock.session.item.id

    def points_of(self, item: int) -> np.ndarray:
        """Points of a face, as another program reads them."""
        with Project.open(self.folder) as other:
            return other.annotation(item).annotation.points

    def texts(self, name: str) -> str:
        """What a part of the tab says."""
        frame = self.panel.findChild(QFrame, name)
        return "\n".join(label.text() for label in frame.findChildren(QLabel) if label.isVisible())

    def shown(self) -> None:
        """Wait for the picture of the face in work."""
        self.driver.until(lambda: self.panel.canvas.ready)
        self.driver.settle(150)

    def history(self) -> list[str]:
        """Lines of the history."""
        tree = self.panel.findChild(QTreeWidget, "annotate.history")
        return [tree.topLevelItem(k).text(0) for k in range(tree.topLevelItemCount())]

    def marked(self) -> list[int]:
        """Points with a square round them."""
        if "points in doubt" not in self.driver.viewer.layers:
            return []
        layer = self.driver.viewer.layers["points in doubt"]
        return np.flatnonzero(layer.border_color[:, 3]).tolist() if layer.visible else []

    def check(self) -> str:
        """Check the labels by the menu; returns what the window says of it."""
        driver = self.driver
        driver.tab("Queue")
        button = driver.dock.findChild(QPushButton, "queue.menu")
        QTest.mouseClick(button, LEFT)
        menu = button.menu()
        driver.until(menu.isVisible)
        action = next(a for a in menu.actions() if a.objectName() == "labels.check")
        QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
        driver.until(lambda: "labels look doubtful" in self.said(), seconds=120)
        said = self.said()
        driver.dock.session.tell("")
        return said

    def said(self) -> str:
        """What the status line says."""
        return self.driver.dock._status.text()


@pytest.fixture
def desk(driver, tmp_path):
    desk = Desk(driver, tmp_path / "faces")
    yield desk
    desk.__dict__.clear()


def test_each_doubt_is_settled_once_for_all_and_the_history_tells_it(desk):
    driver = desk.driver
    assert f"2 of {FACES} labels look doubtful; 2 of them are new" in desk.check()
    driver.tab("Annotate")
    driver.press("j")  # to the first face in doubt
    desk.shown()
    wrong = _look_at_doubts(desk)
    _take_what_the_model_says(desk, wrong)
    _say_that_it_is_right(desk)

    # That neither is found again is tested without a window.
    assert desk.project.queue.of_item(KEPT).status == "done"

    # Reopened, the history tells it in words, and undo goes on.
    mended = desk.points_of(MENDED)
    desk.open()
    driver.tab("Annotate")
    driver.dock.session.show(desk.project.item(MENDED))
    desk.shown()
    taken, saved, imported = desk.history()
    assert taken.startswith("moved 2 points as starter sees them · you, ")
    assert saved.startswith("saved · bob, ")
    assert imported.startswith("imported from sample · ")
    assert all(line.endswith(("just now", "ago")) for line in (taken, saved, imported))
    driver.press("z", CONTROL)
    assert np.array_equal(desk.points_of(MENDED), wrong)
    assert desk.history()[0].startswith("undo: moved 2 points as starter")
    driver.press("z", CONTROL | SHIFT)
    assert np.array_equal(desk.points_of(MENDED), mended)

    # A face may be in doubt as a whole.
    desk.project.queue.done(desk.project.queue.of_item(MENDED).id, "bob")
    desk.project.queue.add(WHOLE, "label-check", note="The points look turned.")
    driver.dock.session.queue_changed.emit()
    driver.press("j")
    desk.shown()
    assert desk.item == WHOLE
    assert desk.texts("annotate.doubts") == "The whole face is in doubt."
    driver.press("y")
    assert desk.texts("annotate.doubts").startswith("Said to be right: contour left temple, ")
    assert len(desk.project.approved()[WHOLE]) == 70
    assert desk.project.queue.of_item(WHOLE).status == "done"


def _look_at_doubts(desk) -> np.ndarray:
    """See the sentence, the marks, and each point; returns the points of the face."""
    driver = desk.driver
    assert desk.item == MENDED
    assert "left pupil, and 32, right pupil, look exchanged" in desk.texts("annotate.why")
    assert "Point 1 of 2 in doubt: left pupil" in desk.texts("annotate.doubts")
    assert desk.marked() == list(PUPILS)
    wrong = desk.points_of(MENDED)
    assert driver.canvas.rect().contains(driver.at(wrong[PUPILS[0]]))
    assert not driver.canvas.rect().contains(driver.at(wrong[7]))  # it is zoomed to
    driver.press("j")
    assert desk.panel.editor.selection == (PUPILS[1],)
    assert driver.canvas.rect().contains(driver.at(wrong[PUPILS[1]]))
    driver.picture(desk.folder.parent / "doubt.png")
    driver.press("j", SHIFT)
    driver.press("j", SHIFT)
    assert desk.panel.editor.selection == PUPILS  # before the first come all together
    return wrong


def _take_what_the_model_says(desk, wrong: np.ndarray) -> None:
    """See it drawn faintly, then take it."""
    driver = desk.driver
    driver.press("g")
    driver.until(lambda: desk.panel.editor.faint is not None)
    driver.settle(100)
    faint = driver.viewer.layers["another state"]
    assert faint.visible
    ways = faint.data[-210:-140]  # of each point a line to where the model sees it, then a cross
    assert np.flatnonzero(ways[:, 1].any(axis=1)).tolist() == list(PUPILS)
    assert np.array_equal(desk.points_of(MENDED), wrong)
    driver.picture(desk.folder.parent / "suggested.png")
    driver.press("g", SHIFT)
    assert not faint.visible
    right = list(sample_faces())[4 * (MENDED - 1)].annotation.points
    assert np.linalg.norm(desk.points_of(MENDED) - right, axis=1)[list(PUPILS)].max() < 8
    others = np.delete(np.arange(70), PUPILS)
    assert np.array_equal(desk.points_of(MENDED)[others], wrong[others])
    assert desk.project.annotation(MENDED).source == "manual"


def _say_that_it_is_right(desk) -> None:
    """Go on to the next face, say that its points are right, take that back, say it again."""
    driver = desk.driver
    assert desk.marked() == []
    assert "was changed. Accept the face" in desk.texts("annotate.doubts")
    driver.press("j")
    desk.shown()
    assert desk.item == KEPT
    assert desk.marked() == list(CORNERS)
    driver.press("y")
    assert desk.marked() == [CORNERS[1]]  # and this is looked at now
    assert desk.panel.editor.selection == (CORNERS[1],)
    driver.button("annotate.approve")
    assert desk.marked() == []
    said = "Said to be right: mouth left corner, mouth right corner."
    assert said in desk.texts("annotate.doubts")
    assert desk.project.approved() == {KEPT: set(CORNERS)}
    driver.press("z", CONTROL)
    assert desk.project.approved() == {KEPT: {CORNERS[0]}}
    assert CORNERS[1] in desk.marked()
    driver.press("z", CONTROL | SHIFT)
    assert desk.project.approved() == {KEPT: set(CORNERS)}
    assert desk.marked() == []
    driver.button("annotate.unapprove")
    assert desk.project.approved() == {}
    driver.press("z", CONTROL)
    assert desk.project.approved() == {KEPT: set(CORNERS)}
