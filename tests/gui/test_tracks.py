"""The kept track of a video, corrected in the window by mouse and keys."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from driver import LEFT, NONE
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel, QPushButton

from faceloop_datasets import FrameKind, Project, Video, write_video
from faceloop_datasets.sample import sample_clip, sample_clip_truth

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 40
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """The first frames of the sample clip."""
    path = tmp_path / "talk.mp4"
    write_video(path, (frame.image for frame in islice(Video(sample_clip()), FRAMES)), 25)
    return path


def test_a_track_is_made_corrected_by_hand_and_comes_back(driver, tmp_path: Path, clip: Path):
    """From tracking, over a drag in Annotate that spreads, to another window."""
    project = Project.create(tmp_path / "project")
    driver.dock.session.open(project)
    live = driver.dock.live
    driver.tab("Live")
    assert live.findChild(QLabel, "live.track_about").text() == "Choose a video."
    live.open(clip)
    driver.until(lambda: live.canvas.shown is not None and live.canvas.shown.result is not None)
    driver.button("live.track")
    driver.until(lambda: live.tracks.track is not None and not live.tracks.busy, 60)
    about = live.findChild(QLabel, "live.track_about")
    assert about.text() == f"1 face, {FRAMES} of {FRAMES} frames, by starter"

    span = np.arange(14, 24)
    moved = made_worse(driver, project, span)
    driver.press("k")  # to the poor fits
    driver.until(lambda: live.canvas.shown.index == 14 and not live.canvas.shown.moving)
    driver.until(lambda: live.canvas.shown.result is not None)
    shown = live.canvas.shown.result.points
    assert np.allclose(shown, moved.points[14], atol=1e-3)
    driver.press("c")
    driver.until(lambda: driver.dock.session.item is not None)
    driver.until(lambda: driver.dock.annotate.editor.state is not None)
    assert driver.dock.tabs.currentWidget() is driver.dock.annotate
    driver.settle(200)

    # the whole face is dragged to where it belongs, and confirmed
    truth = sample_clip_truth().points[14]
    before = driver.dock.annotate.editor.state.points
    driver.press("a", Qt.KeyboardModifier.ControlModifier)
    way = (truth - before).mean(axis=0)
    driver.drag(before[33], before[33] + way)
    back = driver.dock.annotate.findChild(QPushButton, "live.corrected")
    assert back.isVisible()
    driver.press(Qt.Key.Key_Return, SHIFT)
    driver.until(lambda: driver.dock.tabs.currentWidget() is live)
    driver.until(lambda: live.tracks.track.face(0).kind[14] == FrameKind.CORRECTED)
    driver.until(back.isHidden)
    driver.until(lambda: live.tracks.track.face(0).kind[20] == FrameKind.SPREAD, 60)
    driver.until(lambda: not live.tracks.busy)
    after = live.tracks.track.face(0).points[span]
    assert np.linalg.norm(after - sample_clip_truth().points[span], axis=2).mean() < 6
    assert [one.frame for one in project.faces()] == [14]
    reject_and_take_back(driver, live)
    kept = project.track_history(*project.media())
    said = [change.said.split(" to ")[0] for change in kept.done]
    assert said == ["made worse", "corrected frame 14", "spread frame 14"]


def made_worse(driver, project, span):
    """Let the track fail in some frames."""
    tracks = driver.dock.live.tracks
    face = tracks.track.face(0)
    moved = face.with_rows(span, points=face.points[span] + 25, predicted_error=0.2)
    project.keep_track(tracks.track.with_face(moved), "made worse")
    tracks.load()
    driver.until(lambda: tracks.track is not None and not tracks.busy)
    return moved


def reject_and_take_back(driver, live):
    """Reject a range that is chosen by keys, and take that back."""
    strip = live.time.timeline
    row = strip.height() - 8
    QTest.mouseClick(strip, LEFT, NONE, QPoint(strip.place(30), row))
    driver.until(lambda: live.canvas.shown.index == 30 and not live.canvas.shown.moving)
    driver.press("i")
    QTest.mouseClick(strip, LEFT, NONE, QPoint(strip.place(35), row))
    driver.until(lambda: live.canvas.shown.index == 35 and not live.canvas.shown.moving)
    driver.press("o")
    assert live.findChild(QLabel, "live.range").text() == "range 30 to 35"
    driver.press("x")
    driver.until(lambda: live.tracks.track.face(0).verdict[30:36].all() and not live.tracks.busy)
    driver.until(
        lambda: live.canvas.shown.result is not None and not live.canvas.shown.result.faces
    )
    driver.press("z", Qt.KeyboardModifier.ControlModifier)
    driver.until(lambda: not live.tracks.track.face(0).verdict.any() and not live.tracks.busy)
