"""Small widgets that the tabs share."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QLabel,
    QMessageBox,
    QPushButton,
    QToolButton,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QAction  # type: ignore[attr-defined]
    from qtpy.QtWidgets import QAbstractButton, QDialog, QMenu

    from faceloop_workbench.commands import Commands

Given = TypeVar("Given")


def application() -> QApplication:
    """Return the application that napari runs."""
    running = QApplication.instance()
    assert isinstance(running, QApplication)  # noqa: S101 - there is no dock without one
    return running


def not_none(given: Given | None) -> Given:
    """Return what Qt gives; its type hints allow None where none can come."""
    assert given is not None  # noqa: S101
    return given


class PlainLabel(QLabel):
    """Text that is shown as it is.

    Qt takes a text with ``<b>`` or ``<img>`` in it for HTML, and a person's or a file's name may
    hold anything.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)


def plain_tip(text: str) -> str:
    """Return a tooltip that shows a text as it is, whatever Qt would take it for."""
    return f"<p>{escape(text)}</p>".replace("\n", "<br>") if "<" in text else text


def paragraph(text: str) -> QLabel:
    """Text that is broken into lines."""
    label = PlainLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
    return label


def heading(text: str, *, small: bool = False) -> QLabel:
    """Text that stands above others."""
    label = paragraph(text)
    font = label.font()
    font.setBold(True)
    if not small:
        font.setPointSizeF(font.pointSizeF() * 1.3)
    label.setFont(font)
    return label


def answer_buttons(
    dialog: QDialog, answer: str, name: str, *, safe: bool = False
) -> QDialogButtonBox:
    """Make the buttons of a dialog that asks something: its answer, which Enter gives, and Cancel.

    Parameters
    ----------
    dialog : QDialog
        What they accept or reject.
    answer, name : str
        Text and object name of the button that accepts.
    safe : bool
        Whether Enter cancels instead.
    """
    buttons = QDialogButtonBox(dialog)  # in it from the start: the default is noted there
    accept = not_none(buttons.addButton(answer, QDialogButtonBox.ButtonRole.AcceptRole))
    accept.setObjectName(name)
    cancel = not_none(buttons.addButton(QDialogButtonBox.StandardButton.Cancel))
    (cancel if safe else accept).setDefault(True)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons


def command_button(commands: Commands, name: str, *, small: bool = False) -> QAbstractButton:
    """Make a button of a command: its title, its key and help as tooltip, and why it is disabled.

    Parameters
    ----------
    commands : Commands
        Where the command is.
    name : str
        Its id.
    small : bool
        As high as a line of text.
    """
    button: QAbstractButton = QToolButton() if small else QPushButton()
    command = commands.table[name]
    button.setText(command.title)
    button.setObjectName(name)
    button.clicked.connect(lambda: commands.run(name))
    _keep_enabled(button, commands, name)
    return button


def ask_to_discard(dialog: QDialog, question: str, discard: Callable[[], object]) -> None:
    """Ask whether to close a dialog though something is lost; ``discard`` is called if so."""
    buttons = QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel
    icon = QMessageBox.Icon.Question
    box = QMessageBox(icon, dialog.windowTitle(), "", buttons, dialog)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(question)
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    button = not_none(box.button(QMessageBox.StandardButton.Discard))
    button.clicked.connect(lambda _=False: discard())
    box.open()


def command_action(menu: QMenu, commands: Commands, name: str) -> QAction:
    """Put a command into a menu: its title, and its key and help as tooltip, as a button's."""
    command = commands.table[name]
    action = not_none(menu.addAction(command.title, lambda: commands.run(name)))
    action.setObjectName(name)
    menu.setToolTipsVisible(True)
    _keep_enabled(action, commands, name)
    return action


def _keep_enabled(button: QAbstractButton | QAction, commands: Commands, name: str) -> None:
    """Enable a button or action while its command can be done, and say in its tooltip why not."""

    def update(changed: str) -> None:
        if changed == name:
            help_text = f"{commands.help(name)}{_key(commands, name)}"
            set_enabled(button, commands.why_not(name), help_text)

    commands.changed.connect(update)
    button.destroyed.connect(lambda: commands.changed.disconnect(update, missing_ok=True))
    update(name)


def set_enabled(button: QAbstractButton | QAction, why_not: str, help_text: str) -> None:
    """Enable a button or action, or disable it and say why in its tooltip."""
    button.setEnabled(not why_not)
    button.setToolTip(plain_tip(f"{why_not}\n\n{help_text}" if why_not else help_text))


def _key(commands: Commands, name: str) -> str:
    key = commands.key(name)
    return f" [{key}]" if key else ""
