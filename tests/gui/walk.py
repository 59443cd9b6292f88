"""Walks through a window: every control, every dialog, and what of them a person cannot read."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint, QRect, QSize, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QGroupBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QScrollBar,
    QSizePolicy,
    QTabBar,
    QTabWidget,
    QToolButton,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
)
_WITH_TEXT = (QPushButton, QToolButton, QCheckBox, QRadioButton)


def controls(root: QWidget) -> list[QWidget]:
    """Widgets that do something and can be seen, without what Qt makes inside of others."""
    found = root.findChildren(QWidget)
    return [w for w in found if (isinstance(w, _CONTROLS) or _is_ours(w)) and _counts(w, root)]


def _is_ours(widget: QWidget) -> bool:
    """Whether it is drawn by us and can be clicked."""
    ours = [kind for kind in type(widget).__mro__ if kind.__module__.startswith("faceloop")]
    return any("mousePressEvent" in vars(kind) for kind in ours)


def _counts(widget: QWidget, root: QWidget) -> bool:
    inner = isinstance(widget, QScrollBar | QHeaderView) or isinstance(
        widget.parentWidget(), QAbstractSpinBox | QComboBox | QLineEdit | QTabBar
    )
    hidden = not widget.isVisibleTo(root) or widget.objectName().startswith("qt_")
    return not inner and not hidden and widget.window() is root.window()


def name_of(widget: QWidget) -> str:
    """What a screen reader calls a widget: as Qt decides it, which has no Python for it."""
    if widget.accessibleName():
        return widget.accessibleName()
    if isinstance(widget, QAbstractButton) and widget.text():
        return widget.text()
    if isinstance(widget, QGroupBox) and widget.title():
        return widget.title()
    siblings = () if widget.parentWidget() is None else widget.parentWidget().findChildren(QLabel)
    return next((label.text() for label in siblings if label.buddy() is widget), "")


def nameless(root: QWidget) -> list[str]:
    """Controls that a screen reader has no name for."""
    return [_said(w) for w in controls(root) if not name_of(w)]


def cut(root: QWidget, *, scrolls: bool = False) -> list[str]:
    """Labels and controls that need more room than they have.

    With a larger font than the usual one, a panel may be scrolled from side to side.
    """
    found = [
        f"{_said(w)} has {w.width()} x {w.height()}, and needs {need.width()} x {need.height()}"
        for w in root.findChildren(QWidget)
        if w.isVisibleTo(root)
        and w.window() is root.window()
        and (need := _need(w)) is not None
        and (need.width() > w.width() + 1 or need.height() > w.height() + 1)
    ]
    return found + [
        f"{_said(w)} lies outside" for w in controls(root) if _outside(w, scrolls=scrolls)
    ]


def _need(widget: QWidget) -> QSize | None:
    if isinstance(widget, QLabel) and widget.text():
        if widget.wordWrap():
            return QSize(0, widget.heightForWidth(widget.width()))
        shrinks = widget.sizePolicy().horizontalPolicy() == QSizePolicy.Policy.Ignored
        return QSize(0, 0) if shrinks and widget.toolTip() else widget.sizeHint()
    if isinstance(widget, _WITH_TEXT) and widget.text():
        if widget.hasHeightForWidth():  # a link with a line of its own below
            return QSize(0, widget.heightForWidth(widget.width()))
        return widget.minimumSizeHint() if isinstance(widget, QToolButton) else widget.sizeHint()
    if isinstance(widget, QTabBar):
        return widget.sizeHint() if not widget.usesScrollButtons() else None
    return None


def _outside(widget: QWidget, *, scrolls: bool) -> bool:
    """Whether it is cut at the left or right by what scrolls it, or anywhere by its window."""
    above = widget.parentWidget()
    while above is not None and not isinstance(above.parentWidget(), QScrollArea):
        if above.isWindow():
            inside = QRect(widget.mapTo(above, QPoint(0, 0)), widget.size())
            return not above.rect().contains(inside)
        above = above.parentWidget()
    if above is None:
        return False
    area = above.parentWidget()
    policy = area.horizontalScrollBarPolicy()
    if scrolls and policy != Qt.ScrollBarPolicy.ScrollBarAlwaysOff:
        return False
    left = widget.mapTo(above, QPoint(0, 0)).x()
    return left < 0 or left + widget.width() > above.width()


def _said(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QLabel | QAbstractButton) else ""
    above, within = widget.parentWidget(), ""
    while above is not None and not within:
        within, above = above.objectName(), above.parentWidget()
    name = widget.objectName() or f"in {within or type(widget.parentWidget()).__name__}"
    return f"{type(widget).__name__} {name} {text[:60]!r}"


def pages(dialog: QDialog) -> Iterator[str]:
    """Turn to each page of a dialog that has some; yields the titles."""
    tabs = dialog.findChild(QTabWidget)
    if tabs is None:
        yield ""
        return
    for index in range(tabs.count()):
        tabs.setCurrentIndex(index)
        yield tabs.tabText(index)


def by_tab(driver: object, root: QWidget, most: int = 300) -> set[QWidget]:
    """Controls that Tab comes to, from the first on."""
    from qtpy.QtTest import QTest

    driver.focus(next(w for w in controls(root) if _takes_focus(w)))
    seen: list[QWidget] = []
    for _ in range(most):
        focus = QApplication.focusWidget()
        if focus in seen:
            break
        seen.append(focus)
        QTest.keyClick(focus, Qt.Key.Key_Tab)
    return set(seen)


def not_reached(driver: object, root: QWidget) -> list[str]:
    """Controls that can be used, and that Tab does not come to."""
    reached = by_tab(driver, root)
    wanted = [w for w in controls(root) if w.isEnabled() and not isinstance(w, QProgressBar)]
    wanted = [w for w in wanted if isinstance(w, _CONTROLS) or _has_keys(w)]
    exclusive = [w for w in wanted if not (isinstance(w, QRadioButton) and not w.isChecked())]
    return [_said(w) for w in exclusive if w not in reached and w.focusProxy() not in reached]


def _has_keys(widget: QWidget) -> bool:
    return any(
        "keyPressEvent" in vars(kind)
        for kind in type(widget).__mro__
        if kind.__module__.startswith("faceloop")
    )


def _takes_focus(widget: QWidget) -> bool:
    return widget.isEnabled() and bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)


def dialogs(driver: object) -> Iterator[tuple[str, QDialog]]:
    """Open every dialog there is a button, an action or a command for, one after the other.

    What opens a dialog ends in "…", here as everywhere. File dialogs are Qt's own, and closed.
    """
    dock = driver.dock
    commands = {c.id: c.title for c in dock.commands.table.values()}
    ways = {
        name: lambda name=name: dock.commands.run(name)
        for name, title in commands.items()
        if title.endswith("…") or name in ("desk.help", "desk.messages")
    }
    seen: set[str] = set()
    with _no_file_dialogs():
        for name, do in ways.items():
            yield from _opened(driver, name, do)
        for tab in ("queue", "annotate", "train", "live"):
            dock.commands.run(f"desk.{tab}")
            driver.settle(100)
            panel = getattr(dock, tab)
            for button in panel.findChildren(QAbstractButton):
                usable = button.isVisible() and button.isEnabled()
                if usable and _asks(button, commands) and button.text() not in seen:
                    seen.add(button.text())
                    yield from _opened(driver, button.text(), button.click)
            for menu in panel.findChildren(QMenu):
                new = [a for a in menu.actions() if _asks(a, commands) and a.text() not in seen]
                for action in new:
                    seen.add(action.text())
                    yield from _opened(driver, action.text(), action.trigger)


def _asks(way: object, commands: dict[str, str]) -> bool:
    """Whether a button or action opens a dialog, and is no command."""
    return way.text().endswith("…") and way.objectName() not in commands


def _opened(driver: object, name: str, do: object) -> Iterator[tuple[str, QDialog]]:
    do()
    deadline = 40
    while not (found := _shown()) and deadline and _at_work(driver, deadline):
        driver.settle(50)
        deadline -= 1
    for dialog in found:
        driver.settle(50)
        yield name, dialog
        dialog.close()
    driver.settle(20)


def _at_work(driver: object, deadline: int) -> bool:
    """Whether a dialog may still come: something runs, or it is only just asked for."""
    return deadline > 38 or bool(driver.dock.session.losses())


def _shown() -> list[QDialog]:
    top = QApplication.topLevelWidgets()
    return [
        w
        for w in top
        if isinstance(w, QDialog) and w.isVisible() and not isinstance(w, QFileDialog)
    ]


@contextmanager
def _no_file_dialogs() -> Iterator[None]:
    """Close file dialogs as they come, also those that stop everything else."""

    def close() -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QFileDialog) and widget.isVisible():
                widget.reject()

    timer = QTimer()
    timer.timeout.connect(close)
    timer.start(20)
    try:
        yield
    finally:
        timer.stop()
