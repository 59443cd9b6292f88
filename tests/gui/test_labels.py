"""Checking the labels in the window, mending what is explained, and taking it back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QAction
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPlainTextEdit, QPushButton

from faceloop_datasets import Annotation, Project
from faceloop_datasets.sample import sample_faces

LEFT = Qt.MouseButton.LeftButton
FACES, WRONG = 12, 3


@pytest.fixture
def project(driver, tmp_path):
    """Twelve people; three are annotated in the mirrored picture, with their numbers."""
    made = Project.create(tmp_path / "faces")
    records = list(sample_faces())[: 4 * FACES : 4]
    for n, record in enumerate(records[:WRONG]):
        old = record.annotation
        mirrored = Annotation("face70", old.points * (-1, 1) + (383, 0), old.states, old.source)
        records[n] = replace(record, annotation=mirrored)
    made.import_entries("sample", records, scheme="face70", copy=True)
    driver.dock.session.open(made)
    return made


def in_project_menu(driver, name):
    button = driver.dock.findChild(QPushButton, "queue.menu")
    QTest.mouseClick(button, LEFT)
    menu = button.menu()
    driver.until(menu.isVisible)
    action = next(a for a in menu.actions() if a.objectName() == name)
    QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    driver.settle()


def reports(driver):
    found = driver.dock.findChildren(QPlainTextEdit, "report.text")
    return "".join(text.toPlainText() for text in found if text.isVisible())


def said(driver):
    return driver.dock._status.text()


def points(project):
    return np.array([face.annotation.points for face in project.faces()])


def test_all_that_is_explained_is_mended_and_taken_back(driver, project):
    wrong = points(project)
    right = np.array([r.annotation.points for r in list(sample_faces())[: 4 * FACES : 4]])
    item = project.items()[0]
    driver.dock.session.show(item)
    undo = driver.dock.findChild(QAction, "labels.undo")
    assert not undo.isEnabled()
    assert undo.toolTip().startswith("No labels were mended")
    in_project_menu(driver, "labels.check")
    driver.until(lambda: "put right in all of them" in reports(driver), seconds=120)
    assert "(3 mirrored)" in reports(driver)
    assert f"{item.name}: The points look mirrored from left to right" in reports(driver)
    assert np.array_equal(points(project), wrong)  # nothing is done before somebody says so
    driver.button("labels.mend")
    driver.until(lambda: "3 faces are put right" in reports(driver))
    assert np.allclose(points(project), right)
    driver.until(undo.isEnabled)
    assert np.allclose(driver.dock.session.project.annotation(item.id).annotation.points, right[0])
    driver.button("labels.take_back")
    driver.until(
        lambda: "Taken back: Mend labels: 3 mirrored. 3 faces are as they were" in said(driver)
    )
    assert np.array_equal(points(project), wrong)
    driver.until(lambda: not undo.isEnabled())
