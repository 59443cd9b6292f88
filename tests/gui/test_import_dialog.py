"""Import by the dialog: check, report, import, cancel, without ever blocking the window."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from driver import BLOCKED, LoopProbe
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListView,
    QListWidget,
    QPlainTextEdit,
)

from faceloop_datasets import Project
from faceloop_datasets.formats import write_faces
from faceloop_datasets.sample import sample_dir
from faceloop_workbench.queue.import_dialog import ImportDialog
from faceloop_workbench.queue.new_dialog import NewDialog

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def annotated(sample_project: Project, tmp_path: Path) -> Path:
    """A clmtools file of sample faces, with a broken line and a picture that is not there."""
    with sample_project as project:
        records = [record for record, _ in zip(project.records(), range(6), strict=False)]
        write_faces("clmtools", records, tmp_path / "faces.csv", scheme=project.scheme)
    for name in [record.image_name for record in records][:5]:
        shutil.copy(sample_dir() / "stills" / name, tmp_path)
    with (tmp_path / "faces.csv").open("a") as file:
        file.write("broken.jpg;1;2;true;\n")
    return tmp_path / "faces.csv"


@pytest.fixture
def project(driver, tmp_path: Path) -> Project:
    """An empty project, open in the window."""
    driver.dock.session.open(Project.create(tmp_path / "into"))
    driver.settle(100)
    return driver.dock.session.project


def dialog(driver) -> ImportDialog:
    found = [d for d in driver.dock.findChildren(ImportDialog) if d.isVisible()]
    assert found, "the import dialog is not open"
    return found[0]


def part(driver, kind, name):
    return dialog(driver).findChild(kind, name)


def click(driver, name):
    button = part(driver, QAbstractButton, name)
    assert button.isEnabled(), button.toolTip()
    QTest.mouseClick(button, LEFT)
    driver.settle(20)


def report(driver) -> str:
    return part(driver, QPlainTextEdit, "import.report").toPlainText()


def choose_files(driver, button, *paths):
    """Choose files, or a folder, in the file dialog that a button opens."""
    click(driver, button)
    asked = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QFileDialog))
    line = asked.findChild(QLineEdit)
    line.setFocus()
    line.selectAll()
    text = " ".join(f'"{path}"' for path in paths) if len(paths) > 1 else str(paths[0])
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)
    driver.settle(100)


def choose_format(driver, title):
    box = part(driver, QComboBox, "import.format")
    box.setFocus()
    for _ in range(box.count()):
        if box.currentText().startswith(title):
            return
        QTest.keyClick(box, Qt.Key.Key_Down)
    QTest.keyClick(box, Qt.Key.Key_Home)
    while not box.currentText().startswith(title):
        QTest.keyClick(box, Qt.Key.Key_Down)


def test_check_import_and_copy_the_report(driver, project, annotated):
    driver.button("empty.import")
    check = part(driver, QAbstractButton, "import.check")
    assert not check.isEnabled()
    assert "Choose files or folders first" in check.toolTip()
    choose_format(driver, "clmtools")
    texts = [label.text() for label in dialog(driver).findChildren(QLabel)]
    assert any("Choose the CSV file" in text for text in texts)
    assert any("clmtrackr71 becomes face70: 70 of 70" in text for text in texts)
    choose_files(driver, "import.files", annotated)
    assert part(driver, QListWidget, "import.sources").count() == 1
    start = part(driver, QAbstractButton, "import.start")
    assert "Check first" in start.toolTip()

    click(driver, "import.check")
    driver.until(lambda: "would add" in report(driver))
    assert "would add 6 faces" in report(driver)
    assert f"{annotated}, line 7:" in report(driver)
    assert "Pictures not found (1):" in report(driver)
    assert project.items() == []
    assert start.text() == "Import 6 faces"

    click(driver, "import.start")
    driver.until(lambda: "were added" in report(driver))
    assert len(project.items()) == 6
    click(driver, "import.copy")
    assert QApplication.clipboard().text() == report(driver)
    click(driver, "import.close")
    driver.until(lambda: not driver.dock.findChildren(ImportDialog))
    driver.until(lambda: driver.dock.findChild(QListView, "queue.list").model().rowCount() == 6)


def choose_rule(driver, title):
    box = part(driver, QComboBox, "import.subjects")
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    while not box.currentText().startswith(title):
        QTest.keyClick(box, Qt.Key.Key_Down)


def test_whom_the_faces_show_is_chosen(driver, project, annotated):
    driver.button("empty.import")
    choose_files(driver, "import.files", annotated)
    shown = part(driver, QComboBox, "import.format")
    driver.until(lambda: shown.currentText().startswith("clmtools"))
    said = part(driver, QLabel, "import.recognised")
    assert said.text() == "Recognised as clmtools / clmtrackr annotations."
    choose_format(driver, "IMM")
    driver.until(lambda: "another format is chosen" in said.text())
    choose_format(driver, "clmtools")
    line = part(driver, QLineEdit, "import.subjects.text")
    click(driver, "import.check")
    driver.until(lambda: "would add" in report(driver))
    assert "Subjects: each picture its own" in report(driver)
    assert not line.isVisible()

    choose_rule(driver, "a name in the path")
    assert line.isVisible()
    assert not part(driver, QAbstractButton, "import.start").isEnabled(), "it was not checked"
    assert report(driver) == "", "the report was of another choice"
    texts = [label.text() for label in dialog(driver).findChildren(QLabel)]
    assert any("Its first group is the person" in text for text in texts)
    QTest.keyClicks(line, "(")
    click(driver, "import.check")
    driver.until(lambda: "is no regular expression" in report(driver))
    line.clear()
    QTest.keyClicks(line, r"s00(\d)")
    click(driver, "import.check")
    driver.until(lambda: "would add" in report(driver))
    assert "finds each person's name in the path: 1 person, 6 faces" in report(driver)
    click(driver, "import.start")
    driver.until(lambda: "were added" in report(driver))
    assert {(i.subject, i.subject_source) for i in project.items()} == {("0", "rule")}


def test_what_cannot_be_imported_is_explained(driver, project, tmp_path):
    (tmp_path / "faces.txt").write_text("no landmarks")
    driver.button("empty.import")
    choose_files(driver, "import.files", tmp_path / "faces.txt")
    said = part(driver, QLabel, "import.recognised")
    driver.until(lambda: ".pts file of 68 points" in said.text())
    click(driver, "import.check")
    driver.until(lambda: "faces.txt is no MUCT source" in report(driver))
    assert not part(driver, QAbstractButton, "import.start").isEnabled()
    click(driver, "import.remove")  # nothing is selected: nothing happens
    chosen = part(driver, QListWidget, "import.sources")
    assert chosen.count() == 1

    # Points that do not fit: a project of them is made from here.
    (tmp_path / "cats.csv").write_text("image,name,x,y\na.jpg,ear,1,2\na.jpg,nose,9,5\n")
    chosen.setCurrentRow(0)
    click(driver, "import.remove")
    choose_files(driver, "import.files", tmp_path / "cats.csv")
    driver.until(lambda: said.text().startswith("Recognised as faceloop table"))
    assert not part(driver, QAbstractButton, "import.new").isVisible()
    click(driver, "import.check")
    driver.until(lambda: "has 2 points (cats) and the project into 70" in report(driver))
    click(driver, "import.new")
    asked = dialog(driver).findChild(NewDialog)
    asked.findChild(QLineEdit, "new.folder").setText(str(tmp_path / "cats"))
    QTest.mouseClick(asked.findChild(QAbstractButton, "new.ok"), LEFT)
    driver.until(lambda: "would add 1 face" in report(driver))
    assert not part(driver, QAbstractButton, "import.new").isVisible()
    click(driver, "import.start")
    driver.until(lambda: "1 face was added" in report(driver))
    assert driver.dock.session.project.scheme.names == ("ear", "nose")
    assert len(driver.dock.session.project.faces()) == 1


@pytest.fixture
def archives(data_dir: Path) -> list[Path]:
    return sorted((data_dir / "muct").glob("*.tar.gz"))


def test_muct_is_imported_and_the_window_never_blocks(driver, project, archives):
    driver.button("empty.import")
    choose_files(driver, "import.files", *archives)
    assert part(driver, QListWidget, "import.sources").count() == 3
    # Found before: looking for a widget is slow, and would be measured with the rest.
    shown = part(driver, QPlainTextEdit, "import.report")
    with LoopProbe() as probe:
        click(driver, "import.check")
        driver.until(lambda: "would add" in shown.toPlainText(), 120)
    assert probe.worst_cpu < BLOCKED
    faces = int(report(driver).split("would add ")[1].split()[0])
    assert faces > 500
    assert "muct76 becomes face70: 69 of 70 points are the same marks; 1 estimated (" in report(
        driver
    )
    with LoopProbe() as probe:
        click(driver, "import.start")
        driver.until(lambda: "were added" in shown.toPlainText(), 300)
        click(driver, "import.close")
        driver.settle(1000)  # the list is shown, with its first pictures
    assert probe.worst_cpu < BLOCKED
    # Finished faces are not queued: the list shows all, and finds those with points to confirm.
    review = driver.dock.queue.review
    assert review.counts.entries.total() == 0
    assert len(project.items()) == len(review.rows) == faces
    review.select(label="estimated")
    assert len(review.rows) == faces
    driver.press("D")
    assert driver.dock.session.item is not None


def test_a_cancelled_import_leaves_the_project_as_it_was(driver, project, archives):
    driver.button("empty.import")
    choose_files(driver, "import.files", *archives)
    click(driver, "import.check")
    driver.until(lambda: "would add" in report(driver), 120)
    click(driver, "import.start")
    start = part(driver, QAbstractButton, "import.start")
    assert not start.isEnabled()
    bar = dialog(driver).findChild(QAbstractButton, "job.cancel")
    driver.until(lambda: bar.isVisible() and "checking pictures" in _progress(driver), 120)
    QTest.mouseClick(bar, LEFT)
    driver.until(lambda: "as it was before" in report(driver), 60)
    assert project.items() == []
    assert project.media() == []
    assert not any((project.path / "media").rglob("*.jpg"))
    assert start.isEnabled()
    # Escape closes it now that nothing runs.
    QTest.keyClick(dialog(driver), Qt.Key.Key_Escape)
    driver.until(lambda: not driver.dock.findChildren(ImportDialog))


def _progress(driver) -> str:
    return " ".join(label.text() for label in dialog(driver).findChildren(QLabel))
