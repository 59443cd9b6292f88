"""The tab Live: playing a video with the fit on it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from driver import BLOCKED, LEFT, NONE, LoopProbe
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGroupBox,
    QLabel,
    QPushButton,
    QSlider,
    QWidget,
)

from faceloop_datasets import Project, Video, write_video
from faceloop_datasets.sample import sample_clip, sample_clip_truth, sample_dir
from faceloop_runtime import FaceModel
from faceloop_workbench.live.colours import error_colours
from faceloop_workbench.live.panel_expressions import BAR
from faceloop_workbench.live.panel_timeline import Timeline
from faceloop_workbench.live.record import ErrorRecord
from faceloop_workbench.services.finding import Finding

if TYPE_CHECKING:
    from pathlib import Path


class Live:
    """The tab Live with the sample clip open, and what a person sees of it."""

    def __init__(self, driver) -> None:
        self.driver = driver
        self.panel = driver.dock.live
        driver.tab("Live")
        self.panel.open(sample_clip())
        self.until_fitted(0)

    @property
    def shown(self):
        return self.panel.canvas.shown

    @property
    def picture(self):
        return self.driver.dock.picture_layer.layer.data

    def find(self, kind, name):
        inside = self.panel.findChild(kind, f"live.{name}")
        return inside or self.panel.time.findChild(kind, f"live.{name}")

    def until_fitted(self, index):
        def there():
            shown = self.shown
            if shown is None or shown.moving or shown.result is None:
                return False
            return shown.index == index

        self.driver.until(there)

    def play_until(self, index):
        self.driver.press(Qt.Key.Key_Space)
        self.driver.until(lambda: self.shown.index >= index, 60)

    def pause(self):
        self.driver.press(Qt.Key.Key_Space)
        self.driver.until(lambda: not self.shown.moving)

    def type_into(self, box, key):
        """Choose from a box by the first letter, as who has gone there by Tab."""
        box.window().activateWindow()
        self.driver.until(box.window().isActiveWindow)
        box.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(box, key)

    def click_strip(self, frame):
        strip = self.find(QWidget, "timeline")
        QTest.mouseClick(strip, LEFT, NONE, QPoint(strip.place(frame), strip.height() // 2))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty one."""
    return Project.create(tmp_path / "project")


@pytest.fixture
def live(driver, project):
    driver.dock.session.open(project)
    live = Live(driver)
    yield live
    live.__dict__.clear()


def frame(index):
    with Video(sample_clip()) as video:
        return video[index].image


def test_a_clip_plays_with_the_fit_on_the_face(live):
    truth = sample_clip_truth()
    with LoopProbe() as probe:
        live.play_until(40)
    assert probe.worst_cpu < BLOCKED
    assert live.shown.moving
    changed = np.abs(live.picture.astype(int) - frame(live.shown.index)).max(axis=2) > 60
    rows, columns = np.nonzero(changed)  # the marks in the picture
    face = truth.points[live.shown.index]
    assert abs(rows.mean() - face[:, 1].mean()) < 25
    assert abs(columns.mean() - face[:, 0].mean()) < 25
    assert "frames/s" in live.find(QLabel, "speed_shown").text()
    live.pause()
    points = live.shown.result.points
    assert np.linalg.norm(points - truth.points[live.shown.index], axis=1).mean() < 6
    layer = live.driver.viewer.layers["fit points"]
    assert layer.visible
    assert np.allclose(layer.data[:, ::-1], points)
    assert np.array_equal(live.picture, frame(live.shown.index))
    assert "predicted error" in live.find(QLabel, "quality").text()
    assert live.find(QLabel, "model").text() == "starter"


def test_regularisation_by_hand_is_seen_on_the_clip_at_once(live):
    """Sliders of the window that looks into the model move the fit that the tab Live shows."""
    from faceloop_workbench.train.dialog_model import ModelDialog

    learned = live.shown.result.points
    live.driver.tab("Train")
    live.driver.button("train.inside")
    live.driver.settle(200)
    (dialog,) = live.driver.dock.train.findChildren(ModelDialog)
    live.driver.tab("Live")
    live.until_fitted(0)
    dialog.raise_()

    def find(kind, name):
        return dialog.findChild(kind, f"inside.{name}")

    assert not find(QPushButton, "save").isEnabled()
    assert "Change the regularisation" in find(QPushButton, "save").toolTip()

    def moved():
        shown = live.shown
        if shown is None or shown.result is None or not shown.result.faces:
            return 0.0
        return np.linalg.norm(shown.result.points - learned, axis=1).mean()

    with LoopProbe() as probe:
        for number in range(1, 6):
            slider = find(QSlider, f"factor.{number}")
            for _ in range(4):
                QTest.keyClick(slider, Qt.Key.Key_PageUp)
                live.driver.settle(1)
        live.driver.until(lambda: moved() > 0.05)
    assert probe.worst_cpu < BLOCKED
    assert live.shown.chosen.name == "starter, by hand"
    assert live.find(QLabel, "model").text() == "starter, by hand"
    assert find(QLabel, "tried").isVisible()
    assert find(QPushButton, "save").isEnabled()
    QTest.mouseClick(find(QPushButton, "learned"), LEFT)
    live.driver.until(lambda: live.shown.chosen.name == "starter" and moved() < 0.01)
    assert not find(QLabel, "tried").isVisible()
    # Free, it also goes elsewhere; and closing the window ends it.
    QTest.keyClick(find(QSlider, "factor.2"), Qt.Key.Key_Home)
    live.driver.until(lambda: live.shown.chosen.name != "starter")
    assert live.shown.chosen.model.pdm.regularisation[1] == 0.0
    dialog.close()
    live.driver.until(lambda: live.shown.chosen.name == "starter")


def test_every_way_to_a_frame_is_exact(live):
    live.click_strip(150)
    live.until_fitted(150)
    assert np.array_equal(live.picture, frame(150))
    live.driver.button("live.step")
    live.until_fitted(151)
    live.driver.press(",")
    live.driver.press(",")
    live.until_fitted(149)
    assert np.array_equal(live.picture, frame(149))
    live.driver.press(".")
    live.until_fitted(150)
    assert np.array_equal(live.picture, frame(150))
    live.driver.button("live.play")
    live.driver.until(lambda: live.shown.index > 152)
    live.click_strip(20)
    live.driver.until(lambda: 20 < live.shown.index < 120)
    assert live.shown.moving


def test_the_strip_shows_what_was_seen(live):
    live.find(QComboBox, "speed").setCurrentText("all speed")
    live.play_until(100)
    live.pause()
    live.driver.settle(100)
    strip = live.find(QWidget, "timeline")
    picture = strip.grab().toImage()

    def colour(frame):
        return picture.pixelColor(strip.place(frame), strip.height() - 8).getRgb()[:3]

    seen = int((~np.isnan(live.panel.player.record.errors)).sum())
    assert 100 <= seen < 240
    assert colour(240) == (128, 128, 128)
    error = live.panel.player.record.errors[50]
    assert np.abs(np.array(colour(50)) - error_colours(error)[0]).max() < 40
    assert colour(50)[1] > colour(50)[0] + 60  # green


@pytest.mark.parametrize("width", [262, 380, 501])
def test_every_frame_of_a_short_video_can_be_clicked(qtbot, width):
    strip = Timeline()
    qtbot.addWidget(strip)
    strip.resize(width, strip.sizeHint().height())
    strip.show_record(ErrorRecord(250), 25.0, 0.06)
    assert [strip.frame_at(strip.place(k)) for k in range(250)] == list(range(250))
    assert strip.frame_at(-5) == 0
    assert strip.frame_at(width + 5) == 249


def test_poor_fits_come_back_as_the_next_thing_to_correct(live, project):
    live.find(QDoubleSpinBox, "threshold").setValue(0.02)
    live.find(QComboBox, "speed").setCurrentText("all speed")
    live.play_until(120)
    live.pause()
    counter = live.find(QLabel, "queued")
    live.driver.until(lambda: counter.text() == "3 poor fits queued")
    assert len(project.queue.list()) == 3
    assert live.find(QComboBox, "videos").currentText() == "clip.mp4"
    live.click_strip(30)
    live.until_fitted(30)
    live.driver.press("g")
    live.driver.until(lambda: len(project.queue.list()) == 4)
    top = project.queue.list()[0]
    assert (top.reason, project.item(top.item_id).frame) == ("manual", 30)
    assert np.allclose(top.fit.points, live.shown.result.points)
    live.driver.button("live.open_queue")
    assert live.driver.dock.tabs.currentWidget() is live.driver.dock.queue


def test_the_response_map_of_a_clicked_point_lies_on_it(live):
    live.click_strip(60)
    live.until_fitted(60)
    check = live.find(QCheckBox, "responses")
    QTest.mouseClick(check, LEFT, NONE, QPoint(8, check.height() // 2))
    assert live.driver.viewer.layers["response map"].visible  # of the first of the list
    fit = live.shown.result.faces[0].fit
    live.driver.click(fit.points[47])
    assert live.find(QComboBox, "point").currentIndex() == 47
    layer = live.driver.viewer.layers["response map"]
    assert layer.visible
    middle = layer.data_to_world((5, 5))[::-1]
    pixel = np.sqrt(abs(np.linalg.det(layer.affine.affine_matrix[:2, :2])))
    assert np.linalg.norm(middle - fit.points[47]) < pixel
    assert layer.data.shape == (11, 11)
    live.driver.press(Qt.Key.Key_Space)
    live.driver.until(lambda: live.shown.moving)
    assert not layer.visible


def test_leaving_the_tab_pauses_and_coming_back_shows_the_last_frame(live):
    picture_layer = live.driver.dock.picture_layer
    for _ in range(3):
        live.play_until(live.shown.index + 5)
        live.driver.tab("Annotate")
        assert not live.panel.player.playing
        assert not live.driver.viewer.layers["fit points"].visible
        picture_layer.show(np.zeros((40, 50, 3), dtype=np.uint8))
        live.driver.press(Qt.Key.Key_Space)  # a key of the tab Live does nothing here
        live.driver.settle(100)
        assert picture_layer.layer.data.shape == (40, 50, 3)
        live.driver.tab("Live")
        live.driver.until(lambda: not live.shown.moving)
        assert np.array_equal(live.picture, frame(live.shown.index))


def test_closing_the_project_stops_and_blanks(live):
    live.play_until(3)
    live.driver.dock.session.close()
    live.driver.until(lambda: live.panel.player.source is None)
    live.driver.until(lambda: live.shown is None)
    assert not live.panel.player.playing
    assert not live.driver.dock.picture_layer.layer.visible
    assert live.driver.dock.commands.why_not("live.play") == "Open a video first."


def test_the_tab_fits_a_narrow_dock(live):
    assert live.panel.minimumSizeHint().width() <= 366  # of 380, with the edges of dock and tabs
    assert live.panel.sizeHint().height() < 800


def test_responses_may_be_drawn_by_opengl_beside_napari(live):
    box = live.find(QComboBox, "backend")
    live.type_into(box, Qt.Key.Key_G)
    assert box.currentText() == "gl"
    live.driver.until(lambda: live.find(QLabel, "backend_used").text() == "gl", 30)
    live.play_until(live.shown.index + 10)
    live.pause()
    truth = sample_clip_truth().points[live.shown.index]
    assert np.linalg.norm(live.shown.result.points - truth, axis=1).mean() < 6


def test_what_finds_faces_and_where_fits_start_can_be_chosen(live):
    started = live.find(QLabel, "started_from")
    assert started.text() in ("now: eyes and nose", "now: start network")
    start = live.find(QComboBox, "start")
    live.type_into(start, Qt.Key.Key_B)
    assert start.currentText() == "box"
    live.driver.until(lambda: started.text() == "now: box")
    detector = live.find(QComboBox, "detector")
    live.type_into(detector, Qt.Key.Key_C)
    in_use = live.panel.player._model
    live.driver.until(lambda: in_use._in_use.finding == Finding("cascade", "box"))
    live.play_until(live.shown.index + 3)
    live.driver.until(lambda: started.text() == "now: last frame")


def test_a_file_may_find_faces_and_one_that_cannot_is_told(live, tmp_path):
    told = []
    live.driver.dock.session.told.connect(lambda message: told.append(message.text))
    wrong = tmp_path / "wrong.onnx"
    wrong.write_bytes(b"no network")
    detector = live.find(QComboBox, "detector")
    live.type_into(detector, Qt.Key.Key_Y)
    live.driver.settle(200)
    live.driver.enter_file(wrong)
    assert detector.currentText() == "wrong.onnx"
    live.driver.until(lambda: any("is not a YuNet network" in text for text in told))
    QTest.keyClick(detector, Qt.Key.Key_Home)
    assert detector.currentText() == "auto"


def test_a_new_model_in_use_plays_on_and_what_the_old_one_said_is_stale(live, project, tmp_path):
    live.play_until(8)
    file = tmp_path / "second.safetensors"
    FaceModel.starter().save(file)
    project.use_model(project.add_model(file, {}).id)
    live.driver.dock.session.models_changed.emit()
    live.driver.until(lambda: live.find(QLabel, "model").text() == "second")
    live.driver.until(lambda: live.shown.chosen.name == "second")
    assert live.panel.player.record.stale[:5].all()
    assert live.panel.player.playing


def test_the_track_of_the_clip_is_exported(live, tmp_path):
    target = tmp_path / "track.csv"
    live.panel._export.start(target)
    live.driver.until(target.is_file, 60)
    assert target.read_text(encoding="utf-8").splitlines()[-1].startswith("249,")
    button = live.find(QPushButton, "import")
    live.driver.until(button.isVisible)
    QTest.mouseClick(button, LEFT)
    live.driver.enter_file(target)
    editor = live.panel.tracks
    live.driver.until(lambda: editor.history is not None and editor.history.done)
    assert editor.history.done[-1].said == "imported track.csv"
    assert int(editor.track.faces[-1].present.sum()) > 200


def test_a_file_that_is_no_video_is_told_in_the_status_line(live, tmp_path):
    wrong = tmp_path / "notes.mp4"
    wrong.write_text("no video", encoding="utf-8")
    live.panel.open(wrong)
    status = live.driver.dock._status
    live.driver.until(lambda: "notes.mp4" in status.text())
    live.driver.press(Qt.Key.Key_Period)
    live.until_fitted(1)


def test_what_is_shown_on_the_face_can_be_chosen(live, tmp_path):
    view = live.find(QComboBox, "view")
    layer = live.driver.viewer.layers["fit points"]
    assert view.currentText() == "points"
    assert layer.visible
    view.setCurrentText("anonymised")
    live.driver.until(lambda: live.shown.drawn_over, 60)
    live.driver.until(lambda: not layer.visible)
    truth = sample_clip_truth()
    x, y = truth.points[0][61].astype(int)
    around = np.s_[y - 15 : y + 15, x - 15 : x + 15]
    assert (live.picture[around] != frame(0)[around]).any(axis=2).mean() > 0.9
    view.setCurrentText("caricature")
    strength = live.find(QDoubleSpinBox, "strength")
    assert strength.isVisible()
    live.driver.until(lambda: live.shown.drawn_over and not np.array_equal(live.picture, frame(0)))
    strength.setValue(1.0)
    live.driver.until(lambda: np.abs(live.picture.astype(int) - frame(0)).max() <= 3)
    view.setCurrentText("points")
    live.driver.until(lambda: layer.visible)
    assert np.array_equal(live.picture, frame(0))


def test_bars_show_what_the_face_expresses_where_the_model_knows_some(live):
    box = live.find(QGroupBox, "expression")
    names = FaceModel.starter().expression_names
    assert box.isVisible() == bool(names)

    shown = live.shown
    (face,) = shown.result.faces
    known = ("calm", "very glad", "wink")

    def frame(index, probabilities):
        fit = replace(face.fit, expressions=dict(zip(known, probabilities, strict=True)))
        result = replace(shown.result, faces=(replace(face, fit=fit),))
        return replace(shown, index=index, time=index / 25, result=result)

    box.show_frame(frame(0, (0.7, 0.2, 0.1)), known)
    live.driver.settle()
    assert box.isVisible()
    assert box.shown == pytest.approx({"calm": 0.7, "very glad": 0.2, "wink": 0.1})
    bars = live.find(QWidget, "expression_bars")
    assert bars.accessibleName() == "calm 70%, very glad 20%, wink 10%"
    box.show_frame(frame(1, (0.0, 1.0, 0.0)), known)
    assert 0.2 < box.shown["very glad"] < 0.6  # lightly smoothed

    picture = bars.grab().toImage()
    at = [picture.pixelColor(x, bars.height() // 6) for x in range(bars.width())]
    filled = [x for x, colour in enumerate(at) if colour == BAR]
    wide = bars.width() - bars.width() * 0.45
    assert len(filled) / wide == pytest.approx(box.shown["calm"], abs=0.06)

    box.show_frame(replace(shown, result=replace(shown.result, faces=())), known)
    assert box.shown == {}
    box.show_frame(shown, ())
    assert not box.isVisible()


def test_what_is_shown_is_what_is_exported(live, tmp_path):
    clip, target = tmp_path / "short.mp4", tmp_path / "drawn.mp4"
    write_video(clip, [frame(k) for k in range(0, 24, 2)], 12.5)
    live.panel.open(clip)
    live.driver.until(lambda: live.shown is not None and live.shown.result is not None)
    view, picture = live.find(QComboBox, "view"), live.find(QPushButton, "mask_picture")
    assert not picture.isVisible()
    view.setCurrentText("mask")
    assert picture.isVisible()
    live.driver.until(lambda: live.shown.drawn_over and live.shown.result is not None, 60)
    average = live.picture.copy()
    live.driver.button("live.mask_picture")
    live.driver.enter_file(sample_dir() / "stills" / "s0040.jpg")
    assert picture.text() == "s0040.jpg"
    live.driver.until(lambda: not np.array_equal(live.picture, average))
    live.panel._export.start(target)
    live.driver.until(target.is_file, 60)
    drawn = Video(target)
    assert len(drawn) == 12
    assert np.abs(drawn[0].image.astype(int) - live.picture).mean() < 3
    assert np.abs(drawn[0].image.astype(int) - average)[100:260, 160:320].mean() > 3
    told = []
    live.driver.dock.session.told.connect(lambda message: told.append(message.text))
    view.setCurrentText("anonymised by pixels")
    live.panel._export.start(tmp_path / "nobody.mp4")
    live.driver.until((tmp_path / "nobody.mp4").is_file, 60)
    live.driver.until(lambda: any("Look at the whole result" in text for text in told))
