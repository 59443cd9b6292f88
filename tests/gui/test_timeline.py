"""Timeline and plots below the picture, by hand: zoom, click, range, plots, export."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from driver import BLOCKED, LEFT, NONE, LoopProbe
from psygnal.qt import start_emitting_from_queue
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QToolButton, QWidget

from faceloop_datasets import FaceTrack, FrameKind, Project, Scheme, Track
from faceloop_datasets.sample import sample_clip, sample_clip_truth
from faceloop_workbench.live.panel_time import TimePanel
from faceloop_workbench.session import Session

if TYPE_CHECKING:
    from pathlib import Path

SHIFT = Qt.KeyboardModifier.ShiftModifier
MIDDLE = Qt.MouseButton.MiddleButton
LOST = slice(100, 112)


def track_of(project: Project, faces: int) -> Track:
    """The true points of the sample clip, as the fits of some faces; part of each is lost."""
    truth = np.asarray(sample_clip_truth().points, np.float32)
    frames = len(truth)
    kind = np.full(frames, FrameKind.FITTED, np.uint8)
    kind[LOST], kind[150] = FrameKind.LOST, FrameKind.CORRECTED
    points, error = truth.copy(), np.full(frames, 0.02, np.float32)
    points[LOST], error[LOST], error[50:55], error[150] = np.nan, np.nan, 0.1, 0.0
    none = np.zeros(frames, np.uint8)
    made = tuple(FaceTrack(k, "", points.copy(), error, kind, none) for k in range(faces))
    media = project.add_media(sample_clip())
    return Track(media.sha256, "face70", "m", 25.0, np.arange(frames) / 25.0, made)


class Hand:
    """The mouse on a widget."""

    def __init__(self, driver, widget) -> None:
        self.driver, self.widget = driver, widget

    def click(self, x: int, y: int) -> None:
        QTest.mouseClick(self.widget, LEFT, NONE, QPoint(x, y))
        self.driver.settle(20)

    def drag(self, start: int, end: int, button=LEFT, modifiers=NONE, y: int | None = None) -> None:
        y = self.widget.height() // 2 if y is None else y
        QTest.mousePress(self.widget, button, modifiers, QPoint(start, y))
        for x in np.linspace(start, end, 5)[1:]:
            at = QPointF(round(x), y)
            event = QMouseEvent(
                QMouseEvent.Type.MouseMove,
                at,
                QPointF(self.widget.mapToGlobal(at.toPoint())),
                Qt.MouseButton.NoButton,
                button,
                modifiers,
            )
            QApplication.sendEvent(self.widget, event)
        QTest.mouseRelease(self.widget, button, modifiers, QPoint(end, y))
        self.driver.settle(20)

    def wheel(self, x: int, steps: int, modifiers=NONE) -> None:
        at = QPointF(x, self.widget.height() // 2)
        for _ in range(abs(steps)):
            event = QWheelEvent(
                at,
                QPointF(self.widget.mapToGlobal(at.toPoint())),
                QPoint(),
                QPoint(0, 120 if steps > 0 else -120),
                Qt.MouseButton.NoButton,
                modifiers,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
            QApplication.sendEvent(self.widget, event)
        self.driver.settle(20)


@pytest.fixture
def live(driver, tmp_path: Path):
    """The tab Live with the sample clip open: tracked, and with a frame in the queue."""
    project = Project.create(tmp_path / "project")
    project.keep_track(track_of(project, 2))
    project.queue.add(project.add_item(project.add_media(sample_clip()), 200).id, "manual")
    driver.dock.session.open(project)
    driver.tab("Live")
    live = driver.dock.live
    live.open(sample_clip())
    driver.until(lambda: live.canvas.shown is not None and live.canvas.shown.result is not None)
    return live


def shows(live, index: int) -> bool:
    shown = live.canvas.shown
    return shown.index == index and shown.result is not None


def test_time_is_zoomed_and_selected_by_hand(driver, live):
    timeline, view = live.time.timeline, live.time.view
    hand = Hand(driver, timeline)
    assert timeline.isVisible()
    driver.until(lambda: timeline.mark_frames("queued").tolist() == [200])

    # The wheel zooms at the pointer, and a click is on the exact frame.
    hand.wheel(timeline.place(150), 8)
    assert view.span < 50
    assert view.first < 150 < view.first + view.span
    for frame in (148, 153):
        hand.click(timeline.place(frame), timeline.height() - 10)
        driver.until(lambda: shows(live, frame))  # noqa: B023 - waited for here
        assert view.index == frame
    before = view.first
    hand.wheel(timeline.place(150), -2, SHIFT)
    assert view.first > before
    before = view.first
    hand.drag(300, 400, MIDDLE)
    assert view.first == pytest.approx(before - 100 * view.span / timeline.time_width())
    hand.drag(timeline.left() + 5, timeline.left() + timeline.time_width() // 2, y=3)  # overview
    assert abs(view.first + view.span / 2 - 125) < 3
    driver.press("0")
    assert not view.whole  # not the timeline's key without the focus
    driver.focus(timeline)
    QTest.keyClick(timeline, Qt.Key.Key_0)
    assert view.whole

    # A range, also beyond the edge; keys; marks.
    ranges = []
    timeline.range_selected.connect(lambda first, last: ranges.append((first, last)))
    hand.drag(timeline.place(60), timeline.place(80), modifiers=SHIFT)
    assert timeline.selected == ranges[-1] == (60, 80)
    assert (
        "frames 60 to 80: 21 frames, 0.84 s"
        in live.time.findChild(QWidget, "live.range_about").text()
    )
    QTest.keyClick(timeline, Qt.Key.Key_Right)
    QTest.keyClick(timeline, Qt.Key.Key_Right, SHIFT)
    assert view.index == 164
    QTest.keyClick(timeline, Qt.Key.Key_End)
    driver.until(lambda: shows(live, 249))
    assert timeline.go_to_mark("queued", -1)
    driver.until(lambda: shows(live, 200))

    # Elsewhere it is out of the way.
    driver.tab("Annotate")
    assert not timeline.isVisible()
    driver.tab("Live")
    assert timeline.isVisible()


def test_what_is_plotted_is_seen_clicked_and_exported(driver, live, tmp_path):
    timeline = live.time.timeline
    driver.until(lambda: live.tracks.track is not None)
    fold = live.time.findChild(QToolButton, "live.fold_plots")
    camera, high = driver.viewer.scene.camera, driver.canvas.height()
    QTest.mouseClick(fold, LEFT)
    plots = live.time.plots
    driver.until(lambda: plots.isVisible() and not plots.series.computing)
    assert plots.series.quantities[0].name == "mouth_opening"
    assert plots.left() == timeline.left()
    # The whole picture is seen in what room is left.
    driver.until(lambda: driver.canvas.height() < high - 20)
    driver.settle(100)
    height = live.canvas.shown.image.shape[0]
    assert 0.9 < camera.zoom * height / driver.canvas.height() <= 1
    assert timeline.go_to_mark("corrected", 1)
    assert timeline.go_to_mark("lost", -1)
    assert live.time.view.index == 100
    assert timeline.go_to_mark("poor", -1)
    assert not timeline.go_to_mark("poor", -1)
    driver.until(lambda: shows(live, 50))
    Hand(driver, plots).click(plots.place(30), plots.height() - 10)
    driver.until(lambda: shows(live, 30))
    assert "frame 30, 1.20 s\nYaw (°)" in plots.tip(plots.place(30), plots.height() - 5)

    # A line, and a gap where the face was lost; stripes in the row.
    picture = plots.grab().toImage()
    ratio = picture.width() / plots.width()

    def coloured(frame):
        x = round((plots.place(frame) + 0.5) * ratio)
        colours = [picture.pixelColor(x, y) for y in range(picture.height() // 3)]
        return any(max(c.getRgb()[:3]) - min(c.getRgb()[:3]) > 60 for c in colours)

    assert coloured(90)
    assert coloured(130)
    assert not coloured(106)
    strip = timeline.grab().toImage()
    row = [strip.pixelColor(timeline.place(k), timeline.height() - 12) for k in range(101, 111)]
    assert {c.lightness() > 150 for c in row} == {True, False}

    # Of the selected range a table.
    Hand(driver, plots).drag(plots.place(60), plots.place(80), modifiers=SHIFT)
    target = tmp_path / "plots.csv"
    live.time.export(target)
    driver.until(target.is_file)
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("frame,time,face,mouth_opening")
    assert len(lines) == 1 + 2 * 21
    assert lines[1].startswith("60,2.4,0,")
    QTest.mouseClick(fold, LEFT)
    driver.until(lambda: live.time.height() == live.time.sizeHint().height())


def test_a_long_track_of_three_faces_scrolls_without_blocking(qtbot):
    frames = 100_000
    rng = np.random.default_rng(0)
    truth = np.asarray(sample_clip_truth().points, np.float32)
    points = truth[np.arange(frames) % len(truth)]
    kind, none = np.full(frames, FrameKind.FITTED, np.uint8), np.zeros(frames, np.uint8)
    error = rng.uniform(0.01, 0.09, frames).astype(np.float32)
    faces = tuple(FaceTrack(k, "", points, error, kind, none) for k in range(3))
    track = Track("0" * 64, "face70", "m", 25.0, np.arange(frames) / 25.0, faces)
    start_emitting_from_queue(15)
    panel = TimePanel(Session())
    qtbot.addWidget(panel)
    panel.resize(1000, 400)
    panel.unfold()
    panel.show()
    with LoopProbe() as probe:
        panel.show_track(track, Scheme.load("face70"))
        qtbot.waitUntil(lambda: not panel.plots.series.computing)
        hand = Hand(SimpleNamespace(settle=qtbot.wait), panel.timeline)
        hand.wheel(400, 3)
        for _ in range(10):
            hand.wheel(400, -1, SHIFT)
    assert panel.view.frames == frames
    assert len(panel.plots.series.of(panel.plots.series.quantities[0]).values) == 3
    assert probe.worst_cpu < BLOCKED
