"""Keys of the window: each goes to its command, whatever in the window has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QKeyCombination, QObject, Qt, QTimer
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
from .napari_window import picture_widget

if TYPE_CHECKING:
    from collections.abc import Callable

    from faceloop_workbench.commands import Commands

_TEXT = (QLineEdit, QTextEdit, QPlainTextEdit)


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
            if event.gotFocus() and event.reason() == Qt.FocusReason.PopupFocusReason:
                self._leave_soon(watched, QComboBox)
        if not isinstance(event, QKeyEvent) or not isinstance(watched, QWidget):
            return False
        kind = event.type()
        if kind == QEvent.Type.KeyRelease:
            return self._released(event)
        if kind not in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress):
            return False
        focus = QApplication.focusWidget() or watched
        name = self._command(event) if self._is_ours(watched.window()) else None
        if name is None or self._is_kept(focus, event):
            if kind == QEvent.Type.KeyPress and event.key() in _ENDS:
                self._leave_soon(watched, QAbstractSpinBox)
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

    def _is_kept(self, focus: QWidget, event: QKeyEvent) -> bool:
        """Whether a key is for what has the focus: it types, moves, presses, or leaves it."""
        key = event.key()
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if isinstance(focus, _TEXT) or (isinstance(focus, QComboBox) and focus.isEditable()):
            return not (control and key in _DIGITS)
        if isinstance(focus, QAbstractSpinBox):
            return key in (_EDITS if control else _NUMBER)
        if isinstance(focus, QComboBox) and not control and self._focus.by_keys:
            return True  # Space opens it, and a letter chooses what begins with it
        if key in _MOVES and self._moves(focus, control=control):
            return True
        if key in _LEAVES:
            return self._dock.isAncestorOf(focus)
        return key == Qt.Key.Key_Space and self._is_pressed(focus)

    def _moves(self, focus: QWidget, *, control: bool) -> bool:
        """Whether the arrows move in what has the focus."""
        if isinstance(focus, QAbstractSlider | QComboBox):
            return not control
        return self._is_pressed(focus) or isinstance(focus, QAbstractItemView)

    def _is_pressed(self, focus: QWidget) -> bool:
        """Whether Space presses what has the focus."""
        return isinstance(focus, QAbstractButton | QTabBar) and self._focus.by_keys

    def _leave_soon(self, widget: QWidget, kind: type[QWidget]) -> None:
        """Give the keys back to the picture, where the mouse has left them in a box of the dock.

        Soon, as the choice may move them to somewhere better first. A box in a cell of a table is
        the table's.
        """
        above = widget.parentWidget()
        in_cell = above is not None and isinstance(above.parentWidget(), QAbstractItemView)
        mine = isinstance(widget, kind) and self._dock.isAncestorOf(widget)
        if mine and not in_cell and not self._focus.by_keys:
            QTimer.singleShot(0, lambda: self._leave(widget))

    def _leave(self, widget: QWidget) -> None:
        picture = picture_widget(self._dock)
        if picture is not None and QApplication.focusWidget() is widget:
            picture.setFocus()

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
_ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
_DIGITS = tuple(map(Qt.Key, range(Qt.Key.Key_0, Qt.Key.Key_9 + 1)))
_NUMBER = {  # keys that a box for a number has a use for
    *_MOVES,
    *_ENDS,
    *_LEAVES,
    *_DIGITS,
    Qt.Key.Key_Period,
    Qt.Key.Key_Comma,
    Qt.Key.Key_Plus,
    Qt.Key.Key_Minus,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Delete,
}
_EDITS = {Qt.Key.Key_A, Qt.Key.Key_C, Qt.Key.Key_V, Qt.Key.Key_X}


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
