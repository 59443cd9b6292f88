"""The history of the face in work: every revision, to look at and to bring back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets.wording import counted
from faceloop_workbench.widgets.basic import PlainLabel, plain_tip

from .face_state import changed_points

if TYPE_CHECKING:
    from faceloop_datasets import Revision

    from .editor import FaceEditor

_REVISION = Qt.ItemDataRole.UserRole
_HEIGHT = 70


class HistoryList(QWidget):
    """Revisions, newest first. A click shows one on the picture, a button brings it back.

    Parameters
    ----------
    editor : FaceEditor
        The face.
    """

    def __init__(self, editor: FaceEditor) -> None:
        super().__init__()
        self._editor = editor
        self.list = _Rows()
        self.list.setObjectName("annotate.history")
        self.list.setAccessibleName("History")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.currentItemChanged.connect(self._view)
        self._back = QPushButton("Bring back")
        self._back.setObjectName("annotate.retake")
        self._back.clicked.connect(self._restore_revision)
        self._now = QPushButton("Back to now")
        self._now.setObjectName("annotate.now")
        self._now.clicked.connect(lambda: editor.view(None))
        buttons = QHBoxLayout()
        buttons.addWidget(self._back)
        buttons.addWidget(self._now)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(PlainLabel("History"))
        layout.addWidget(self.list, 1)
        layout.addLayout(buttons)
        editor.shown.connect(self._update)
        self._update()

    def load(self) -> None:
        """Show the revisions of the face in work."""
        revisions = self._editor.history()
        self.list.blockSignals(True)
        self.list.clear()
        by_number = {revision.id: revision for revision in revisions}
        for revision in revisions:
            self.list.addItem(_row(revision, by_number.get(revision.based_on or 0)))
        self.list.blockSignals(False)
        self._update()

    def add(self, revision: Revision) -> None:
        """Show one more: it was saved just now."""
        newest = self.list.item(0)
        before = None if newest is None else newest.data(_REVISION)
        self.list.blockSignals(True)
        self.list.insertItem(0, _row(revision, before))
        self.list.setCurrentRow(-1)
        self.list.blockSignals(False)
        self._update()

    def _view(self, row: QListWidgetItem | None) -> None:
        if row is not None:
            revision = row.data(_REVISION)
            now = self._editor.save_status.revision
            self._editor.view(None if now is not None and revision.id == now.id else revision)

    def _restore_revision(self) -> None:
        if self._editor.viewing is not None:
            self._editor.restore_revision(self._editor.viewing)

    def _update(self, _shown: object = None) -> None:
        looking = self._editor.viewing is not None
        for button in (self._back, self._now):
            button.setEnabled(looking)
        self._back.setToolTip(
            "Save the revision that is shown as the newest."
            if looking
            else "Choose an older revision in the list first."
        )
        self._now.setToolTip(
            "Show the face as it is now." if looking else "The face is shown as it is now."
        )


class _Rows(QListWidget):
    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return little: it is as high as there is room for, but does not make the tab scroll."""
        return QSize(200, _HEIGHT)


def revision_text(revision: Revision, before: Revision | None) -> str:
    """One revision in a line: when, who, what was done, and what it made of the face."""
    when = revision.created.astimezone()
    changed = ""
    if before is not None:
        count = changed_points(before.annotation, revision.annotation)
        changed = f" · {counted(count, 'point')} changed"
    done = f" · {revision.action}" if revision.action else ""
    source = revision.annotation.source
    return f"{when:%d %b %H:%M:%S} · {revision.author}{done}{changed} · {source}"


def _row(revision: Revision, before: Revision | None) -> QListWidgetItem:
    row = QListWidgetItem(revision_text(revision, before))
    row.setToolTip(plain_tip(row.text()))
    row.setData(_REVISION, revision)
    return row
