"""A scheme of six points made on a picture, saved, and used for a new project."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest
from driver import BLOCKED, LEFT, NONE, LoopProbe, type_into
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMessageBox,
    QTableWidget,
)

from faceloop_datasets import Project, Scheme
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.queue.bring_dialog import BringDialog
from faceloop_workbench.queue.new_dialog import NewDialog
from faceloop_workbench.schemes.canvas import SchemeCanvas
from faceloop_workbench.schemes.dialog import SchemeDialog

if TYPE_CHECKING:
    from pathlib import Path

SHIFT = Qt.KeyboardModifier.ShiftModifier
POINTS = {
    "left eye outer": 23,
    "right eye outer": 28,
    "nose tip": 61,
    "mouth A": 43,
    "mouth B": 49,
    "chin": 7,
}


class Hands:
    """Uses the scheme dialog."""

    def __init__(self, driver) -> None:
        self.driver = driver
        found = [d for d in driver.dock.findChildren(SchemeDialog) if d.isVisible()]
        assert found, "the scheme dialog is not open"
        self.dialog = found[0]
        self.canvas = self.dialog.findChild(SchemeCanvas)
        self.table = self.dialog.findChild(QTableWidget, "scheme.points")

    def at(self, xy) -> QPoint:
        return self.canvas.mapFromScene(QPointF(*xy))

    def click(self, xy, modifiers=NONE) -> None:
        QTest.mouseClick(self.canvas.viewport(), LEFT, modifiers, self.at(xy))
        self.driver.settle(20)

    def place(self, name: str, xy) -> None:
        """Click on the picture and type the name, as the table asks for it."""
        self.click(xy)
        editor = self.table.findChild(QLineEdit)
        assert editor is not None, "no name is asked for"
        QTest.keyClicks(editor, name)
        QTest.keyClick(editor, Qt.Key.Key_Return)
        self.driver.settle(20)

    def wheel(self, turn: int) -> None:
        view, at = self.canvas.viewport(), QPointF(self.canvas.viewport().rect().center())
        event = QWheelEvent(
            at,
            view.mapToGlobal(at),
            QPoint(),
            QPoint(0, turn),
            Qt.MouseButton.NoButton,
            NONE,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(view, event)

    def drag(self, start, end, modifiers=NONE) -> None:
        view = self.canvas.viewport()
        QTest.mousePress(view, LEFT, modifiers, self.at(start))
        for share in (0.3, 0.7, 1.0):
            x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            QTest.mouseMove(view, self.at((x, y)))
            self.driver.settle(10)
        QTest.mouseRelease(view, LEFT, modifiers, self.at(end))
        self.driver.settle(20)

    def press(self, name: str) -> None:
        button = self.dialog.findChild(QAbstractButton, name)
        assert button.isEnabled(), button.toolTip()
        QTest.mouseClick(button, LEFT)
        self.driver.settle(20)

    def choose(self, name: str, title: str) -> None:
        box = self.dialog.findChild(QComboBox, name)
        box.setFocus()
        QTest.keyClick(box, Qt.Key.Key_Home)
        while box.currentText() != title:
            QTest.keyClick(box, Qt.Key.Key_Down)
        self.driver.settle(20)

    @property
    def problem(self) -> str:
        return self.dialog.findChild(QLabel, "scheme.problem").text()


def open_from_new_project(driver) -> tuple[NewDialog, Hands]:
    driver.button("start.new")
    asked = next(d for d in driver.dock.findChildren(NewDialog) if d.isVisible())
    formats = asked.findChild(QLabel, "new.formats").text()
    assert "clmtools" in formats
    assert "IMM" not in formats
    QTest.mouseClick(asked.findChild(QAbstractButton, "new.look"), LEFT)
    driver.settle(100)
    return asked, Hands(driver)


def use_keys_a_frame_and_the_wheel(hands: Hands, chin) -> None:
    before = hands.dialog.editing.draft
    hands.click(chin)
    QTest.keyClick(hands.canvas, Qt.Key.Key_Left, SHIFT)
    assert hands.dialog.editing.draft.points[5].x == pytest.approx(before.points[5].x - 10)
    QTest.keyClick(hands.canvas, Qt.Key.Key_Delete)
    assert len(hands.dialog.editing.draft) == 5
    hands.press("scheme.undo")
    hands.press("scheme.undo")
    assert hands.dialog.editing.draft == before
    hands.drag((5, 5), (379, 379), SHIFT)
    assert len(hands.dialog.editing.selected) == 6
    scale = hands.canvas.transform().m11()
    hands.wheel(120)
    assert hands.canvas.transform().m11() > scale
    hands.press("scheme.all")
    assert hands.canvas.transform().m11() == pytest.approx(scale)


def left_without_a_file(driver, asked: NewDialog, hands: Hands) -> Hands:
    """Who leaves the new project is asked; the scheme is there to be looked at again."""
    hands.press("scheme.use")
    assert asked.scheme.name == "six"
    QTest.keyClick(asked, Qt.Key.Key_Escape)
    box = asked.findChild(QMessageBox)
    assert "six is in no file" in box.text()
    QTest.keyClick(box, Qt.Key.Key_Escape)
    driver.settle(50)
    assert asked.isVisible()
    QTest.mouseClick(asked.findChild(QAbstractButton, "new.look"), LEFT)
    driver.settle(100)
    return Hands(driver)


def test_a_scheme_is_made_saved_and_used_for_a_new_project(driver, tmp_path: Path) -> None:
    face = next(sample_faces()).annotation.points
    with LoopProbe() as probe:
        asked, hands = open_from_new_project(driver)
        assert len(hands.dialog.editing.draft) == 70  # face70 is shown first
        hands.choose("scheme.start", "no points")
        hands.choose("scheme.picture", "a face of the sample")
        driver.until(lambda: hands.canvas.extent == (384, 384))
        for name, number in POINTS.items():
            hands.place(name, face[number])
    assert probe.worst_cpu < BLOCKED
    draft = hands.dialog.editing.draft
    assert draft.names == list(POINTS)
    assert abs(draft.places - face[list(POINTS.values())]).max() < 1.0
    assert hands.problem == "Give the scheme a name."
    type_into(hands.dialog.findChild(QLineEdit, "scheme.name"), "six")
    hands.press("scheme.suggest")
    assert hands.dialog.editing.draft.mirror == (1, 0, 2, 4, 3, 5)
    assert hands.dialog.editing.draft.size == (0, 1)
    assert hands.table.item(3, 2).text() == "mouth B"

    # a point is dragged, and the drag taken back
    before = hands.dialog.editing.draft
    hands.drag(face[7], face[7] + 20)
    assert hands.dialog.editing.draft.points[5].x == pytest.approx(face[7][0] + 20, abs=1.5)
    QTest.keyClick(hands.dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    driver.settle(20)
    assert hands.dialog.editing.draft == before

    use_keys_a_frame_and_the_wheel(hands, face[7])

    # a line and a group of two points
    hands.click(face[43])
    hands.click(face[49], SHIFT)
    assert hands.dialog.editing.selected == (3, 4)
    type_into(hands.dialog.findChild(QLineEdit, "scheme.part"), "mouth")
    hands.press("scheme.line")
    hands.press("scheme.group")
    assert "can be used" in hands.problem
    hands = left_without_a_file(driver, asked, hands)
    hands.press("scheme.save")
    driver.enter_file(tmp_path / "six.toml")
    driver.until((tmp_path / "six.toml").is_file)
    scheme = Scheme.load(tmp_path / "six.toml")
    assert scheme.names == tuple(POINTS)
    assert scheme.groups["mouth"] == scheme.contours[0].points == (3, 4)

    hands.press("scheme.use")
    assert asked.scheme == scheme
    assert asked.findChild(QComboBox, "new.scheme").currentText() == "six (6 points)"
    type_into(asked.findChild(QLineEdit, "new.folder"), str(tmp_path / "faces"))
    QTest.mouseClick(asked.findChild(QAbstractButton, "new.ok"), LEFT)
    driver.until(lambda: driver.dock.session.project is not None)
    assert driver.dock.session.project.scheme == scheme
    assert not driver.dock.queue.findChild(QAbstractButton, "empty.sample").isEnabled()
    assert not QApplication.activeModalWidget()


def test_faces_of_another_project_come_in_after_it_was_said_how(driver, tmp_path: Path) -> None:
    records = list(islice(sample_faces(), 5))
    with Project.create(tmp_path / "other") as other:
        other.import_entries("sample", records, scheme="face70")
    driver.dock.session.open(Project.create(tmp_path / "mine", "ibug68"))
    driver.settle(100)
    dialogs = driver.dock.queue._dialogs
    dialogs.import_project()
    driver.enter_file(tmp_path / "other")
    driver.until(lambda: bool(driver.dock.findChildren(BringDialog)))
    asked = driver.dock.findChildren(BringDialog)[0]
    text = asked.findChild(QLabel, "bring.text").text()
    assert text.startswith("5 faces of other would come in.")
    assert "face70 becomes ibug68: 27 of 68 points are the same marks; 41 estimated" in text
    QTest.mouseClick(asked.findChild(QAbstractButton, "bring.ok"), LEFT)
    driver.until(lambda: len(driver.dock.session.project.items()) == 5)
    driver.until(lambda: "5 faces were brought in" in driver.dock._status.text())

    # the scheme of the project is looked at, and given to a new one
    dialogs.schemes()
    driver.settle(50)
    hands = Hands(driver)
    assert hands.dialog.editing.draft.name == "ibug68"
    hands.choose("scheme.start", "imm58")
    hands.press("scheme.use")
    asked = next(d for d in driver.dock.findChildren(NewDialog) if d.isVisible())
    assert asked.scheme == Scheme.load("imm58")
    assert "IMM (.asf) as they are" in asked.findChild(QLabel, "new.formats").text()
    QTest.keyClick(asked, Qt.Key.Key_Escape)
    driver.settle(50)
    assert hands.dialog.isVisible()  # with the draft, which would be lost else
    assert hands.dialog.editing.draft.names == list(Scheme.load("imm58").names)
    name = hands.dialog.findChild(QLineEdit, "scheme.name")
    name.selectAll()
    QTest.keyClicks(name, "fifty")
    assert hands.dialog.editing.draft.name == "fifty"  # as it is typed
    hands.dialog.editing.undo()
    assert hands.dialog.editing.draft.name == "imm58"  # in one step
    hands.press("scheme.undo")
    assert hands.dialog.editing.draft.name == "ibug68"
