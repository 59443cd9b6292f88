"""The first minute of a newcomer, by mouse and keys, looked at by pictures.

A photo of two people becomes two named faces, a model is trained, a video is tracked, a range of it
corrected, and a plot of it written. FACELOOP_SHOTS names a folder for the pictures.
"""

from __future__ import annotations

import os
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from driver import LEFT, NONE, Driver, type_into
from given import QUICK, drop, picture_of_two
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QToolButton, QTreeWidget

from faceloop_datasets import FrameKind, Video, write_video
from faceloop_datasets.sample import sample_clip, sample_clip_truth, sample_faces

CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
SHOTS = os.environ.get("FACELOOP_SHOTS")
FRAMES, POOR = 60, 30
WINDOWS = {"dark": (1500, 950), "light": (1024, 700)}


@pytest.fixture(params=WINDOWS)
def newcomer(driver: Driver, request: pytest.FixtureRequest) -> Driver:
    """The window as it opens, in a theme and size."""
    from napari.settings import get_settings

    get_settings().appearance.theme = request.param
    driver.viewer.window._qt_window.resize(*WINDOWS[request.param])
    driver.settle(200)
    number = count()

    def shot(name: str) -> None:
        if SHOTS:
            driver.picture(Path(SHOTS) / f"{request.param} {next(number):02} {name}.png")

    driver.shot = shot
    yield driver
    driver.dock.live.close_down()


@pytest.mark.long
def test_from_a_photo_of_two_to_a_plot(newcomer: Driver, tmp_path: Path) -> None:
    file = tmp_path / "us.png"
    picture_of_two(file)
    project = a_project_of_one_s_own(newcomer, tmp_path / "mine", file)
    two_faces_are_found_and_named(newcomer, project)
    a_model_is_trained(newcomer, project)
    a_video_is_tracked_and_a_range_corrected(newcomer, tmp_path)
    a_plot_is_written(newcomer, tmp_path / "mouth.csv")


def a_project_of_one_s_own(driver: Driver, folder: Path, file: Path) -> object:
    driver.shot("start")
    driver.button("start.new")
    driver.shot("new project")
    type_into(driver.dock.findChild(QLineEdit, "new.folder"), str(folder))
    driver.button("new.ok")
    driver.settle(100)
    driver.shot("empty")
    project = driver.dock.session.project
    drop(driver.dock.queue, [file])
    driver.until(lambda: len(project.items()) == 1)
    driver.settle(200)
    driver.shot("photo added")
    driver.press("d")
    driver.tab("Annotate")
    driver.until(lambda: driver.dock.annotate.canvas.ready)
    driver.shot("photo")
    return project


def two_faces_are_found_and_named(driver: Driver, project: object) -> None:
    panel = driver.dock.annotate
    faces = panel.findChild(QTreeWidget, "annotate.faces")
    driver.press("f", CONTROL)
    driver.until(lambda: len(panel.faces.proposals) == 2, 60)
    layers = driver.viewer.layers
    driver.until(lambda: "other names" in layers and layers["other names"].visible)
    driver.shot("two found")
    driver.press("k")
    driver.until(lambda: faces.topLevelItemCount() == 2 and len(project.items()) == 2)
    for name in ("Ann", "Ben"):
        driver.press("s", SHIFT)
        line = faces.findChild(QLineEdit)
        type_into(line, name)
        QTest.keyClick(line, Qt.Key.Key_Return)
        driver.settle(100)
        point = panel.editor.state.points[7]
        driver.drag(point, point + np.array([0, 6]))
        driver.press(Qt.Key.Key_Tab)
    driver.shot("two named")
    assert [one.name for one in project.subjects()] == ["Ann", "Ben"]
    for _ in project.items():
        here = panel.editor.item.id
        driver.press(Qt.Key.Key_Space)
        driver.until(lambda here=here: (panel.editor.item or here) != here, 20)
        driver.until(lambda: panel.canvas.ready)
    driver.shot("two accepted")
    assert all(not face.annotation.converted.any() for face in project.faces())


def a_model_is_trained(driver: Driver, project: object) -> None:
    driver.tab("Train")
    driver.until(lambda: "Looking" not in driver.dock.train.summary.text())
    driver.shot("train with two")
    with_more = [face for face, _ in zip(sample_faces(), range(32), strict=False)]
    project.import_entries("sample", with_more, scheme="face70")
    driver.dock.session.items_changed.emit()
    control = driver.dock.train.control
    control.settings = dict(QUICK)
    driver.until(lambda: control.readiness.faces > 2)
    driver.shot("train")
    driver.press(Qt.Key.Key_Return, CONTROL)
    driver.until(lambda: control.running)
    driver.until(lambda: driver.dock.train.progress.bar.value() > 30, 120)
    driver.shot("training")
    driver.until(lambda: not control.running, 240)
    driver.settle(500)
    driver.shot("trained")
    assert project.active_model is not None


def a_video_is_tracked_and_a_range_corrected(driver: Driver, folder: Path) -> None:
    live, strip = driver.dock.live, driver.dock.live.time.timeline
    clip = folder / "talk.mp4"
    write_video(clip, (frame.image for frame in islice(Video(sample_clip()), FRAMES)), 25)
    driver.tab("Live")
    driver.shot("live, empty")
    live.open(clip)
    driver.until(lambda: live.canvas.shown is not None and live.canvas.shown.result is not None)
    driver.shot("live")
    driver.button("live.track")
    driver.until(lambda: live.tracks.track is not None and not live.tracks.busy, 120)
    driver.shot("tracked")
    QTest.mouseClick(strip, LEFT, NONE, QPoint(strip.place(POOR), strip.height() - 8))
    driver.until(lambda: live.canvas.shown.index == POOR and not live.canvas.shown.moving)
    driver.press("c")
    editor = driver.dock.annotate.editor
    driver.until(lambda: editor.state is not None and driver.dock.annotate.canvas.ready)
    driver.settle(200)
    driver.shot("frame to correct")
    truth = sample_clip_truth().points[POOR]
    for _ in range(4):
        worst = int(np.linalg.norm(editor.state.points - truth, axis=1).argmax())
        driver.drag(editor.state.points[worst], truth[worst])
    driver.shot("frame corrected")
    driver.press(Qt.Key.Key_Return, SHIFT)
    kind = live.tracks.track.face(0).kind
    driver.until(lambda: live.tracks.track.face(0).kind[POOR] == FrameKind.CORRECTED, 60)
    driver.until(lambda: not live.tracks.busy, 60)
    assert not np.array_equal(live.tracks.track.face(0).kind, kind)
    driver.shot("spread")


def a_plot_is_written(driver: Driver, target: Path) -> None:
    live, strip = driver.dock.live, driver.dock.live.time.timeline
    QTest.mouseClick(live.time.findChild(QToolButton, "live.fold_plots"), LEFT)
    driver.until(lambda: live.time.plots.isVisible() and not live.time.plots.series.computing)
    for frame, key in ((20, "i"), (40, "o")):
        QTest.mouseClick(strip, LEFT, NONE, QPoint(strip.place(frame), strip.height() - 8))
        driver.until(lambda frame=frame: live.canvas.shown.index == frame)
        driver.until(lambda: not live.canvas.shown.moving)
        driver.press(key)
    driver.settle(300)
    driver.shot("plots")
    live.time.export(target)
    driver.until(target.is_file)
    driver.settle(300)
    driver.shot("exported")
    assert len(target.read_text("utf-8").splitlines()) == 1 + 21
