"""Whole stories by mouse and keys.

One annotates, retrains, watches, corrects a poor fit, and retrains; another labels two expressions,
trains, and watches their bars.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from driver import type_into
from given import QUICK
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QGroupBox, QInputDialog, QLabel, QLineEdit, QListView, QMenu

from faceloop_datasets import PointState, Project, Video
from faceloop_datasets.sample import sample_clip, sample_clip_truth, sample_faces
from faceloop_runtime import FaceModel, Fitter
from faceloop_runtime.geometry import Similarity

FACES = 16
"""Four people: enough to train on in a few seconds, too few to fit everybody well."""
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def project(tmp_path):
    project = Project.create(tmp_path / "story")
    records = [f for f, _ in zip(sample_faces(), range(FACES), strict=False)]
    project.import_entries("sample", records, scheme="face70")
    return project


@pytest.fixture
def desk(driver, project):
    driver.dock.session.open(project)
    yield driver
    # What the test holds must not keep the window alive.
    driver.dock.live.close_down()


def retrain(driver, project):
    """Press the key; wait until a new model is in use."""
    before = len(project.models())
    driver.dock.train.control.settings = dict(QUICK)
    driver.tab("Train")
    driver.press(Qt.Key.Key_Return, CONTROL)
    driver.until(lambda: len(project.models()) > before, 180)
    driver.until(lambda: not driver.dock.train.control.running, 60)
    project.use_model(project.models()[-1].id)
    driver.dock.session.models_changed.emit()


def error_on(project, frame):
    """NME of the model in use on a frame of the clip, from where the face is."""
    truth = sample_clip_truth().points[frame]
    with Video(sample_clip()) as video:
        gray = video[frame].gray()
    model = FaceModel.load(project.active_model.file)
    pose = Similarity.between(model.pdm.mean, truth)
    fit = Fitter(model, "cpu").fit_pose(gray, pose)
    distance = np.linalg.norm(fit.points - truth, axis=1).mean()
    return distance / project.scheme.inter_ocular_distance(truth)


def correct(driver, truth, drags):
    """Drag the worst point to its place, again and again."""
    editor = driver.dock.annotate.editor
    for _ in range(drags):
        away = np.linalg.norm(editor.state.points - truth, axis=1)
        worst = int(away.argmax())
        driver.drag(editor.state.points[worst], truth[worst])


def open_from_queue(driver, name):
    """Click a face in the list of the tab Queue."""
    driver.tab("Queue")
    shown = driver.dock.findChild(QListView, "queue.list")
    model = shown.model()
    driver.until(lambda: name in [model.index(k).data() for k in range(model.rowCount())])
    row = next(k for k in range(model.rowCount()) if model.index(k).data() == name)
    shown.scrollTo(model.index(row))
    driver.settle(100)
    place = shown.visualRect(model.index(row)).center()
    QTest.mouseClick(shown.viewport(), Qt.MouseButton.LeftButton, pos=place)
    driver.until(lambda: driver.dock.session.item.name == name)


def test_the_whole_loop(desk, project):
    driver, editor = desk, desk.dock.annotate.editor
    truth = sample_clip_truth()

    # Annotate: an assisted drag, taken back, made again; a hidden point; accepted.
    driver.press("d")
    driver.until(lambda: driver.dock.annotate.canvas.ready)
    item = driver.dock.session.item
    start = editor.state.points
    driver.tab("Annotate")
    driver.drag(start[7], start[7] + [0, 6])
    moved = editor.state.points
    assert not np.array_equal(moved, start)
    driver.press("z", CONTROL)
    assert np.array_equal(editor.state.points, start)
    driver.press("z", CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert np.array_equal(editor.state.points, moved)
    driver.press("z", CONTROL)
    driver.click(editor.state.points[14])
    driver.press("o")
    assert project.annotation(item.id).annotation.states[14] == PointState.OCCLUDED
    driver.press(Qt.Key.Key_Space)
    driver.until(lambda: driver.dock.session.item.id != item.id)
    assert len(project.history(item.id)) >= 5

    # Retrain, and watch the model fit somebody it has never seen.
    retrain(driver, project)
    driver.tab("Live")
    driver.dock.live.open(sample_clip())
    driver.until(lambda: driver.dock.live.canvas.shown is not None)
    driver.press(Qt.Key.Key_Space)
    driver.until(lambda: driver.dock.live.canvas.shown.index >= len(truth.face) // 2, 150)
    driver.press(Qt.Key.Key_Space)
    driver.until(lambda: any(e.reason == "poor-fit" for e in project.queue.list()), 30)

    # Open a poor fit whose face is in view, correct it, and retrain: its error has fallen.
    entry = max(
        (e for e in project.queue.list() if e.reason == "poor-fit"),
        key=lambda e: truth.visible[project.item(e.item_id).frame].sum(),
    )
    poor = project.item(entry.item_id)
    before = error_on(project, poor.frame)
    open_from_queue(driver, poor.name)
    driver.tab("Annotate")
    driver.until(lambda: driver.dock.annotate.canvas.ready and editor.state.present.all())
    driver.settle(200)
    correct(driver, truth.points[poor.frame], 8)
    driver.press(Qt.Key.Key_Space)
    driver.until(lambda: project.annotation(poor.id).annotation.source == "manual")
    assert project.queue.get(entry.id).status == "done"
    retrain(driver, project)
    after = error_on(project, poor.frame)
    assert after < before


WORDS = {"neutral": "calm", "smile_open": "glad"}
"""What the newcomer calls two of the sample's expressions."""


@pytest.fixture
def unlabelled(driver, tmp_path):
    """A project with a face of each of two expressions of 12 people, none labelled; and which."""
    by_person = {}
    for face in sample_faces():
        if face.expression in WORDS:
            by_person.setdefault(face.subject, {}).setdefault(face.expression, face)
    people = [found for found in by_person.values() if len(found) == len(WORDS)][:12]
    faces = [face for found in people for face in found.values()]
    project = Project.create(tmp_path / "newcomer")
    plain = [replace(face, expression="") for face in faces]
    project.import_entries("sample", plain, scheme="face70")
    driver.dock.session.open(project)
    yield project, {face.name: WORDS[face.expression] for face in faces}
    driver.dock.live.close_down()


def label(driver, word, known):
    """Label the face in work: a new word is typed, a known one has its digit."""
    panel = driver.dock.annotate
    menu = panel.findChild(QMenu, "annotate.expressions")
    driver.press("e")
    driver.until(menu.isVisible)
    if word in known:
        QTest.keyClick(menu, str(known.index(word) + 1))
        return
    QTest.keyClick(menu, "n")
    dialog = panel.findChildren(QInputDialog, "annotate.new_expression")[-1]
    driver.until(dialog.isVisible)
    line = dialog.findChild(QLineEdit)
    type_into(line, word)
    QTest.keyClick(line, Qt.Key.Key_Return)


def test_two_expressions_are_labelled_learned_and_watched(driver, unlabelled):
    project, wanted = unlabelled
    dock = driver.dock
    driver.tab("Annotate")
    known = []
    for item in project.items():
        dock.session.show(item)
        driver.until(lambda: dock.annotate.canvas.ready)
        word = wanted[item.name]
        label(driver, word, known)
        driver.until(lambda item=item, word=word: project.expression(item.id) == word)
        known = [one.label for one in project.expressions()]
    assert {one.label: len(one.items) for one in project.expressions()} == {"calm": 12, "glad": 12}

    retrain(driver, project)
    assert project.active_model.metrics["expressions"]["accuracy"] > 0.7
    said = dock.train.findChild(QLabel, "train.expressions").text()
    assert said.startswith("Expressions (calm, glad): of ")

    driver.tab("Live")
    dock.live.open(sample_clip())
    box = dock.live.findChild(QGroupBox, "live.expression")
    driver.until(lambda: set(box.shown) == {"calm", "glad"}, 60)
    assert box.isVisible()
    assert sum(box.shown.values()) == pytest.approx(1)
