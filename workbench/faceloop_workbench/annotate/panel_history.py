"""The history of the face in work, in words: to look at, and to go back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets.wording import counted
from faceloop_workbench.services.annotation_source import source_text
from faceloop_workbench.services.history_text import (
    HistoryLine,
    HistoryStep,
    history_lines,
    history_steps,
    when_text,
    who_text,
)
from faceloop_workbench.widgets.basic import PlainLabel, plain_tip

if TYPE_CHECKING:
    from faceloop_datasets import Revision
    from faceloop_workbench.session import Session

    from .editor import FaceEditor

_STEP = Qt.ItemDataRole.UserRole
_HEIGHT = 90
_TICK_MS = 20_000  # how often "5 minutes ago" is said anew


class HistoryList(QWidget):
    """Changes, newest first. A click shows a state faintly on the picture, a button brings it back.

    Parameters
    ----------
    session : Session
        The open project.
    editor : FaceEditor
        The face.
    """

    def __init__(self, session: Session, editor: FaceEditor) -> None:
        super().__init__()
        self._session, self._editor = session, editor
        self._reader = ""
        self._lines: list[HistoryLine] = []
        self.tree = _Tree()
        self.tree.currentItemChanged.connect(self._view)
        self._back = QPushButton("Go back to this")
        self._back.setObjectName("annotate.retake")
        self._back.clicked.connect(self._restore_revision)
        self._now = QPushButton("Show no more")
        self._now.setObjectName("annotate.now")
        self._now.clicked.connect(self._view_none)
        buttons = QHBoxLayout()
        buttons.addWidget(self._back)
        buttons.addWidget(self._now)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(PlainLabel("History"))
        layout.addWidget(self.tree, 1)
        layout.addLayout(buttons)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tell_time)
        self._timer.start(_TICK_MS)
        editor.shown.connect(self._update)
        self._update()

    def load(self) -> None:
        """Show the changes of the face in work."""
        revisions = self._editor.history()
        steps: list[HistoryStep] = []
        if revisions:
            project = self._session.need_project()
            self._reader = project.author
            steps = history_steps(revisions, project.scheme)
        self._lines = history_lines(steps)
        self.tree.blockSignals(True)
        self.tree.clear()
        for line in self._lines:
            row = QTreeWidgetItem(self.tree)
            self._fill(row, line)
        self.tree.blockSignals(False)
        self._update()

    def add(self, revision: Revision) -> None:
        """Show one more: it was saved just now."""
        before = self._lines[0].newest.revision if self._lines else None
        if before is not None and before.id != revision.based_on:
            self.load()
            return
        project = self._session.need_project()
        self._reader = project.author
        step = HistoryStep.of(revision, before, project.scheme)
        newest = HistoryLine((step,))
        for older in self._lines[0].steps if self._lines else ():
            joined = newest.preceded_by(older)
            if joined is None:
                break
            newest = joined
        self.tree.blockSignals(True)
        if len(newest.steps) > 1:
            self._lines[0] = newest
            self._fill(self.tree.topLevelItem(0), newest)
        else:
            self._lines.insert(0, newest)
            row = QTreeWidgetItem()
            self.tree.insertTopLevelItem(0, row)
            self._fill(row, newest)
        self.tree.setCurrentItem(None)
        self.tree.blockSignals(False)
        self._update()

    def _fill(self, row: QTreeWidgetItem | None, line: HistoryLine) -> None:
        """Write a line, and below it what it is made of."""
        if row is None:
            return
        self._write(row, line.newest, line.words)
        row.takeChildren()
        for step in line.steps if len(line.steps) > 1 else ():
            self._write(QTreeWidgetItem(row), step, step.words)

    def _write(self, row: QTreeWidgetItem, step: HistoryStep, words: str) -> None:
        revision = step.revision
        row.setText(0, f"{words} · {self._by_whom_and_when(revision)}")
        row.setData(0, _STEP, step)
        changed = f"\n{counted(step.changed, 'point')} changed" if step.changed else ""
        row.setToolTip(
            0,
            plain_tip(
                f"{words}\n{revision.author}, {revision.created.astimezone():%d %b %Y %H:%M:%S}"
                f"{changed}\nThe face is then {source_text(revision.source)}."
            ),
        )

    def _by_whom_and_when(self, revision: Revision) -> str:
        said = who_text(revision.author, self._reader), when_text(revision.created)
        return ", ".join(filter(None, said))

    def _tell_time(self) -> None:
        for number, line in enumerate(self._lines):
            row = self.tree.topLevelItem(number)
            if row is not None:
                said = self._by_whom_and_when(line.newest.revision)
                row.setText(0, f"{line.words} · {said}")

    def _view(self, row: QTreeWidgetItem | None) -> None:
        if row is not None:
            revision = row.data(0, _STEP).revision
            now = self._editor.save_status.revision
            self._editor.view(None if now is not None and revision.id == now.id else revision)

    def _view_none(self) -> None:
        self.tree.setCurrentItem(None)
        self._editor.view(None)

    def _restore_revision(self) -> None:
        if self._editor.viewing is not None:
            self._editor.restore_revision(self._editor.viewing)

    def _update(self, _shown: object = None) -> None:
        looking = self._editor.viewing is not None
        for button in (self._back, self._now):
            button.setEnabled(looking)
        why_not = "" if looking else "Choose an older change in the list first."
        self._back.setToolTip(why_not or "Make the face what is drawn faintly. Undo takes it back.")
        self._now.setToolTip(why_not or "Draw the older face no more.")


class _Tree(QTreeWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("annotate.history")
        self.setAccessibleName("History of this face")
        self.setHeaderHidden(True)
        self.setIndentation(14)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Return little: it is as high as there is room for, but does not make the tab scroll."""
        return QSize(200, _HEIGHT)
