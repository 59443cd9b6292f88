"""A blind round with real clicks and drags: two people annotate the same faces."""

from __future__ import annotations

from itertools import islice

import numpy as np
from driver import BLOCKED, LEFT, LoopProbe, type_into
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLineEdit, QWidget

from faceloop_datasets import PointState, Project
from faceloop_datasets.face import snapshot_hash
from faceloop_datasets.sample import sample_faces
from faceloop_workbench.annotate.dialog_rounds import RoundsDialog

FACES = 8
CHIN = 7
CTRL = Qt.KeyboardModifier.ControlModifier


def dialog(driver):
    (found,) = (d for d in driver.dock.annotate.findChildren(RoundsDialog) if d.isVisible())
    return found


def part(driver, name):
    return driver.dock.annotate.findChild(QWidget, name)


def begin(driver, author):
    driver.dock.commands.run("queue.rounds")
    driver.settle()
    shown = dialog(driver)
    shown.who.setCurrentText(author)
    QTest.mouseClick(shown.findChild(object, "rounds.begin"), LEFT)
    driver.until(lambda: driver.dock.annotate.canvas.ready)
    return driver.dock.session.item.id


def make(driver):
    """Make a round of three faces in the window."""
    driver.dock.commands.run("queue.rounds")
    driver.settle()
    assert not dialog(driver).findChild(object, "rounds.begin").isEnabled()
    driver.button("rounds.new")
    driver.settle()
    for name, text in (("round.name", "pilot"), ("round.annotators", "ann, ben")):
        type_into(dialog(driver).findChild(QLineEdit, name), text)
    dialog(driver).findChild(object, "round.count").setValue(3)
    with LoopProbe() as probe:
        driver.button("round.make")
        driver.until(lambda: dialog(driver).list.count() == 1, 60)
    assert probe.worst_cpu < BLOCKED
    assert dialog(driver).list.item(0).text() == "pilot: 3 faces; done by ann 0, ben 0"
    assert not dialog(driver).findChild(object, "rounds.consensus").isEnabled()
    dialog(driver).close()


HIDDEN = (
    "copy_previous",
    "interpolate",
    "suggest",
    "next_doubt",
    "approve",
    "unapprove",
    "next_face",
    "expression",
)


def nothing_of_others(driver, first):
    """Whatever would show what somebody has said of the face says why it does not."""
    session, panel, commands = driver.dock.session, driver.dock.annotate, driver.dock.commands
    session.need_project().queue.add(first, "label-check", points=(CHIN,), note="chin is off")
    session.queue_changed.emit()
    driver.settle()
    assert all("blind round" in commands.why_not(f"annotate.{name}") for name in HIDDEN)
    assert not part(driver, "annotate.why").isVisible()
    assert not part(driver, "annotate.doubts").isVisible()
    assert part(driver, "annotate.expression").text().startswith("Expression: none")
    assert not panel.undo.group.canUndo()
    assert (panel.faces.faces, panel.faces.others) == ([], [])


def annotate_as_ann(driver, round_, starts):
    """Start from the fit, see nothing of the face's own, drag the chin and accept all by key."""
    session, panel = driver.dock.session, driver.dock.annotate
    first = begin(driver, "ann")
    assert first == round_.items[0]
    np.testing.assert_allclose(panel.editor.state.points, starts[first].points)
    assert (panel.editor.state.states == PointState.ESTIMATED).all()
    assert panel.editor.history() == []
    assert panel.rounds.text.startswith("Blind round “pilot” as ann: face 1 of 3, 0 done.")
    nothing_of_others(driver, first)
    at = panel.editor.state.points[CHIN]
    driver.drag(at, at + np.array([0.0, 9.0]))
    moved = panel.editor.state.points[CHIN]
    assert moved[1] > at[1] + 5
    for number in (1, 2, 3):
        assert f"face {number} of 3" in panel.rounds.text
        driver.press(Qt.Key.Key_Space)
    assert "3 done" in panel.rounds.text
    driver.press(Qt.Key.Key_A)
    assert session.item.id == round_.items[1]
    driver.button("round.leave")
    assert (session.item, panel.rounds.text) == (None, "")
    return moved


def annotate_as_ben(driver, round_, starts):
    """See the same start, and not what ann did; undo; find one's own again."""
    session, panel = driver.dock.session, driver.dock.annotate
    first = begin(driver, "ben")
    np.testing.assert_allclose(panel.editor.state.points, starts[first].points)
    at = panel.editor.state.points[CHIN]
    driver.drag(at, at + np.array([0.0, -8.0]))
    own = panel.editor.state.points.copy()
    driver.press(Qt.Key.Key_Z, CTRL)
    np.testing.assert_allclose(panel.editor.state.points, starts[first].points)
    driver.press(Qt.Key.Key_Z, CTRL | Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_allclose(panel.editor.state.points, own)
    driver.button("round.accept")
    assert session.item.id == round_.items[1]
    driver.button("round.previous")
    np.testing.assert_allclose(panel.editor.state.points, own)
    driver.button("round.leave")
    return own[CHIN]


def test_two_people_annotate_blind(driver, tmp_path):
    session, panel = driver.dock.session, driver.dock.annotate
    project = Project.create(tmp_path / "faces")
    project.import_entries("sample", islice(sample_faces(), FACES), scheme="face70", copy=True)
    session.open(project)
    make(driver)
    round_ = project.rounds.get("pilot")
    starts, first = project.rounds.starts(round_), round_.items[0]
    project.set_expression([first], "surprised")
    before = snapshot_hash(project.faces())
    chins = [
        annotate_as_ann(driver, round_, starts),
        annotate_as_ben(driver, round_, starts),
    ]
    assert snapshot_hash(project.faces()) == before
    assert len(project.history(first)) == 1
    assert {one.author for one in project.rounds.annotations(round_)} == {"ann", "ben"}

    # Out of the round the face is what it was, and what they agree on becomes its own.
    session.show(project.item(first), project.queue.of_item(first))
    driver.until(lambda: panel.canvas.ready)
    assert part(driver, "annotate.expression").text().startswith("Expression: surprised")
    assert part(driver, "annotate.doubts").isVisible()
    assert panel.editor.state.source == "import:sample"
    session.show(None)
    driver.dock.commands.run("queue.rounds")
    driver.settle()
    assert not dialog(driver).findChild(object, "rounds.undo").isEnabled()
    driver.button("rounds.consensus")
    driver.until(lambda: not panel.rounds.busy, 60)
    head = project.annotation(first).annotation
    assert head.source == "consensus:pilot"
    np.testing.assert_allclose(head.points[CHIN], np.mean(chins, axis=0))
    driver.button("rounds.undo")
    driver.until(lambda: not panel.rounds.busy, 60)
    assert snapshot_hash(project.faces()) == before
    session.close()  # and the dialog with it
    driver.settle()
    assert not [d for d in panel.findChildren(RoundsDialog) if d.isVisible()]
