"""A newcomer's walk: label 40 faces by keys, train, watch the bars. Screenshots in /tmp/expr/shots."""

from dataclasses import replace
from pathlib import Path
from driver import type_into
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QInputDialog, QLineEdit, QMenu, QGroupBox, QWidget
from qtpy.QtCore import Qt
from faceloop_datasets import Project
from faceloop_datasets.sample import sample_clip, sample_faces

SHOTS = Path("/tmp/expr/shots")
SHOTS.mkdir(exist_ok=True)


def test_walk(driver, tmp_path):
    chosen = [f for f in sample_faces()][:80]
    truth = {
        f.name: {"smile_open": "happy", "smile": "happy", "neutral": "calm"}.get(f.expression)
        for f in chosen
    }
    project = Project.create(tmp_path / "walk")
    project.import_entries(
        "sample", [replace(f, expression="") for f in chosen], scheme="face70", copy=True
    )
    dock = driver.dock
    dock.session.open(project)
    driver.settle(300)
    driver.picture(SHOTS / "0-queue.png")
    driver.tab("Annotate")
    panel = dock.annotate
    menu = panel.findChild(QMenu, "annotate.expressions")
    words = []
    done = 0
    for item in project.items():
        want = truth[item.name]
        if want is None or done == 40:
            continue
        dock.session.show(item)
        driver.until(lambda: panel.canvas.ready)
        driver.press("e")
        driver.until(menu.isVisible)
        if done in (1, 7):
            driver.picture(SHOTS / f"1-menu{done}.png")
        if want in words:
            QTest.keyClick(menu, str(words.index(want) + 1))
        else:
            QTest.keyClick(menu, "n")
            dialog = panel.findChildren(QInputDialog)[-1]
            driver.until(dialog.isVisible)
            line = dialog.findChild(QLineEdit)
            type_into(line, want)
            driver.picture(SHOTS / f"2-new{len(words)}.png")
            QTest.keyClick(line, Qt.Key.Key_Return)
            words.append(want)
        driver.until(lambda: project.expression(item.id) == want)
        done += 1
    driver.picture(SHOTS / "3-annotate.png")
    assert {w.label: len(w.items) for w in project.expressions()}.keys() == {"happy", "calm"}
    print([(w.label, len(w.items)) for w in project.expressions()])
    driver.tab("Queue")
    dock.queue if hasattr(dock, "queue") else None
    driver.settle(500)
    driver.picture(SHOTS / "4-queue.png")
    driver.tab("Train")
    driver.settle(1500)
    driver.picture(SHOTS / "5-train.png")
    driver.button("train.start")
    driver.until(lambda: bool(project.models()), 400)
    driver.settle(1500)
    driver.picture(SHOTS / "6-trained.png")
    print(project.active_model, project.models()[0].metrics["comparison"]["because"])
    if project.active_model is None:
        project.use_model(project.models()[0].id)
        dock.session.models_changed.emit()
    driver.tab("Live")
    live = dock.live
    live.open(sample_clip())
    driver.until(lambda: live.canvas.shown is not None and live.canvas.shown.result is not None, 60)
    driver.settle(500)
    driver.picture(SHOTS / "7-live.png")
    box = live.findChild(QGroupBox, "live.expression")
    assert box.isVisible()
    print(box.shown)
    driver.press("p")
    driver.until(lambda: live.canvas.shown.index > 60, 120)
    driver.picture(SHOTS / "8-live.png")
    print(box.shown)
    driver.press("p")
    driver.settle(500)
    driver.picture(SHOTS / "9-live.png")
