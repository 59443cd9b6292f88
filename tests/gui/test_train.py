"""The tab Train, with real clicks: a training from button to model in use, cancelled, killed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from driver import BLOCKED, LEFT, LoopProbe
from given import QUICK
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDialogButtonBox, QLineEdit

from faceloop_datasets import Annotation, PointState, Project
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.train.dialog_delete import DeleteDialog

FACES = 48
SECONDS = 240.0  # machines are busy


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Folder of a project with 48 faces of 12 people, 4 of them of one who is held out."""
    folder = tmp_path_factory.mktemp("train") / "faces"
    with Project.create(folder) as project:
        project.import_entries("sample", islice(sample_faces(), FACES), scheme="face70", copy=True)
    return folder


@pytest.fixture(scope="module")
def trained(faces, tmp_path_factory):
    """Folder of a project with those faces and a model."""
    from faceloop_workbench.services.child import ChildJob
    from faceloop_workbench.services.messages import Train

    folder = tmp_path_factory.mktemp("trained") / "faces"
    shutil.copytree(faces, folder)
    job = ChildJob(Train(str(folder), QUICK), "Training")
    job.start()
    assert job.wait(SECONDS)
    return folder


@pytest.fixture
def panel(driver, faces, tmp_path):
    """The tab Train in front, with the 48 faces and quick settings."""
    return opened(driver, faces, tmp_path)


def opened(driver, folder, tmp_path):
    own = shutil.copytree(folder, tmp_path / folder.name)
    driver.dock.session.open(Project.open(own))
    driver.tab("Train")
    panel = driver.dock.train
    panel.control.settings = dict(QUICK)
    driver.until(lambda: panel.control.readiness.faces > 0)
    return panel


def column(panel, number):
    table = panel.table
    return [table.item(row, number).text() for row in range(table.rowCount())]


def process(panel):
    return panel.control._job._process


def click_row(driver, panel, row, columns=1, double=False):
    table = panel.table
    place = table.visualRect(table.model().index(row, columns)).center()
    QTest.mouseClick(table.viewport(), LEFT, pos=place)
    if double:
        QTest.mouseDClick(table.viewport(), LEFT, pos=place)
    driver.settle()


def test_from_no_project_to_a_compared_model(driver, faces, tmp_path):
    driver.tab("Train")
    panel = driver.dock.train
    assert not panel.retrain.isEnabled()
    assert panel.retrain.toolTip().startswith("Open a project first.")
    assert not panel.import_button.isEnabled()
    opened(driver, faces, tmp_path)
    assert panel.summary.text().startswith("40 faces of 10 people will train, 8 faces of 2 people")
    assert "Only 2 people held out" in panel.warnings.text()
    assert panel.retrain.isEnabled()
    assert column(panel, 1) == ["starter"]
    assert panel.retrain.text() == "Train"
    assert not panel.use.isEnabled()
    assert panel.use.toolTip().startswith("It is in use.")

    shares, labels = [], set()
    with LoopProbe() as probe:
        driver.button("train.start")
        assert panel.progress.isVisible()
        assert not panel.retrain.isEnabled()
        assert "is under way" in panel.retrain.toolTip()

        def over():
            shares.append(panel.progress.bar.value())
            labels.add(panel.progress.label.text().split(" ")[0])
            return not panel.control.running

        driver.until(over, SECONDS)
    assert probe.worst_cpu < BLOCKED
    assert sorted(shares) == shares
    assert len(set(shares)) > 5
    assert {"training", "learning"} <= labels
    assert not panel.progress.isVisible()
    assert "learning corrections: " in panel.progress.log.toPlainText()
    assert len(panel.progress._curve.curves()) == 3

    assert column(panel, 1) == ["face70-ridge", "starter"]
    assert column(panel, 0) == ["●", ""]
    assert column(panel, 2) == ["40", "1900"]
    assert panel.table.chosen.name == "face70-ridge"
    assert panel.comparison.verdict.text() == "Taken into use: it is the first."
    assert driver.dock.session.model().name == "face70-ridge"


def show_each_chart(driver, panel):
    """Look at each chart: the new model is drawn in it."""
    for k in range(panel.comparison.tabs.count()):
        bar = panel.comparison.tabs.tabBar()
        QTest.mouseClick(bar, LEFT, pos=bar.tabRect(k).center())
        driver.settle()
        chart = panel.comparison.tabs.widget(k)
        picture = chart.grab().toImage()
        colours = {
            picture.pixelColor(x, y).name()
            for x in range(40, chart.width())
            for y in range(20, 160)
        }
        assert "#e0771c" in colours, f"the new model is not drawn in chart {k}"


def pin_the_older_and_delete_the_newer(driver, panel):
    """Pin the older one, which comes first then and cannot be deleted; delete the other."""
    session = driver.dock.session
    click_row(driver, panel, 1)
    driver.button("train.use")
    click_row(driver, panel, 1)
    driver.button("train.pin")
    assert column(panel, 1) == ["face70-ridge", "face70-ridge-2", "starter"]
    assert column(panel, 0) == ["●◆", "", ""]
    assert panel.pin.text() == "Unpin"
    driver.button("train.delete")
    dialog = panel.findChild(DeleteDialog)
    assert not dialog._one.isEnabled()
    assert "1 model (" in dialog._all.text()
    QTest.keyClick(dialog, Qt.Key.Key_Return)  # Enter keeps everything
    driver.settle()
    assert len(session.project.models()) == 2
    click_row(driver, panel, 1)
    driver.button("train.delete")
    (dialog,) = (d for d in panel.findChildren(DeleteDialog) if d.isVisible())
    assert dialog._one.text().startswith("Delete face70-ridge-2 (")
    driver.button("delete.ok")
    assert column(panel, 1) == ["face70-ridge", "starter"]
    assert [file.name for file in (session.project.path / "models").iterdir()] == [
        "face70-ridge.safetensors"
    ]
    driver.button("train.pin")
    assert column(panel, 0) == ["●", ""]


def test_nothing_changed_then_a_face_is_corrected_and_the_person_decides(driver, trained, tmp_path):
    panel = opened(driver, trained, tmp_path)
    assert panel.retrain.text() == "Retrain"
    assert panel.summary.text().startswith("Nothing that trains has changed since face70-ridge.")
    meaning = panel.meaning.meaning.text()
    assert meaning.startswith("On average a point is off by ")
    assert " of the distance between the eyes: about " in meaning
    assert "Measured on 8 faces of 2 people that it has not seen." in meaning
    driver.button("train.start")
    driver.until(lambda: not panel.control.running, SECONDS)
    assert (
        panel.result.text() == "Nothing that trains has changed since face70-ridge; no model made."
    )
    assert column(panel, 1) == ["face70-ridge", "starter"]
    assert panel.anyway.isVisible()

    # A face is corrected: now there is something to train on.
    session = driver.dock.session
    face = session.project.faces()[0]
    moved = replace(face.annotation, points=face.annotation.points + 0.5, source="manual")
    session.saved.emit(session.project.save(face.item_id, moved, face.revision_id))
    driver.until(lambda: "Nothing that trains" not in panel.summary.text())
    assert not panel.anyway.isVisible()
    assert not panel.result.isVisible()
    driver.button("train.start")
    driver.until(lambda: not panel.control.running, SECONDS)
    assert column(panel, 1) == ["face70-ridge-2", "face70-ridge", "starter"]
    assert column(panel, 0)[2] == ""
    assert "against" in panel.comparison.verdict.text()
    driver.until(
        lambda: "Nothing that trains has changed since face70-ridge-2" in panel.summary.text()
    )
    assert panel.comparison.tabs.tabText(0) == "Trainings"
    assert "lower is better" in panel.comparison.curve._y.title
    assert [len(c.x) for c in panel.comparison.curve._curves] == [1, 2]
    show_each_chart(driver, panel)
    pin_the_older_and_delete_the_newer(driver, panel)

    # The person says why, and goes back to the starter.
    click_row(driver, panel, 0, 5, double=True)
    editor = panel.table.findChild(QLineEdit)
    QTest.keyClicks(editor, "keep this")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    driver.settle()
    assert session.project.model("face70-ridge").note == "keep this"
    assert column(panel, 5)[0] == "keep this"
    click_row(driver, panel, 1)
    driver.button("train.use")
    assert session.project.active_model is None
    assert session.model().name == "starter"


def test_cancel_leaves_the_models_as_they_were(driver, panel, tmp_path):
    driver.button("train.start")
    driver.until(lambda: "expert" in panel.progress.label.text(), SECONDS)
    running = process(panel)
    with LoopProbe() as probe:
        driver.button("train.cancel")
        driver.until(lambda: not panel.control.running, 30)
    assert probe.worst_cpu < BLOCKED
    assert running.returncode is not None
    assert driver.dock.session.project.models() == []
    assert column(panel, 1) == ["starter"]
    assert panel.result.isVisible()
    assert panel.result.text().endswith("was cancelled; the project is as it was.")
    assert panel.retrain.isEnabled()
    driver.dock.session.open(Project.create(tmp_path / "another"))
    assert not panel.result.isVisible()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_process_that_dies_shows_the_end_of_its_log(driver, panel):
    driver.button("train.start")
    driver.until(lambda: "expert" in panel.progress.label.text(), SECONDS)
    driver.button("train.log")
    assert panel.progress.log.isVisible()
    os.kill(process(panel).pid, signal.SIGKILL)
    driver.until(lambda: not panel.control.running, 30)
    assert panel.result.isVisible()
    assert "ended unexpectedly, by signal 9" in panel.result.text()
    assert "reading faces: " in panel.result.text()
    assert driver.dock.session.project.models() == []
    # It can be tried again.
    driver.button("train.start")
    assert not panel.result.isVisible()
    driver.until(lambda: panel.control.running and process(panel) is not None, SECONDS)
    running = process(panel)
    driver.dock.train.close_down()
    assert running.returncode is not None


def test_settings_are_asked_for_and_kept(driver, panel):
    from faceloop_workbench.train.dialog_settings import SettingsDialog

    driver.button("train.settings")
    driver.settle(200)
    (dialog,) = panel.findChildren(SettingsDialog)
    form = dialog.form
    assert form["channels"].value == ["raw"]
    assert form["mirror"].value is False
    form["channels"].native.clearSelection()
    buttons = dialog.findChild(QDialogButtonBox)
    kinds = QDialogButtonBox.StandardButton
    QTest.mouseClick(buttons.button(kinds.Ok), LEFT)
    assert dialog.isVisible()
    assert "channels" in dialog._wrong.text()
    QTest.mouseClick(buttons.button(kinds.RestoreDefaults), LEFT)
    assert form["channels"].value == ["gradient", "lbp"]
    form["holdout"].value = 0.0
    QTest.mouseClick(buttons.button(kinds.Ok), LEFT)
    driver.until(lambda: panel.control.readiness.faces == FACES)
    assert panel.control.settings["holdout"] == 0.0
    assert panel.control.settings["channels"] == ("gradient", "lbp")
    assert "neither measured nor compared" in panel.warnings.text()


def test_half_corrected_faces_are_told_and_shown(driver, panel):
    project = driver.dock.session.project
    item = project.items()[5]
    head = project.annotation(item.id)
    states = np.full(70, PointState.ESTIMATED)
    states[:3] = PointState.VISIBLE
    fit = Annotation("face70", head.annotation.points, states, "fit:starter")
    driver.dock.session.saved.emit(project.save(item.id, fit, head.id))
    driver.until(lambda: "1 face is half-corrected" in panel.warnings.text())
    driver.button("train.show_half")
    assert driver.dock.session.item.id == item.id
    assert driver.dock.tabs.currentWidget() is driver.dock.annotate
    # Who begins by key, in another tab, is told too.
    told = []
    driver.dock.session.told.connect(told.append)
    driver.press(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert panel.control.running
    assert told[-1].level == "warning"
    assert told[-1].text.startswith("Training has begun. 1 face is half-corrected")


def turn_a_face(driver, dialog):
    """Turn the face in space to the side by key and by mouse, vary it, and put it back."""
    from faceloop_workbench.train.dialog_space import SpaceTab

    space = dialog.findChild(SpaceTab)

    def drawn():
        return space.canvas._shapes[-1][0]

    ahead = drawn().copy()
    assert "faces move as they turn" in space.words.text()
    space.turns["yaw"].setFocus()
    for _ in range(4):
        QTest.keyClick(space.turns["yaw"], Qt.Key.Key_PageUp)
    driver.settle()
    turned = drawn().copy()
    eyes = space._model.scheme.iod
    widths = [abs(np.subtract(*points[list(eyes)])[0]) for points in (ahead, turned)]
    assert widths[1] < 0.95 * widths[0]
    space.sliders[0].setValue(20)
    assert not np.allclose(drawn(), turned)
    space.reset()
    np.testing.assert_allclose(drawn(), ahead)
    middle = space.canvas.rect().center()
    QTest.mousePress(space.canvas, LEFT, pos=middle)
    QTest.mouseMove(space.canvas, middle + QPoint(-60, 0))
    driver.until(lambda: space.turns["yaw"].value() == -30)
    QTest.mouseRelease(space.canvas, LEFT, pos=middle)
    assert space.turns["pitch"].value() == 0
    space.reset()


def choose_a_patch(dialog):
    from faceloop_workbench.train.dialog_model import PatchesTab

    patches = dialog.findChild(PatchesTab)
    mosaic = patches.mosaic
    area, zoom = mosaic._area()
    x, y = (mosaic._centres[7] + 0.5) * zoom
    QTest.mouseClick(mosaic, LEFT, pos=QPoint(int(area.left() + x), int(area.top() + y)))
    assert patches.landmark.currentText() == "7 chin"


def test_looking_inside_export_and_import(driver, trained, tmp_path):
    from faceloop_workbench.train.dialog_changes import ChangesTab
    from faceloop_workbench.train.dialog_model import ModelDialog
    from faceloop_workbench.train.dialog_shape import ShapeTab

    panel = opened(driver, trained, tmp_path)
    with LoopProbe() as probe:
        driver.button("train.inside")
        driver.settle(300)
    assert probe.worst_cpu < BLOCKED
    (dialog,) = panel.findChildren(ModelDialog)
    shape = dialog.findChild(ShapeTab)

    def drawn():
        return shape.canvas._shapes[-1][0]

    mean = drawn().copy()
    slider = shape.sliders[0]
    slider.setFocus()
    for _ in range(5):
        QTest.keyClick(slider, Qt.Key.Key_PageUp)
    driver.settle()
    assert slider.value() > 0
    assert not np.allclose(drawn(), mean)
    QTest.mouseClick(shape.findChild(type(panel.inside), "inside.reset"), LEFT)
    np.testing.assert_allclose(drawn(), mean)

    for k in range(dialog.tabs.count()):
        bar = dialog.tabs.tabBar()
        QTest.mouseClick(bar, LEFT, pos=bar.tabRect(k).center())
        driver.settle(100)
        if k == 1:
            turn_a_face(driver, dialog)
        if k == 2:
            choose_a_patch(dialog)
    changes = dialog.findChild(ChangesTab)
    assert changes.other.currentText() == "starter"
    told = {changes.table.item(r, 0).text() for r in range(changes.table.rowCount())}
    assert {"faces", "setting: channels"} <= told
    dialog.close()
    driver.settle()

    file = tmp_path / "mine.safetensors"
    driver.button("train.export")
    driver.enter_file(file)
    project = driver.dock.session.project
    assert file.read_bytes() == project.active_model.file.read_bytes()
    driver.button("train.import")
    driver.enter_file(file)
    driver.until(lambda: panel.control.running, 5)
    driver.until(lambda: not panel.control.running, SECONDS)
    assert column(panel, 1) == ["mine", "face70-ridge", "starter"]
    assert column(panel, 0) == ["", "●", ""]
    assert panel.table.chosen.note == "imported from mine.safetensors"
    assert panel.comparison.verdict.text().startswith("As good or better: ")


def test_a_copy_with_other_factors_is_saved(driver, trained, tmp_path):
    from faceloop_workbench.train.dialog_model import ModelDialog
    from faceloop_workbench.train.dialog_shape import ShapeTab

    panel = opened(driver, trained, tmp_path)

    def look_inside():
        driver.button("train.inside")
        driver.settle(300)
        dialog = panel.findChildren(ModelDialog)[-1]
        return dialog, dialog.findChild(ShapeTab)

    dialog, shape = look_inside()
    QTest.keyClick(shape.factor_sliders[0], Qt.Key.Key_Home)
    QTest.keyClick(shape.factor_sliders[2], Qt.Key.Key_End)
    assert shape.factors == {1: 0.0, 3: 10.0}
    QTest.mouseClick(shape.save, LEFT)
    driver.until(lambda: panel.control.running, 5)
    driver.until(lambda: not panel.control.running, SECONDS)
    assert column(panel, 1) == ["face70-ridge-regularised", "face70-ridge", "starter"]
    assert column(panel, 0) == ["", "●", ""]
    said = "face70-ridge with component 1 free, component 3 held 10 times as firmly"
    assert panel.table.chosen.note == said
    saved = panel.table.chosen.load().pdm.regularisation
    np.testing.assert_array_equal(saved, [0, 1, 10, 1, 1, 1, 1, 1])
    dialog.close()
    driver.settle()
    dialog, shape = look_inside()
    assert shape.factors == {}
    assert [slider.value() for slider in shape.factor_sliders[:3]] == [0, 11, 21]
    QTest.mouseClick(shape.learned, LEFT)
    assert shape.factors == {1: 1.0, 3: 1.0}
    assert driver.dock.session.trial is not None
    # What looks into models of a project closes with it.
    driver.dock.session.close()
    driver.settle()
    assert panel.findChildren(ModelDialog) == []
    assert driver.dock.session.trial is None


def test_a_model_is_not_exported_over_the_project(driver, trained, tmp_path):
    panel = opened(driver, trained, tmp_path)
    project = driver.dock.session.project
    for kept in (project.path / "project.db", project.active_model.file):
        before = kept.read_bytes()
        panel._try(lambda target=kept: panel._export(panel.table.chosen, target))
        assert "never replaced" in driver.dock._status.text()
        assert kept.read_bytes() == before


def test_a_report_is_written_and_shown(driver, trained, tmp_path, monkeypatch):
    from faceloop_workbench.train import panel as module

    asked = []

    class Browser:
        """Where the page would be opened."""

        @staticmethod
        def openUrl(url):  # noqa: N802 - Qt's name
            asked.append(url.toLocalFile())

    monkeypatch.setattr(module, "QDesktopServices", Browser)
    panel = opened(driver, trained, tmp_path)
    assert column(panel, 1) == ["face70-ridge", "starter"]
    driver.button("train.report")
    driver.until(lambda: panel.control.running)
    assert panel.write_report.toolTip().startswith("Report on face70-ridge is under way.")
    driver.until(lambda: len(asked) > 0, SECONDS)
    page = tmp_path / trained.name / "reports" / "face70-ridge" / "report.html"
    assert asked == [str(page)]
    assert "face70-ridge" in page.read_text(encoding="utf-8")
    assert panel.write_report.isEnabled()
