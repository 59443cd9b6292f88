"""Subjects from folders or a pattern: what comes of it is shown before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer
from qtpy.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import Project
from faceloop_workbench.services.background import Job
from faceloop_workbench.widgets.basic import answer_buttons, not_none, paragraph, plain_tip

from .people_texts import plan_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_datasets import FaceloopError, Monitor, PlannedSubject, SubjectPlan

    Index = QModelIndex | QPersistentModelIndex

_WAIT_MS = 250  # after the last key, before the pattern is tried
_TITLES = ("picture", "now", "then")
_FOLDER = "The folder that a picture lies in is one person."
_PATTERN = (
    "{subject} is where the name stands, * any letters, ? one: {subject}_*.jpg finds anna in "
    "anna_3.jpg, {subject}/* the folder. Or a regular expression: its first group is the name."
)


class _PlanModel(QAbstractTableModel):
    """The faces of a plan: first those that change, then those without a name, then the others."""

    def __init__(self) -> None:
        super().__init__()
        self._faces: list[PlannedSubject] = []

    def show_plan(self, plan: SubjectPlan | None) -> None:
        self.beginResetModel()
        faces = () if plan is None else plan.faces
        self._faces = sorted(faces, key=lambda face: (not face.changes, not face.why_not))
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        return 0 if parent.isValid() else len(self._faces)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802 - Qt's
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(  # noqa: N802 - Qt's name
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = int(Qt.ItemDataRole.DisplayRole),
    ) -> Any:
        shown = orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole
        return _TITLES[section] if shown else None

    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> Any:
        face = self._faces[index.row()]
        after = "=" if not (face.changes or face.why_not) else face.after
        texts = (face.path, face.before, "no name found" if face.why_not else after)
        if role == Qt.ItemDataRole.DisplayRole:
            return texts[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(face.why_not or texts[index.column()])
        return None


class SubjectRuleDialog(QDialog):
    """Choose a rule, look at what it says of every face, and take it.

    Parameters
    ----------
    folder : str
        The project's address.
    selected : sequence of int
        Faces that are selected; the rule may be for these only.
    done : callable
        Given the plan that was taken.
    parent : QWidget
        What the dialog belongs to.
    """

    def __init__(
        self,
        folder: str,
        selected: Sequence[int],
        done: Callable[[SubjectPlan], object],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("rule.dialog")
        self.setWindowTitle("Subjects from folders or names")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._folder, self._selected, self._done = folder, list(selected), done
        self._job: Job[SubjectPlan] | None = None
        self._plan: SubjectPlan | None = None
        self._again = False
        self._waiting = QTimer(self)
        self._waiting.setSingleShot(True)
        self._waiting.setInterval(_WAIT_MS)
        self._waiting.timeout.connect(self._try)
        self._build()
        self.accepted.connect(self._take)
        self._changed()

    def close_down(self) -> None:
        """Wait for what is being tried."""
        self._waiting.stop()
        if self._job is not None:
            self._job.wait()
            self._job = None

    def done(self, result: int) -> None:
        """End; what is still being tried is for nobody (Qt's name)."""
        self._waiting.stop()
        self._job = None
        super().done(result)

    def _build(self) -> None:
        self._rule = QComboBox()
        self._rule.setObjectName("rule.kind")
        self._rule.setAccessibleName("Rule")
        self._rule.addItems(["each folder is one person", "a pattern in the path"])
        self._text = QLineEdit()
        self._text.setObjectName("rule.pattern")
        self._text.setAccessibleName("Pattern")
        self._text.setPlaceholderText("{subject}_*.jpg")
        self._help = paragraph("")
        self._only = QCheckBox(f"Only the {len(self._selected)} selected faces")
        self._only.setObjectName("rule.selected")
        self._only.setVisible(len(self._selected) > 1)
        self._said = paragraph("")
        self._said.setObjectName("rule.said")
        self._model = _PlanModel()
        table = QTableView()
        table.setObjectName("rule.faces")
        table.setAccessibleName("What each face would be called")
        table.setModel(self._model)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        not_none(table.verticalHeader()).hide()
        header = not_none(table.horizontalHeader())
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self._buttons = answer_buttons(self, "Set subjects", "rule.set")
        line = QHBoxLayout()
        line.addWidget(self._rule)
        line.addWidget(self._text, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(line)
        for widget in (self._help, self._only, self._said):
            layout.addWidget(widget)
        layout.addWidget(table, 1)
        layout.addWidget(paragraph("Nothing is written before you set them; Undo takes it back."))
        layout.addWidget(self._buttons)
        self.resize(620, 520)
        self._rule.currentIndexChanged.connect(self._changed)
        self._text.textChanged.connect(self._changed)
        self._only.toggled.connect(self._changed)

    def _changed(self, _what: object = None) -> None:
        pattern = self._rule.currentIndex() == 1
        self._text.setVisible(pattern)
        self._help.setText(_PATTERN if pattern else _FOLDER)
        self._show(None, "")
        self._waiting.start()

    def _try(self) -> None:
        rule = self._text.text() if self._rule.currentIndex() else "folder"
        self._again = self._job is not None  # what runs comes first
        if self._again or not rule.strip():
            return
        folder, chosen = self._folder, self._selected if self._only.isChecked() else None

        def work(_monitor: Monitor) -> SubjectPlan:
            with Project.open(folder) as project:
                return project.plan_subjects(rule, chosen)

        job = self._job = Job(work, "trying a rule")
        job.done.connect(lambda plan: self._tried(job, plan, ""), thread="main")
        job.failed.connect(lambda error: self._failed(job, error), thread="main")
        job.start()

    def _failed(self, job: Job[SubjectPlan], error: FaceloopError) -> None:
        self._tried(job, None, str(error))

    def _tried(self, job: Job[SubjectPlan], plan: SubjectPlan | None, error: str) -> None:
        if job is not self._job:
            return
        self._job = None
        if self._again:
            self._try()
        elif not self._waiting.isActive():  # else something other is asked for by now
            self._show(plan, error)

    def _show(self, plan: SubjectPlan | None, error: str) -> None:
        self._plan = plan
        self._model.show_plan(plan)
        self._said.setText(error or ("" if plan is None else plan_text(plan)))
        changes = plan is not None and bool(plan.changed)
        not_none(self._buttons.findChild(QPushButton, "rule.set")).setEnabled(changes)

    def _take(self) -> None:
        if self._plan is not None:
            self._done(self._plan)
