"""A camera in the tab Live: chosen from the list, taken from, recorded, unplugged."""

from __future__ import annotations

from driver import LEFT, NONE
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel, QPushButton

from faceloop_datasets import Project, Video
from faceloop_datasets.sample import sample_clip


def test_a_camera_is_recorded_and_pictures_of_it_are_taken(driver, tmp_path, monkeypatch):
    # A file stands for the device: it is opened, read and paced as one.
    monkeypatch.setenv("FACELOOP_CAMERA", str(sample_clip()))
    project = Project.create(tmp_path / "project")
    dock = driver.dock
    dock.session.open(project)
    driver.tab("Live")
    record = dock.live.findChild(QPushButton, "live.record")
    assert not record.isVisible()
    menu = dock.live.findChild(QPushButton, "live.camera").menu()
    menu.popup(dock.mapToGlobal(dock.rect().center()))
    (action,) = [a for a in menu.actions() if a.text() == sample_clip().name]
    QTest.mouseClick(menu, LEFT, NONE, menu.actionGeometry(action).center())
    driver.until(lambda: record.isVisible() and record.isEnabled())
    driver.until(lambda: dock.live.canvas.shown is not None and dock.live.canvas.shown.result)

    driver.button("live.snapshot")
    driver.until(lambda: "at the top of the queue" in dock._status.text())
    (item,) = project.items()
    assert project.queue.of_item(item.id).fit is not None

    driver.button("live.record")
    driver.enter_file(tmp_path / "me.mp4")
    driver.until(lambda: record.text() == "Stop recording")
    said = dock.live.findChild(QLabel, "live.recording")
    driver.until(lambda: said.text() == "● 0:01")
    driver.picture(tmp_path / "recording.png")
    driver.button("live.record")
    driver.until(lambda: "The project has the video now, and its track." in dock._status.text())
    (media,) = project.tracks()
    assert media.name == "me.mp4"
    frames = sum(1 for _ in Video(tmp_path / "me.mp4"))
    assert project.track(media).frames == frames >= 5  # a busy machine gets few
    assert record.text() == "Record…"
    driver.until(lambda: dock.live._sources._choice.findText("me.mp4") >= 0)
