"""The point table: rows and points are one selection, and what is typed there is an edit."""

from __future__ import annotations

import numpy as np
import pytest
from driver import LEFT, NONE, type_into
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QComboBox, QLineEdit, QTableView

from faceloop_datasets import PointState, Project

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Table:
    """The window with the sample project, a face in work, and its point table open."""

    def __init__(self, driver, project: Project) -> None:
        self.driver, self.project = driver, project
        driver.dock.session.open(project)
        driver.tab("Annotate")
        self.panel = driver.dock.annotate
        self.show(project.items()[5])
        driver.press("n", SHIFT)
        self.view = self.panel.findChild(QTableView, "annotate.points")
        driver.until(self.view.hasFocus)

    def show(self, item) -> None:
        self.item = item
        self.driver.dock.session.show(item)
        self.driver.until(lambda: self.panel.canvas.ready)
        self.driver.settle(100)

    @property
    def head(self):
        with Project.open(self.project.path) as other:
            return other.annotation(self.item.id).annotation

    def click(self, row: int, column: int, modifiers=NONE) -> None:
        index = self.view.model().index(row, column)
        self.view.scrollTo(index)
        place = self.view.visualRect(index).center()
        QTest.mouseClick(self.view.viewport(), LEFT, modifiers, place)
        self.driver.settle()

    def type(self, text: str) -> None:
        """Type into the cell that has the focus, and end with Enter."""
        QTest.keyClick(self.view, Qt.Key.Key_Return)
        self.driver.until(lambda: self._line() is not None)
        line = self._line()
        type_into(line, text)
        QTest.keyClick(line, Qt.Key.Key_Return)
        self.driver.settle()

    def _line(self):
        lines = self.view.findChildren(QLineEdit)
        return next((line for line in lines if line.isVisible()), None)

    def cell(self, row: int, column: int) -> str:
        return self.view.model().index(row, column).data()


@pytest.fixture
def table(driver, sample_project):
    table = Table(driver, sample_project)
    yield table
    table.__dict__.clear()


def test_points_are_typed_set_copied_and_pasted(table):
    driver, editor = table.driver, table.panel.editor
    before = table.head
    # A row is chosen: its point is selected, and in the middle of the picture.
    table.click(9, 1)
    assert editor.selection == (9,)
    centre = driver.viewer.scene.camera.center[-2:]
    assert np.allclose(centre, before.points[9][::-1], atol=0.01)
    # A point is clicked: its row is chosen, and scrolled to.
    driver.click(before.points[11])
    assert editor.selection == (11,)
    rows = table.view.selectionModel().selectedRows()
    assert [row.row() for row in rows] == [11]

    table.click(11, 2)
    driver.focus(table.view)
    table.type("44.5")
    assert table.head.points[11].tolist() == [44.5, before.points[11, 1]]
    assert table.cell(11, 2) == "44.5"
    table.click(11, 3)
    driver.focus(table.view)
    table.type("far down")
    assert "is no number of pixels" in driver.dock._status.text()
    assert table.head.points[11, 1] == before.points[11, 1]
    driver.press("z", CONTROL)
    assert np.array_equal(table.head.points, before.points)

    # A state for three points at once.
    table.click(2, 1)
    table.click(4, 4, SHIFT)
    assert editor.selection == (2, 3, 4)
    driver.focus(table.view)
    QTest.keyClick(table.view, Qt.Key.Key_F2)
    driver.until(lambda: table.view.findChild(QComboBox) is not None)
    choices = table.view.findChild(QComboBox).view()
    driver.until(choices.isVisible)
    QTest.keyClick(choices, Qt.Key.Key_Down)
    QTest.keyClick(choices, Qt.Key.Key_Return)
    driver.until(lambda: bool((table.head.states[2:5] == PointState.OCCLUDED).all()))
    assert (table.head.states == PointState.OCCLUDED).sum() == 3
    assert [table.cell(row, 4) for row in (2, 4, 5)] == ["occluded", "occluded", "visible"]

    _copy_and_paste(table)
    # Sorted by where they are: the uppermost first.
    header = table.view.horizontalHeader()
    QTest.mouseClick(
        header.viewport(), LEFT, NONE, QPoint(header.sectionViewportPosition(3) + 8, 8)
    )
    assert int(table.cell(0, 0)) == int(np.argmin(table.head.points[:, 1]))


def _copy_and_paste(table):
    # Copied here, pasted on a face that has none yet; then aligned on another.
    driver = table.driver
    driver.press("c", CONTROL)
    assert len(QApplication.clipboard().text().splitlines()) == 4
    driver.press("a", CONTROL)
    driver.press("c", CONTROL)
    whole, media = table.head, table.project.item_media(table.item)
    table.show(table.project.add_item(media, name="new"))
    driver.press("v", CONTROL)
    assert np.array_equal(table.head.points, whole.points)
    assert np.array_equal(table.head.states, whole.states)
    table.show(table.project.items()[20])
    corners = list(table.project.scheme.iod)
    theirs = table.head.points[corners]
    driver.press("v", CONTROL | SHIFT)
    assert np.allclose(table.head.points[corners], theirs)
    assert (table.head.states == PointState.ESTIMATED).sum() > 60
    QApplication.clipboard().setText("0\t1\tlow")
    driver.press("v", CONTROL)
    assert "Row 1 of the clipboard: y is 'low'" in driver.dock._status.text()
