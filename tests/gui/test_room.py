"""Room, names and keys: every tab and dialog in a small window, with one font and a larger one."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QDockWidget,
    QLabel,
    QSlider,
    QWidget,
)
from walk import cut, dialogs, nameless, not_reached, pages

from faceloop_datasets import PictureDisplay, Project
from faceloop_datasets.sample import sample_clip
from faceloop_workbench.settings import read_settings

TABS = ("queue", "annotate", "train", "live")
PICTURES = os.environ.get("FACELOOP_PICTURES", "")
"""Folder to put a picture of everything in that is looked at."""


@pytest.fixture
def small(driver, sample_project):
    """A window of 1,024 x 700 with a face in work and a video."""
    driver.viewer.window._qt_window.resize(1024, 700)
    dock = driver.dock
    dock.session.open(sample_project)
    dock.session.show(sample_project.items()[14])
    driver.until(lambda: dock.annotate.canvas.ready)
    driver.tab("Live")
    dock.live.open(sample_clip())
    driver.until(lambda: dock.live.canvas.shown is not None)
    yield driver
    dock.live.close_down()


def picture(name, widget):
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        shot = widget.grab() if isinstance(widget, QWidget) else widget
        shot.save(str(Path(PICTURES) / f"{name.strip('…')}.png"))


def test_a_window_of_one_s_own_and_napari_s_again(small, sample_project, tmp_path):
    """One window for all of these: to open one takes longer than what is done in it."""
    check_keys_open_tabs_and_space_is_the_tab_s_own(small)
    check_closing_asks_what_would_be_lost(small, tmp_path)
    check_the_picture_is_shown_otherwise_and_points_stay_exact(small, sample_project)
    check_clicks_are_asked_for_at_the_pointer(small)
    check_the_docks_and_the_title(small)
    check_a_message_leaves_with_what_it_was_about(small, tmp_path)
    check_the_window_is_napari_s_again_when_the_dock_closes(small)


def share(driver):
    return driver.canvas.width() / driver.viewer.window._qt_window.width()


def test_every_tab_and_dialog_has_room_names_and_can_be_reached(small):
    from napari.settings import get_settings

    driver, wrong = small, []
    for font in (9, 12):
        get_settings().appearance.font_size = font
        driver.settle(100)
        for tab in TABS:
            driver.dock.commands.run(f"desk.{tab}")
            driver.settle(100)
            panel = getattr(driver.dock, tab)
            picture(f"{font}-{tab}", driver.viewer.window._qt_window)
            if share(driver) < 0.55:
                wrong.append(f"{tab}: the picture has {share(driver):.2f} of the width")
            wrong += [f"{font} {tab}: {what}" for what in cut(panel, scrolls=font > 9)]
            if font == 9:
                wrong += [f"{tab}: no name: {what}" for what in nameless(panel)]
                wrong += [f"{tab}: not by Tab: {what}" for what in not_reached(driver, panel)]
    seen = set()
    for name, dialog in dialogs(driver):  # with the larger font, which needs more room
        seen.add(type(dialog).__name__)
        for page in pages(dialog):
            driver.settle(30)
            picture(f"{font}-{name}-{page}", dialog)
            wrong += [f"{name} {page}: {what}" for what in cut(dialog, scrolls=True)]
            wrong += [f"{name} {page}: no name: {what}" for what in nameless(dialog)]
    assert {"ImportDialog", "NewDialog", "SettingsDialog", "ModelDialog", "EraseDialog"} <= seen
    assert driver.viewer.window._qt_window.height() <= 700
    assert not wrong, "\n".join(dict.fromkeys(wrong))


def layer_list(driver):
    docks = driver.viewer.window._qt_window.findChildren(QDockWidget)
    return next(dock for dock in docks if dock.objectName() == "layer list")


def check_the_docks_and_the_title(driver):
    layers, item = layer_list(driver), driver.dock.session.item
    assert driver.viewer.title == f"{item.name} \u2013 sample \u2013 faceloop"
    assert driver.viewer.help == ""
    assert layers.isHidden()
    driver.press("5", Qt.KeyboardModifier.ControlModifier)
    assert layers.isVisible()
    assert read_settings().napari_docks
    driver.press("5", Qt.KeyboardModifier.ControlModifier)
    assert layers.isHidden()
    assert not read_settings().napari_docks


def check_the_window_is_napari_s_again_when_the_dock_closes(driver):
    driver.dock.session.close()
    assert driver.viewer.title == "napari"
    driver.dock.close_down()
    assert not layer_list(driver).isHidden()


def check_keys_open_tabs_and_space_is_the_tab_s_own(driver):
    dock = driver.dock
    control = Qt.KeyboardModifier.ControlModifier
    for number, tab in enumerate(TABS, start=1):
        driver.press(str(number), control)
        assert dock.tabs.currentWidget() is getattr(dock, tab)
    # A button that was clicked keeps the focus, and Space is not for it.
    step = dock.live.findChild(QAbstractButton, "live.step")
    before, item = dock.live.canvas.shown.index, dock.session.item
    QTest.mouseClick(step, Qt.MouseButton.LeftButton)
    driver.until(lambda: dock.live.canvas.shown.index == before + 1)
    driver.focus(step)
    QTest.keyClick(step, Qt.Key.Key_Space)
    driver.until(lambda: dock.live.player.playing)
    QTest.keyClick(step, Qt.Key.Key_Space)
    driver.until(lambda: not dock.live.player.playing)
    assert dock.session.item.id == item.id
    # One that Tab came to is pressed, and framed.
    back = dock.live.findChild(QAbstractButton, "live.play")
    driver.focus(dock.live.findChild(QAbstractButton, "live.step_back"))
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is back
    assert back.property("keyFocus")
    picture("focus", dock)
    QTest.keyClick(back, Qt.Key.Key_Tab)
    assert not back.property("keyFocus")
    assert QApplication.focusWidget() is step
    driver.settle(200)
    before = dock.live.canvas.shown.index
    QTest.keyClick(step, Qt.Key.Key_Space)
    driver.until(lambda: dock.live.canvas.shown.index == before + 1)
    assert not dock.live.player.playing


def check_clicks_are_asked_for_at_the_pointer(driver):
    panel = driver.dock.annotate
    driver.tab("Annotate")
    driver.until(lambda: panel.canvas.ready)
    prompt = panel.findChild(QWidget, "annotate.prompt")
    face = panel.editor.state.points
    driver.move(face[30])
    driver.press("t")
    driver.until(prompt.isVisible)
    for number, point in enumerate((27, 32), start=1):
        said = [label.text() for label in prompt.findChildren(QLabel)]
        assert said[0].startswith(f"{number} of 3: click the middle of the pupil")
        driver.move(face[point])
        beside = driver.canvas.mapToGlobal(driver.at(face[point]))
        driver.until(lambda beside=beside: abs(prompt.x() - beside.x()) < 60)
        picture(f"prompt-{number}", QApplication.primaryScreen().grabWindow(0))
        driver.click(face[point])
    assert prompt.findChildren(QLabel)[0].text() == "3 of 3: click the chin"
    driver.press(Qt.Key.Key_Escape)
    assert not prompt.isVisible()
    assert driver.dock.findChild(QLabel, "desk.status").text() == ""


def check_a_message_leaves_with_what_it_was_about(driver, tmp_path):
    session = driver.dock.session
    line = driver.dock.findChild(QLabel, "desk.status")
    session.tell("Every face is labelled.")
    assert line.text() == "Every face is labelled."
    driver.settle(600)
    driver.press("d")
    assert line.text() == ""
    session.tell("Trained.", project="faces")
    assert line.text() == "faces: Trained."
    session.tell("The disk is full.", "error")
    driver.press("d")
    assert line.text() == "\u26a0 The disk is full."  # it has only just come
    session.open(Project.create(tmp_path / "another"))
    assert line.text() == ""


def check_closing_asks_what_would_be_lost(driver, tmp_path):
    window = driver.viewer.window._qt_window
    target = tmp_path / "track.csv"
    driver.dock.live._export.start(target)
    window.close()
    (dialog,) = driver.dock.findChildren(QDialog)
    driver.until(dialog.isVisible)
    assert "track.csv is being written" in dialog.findChildren(QLabel)[0].text()
    assert window.isVisible()
    QTest.keyClick(dialog, Qt.Key.Key_Return)  # the safe answer
    driver.until(lambda: not dialog.isVisible())
    assert window.isVisible()
    # So does the button that closes the dock alone.
    driver.dock.parentWidget().titleBarWidget().close_button.click()
    (again,) = [d for d in driver.dock.findChildren(QDialog) if d.isVisible()]
    assert "track.csv is being written" in again.findChildren(QLabel)[0].text()
    QTest.keyClick(again, Qt.Key.Key_Return)
    driver.until(lambda: not again.isVisible())
    assert driver.dock.isVisible()
    driver.button("live.cancel_export")
    driver.until(lambda: not driver.dock.session.losses())
    assert driver.viewer.title == "s0014 \u2013 sample \u2013 faceloop"


def check_the_picture_is_shown_otherwise_and_points_stay_exact(driver, sample_project):
    dock = driver.dock
    driver.tab("Annotate")
    driver.until(lambda: dock.annotate.canvas.ready)
    layer, editor, item = dock.picture_layer.layer, dock.annotate.editor, dock.session.item
    pixels = layer.data.copy()
    driver.press("l")
    (dialog,) = [d for d in dock.annotate.findChildren(QDialog) if d.isVisible()]
    slider = dialog.findChild(QSlider, "display.gamma")
    driver.focus(slider)
    QTest.keyClick(slider, Qt.Key.Key_Home)
    assert layer.gamma == pytest.approx(0.125)
    driver.until(lambda: sample_project.display(item.media_id).gamma == layer.gamma, 5)
    dialog.close()
    # Turned, a click and a drag still mean the point that is under the pointer.
    driver.press("]")
    driver.press("]")
    driver.press("1")
    assert dock.picture_layer.display.turn == 30
    left, up = driver.at((0, 0)), driver.at((0, 10))
    assert left.x() > up.x() > left.x() - 10 * driver.viewer.scene.camera.zoom
    start = editor.state.points
    for point in (14, 3):
        driver.click(start[point])
        assert editor.selection == (point,)
    driver.drag(start[14], start[14] + [6, 3], Qt.KeyboardModifier.ControlModifier)
    pixel = 1 / driver.viewer.scene.camera.zoom
    assert np.allclose(editor.state.points[14], start[14] + [6, 3], atol=pixel)
    before = editor.state.points[14]
    driver.press(Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)  # right is that of the screen
    angle = np.deg2rad(30)
    step = editor.state.points[14] - before
    assert np.allclose(step, [5 * np.cos(angle), -5 * np.sin(angle)])
    driver.press("=")
    left, right = (driver.at(editor.state.points[k]) for k in sample_project.scheme.iod)
    assert abs(left.y() - right.y()) <= 2
    assert np.array_equal(layer.data, pixels)
    picture("turned", driver.viewer.window._qt_window)
    # Another picture is as it is, and so is the tab Live; this one comes back as it was.
    shown = sample_project.display(item.media_id)
    driver.press("d")
    driver.until(lambda: dock.annotate.canvas.ready)
    assert dock.picture_layer.display == PictureDisplay()
    driver.press("a")
    driver.until(lambda: dock.picture_layer.display == shown)
    driver.tab("Live")
    assert layer.gamma == 1
    assert np.array_equal(layer.affine.affine_matrix, np.eye(3))
    driver.tab("Annotate")
    driver.until(lambda: dock.picture_layer.display == shown)
    driver.viewer.scene.camera.zoom = 20
    assert layer.interpolation2d == "nearest"
    driver.viewer.scene.camera.zoom = 4
    assert layer.interpolation2d == "linear"
