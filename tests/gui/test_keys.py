"""Keys of the window: where they count, and changing them on the help page."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QLineEdit, QSpinBox, QWidget

from faceloop_workbench.commands import Commands
from faceloop_workbench.key_file import load_keys


def count(driver, name):
    done = []
    driver.dock.commands.handle(name, lambda *told: done.append(told))
    driver.dock.commands.disable(name, "")
    return done


def test_a_key_counts_on_the_canvas_and_not_in_a_text_field(driver):
    done = count(driver, "queue.next")
    driver.press("d")
    assert len(done) == 1
    field = QLineEdit(driver.dock)
    field.show()
    driver.focus(field)
    QTest.keyClicks(field, "dd")
    assert field.text() == "dd"
    assert len(done) == 1
    QTest.keyClick(field, "3", Qt.KeyboardModifier.ControlModifier)
    assert driver.dock.tabs.currentWidget() is driver.dock.train
    assert field.text() == "dd"
    field.hide()
    boxes_leave_the_keys_to_commands(driver, done)


def boxes_leave_the_keys_to_commands(driver, done):
    """A choice by mouse gives the keys back; by Tab, letters choose; Ctrl is a command's."""
    number, choice = QSpinBox(driver.dock), QComboBox(driver.dock)
    choice.addItems(["1 x", "2 x", "double"])
    for box in (number, choice):
        box.show()
        driver.focus(box)
        QTest.keyClick(box, "d")
        driver.focus(box)
        QTest.keyClick(box, "2", Qt.KeyboardModifier.ControlModifier)
        assert driver.dock.tabs.currentWidget() is driver.dock.annotate
        driver.dock.tabs.setCurrentWidget(driver.dock.queue)
    assert len(done) == 3
    driver.focus(number)
    QTest.keyClick(number, "7")
    QTest.keyClick(number, Qt.Key.Key_Return)
    driver.until(driver.canvas.hasFocus)
    assert (number.value(), choice.currentIndex()) == (70, 0)
    choice.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(choice, "d")
    assert (len(done), choice.currentText()) == (3, "double")
    driver.focus(driver.canvas)
    QTest.mouseClick(choice, Qt.MouseButton.LeftButton)
    driver.until(choice.view().isVisible)
    QTest.keyClick(choice.view(), Qt.Key.Key_Home)
    QTest.keyClick(choice.view(), Qt.Key.Key_Return)
    driver.until(driver.canvas.hasFocus)
    assert choice.currentIndex() == 0
    for box in (number, choice):
        box.deleteLater()


def test_a_held_key_begins_once_and_ends_once(driver):
    done = count(driver, "annotate.hide")
    driver.hold("h")
    driver.let_go("h")
    assert done == [(True,), (False,)]


def test_a_command_with_a_reason_against_it_is_not_done_and_says_so(driver):
    done = count(driver, "queue.accept")
    driver.dock.commands.disable("queue.accept", "No face is in work.")
    driver.press(Qt.Key.Key_Space)
    assert done == []


def test_a_key_is_changed_on_the_help_page_and_remembered(driver):
    done = count(driver, "queue.next")
    driver.press("?")
    page = help_page(driver)
    edit = page.findChild(QWidget, "key.queue.next")
    driver.focus(edit)
    QTest.keyClick(edit, Qt.Key.Key_J)
    driver.settle(1300)  # the field waits for a second key of the same sequence
    page.close()
    driver.settle()
    driver.press("d")
    assert done == []
    driver.press("j")
    assert len(done) == 1
    again = Commands()
    load_keys(again)
    assert again.key("queue.next") == "J"


def test_diagnostics_are_copied(driver):
    from qtpy.QtWidgets import QApplication

    driver.press("?")
    page = help_page(driver)
    QTest.mouseClick(page.findChild(QWidget, "help.copy"), Qt.MouseButton.LeftButton)
    driver.until(lambda: "faceloop:" in QApplication.clipboard().text(), 30)
    assert "GL renderer" in QApplication.clipboard().text()
    page.close()


def help_page(driver):
    from faceloop_workbench.dock.help_page import HelpPage

    (page,) = driver.dock.findChildren(HelpPage)
    driver.until(page.isVisible)
    return page
