"""People in the window: seen, opened, named, joined, named by a pattern, and all of it undone."""

from __future__ import annotations

import numpy as np
import pytest
from driver import LEFT, NONE, type_into
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QLabel,
    QLineEdit,
    QListView,
    QPushButton,
    QTableView,
)

from faceloop_datasets import Project

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def dialog(name: str) -> QDialog:
    return next(
        w for w in QApplication.topLevelWidgets() if w.objectName() == name and w.isVisible()
    )


def is_open(name: str) -> bool:
    return any(w.objectName() == name and w.isVisible() for w in QApplication.topLevelWidgets())


def press(box: QDialog, name: str) -> None:
    QTest.mouseClick(box.findChild(QPushButton, name), LEFT)


def click_row(view, row: int, modifiers=NONE) -> None:
    index = view.model().index(row, 0)
    view.scrollTo(index)
    QTest.mouseClick(view.viewport(), LEFT, modifiers, view.visualRect(index).center())


def subjects(project: Project) -> dict[str, int]:
    with Project.open(project.path) as other:
        return {one.name: len(one.items) for one in other.subjects()}


@pytest.fixture
def faces(driver, sample_project, tmp_path):
    """The sample, and stills of two people whom nobody has named."""
    project = sample_project
    for k, name in enumerate(("anna_1", "anna_2", "ben_1")):
        file = tmp_path / "stills" / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((40, 40), 60 * k, np.uint8)).save(file)
        project.add_item(project.add_media(file))
    driver.dock.session.open(project)
    driver.tab("Queue")
    driver.settle(100)
    return project


def test_people_are_seen_opened_joined_and_undone(driver, faces):
    rows = driver.dock.findChild(QListView, "queue.list")
    driver.press("p", SHIFT)
    driver.until(lambda: is_open("people.dialog"))
    people = dialog("people.dialog")
    view = people.findChild(QTableView, "people.rows")
    driver.until(lambda: view.model().rowCount() == 103)
    said = people.findChild(QLabel, "people.count").text()
    assert said.startswith("403 faces of 103 subjects; ")
    held = sum(view.model().index(row, 6).data() == "held out" for row in range(103))
    assert held > 5
    assert f"{held} held out" in said
    driver.until(lambda: len(driver.dock.annotate.held_out.items) == 4 * held)

    type_into(people.findChild(QLineEdit, "people.search"), "anna")
    driver.until(lambda: view.model().rowCount() == 2)
    click_row(view, 0)
    driver.until(lambda: rows.model().rowCount() == 1)
    assert rows.model().index(0).data() == "anna_1.png"
    driver.button("queue.person")  # the other faces again
    driver.until(lambda: rows.model().rowCount() == 403)

    menu = people.findChild(QPushButton, "people.side").menu()
    menu.popup(people.mapToGlobal(people.rect().center()))
    QTest.mouseClick(menu, LEFT, NONE, menu.actionGeometry(menu.actions()[0]).center())
    driver.until(lambda: "held out from the next training on" in driver.dock._status.text())
    assert set(faces.chosen_sides().values()) == {"held out"}
    click_row(view, 1, CONTROL)
    press(people, "people.name")
    driver.until(lambda: is_open("subject.dialog"))
    type_into(dialog("subject.dialog").findChild(QLineEdit, "subject.name"), "Anna")
    press(dialog("subject.dialog"), "subject.set")
    driver.until(lambda: subjects(faces).get("Anna") == 2)
    driver.until(lambda: view.model().rowCount() == 1)
    assert view.model().index(0, 1).data() == "2"
    undo = people.findChild(QPushButton, "people.undo")
    driver.until(undo.isVisible)
    assert "merged into" in undo.toolTip()
    QTest.mouseClick(undo, LEFT)
    driver.until(lambda: view.model().rowCount() == 2)
    assert "Anna" not in subjects(faces)
    people.close()


def test_faces_are_named_in_the_list_and_by_a_pattern_that_is_tried_first(driver, faces):
    rows = driver.dock.findChild(QListView, "queue.list")
    click_row(rows, 400)
    driver.until(lambda: driver.dock.session.item is not None)
    item = driver.dock.session.item
    click_row(rows, 402, SHIFT)
    assert driver.dock.session.item is item  # several are for something else than work
    driver.press("u")
    driver.until(lambda: is_open("subject.dialog"))
    box = dialog("subject.dialog")
    assert "these 3 faces" in box.findChild(QLabel).text()
    type_into(box.findChild(QLineEdit, "subject.name"), "sample-id003")
    press(box, "subject.set")
    driver.until(lambda: subjects(faces)["sample-id003"] == 7)
    driver.until(lambda: driver.dock.session.item.subject == "sample-id003")
    for name, count in (("undo", 4), ("redo", 7)):  # as any change of the face in work
        driver.dock.commands.run(f"annotate.{name}")
        driver.until(lambda count=count: subjects(faces)["sample-id003"] == count)

    driver.dock.commands.run("queue.subject_rule")
    driver.until(lambda: is_open("rule.dialog"))
    box = dialog("rule.dialog")
    said = box.findChild(QLabel, "rule.said")
    box.findChild(QComboBox, "rule.kind").setCurrentIndex(1)
    line = box.findChild(QLineEdit, "rule.pattern")
    type_into(line, "{person}_*.png")
    driver.until(lambda: "expected {subject}, once" in said.text())
    assert not box.findChild(QPushButton, "rule.set").isEnabled()
    type_into(line, "{subject}_?.png")
    driver.until(lambda: "2 people in 3 of 403 faces" in said.text())
    assert "3 faces would show somebody else: anna (2), ben (1)." in said.text()
    table = box.findChild(QTableView, "rule.faces").model()
    then = [table.index(row, 2).data() for row in range(3)]
    assert (table.rowCount(), sorted(then)) == (403, ["anna", "anna", "ben"])
    assert subjects(faces)["sample-id003"] == 7
    press(box, "rule.set")
    driver.until(lambda: subjects(faces).get("anna") == 2)
    driver.until(lambda: "3 faces got another subject" in driver.dock._status.text())
    driver.dock.commands.run("queue.undo_subjects")
    driver.until(lambda: subjects(faces)["sample-id003"] == 7)
    driver.until(lambda: "3 faces show whom they did before" in driver.dock._status.text())
