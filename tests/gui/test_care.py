"""Backup, check and erasure in the window, by mouse and keys."""

from __future__ import annotations

from itertools import islice

import pytest
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtGui import QContextMenuEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
)

from faceloop_datasets import Project
from faceloop_datasets.care import check_project, list_backups, restore
from faceloop_datasets.sample import sample_faces

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
GONE, STAYS = "sample-id001", "sample-id000"  # the first 8 faces are 4 of each


@pytest.fixture
def project(driver, tmp_path):
    """Eight faces of two people, with their pictures and a backup, open in the window."""
    made = Project.create(tmp_path / "<b>faces")
    faces = list(islice(sample_faces(), 8))
    made.import_entries("sample", faces[:6], scheme="face70", copy=True)
    made.import_entries("sample", faces, scheme="face70", copy=True)  # backs up before
    driver.dock.session.open(made)
    driver.until(lambda: len(names(driver)) == 8)
    return made


def names(driver):
    """Names that the list shows, from top to bottom."""
    model = driver.dock.findChild(QListView, "queue.list").model()
    return [model.index(row).data() for row in range(model.rowCount())]


def find(driver, kind, name):
    """Wait for the visible widget of a kind and object name in one of our dialogs."""

    def found():
        return [w for w in driver.dock.findChildren(kind, name) if w.isVisible()]

    driver.until(lambda: bool(found()))
    return found()[0]


def said(driver):
    return driver.dock._status.text()


def choose(driver, menu, name):
    """Choose a command in a menu that is open."""
    driver.until(menu.isVisible)
    action = next(a for a in menu.actions() if a.objectName() == name)
    QTest.mouseClick(menu, LEFT, pos=menu.actionGeometry(action).center())
    driver.settle()


def in_project_menu(driver, name):
    button = find(driver, QPushButton, "queue.menu")
    QTest.mouseClick(button, LEFT)
    choose(driver, button.menu(), name)


def tick(box):
    """Click on a check box or a radio button where it is drawn."""
    QTest.mouseClick(box, LEFT, pos=QPoint(10, box.height() // 2))


def test_a_backup_is_made_and_can_be_restored(driver, project, tmp_path):
    in_project_menu(driver, "queue.back_up")
    line = find(driver, QLineEdit, "backup.folder")
    driver.focus(line)
    line.selectAll()
    QTest.keyClicks(line, str(tmp_path / "not there"))
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert "Is its drive connected?" in find(driver, QLabel, "backup.problem").text()
    (tmp_path / "safe").mkdir()
    line.selectAll()
    QTest.keyClicks(line, str(tmp_path / "safe"))
    tick(find(driver, QCheckBox, "backup.media"))
    driver.button("backup.ok")
    driver.until(lambda: said(driver).startswith("Wrote "))
    (file,) = (tmp_path / "safe").iterdir()
    assert f"{file}, {file.stat().st_size / 1e6:.1f} MB." in said(driver)
    restore(file, tmp_path / "again")
    with Project.open(tmp_path / "again") as again:
        assert [i.name for i in again.items()] == [i.name for i in project.items()]
        assert check_project(again.path, hashes=True).findings == ()


def test_a_check_shows_what_is_wrong_and_what_to_do(driver, project):
    project.resolve(project.media()[0]).unlink()
    changed = project.resolve(project.media()[1])
    changed.write_bytes(changed.read_bytes()[::-1])  # of the same size
    (project.path / "media" / "<b>stray").write_text("?")
    in_project_menu(driver, "queue.check_project")
    text = report(driver)
    assert text.startswith("Not sound: 8 items")
    assert "A picture or video is missing (1):" in text
    assert "What to do: Put the file back" in text
    assert text.index("ERRORS") < text.index("WARNINGS") < text.index("media/<b>stray")
    assert "has changed" not in text
    driver.button("report.again")
    reports = (QPlainTextEdit, "report.text")
    driver.until(
        lambda: any("has changed" in w.toPlainText() for w in driver.dock.findChildren(*reports))
    )
    assert "A picture or video has changed (1):" in report(driver)
    driver.button("report.copy")
    assert QApplication.clipboard().text() == report(driver)
    assert said(driver).startswith("⚠ Not sound")


def test_a_face_and_a_person_are_erased_for_good(driver, project):
    session, shown = driver.dock.session, find(driver, QListView, "queue.list")
    person = [i.name for i in project.items() if i.subject == GONE]
    assert not driver.dock.commands.run("queue.erase")  # no face is in work

    # One face, by the right button on it.
    spot = shown.visualRect(shown.model().index(names(driver).index(person[0]))).center()
    QTest.mouseClick(shown.viewport(), RIGHT, pos=spot)
    assert session.item.name == person[0]
    QTimer.singleShot(0, lambda: choose(driver, QApplication.activePopupWidget(), "queue.erase"))
    asked = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, spot, shown.mapToGlobal(spot))
    QApplication.sendEvent(shown.viewport(), asked)
    assert "1 face of sample-id001, with 1 saved annotation" in goes(driver)
    ok = find(driver, QPushButton, "erase.ok")
    QTest.keyClick(find(driver, QRadioButton, "erase.face"), Qt.Key.Key_Return)
    assert session.item.name == person[0]  # Enter never erases
    assert not ok.isVisible()
    assert len(project.items()) == 8

    # A backup that cannot be cleaned: it is said, and what is there is read again.
    (backup,) = list_backups(project.path)
    content, read = backup.read_bytes(), []
    session.items_changed.connect(lambda: read.append(len(project.items())))
    in_project_menu(driver, "queue.erase")
    tick(find(driver, QCheckBox, "erase.sure"))
    backup.write_bytes(content[:-100])
    driver.button("erase.ok")
    driver.until(lambda: backup.name in said(driver))
    assert read == [8]
    assert session.item is None
    backup.write_bytes(content)
    QTest.mouseClick(shown.viewport(), LEFT, pos=spot)

    # All of the person, from the menu, while the face is open.
    in_project_menu(driver, "queue.erase")
    tick(find(driver, QCheckBox, "erase.sure"))
    tick(find(driver, QRadioButton, "erase.subject"))
    assert not find(driver, QPushButton, "erase.ok").isEnabled()  # sure of something else
    text = goes(driver)
    assert "4 faces of sample-id001, with 4 saved annotations" in text
    assert "4 pictures and videos in the project" in text
    assert "all of it in 1 backup" in text
    tick(find(driver, QCheckBox, "erase.sure"))
    driver.button("erase.ok")
    assert "nothing of it is left" in report(driver)
    assert session.item is None
    assert names(driver) == [i.name for i in project.items()]
    assert {i.subject for i in project.items()} == {STAYS}
    assert said(driver) == "Erased for good: all 4 faces of sample-id001."
    assert check_project(project.path, hashes=True).findings == ()
    QTest.keyClick(find(driver, QPlainTextEdit, "report.text"), Qt.Key.Key_Escape)
    driver.press("A")  # the list goes on
    assert session.item.name == names(driver)[-1]


def report(driver):
    return find(driver, QPlainTextEdit, "report.text").toPlainText()


def goes(driver):
    return find(driver, QPlainTextEdit, "erase.text").toPlainText()
