"""Make the pictures of the window in the tutorials: python docs/tutorial_pictures.py [FOLDER].

They show only the bundled CC0 sample, and are made by mouse and keys, as a reader would, but for
the correcting of most photos. Needs a screen; a virtual one will do:
xvfb-run -s "-screen 0 1500x950x24" python docs/tutorial_pictures.py.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import napari
import numpy as np
from napari.settings import get_settings
from PIL import Image
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLineEdit,
    QTableWidget,
    QToolButton,
    QWidget,
)

_DOCS = Path(__file__).parent
_TESTS = _DOCS.parent / "tests"
sys.path[:0] = [str(_TESTS / "gui"), str(_TESTS / "integration")]

from docs import by_hand, material  # noqa: E402 - what the tests of the tutorials use
from driver import LEFT, NONE, Driver, type_into  # noqa: E402
from given import drop  # noqa: E402

from faceloop_datasets.sample import sample_clip_truth, sample_faces  # noqa: E402
from faceloop_workbench.plugin.window import open_dock  # noqa: E402
from faceloop_workbench.schemes.canvas import SchemeCanvas  # noqa: E402
from faceloop_workbench.schemes.dialog import SchemeDialog  # noqa: E402

_SIZE = (1480, 930)
_FRAMES, _POOR = 150, 62  # the head is turned there
_MOST = 120_000  # bytes of a picture


class _Loop:
    """What the driver waits by, without a test."""

    def wait(self, milliseconds: int) -> None:
        QTest.qWait(milliseconds)

    def waitUntil(self, condition: object, timeout: int) -> None:  # noqa: N802 - pytest-qt's name
        end = time.monotonic() + timeout / 1000
        while not condition():
            if time.monotonic() > end:
                raise SystemExit("The window did not get ready in time.")
            QTest.qWait(20)


def main() -> None:
    """Follow the tutorials' window steps, with a picture of each that needs one."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else _DOCS / "tutorials" / "images"
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        os.environ["FACELOOP_CONFIG"] = str(home / "config")
        material.photos(home)
        material.clip(home, str(_FRAMES))
        get_settings().appearance.theme = "light"
        viewer = napari.Viewer(title="faceloop")
        viewer.window.resize(*_SIZE)
        dock = open_dock(viewer)
        hands = Driver(viewer, dock, _Loop())
        _Walk(hands, home, target).all()
        dock.close_down()
        viewer.close()


class _Walk:
    def __init__(self, hands: Driver, home: Path, target: Path) -> None:
        self._hands, self._home, self._target = hands, home, target
        self._dock = hands.dock

    def all(self) -> None:
        self._scheme()
        self._photos()
        self._correct()
        self._train()
        self._track()
        self._plots()

    def _scheme(self) -> None:
        self._hands.button("start.schemes")
        self._hands.settle(300)
        dialog = next(d for d in self._dock.findChildren(SchemeDialog) if d.isVisible())
        for name, title in (
            ("scheme.start", "no points"),
            ("scheme.picture", "a face of the sample"),
        ):
            box = dialog.findChild(QComboBox, name)
            box.setFocus()
            QTest.keyClick(box, Qt.Key.Key_Home)
            while box.currentText() != title:
                QTest.keyClick(box, Qt.Key.Key_Down)
            self._hands.settle(100)
        canvas = dialog.findChild(SchemeCanvas)
        truth = next(iter(sample_faces())).annotation.points
        for name, point in material.TWELVE.items():
            place = canvas.mapFromScene(QPointF(*truth[point]))
            QTest.mouseClick(canvas.viewport(), LEFT, NONE, place)
            self._hands.settle(30)
            line = dialog.findChild(QLineEdit, "") or dialog.focusWidget()
            editor = _name_editor(dialog) or line
            QTest.keyClicks(editor, name)
            QTest.keyClick(editor, Qt.Key.Key_Return)
            self._hands.settle(30)
        type_into(dialog.findChild(QLineEdit, "scheme.name"), "cartoon12")
        QTest.mouseClick(dialog.findChild(QAbstractButton, "scheme.suggest"), LEFT)
        self._hands.settle(200)
        self._save("scheme", dialog)
        dialog.hide()  # to close it would ask whether to discard the scheme

    def _photos(self) -> None:
        self._hands.button("start.new")
        type_into(self._dock.findChild(QLineEdit, "new.folder"), str(self._home / "faces"))
        self._hands.button("new.ok")
        self._hands.settle(200)
        drop(self._dock.queue, [self._home / "photos"])
        project = self._dock.session.project
        self._hands.until(lambda: len(project.items()) == 50)
        self._hands.settle(1500)
        self._hands.press("d")
        self._hands.until(lambda: self._dock.annotate.canvas.ready)
        self._hands.settle(500)
        self._save("photos")

    def _correct(self) -> None:
        editor = self._dock.annotate.editor
        self._hands.tab("Annotate")
        self._hands.press("f")
        self._hands.until(lambda: editor.state is not None and editor.state.present.all())
        self._hands.settle(300)
        truth = next(iter(sample_faces())).annotation.points
        for _ in range(4):
            worst = int(np.linalg.norm(editor.state.points - truth, axis=1).argmax())
            self._hands.drag(editor.state.points[worst], truth[worst])
        self._save("correct")
        self._hands.press(Qt.Key.Key_Space)
        self._hands.settle(500)
        by_hand.correct_and_accept(self._home, "1", "50")
        self._dock.session.items_changed.emit()

    def _train(self) -> None:
        control = self._dock.train.control
        self._hands.tab("Train")
        self._hands.until(lambda: control.readiness.faces > 2)
        self._hands.press(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        self._hands.until(lambda: control.running)
        self._hands.until(lambda: not control.running, 300)
        self._hands.settle(1500)
        self._save("trained")

    def _track(self) -> None:
        live, strip = self._dock.live, self._dock.live.time.timeline
        self._hands.tab("Live")
        live.open(self._home / "talk.mp4")
        self._hands.until(lambda: live.canvas.shown is not None)
        self._hands.button("live.track")
        self._hands.until(lambda: live.tracks.track is not None and not live.tracks.busy, 120)
        row = strip.height() - 8
        for frame, key in ((_POOR - 8, "i"), (_POOR + 8, "o"), (_POOR, None)):
            QTest.mouseClick(strip, LEFT, NONE, QPoint(strip.place(frame), row))
            self._hands.until(lambda frame=frame: live.canvas.shown.index == frame)
            self._hands.until(lambda: not live.canvas.shown.moving)
            if key:
                self._hands.press(key)
        self._hands.settle(500)
        self._save("track")
        self._hands.press("c")
        editor = self._dock.annotate.editor
        self._hands.until(lambda: editor.state is not None and self._dock.annotate.canvas.ready)
        self._hands.settle(300)
        truth = sample_clip_truth().points[_POOR]
        for _ in range(5):
            worst = int(np.linalg.norm(editor.state.points - truth, axis=1).argmax())
            self._hands.drag(editor.state.points[worst], truth[worst])
        self._hands.press(Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        self._hands.settle(500)
        self._hands.until(lambda: not live.tracks.busy, 60)

    def _plots(self) -> None:
        live = self._dock.live
        QTest.mouseClick(live.time.findChild(QToolButton, "live.fold_plots"), LEFT)
        self._hands.until(
            lambda: live.time.plots.isVisible() and not live.time.plots.series.computing
        )
        self._hands.settle(800)
        self._save("plots")

    def _save(self, name: str, widget: QWidget | None = None) -> None:
        window = widget or self._hands.viewer.window._qt_window
        self._hands.settle(300)
        with tempfile.NamedTemporaryFile(suffix=".png") as shot:
            place = window.frameGeometry()
            screen = QApplication.primaryScreen()
            screen.grabWindow(0, place.x(), place.y(), place.width(), place.height()).save(
                shot.name
            )
            _write(Image.open(shot.name).convert("RGB"), self._target / f"{name}.jpg")


def _write(picture: Image.Image, file: Path) -> None:
    for quality in (85, 78, 70, 60):
        picture.save(file, quality=quality)
        if file.stat().st_size <= _MOST:
            return


def _name_editor(dialog: QWidget) -> QLineEdit | None:
    return dialog.findChild(QTableWidget, "scheme.points").findChild(QLineEdit)


if __name__ == "__main__":
    main()
