"""The line at the foot of the dock: what was said last, as long as it is true, and what before."""

from __future__ import annotations

import time
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING

from faceloop_workbench.widgets.basic import PlainLabel
from faceloop_workbench.widgets.text_dialog import TextDialog

if TYPE_CHECKING:
    from faceloop_datasets import Item, Project
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Message, Session

_KEPT = 200
_AT_LEAST = {"info": 0.5, "warning": 2.0, "error": 4.0}
"""Seconds that a message stays, whatever is done: it may have come while a key was pressed."""


class StatusLine(PlainLabel):
    """Shows a message until something else is done.

    Another project, face or tab, and every command, make what was said a thing of the past; all of
    it can be read again. A message about a project that is not the open one says so.

    Parameters
    ----------
    session : Session
        What tells messages. Made before anything else listens to it: what others say about a new
        project is not to be wiped away.
    commands : Commands
        What is done.
    """

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__()
        self.setObjectName("desk.status")
        self.setWordWrap(True)
        self.hide()
        self._project = ""
        self._until = 0.0
        self._said: deque[str] = deque(maxlen=_KEPT)
        session.told.connect(self.show_message)
        session.project_changed.connect(self._project_changed)
        session.item_changed.connect(self._item_changed)
        commands.begun.connect(self.leave)

    def show_message(self, message: Message) -> None:
        """Show a message; an empty one takes back what was asked for."""
        if not message.text:
            self._wipe()
            return
        of_another = message.project not in ("", self._project)
        text = f"{message.project}: {message.text}" if of_another else message.text
        self._until = time.monotonic() + _AT_LEAST[message.level]
        self.setText(text if message.level == "info" else f"⚠ {text}")
        self.show()
        now = datetime.now().astimezone()
        self._said.append(f"{now:%H:%M:%S} {message.project or self._project}: {message.text}")

    def leave(self, _what: object = None) -> None:
        """Take the message away, unless it has only just come."""
        if time.monotonic() >= self._until:
            self._wipe()

    def show_all(self) -> None:
        """Show what was said since the window was opened, the newest first."""
        text = "\n".join(reversed(self._said)) or "Nothing was said yet."
        TextDialog("Messages", text, self).open()

    def _project_changed(self, project: Project | None) -> None:
        self._project = "" if project is None else project.name
        self._wipe()

    def _wipe(self) -> None:
        """Show nothing, and leave the room to the tab."""
        self.clear()
        self.hide()

    def _item_changed(self, _item: Item | None) -> None:
        self.leave()
