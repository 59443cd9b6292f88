"""Keys of the window: each goes to its command, whatever in the window has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QKeyCombination, QObject, Qt
from qtpy.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
    QWidget,
)

from faceloop_workbench.widgets.basic import application

from .key_focus import KeyFocus

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_workbench.commands import Commands

_TEXT = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)


class Keys(QObject):
    """Hands keys pressed in one window to its commands.

    An event filter and not shortcuts: it knows when a key is let go, napari's own layer keys do
    not come first, and a key typed into a text field stays there.

    Parameters
    ----------
    commands : Commands
        What there is to do.
    dock : QWidget
        Something in the window; dialogs and other windows are left alone.
    place : callable
        Which tab has the picture, ``annotate`` or ``live``: its commands come first.
    """

    def __init__(self, commands: Commands, dock: QWidget, place: Callable[[], str]) -> None:
        super().__init__(dock)
        self._commands = commands
        self._dock, self._place = dock, place
        self._focus = KeyFocus()
        self._held: dict[int, str] = {}
        self._application = application()
        self._application.installEventFilter(self)

    def stop(self) -> None:
        """Leave the keys to napari again."""
        self._application.removeEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """Take the key events that are commands (Qt's name)."""
        if isinstance(event, QFocusEvent) and isinstance(watched, QWidget):
            self._focus.moved(watched, event)
        if not isinstance(event, QKeyEvent) or not isinstance(watched, QWidget):
            return False
        kind = event.type()
        if kind == QEvent.Type.KeyRelease:
            return self._released(event)
        if kind not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        name = self._command(event) if self._listens(watched) else None
        if name is None or self._is_kept(QApplication.focusWidget() or watched, event.key()):
            return False
        if kind == QEvent.Type.ShortcutOverride:
            event.accept()  # so that no menu takes it; the key press follows
            return True
        return self._pressed(name, event)

    def _pressed(self, name: str, event: QKeyEvent) -> bool:
        if not self._commands.table[name].held:
            return self._commands.run(name)
        if event.isAutoRepeat():
            return event.key() in self._held
        if self._commands.run(name, held=True):
            self._held[event.key()] = name
            return True
        return False

    def _released(self, event: QKeyEvent) -> bool:
        if event.isAutoRepeat() or event.key() not in self._held:
            return False
        return self._commands.run(self._held.pop(event.key()), held=False)

    def _listens(self, widget: QWidget) -> bool:
        focus = QApplication.focusWidget() or widget
        if isinstance(focus, QComboBox):
            typed = focus.isEditable() or self._focus.by_keys
        else:
            typed = isinstance(focus, _TEXT)
        return not typed and self._is_ours(widget.window())

    def _is_kept(self, focus: QWidget, key: int) -> bool:
        """Whether a key is for what has the focus: it moves there, presses it, or leaves it."""
        if isinstance(focus, QAbstractItemView | QAbstractSlider | QComboBox) and key in _MOVES:
            return True
        if isinstance(focus, QComboBox) and chr(min(key, 0x10FFFF)).isalnum():
            return True  # chooses what begins with it
        if isinstance(focus, QAbstractButton | QTabBar) and self._focus.by_keys:
            return key in _MOVES or key == Qt.Key.Key_Space
        return key in _LEAVES and self._dock.isAncestorOf(focus)

    def _is_ours(self, window: QWidget | None) -> bool:
        """Whether it is the main window, or the dock floats in it."""
        top: QWidget = self._dock
        while (above := top.parentWidget()) is not None:  # goes on where `window` stops
            top = above
        return window in (top, self._dock.window())

    def _command(self, event: QKeyEvent) -> str | None:
        pressed, found = key_text(event), None
        for name, command in self._commands.table.items():
            if pressed and pressed in _spellings(self._commands.key(name)):
                if command.place in ("", self._place()):
                    return name
                found = found or name
        return found


_LEAVES = (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
_MOVES = (
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
)


def key_text(event: QKeyEvent) -> str:
    """Key of an event in Qt's portable text, ``Ctrl+Shift+Z``."""
    if event.key() in (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt, Qt.Key.Key_Meta, 0):
        return ""
    # The keypad's digits and arrows count as the others.
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    key = Qt.Key.Key_Tab if event.key() == Qt.Key.Key_Backtab else Qt.Key(event.key())
    combined = QKeySequence(QKeyCombination(modifiers, key))
    return str(combined.toString(QKeySequence.SequenceFormat.PortableText))


def _spellings(key: str) -> set[str]:
    """Texts that a key may arrive as: ``?`` is typed with shift on most keyboards."""
    if not key:
        return set()
    symbol = len(key) == 1 and not key.isalnum()
    return {key, f"Shift+{key}"} if symbol else {key}
