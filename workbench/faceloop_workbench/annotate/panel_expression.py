"""The button that says what the face in work expresses, and its list of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QInputDialog, QLineEdit, QMenu, QPushButton

from faceloop_datasets.expressions import LONGEST
from faceloop_workbench.widgets.basic import not_none

if TYPE_CHECKING:
    from faceloop_workbench.commands import Commands

    from .expression import FaceExpression

_COMMAND = "annotate.expression"
_DIGITS = 9
_ARROW = "\N{BLACK DOWN-POINTING SMALL TRIANGLE}"
_NO_FACE = "No face is in work. Choose one in the tab Queue."


class ExpressionButton(QPushButton):
    """Shows the label; a click, or its key, opens the list, where a digit chooses a word.

    Parameters
    ----------
    commands : Commands
        Where its key is.
    expression : FaceExpression
        What it shows and changes.
    """

    def __init__(self, commands: Commands, expression: FaceExpression) -> None:
        super().__init__()
        self._commands, self._expression = commands, expression
        self.setObjectName(_COMMAND)
        self._menu = QMenu(self)
        self._menu.setObjectName("annotate.expressions")
        self.clicked.connect(lambda _: commands.run(_COMMAND))
        expression.shown.connect(self._show_label)
        commands.handle(_COMMAND, self._open)
        self._show_label("")

    def allow(self, *, face: bool) -> None:
        """Say whether there is a face to label."""
        why_not = self._expression.hidden if face else _NO_FACE
        self._commands.disable(_COMMAND, why_not)
        self.setEnabled(not why_not)
        help_text, key = self._commands.table[_COMMAND].help, self._commands.key(_COMMAND)
        self.setToolTip(why_not or f"{help_text} [{key}]")

    def _show_label(self, label: str) -> None:
        self.setText(f"Expression: {_plain(label) or 'none'}  {_ARROW}")

    def _open(self) -> None:
        self._menu.clear()
        for number, word in enumerate(self._expression.words(), start=1):
            digit = f"&{number}  " if number <= _DIGITS else "     "
            self._add(digit + _plain(word), word)
        self._menu.addSeparator()
        not_none(self._menu.addAction("&New\N{HORIZONTAL ELLIPSIS}", self._ask))
        self._add("&0  None", "")
        self._menu.popup(self.mapToGlobal(QPoint(0, self.height())))

    def _add(self, text: str, label: str) -> None:
        action = not_none(self._menu.addAction(text, lambda: self._expression.set(label)))
        action.setCheckable(True)
        action.setChecked(label == self._expression.label)

    def _ask(self) -> None:
        """Ask for a word that there is not yet."""
        dialog = QInputDialog(self)
        dialog.setWindowTitle("New expression")
        dialog.setLabelText("What does this face express?")
        dialog.setObjectName("annotate.new_expression")
        dialog.textValueSelected.connect(self._expression.set)
        dialog.open()  # which makes the line
        not_none(dialog.findChild(QLineEdit)).setMaxLength(LONGEST)


def _plain(word: str) -> str:
    """Return a word without what Qt would take for a key."""
    return word.replace("&", "&&")
