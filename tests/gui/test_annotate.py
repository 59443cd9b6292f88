"""Correcting a face by mouse and keys, in a real window."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from driver import type_into
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QInputDialog, QLineEdit, QTreeWidget, QWidget

from faceloop_datasets import Annotation, PointState, Project

if TYPE_CHECKING:
    from faceloop_datasets import Item
    from faceloop_workbench.annotate.panel import AnnotatePanel

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
LEFT = Qt.MouseButton.LeftButton


class Desk:
    """The window with the sample project and a face nobody has annotated."""

    def __init__(self, driver, project: Project) -> None:
        self.driver, self.project = driver, project
        driver.dock.session.open(project)
        driver.tab("Annotate")
        self.sample = project.items()[5]
        self.truth = project.annotation(self.sample.id).annotation.points
        self.new = project.add_item(project.item_media(self.sample), name="new")
        driver.dock.session.items_changed.emit()

    @property
    def panel(self) -> AnnotatePanel:
        return self.driver.dock.annotate

    @property
    def points(self) -> np.ndarray:
        """Points as they are after the last change."""
        return self.panel.editor.state.points

    def show(self, item: Item) -> None:
        """Take a face in work, and wait for its picture."""
        self.driver.dock.session.show(item)
        self.driver.until(lambda: self.panel.canvas.ready)
        self.driver.settle(100)

    def fit(self) -> np.ndarray:
        """Show the new face and let the model find it."""
        self.show(self.new)
        self.driver.press("f")
        self.driver.until(lambda: not self.panel.editor.state.missing)
        self.driver.settle(100)
        return self.points

    def head(self, item: Item) -> Annotation:
        """Return what counts on disk, as another program reads it."""
        with Project.open(self.project.path) as other:
            return other.annotation(item.id).annotation

    def widget(self, name: str) -> QWidget:
        """Find a widget of the tab."""
        found = self.panel.findChild(QWidget, name)
        assert found is not None, name
        return found

    def layer(self, name: str):
        """Find a layer of the window."""
        return self.driver.viewer.layers[name]


@pytest.fixture
def desk(driver, sample_project):
    desk = Desk(driver, sample_project)
    yield desk
    desk.__dict__.clear()


def test_a_face_is_fitted_dragged_and_accepted(desk):
    driver, off = desk.driver, desk.fit()
    assert desk.layer("face points").visible
    assert np.allclose(desk.layer("face points").data[:, ::-1], off)
    # Framed: every point is on the canvas.
    places = [driver.at(point) for point in off]
    assert all(driver.canvas.rect().contains(place) for place in places)

    driver.drag(off[7], off[7] + [0, 12])
    first = desk.points
    assert np.allclose(first[7], off[7] + [0, 12], atol=0.6)
    assert np.abs(first[:15] - off[:15]).max(axis=1).min() > 0.01  # the whole jaw followed
    driver.drag(first[0], first[0] + [-8, 0])
    assert np.array_equal(desk.points[7], first[7])  # a placed point stays exactly
    before = desk.points
    driver.drag(before[40], before[40] + [9, 0], CONTROL)
    assert np.flatnonzero((desk.points != before).any(axis=1)).tolist() == [40]
    head = desk.head(desk.new)
    assert np.array_equal(head.points, desk.points)
    assert np.flatnonzero(head.trains_shape).tolist() == [0, 7, 40]
    assert np.allclose(desk.layer("face points").data[:, ::-1], desk.points)

    driver.button("annotate.assisted")
    before = desk.points
    driver.drag(before[50], before[50] + [0, 9])
    assert np.flatnonzero((desk.points != before).any(axis=1)).tolist() == [50]

    driver.click(desk.points[20])
    driver.press("o")
    assert desk.head(desk.new).states[20] == PointState.OCCLUDED
    driver.button("queue.accept")
    head = desk.head(desk.new)
    assert head.source == "manual"
    assert np.flatnonzero(head.states == PointState.OCCLUDED).tolist() == [20]
    assert head.trains_patches.sum() == 69


def test_ten_changes_are_taken_back_and_made_again_and_every_step_is_on_disk(desk):
    driver, off = desk.driver, desk.fit()
    steps = [off]
    for number in range(10):
        place = desk.points[number * 3]
        driver.drag(place, place + np.array([4, 3]), steps=2)
        steps.append(desk.points)
    assert len(desk.project.history(desk.new.id)) == 11
    for step in reversed(steps[:-1]):
        driver.press("z", CONTROL)
        assert np.array_equal(desk.points, step)
        assert np.array_equal(desk.head(desk.new).points, step)
    for step in steps[1:]:
        driver.press("z", CONTROL | SHIFT)
        assert np.array_equal(desk.head(desk.new).points, step)
    history = desk.project.history(desk.new.id)
    assert len(history) == 31
    assert all(b.based_on == a.id for a, b in pairwise(history))
    rows = desk.widget("annotate.history")
    assert isinstance(rows, QTreeWidget)
    said = [rows.topLevelItem(k).text(0) for k in range(rows.topLevelItemCount())]
    assert said[:2] == ["redo, 10 times · you, just now", "undo, 10 times · you, just now"]
    assert said[-2:] == ["moved contour, 5 times · you, just now", "fit by starter · you, just now"]
    assert rows.topLevelItem(len(said) - 2).childCount() == 5

    # The first one is shown faintly, and gone back to.
    first = rows.topLevelItem(len(said) - 1)
    rows.scrollToItem(first)
    QTest.mouseClick(rows.viewport(), LEFT, pos=rows.visualItemRect(first).center())
    driver.settle()
    faint = desk.layer("another state")
    assert faint.visible
    ways = faint.data[-210:-140]
    assert np.allclose(ways[:, 0, ::-1], steps[-1])
    assert np.allclose(ways.sum(axis=1)[:, ::-1], off)
    assert np.allclose(desk.layer("face points").data[:, ::-1], steps[-1])
    assert np.array_equal(desk.points, steps[-1])
    driver.button("annotate.retake")
    assert not faint.visible
    assert np.array_equal(desk.head(desk.new).points, off)

    # Every face has its own.
    desk.show(desk.sample)
    assert desk.driver.dock.commands.why_not("annotate.undo")
    desk.show(desk.new)
    driver.press("z", CONTROL)
    assert np.array_equal(desk.points, steps[-1])


def test_points_are_selected_moved_together_hidden_removed_and_placed(desk):
    driver, off = desk.driver, desk.fit()
    panel = desk.panel
    # W and S go through them and bring them into view.
    driver.press("2")
    driver.press("s")
    assert panel.editor.selection == (0,)
    assert driver.canvas.rect().contains(driver.at(off[0]))
    driver.press("1")
    driver.press("s")
    driver.press("s")
    driver.press("w")
    assert panel.editor.selection == (1,)

    driver.button("annotate.group.mouth")
    assert panel.editor.selection == desk.project.scheme.groups["mouth"]

    # A rectangle round the left eye, then all of it is moved.
    eye = off[list(desk.project.scheme.groups["left_eye"])]
    driver.drag(eye.min(axis=0) - 4, eye.max(axis=0) + 4, SHIFT)
    chosen = list(panel.editor.selection)
    assert set(desk.project.scheme.groups["left_eye"]) <= set(chosen)
    driver.drag(off[27], off[27] + [0, 6])
    shift = desk.points[chosen] - off[chosen]
    assert np.allclose(shift, [0, 6], atol=0.6)
    assert np.ptp(shift, axis=0).max() < 1e-9

    # Arrow keys: half a pixel, with shift five; held, it is one change.
    count = len(desk.project.history(desk.new.id))
    before = desk.points
    driver.click(before[7])
    driver.press(Qt.Key.Key_Left)
    assert np.allclose(desk.points[7] - before[7], [-0.5, 0])
    driver.press(Qt.Key.Key_Down, SHIFT)
    assert np.allclose(desk.points[7] - before[7], [-0.5, 5])
    driver.hold(Qt.Key.Key_Up)
    driver.settle(600)
    driver.let_go(Qt.Key.Key_Up)
    assert desk.points[7][1] < before[7][1] + 4
    assert len(desk.project.history(desk.new.id)) == count + 3

    # Removed, listed as missing, placed by a click.
    driver.press(Qt.Key.Key_Delete)
    assert desk.head(desk.new).states[7] == PointState.MISSING
    rows = desk.widget("annotate.missing")
    assert rows.isVisible()
    assert [rows.item(k).text() for k in range(rows.count())] == ["7 chin"]
    points = desk.layer("face points")
    assert np.flatnonzero(points.face_color[:, 3] + points.border_color[:, 3] == 0).tolist() == [7]
    assert (desk.layer("face names").border_color[:, 3] == 0).all()
    rows.itemClicked.emit(rows.item(0))
    driver.click(off[7] + [0, 3])
    assert np.allclose(desk.points[7], off[7] + [0, 3], atol=0.6)
    assert desk.head(desk.new).states[7] == PointState.VISIBLE
    assert not rows.isVisible()


def test_the_overlay_is_hidden_while_the_key_is_held_and_names_are_shown_on_a_key(desk):
    driver, off = desk.driver, desk.fit()
    driver.hold("h")
    assert not desk.layer("face points").visible
    assert not desk.layer("face lines").visible
    driver.let_go("h")
    assert desk.layer("face points").visible
    names = desk.layer("face names")
    QTest.mouseMove(driver.canvas, QPoint(5, 5))
    driver.settle(20)
    assert _texts(names) == []
    driver.move(off[43])
    assert _texts(names) == ["43 mouth left corner"]
    QTest.mouseMove(driver.canvas, QPoint(5, 5))
    driver.settle(20)
    driver.press("n")
    assert len(_texts(names)) > 20
    driver.press("n")
    assert _texts(names) == []
    # In the tab Live the picture belongs to the video.
    driver.tab("Live")
    assert not desk.layer("face points").visible
    driver.tab("Annotate")
    assert desk.layer("face points").visible


def _texts(layer) -> list[str]:
    return [str(text) for text in np.atleast_1d(layer.text.values) if text]


def test_three_clicks_place_the_mean_face_and_escape_cancels_them(desk):
    driver = desk.driver
    desk.project.remove([desk.sample.id])  # a click on another face would go to that
    desk.show(desk.new)
    driver.press("t")
    driver.click(desk.truth[27])
    driver.press(Qt.Key.Key_Escape)
    for number in (27, 32, 7):
        driver.click(desk.truth[number])
    assert desk.panel.editor.state.missing
    driver.press("t")
    for number in (27, 32, 7):
        driver.click(desk.truth[number])
    assert np.allclose(desk.points[[27, 32, 7]], desk.truth[[27, 32, 7]], atol=1.0)
    assert desk.panel.editor.state.unconfirmed == 67


@pytest.mark.parametrize("way", ["to another and back", "reopened"])
def test_a_good_fit_stays_when_its_chin_is_dragged_after_coming_back(desk, way):
    driver = desk.driver
    desk.show(desk.new)
    driver.press("t")
    for number in (27, 32, 7):
        driver.click(desk.truth[number] + 1)
    driver.until(lambda: desk.panel.editor.state.source == "fit:starter")
    driver.settle(100)
    fit = desk.points
    if way == "reopened":
        desk.project = Project.open(desk.project.path)
        driver.dock.session.open(desk.project)
        desk.show(desk.project.item(desk.new.id))
    else:
        driver.press("a")  # the new one is the last
        assert driver.dock.session.item.id != desk.new.id
        driver.press("d")
        assert driver.dock.session.item.id == desk.new.id
        driver.until(lambda: desk.panel.canvas.ready)
        driver.settle(100)
    assert np.array_equal(desk.points, fit)
    driver.drag(fit[7], fit[7] + [0, 10])
    moved = np.linalg.norm(desk.points - fit, axis=1)
    assert abs(moved[7] - 10) < 0.6
    assert moved[[6, 8]].min() > 3  # the jaw beside it follows
    for group in ("mouth", "nose", "left_eye", "right_eye", "left_brow", "right_brow"):
        assert moved[list(desk.project.scheme.groups[group])].max() < 3, group
    assert desk.project.history(desk.new.id)[-1].action == "Move chin"
    driver.press("z", CONTROL)
    assert np.array_equal(desk.points, fit)
    driver.press("z", CONTROL | SHIFT)
    done = [revision.action for revision in desk.project.history(desk.new.id)]
    assert done[-2:] == ["Undo: Move chin", "Redo: Move chin"]
    rows = desk.widget("annotate.history")
    assert isinstance(rows, QTreeWidget)
    assert rows.topLevelItem(0).text(0) == "redo: moved chin · you, just now"


def test_a_press_soon_after_a_click_drags_and_does_not_zoom(desk):
    driver, off = desk.driver, desk.fit()
    zoom = driver.viewer.scene.camera.zoom
    driver.click(off[7])
    driver.drag(off[7], off[7] + [0, 12], double=True)
    driver.move(off[7] + [0, 13])
    assert np.allclose(desk.points[7], off[7] + [0, 12], atol=0.6)
    assert desk.head(desk.new) == desk.panel.editor.state.annotation("face70")
    assert driver.viewer.scene.camera.zoom == zoom
    driver.drag((5, 5), (5, 5), double=True)  # on empty ground it is napari's
    assert driver.viewer.scene.camera.zoom > zoom


def test_another_window_on_the_same_project_loses_nothing(desk):
    driver = desk.driver
    desk.show(desk.sample)
    notice = desk.widget("annotate.conflict")
    with Project.open(desk.project.path) as other:

        def save(shift: float) -> None:
            head = other.annotation(desk.sample.id)
            theirs = Annotation("face70", desk.truth + shift, [PointState.VISIBLE] * 70)
            other.save(desk.sample.id, theirs, head.id, author="jo")

        save(1.0)
        driver.until(lambda: np.array_equal(desk.points, desk.truth + 1), seconds=5)
        assert not notice.isVisible()

        driver.drag(desk.points[7], desk.points[7] + [0, 9], release=False)
        save(2.0)
        mine = desk.panel.editor.drawn.points
        driver.settle(2500)  # in the middle of a drag nothing is taken over
        driver.release((0, 0))
        assert notice.isVisible()
        assert "jo" in desk.widget("annotate.conflict").findChild(QWidget).text()
        assert np.array_equal(other.annotation(desk.sample.id).annotation.points, desk.truth + 2)
        driver.button("annotate.show_theirs")
        assert np.allclose(desk.layer("face points").data[:, ::-1], desk.truth + 2)
        driver.button("annotate.keep_mine")
        assert not notice.isVisible()
        assert np.array_equal(other.annotation(desk.sample.id).annotation.points, mine)
        saved = [r.annotation.points for r in other.history(desk.sample.id)]
        assert any(np.array_equal(points, desk.truth + 2) for points in saved)


def test_a_face_without_a_picture_one_whose_picture_is_gone_and_points_outside(desk):
    driver, project = desk.driver, desk.project
    shape = project.add_item(None, name="only a shape")
    project.save(shape.id, Annotation("face70", desk.truth, [0] * 70), None)
    desk.show(shape)
    assert "no picture" in desk.widget("annotate.absent").findChild(QWidget).text()
    assert desk.layer("face points").visible
    driver.drag(desk.points[7], desk.points[7] + [0, 9], CONTROL)
    assert desk.head(shape).points[7][1] > desk.truth[7][1] + 5

    lost = project.items()[300]  # far away: those around have been read ahead
    file = project.path / project.item_media(lost).path
    file.rename(file.with_suffix(".away"))
    desk.show(lost)
    assert "relink" in desk.widget("annotate.absent").findChild(QWidget).text()
    assert driver.dock.commands.why_not("annotate.fit")
    driver.button("annotate.find")
    assert driver.dock.tabs.currentWidget() is driver.dock.queue
    driver.tab("Annotate")
    file.with_suffix(".away").rename(file)
    driver.dock.session.items_changed.emit()
    driver.until(lambda: not driver.dock.commands.why_not("annotate.fit"))
    assert not desk.widget("annotate.absent").isVisible()

    outside = desk.truth - [desk.truth[:, 0].min() + 40, 0]
    away = project.add_item(project.item_media(desk.sample), name="half outside")
    project.save(away.id, Annotation("face70", outside, [0] * 70), None)
    desk.show(away)
    assert not desk.widget("annotate.absent").isVisible()
    driver.drag(outside[0], outside[0] + [6, 0], CONTROL)
    assert np.allclose(desk.points[0], outside[0] + [6, 0], atol=0.6)


def test_the_size_of_points_is_the_one_in_the_preferences(desk):
    from napari.settings import get_plugin_settings

    kept = get_plugin_settings("faceloop").annotate
    camera = desk.driver.viewer.scene.camera
    desk.show(desk.sample)
    desk.driver.press("4")
    before = desk.layer("face points").size[0] * camera.zoom
    kept.point_size = 20.0
    try:
        desk.show(desk.project.items()[6])
        desk.driver.press("4")
        assert desk.layer("face points").size[0] * camera.zoom > 1.5 * before
    finally:
        kept.point_size = 9.0


def test_a_project_of_another_scheme_that_no_model_fits(desk, tmp_path):
    driver = desk.driver
    desk.show(desk.sample)
    with Project.create(tmp_path / "imm", scheme="imm58") as other:
        item = other.add_item(other.add_media(desk.project.path / "media/sample/s0005.jpg"))
        driver.dock.session.open(other)
        desk.show(item)
        assert "imm58" in driver.dock.commands.why_not("annotate.fit")
        assisted = desk.widget("annotate.assisted")
        assert not assisted.isEnabled()
        assert "imm58" in assisted.toolTip()
        # Point by point: the list asks for one after the other.
        rows = desk.widget("annotate.missing")
        assert rows.count() == 58
        rows.itemClicked.emit(rows.item(0))
        for place in desk.truth[:3]:
            driver.click(place)
        driver.press(Qt.Key.Key_Escape)
        driver.click(desk.truth[4])
        assert np.flatnonzero(desk.panel.editor.state.present).tolist() == [0, 1, 2]
        assert len(desk.layer("face points").data) == 58
        driver.dock.session.close()


@pytest.mark.skipif(sys.platform != "linux", reason="counts memory as Linux does")
def test_a_hundred_faces_one_after_the_other_leave_nothing_behind(desk):
    driver, items = desk.driver, desk.project.items()

    def walk(count: int) -> None:
        for number in range(count):
            driver.dock.session.show(items[number % 100])
            driver.settle(1)

    walk(60)
    gc.collect()
    before = _resident()
    walk(100)
    driver.until(lambda: desk.panel.canvas.ready)
    gc.collect()
    assert _resident() - before < 40e6  # a picture of each would be 44e6 more
    assert len(driver.viewer.layers) == 4
    shown = driver.dock.session.item
    truth = desk.project.annotation(shown.id).annotation.points
    assert np.allclose(desk.layer("face points").data[:, ::-1], truth)
    picture = driver.dock.session.picture(shown)
    assert np.array_equal(desk.layer("picture").data, picture)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


_CHILD = """
    import sys
    sys.path.insert(0, {tests!r})
    import napari
    from qtpy.QtTest import QTest
    from driver import Driver
    from faceloop_datasets import Project
    from faceloop_workbench.dock.dock import Dock

    class Bot:
        def wait(self, milliseconds):
            QTest.qWait(milliseconds)

    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1500, 950)
    dock = Dock(viewer)
    viewer.window.add_dock_widget(dock, area="right")
    driver = Driver(viewer, dock, Bot())
    project = Project.open({project!r})
    dock.session.open(project)
    driver.tab("Annotate")
    dock.session.show(project.items()[0])
    while not dock.annotate.canvas.ready:
        driver.settle(20)
    driver.settle(200)
    points = dock.annotate.editor.state.points
    driver.drag(points[7], points[7] + [0, 10])
    points = dock.annotate.editor.state.points
    driver.drag(points[0], points[0] + [-10, 0], release=False)
    print("dragging", *dock.annotate.editor.drawn.points[0], flush=True)
    driver.settle(60000)
"""


def test_a_kill_in_the_middle_of_a_drag_leaves_what_was_saved(sample_project):
    item = sample_project.items()[0]
    before = sample_project.annotation(item.id).annotation.points
    tests = str(Path(__file__).parent)
    code = textwrap.dedent(_CHILD).format(tests=tests, project=str(sample_project.path))
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        said = child.stdout.readline().split()
        assert said[0] == "dragging"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert abs(float(said[1]) - before[0][0]) > 5  # it was on its way
    sample_project.close()
    with Project.open(sample_project.path) as project:
        saved = project.annotation(item.id).annotation
        assert np.allclose(
            saved.points[7], before[7] + [0, 10], atol=1.0
        )  # to a pixel of the screen
        assert np.array_equal(saved.points[0], before[0])
        assert len(project.history(item.id)) == 2


def test_a_face_is_labelled_by_key_and_digit_and_it_is_taken_back(desk):
    driver, panel = desk.driver, desk.panel
    desk.project.set_expression([item.id for item in desk.project.items()], "")
    desk.project.set_expression([1], "smile")
    desk.project.set_expression([2], "a & b")
    desk.show(desk.sample)
    button, menu = desk.widget("annotate.expression"), desk.widget("annotate.expressions")
    assert "none" in button.text()

    def choose(key: str) -> str:
        driver.press("e")
        driver.until(menu.isVisible)
        QTest.keyClick(menu, key)
        driver.until(lambda: not menu.isVisible())
        with Project.open(desk.project.path) as other:
            return other.expression(desk.sample.id)

    assert choose("1") == "smile"
    assert "smile" in button.text()
    assert choose("2") == "a & b"
    driver.press("z", CONTROL)
    assert desk.project.expression(desk.sample.id) == "smile"
    driver.press("z", CONTROL | SHIFT)
    assert desk.project.expression(desk.sample.id) == "a & b"
    assert choose("0") == ""

    driver.press("e")
    driver.until(menu.isVisible)
    QTest.keyClick(menu, "n")
    dialog = panel.findChild(QInputDialog, "annotate.new_expression")
    driver.until(dialog.isVisible)
    type_into(dialog.findChild(QLineEdit), "grin")
    QTest.keyClick(dialog.findChild(QLineEdit), Qt.Key.Key_Return)
    driver.until(lambda: "grin" in button.text())
    assert [one.label for one in desk.project.expressions()] == ["smile", "a & b", "grin"]
    desk.driver.dock.session.show(None)
    assert not button.isEnabled()
