"""All blind rounds of a project: made, worked on, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from faceloop_datasets import FaceloopError
from faceloop_datasets.wording import counted
from faceloop_workbench.services.blind_rounds import why_no_consensus
from faceloop_workbench.widgets.basic import (
    PlainLabel,
    answer_buttons,
    paragraph,
    set_enabled,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faceloop_datasets import Project
    from faceloop_datasets.store.rounds import BlindRound
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

    from .rounds import RoundWork

_WHAT = (
    "The same faces, annotated by several people who do not see each other's points. The faces' "
    "own annotations are not touched."
)
_MOST_FACES = 100_000
_FACES = 20
_CONSENSUS = (
    "Save the mean of all annotators as the faces' own annotations. Points they differ on are "
    "marked, and those faces are queued."
)


class RoundsDialog(QDialog):
    """Lists the rounds, and what can be done with the selected one.

    Parameters
    ----------
    work : RoundWork
        Does it.
    session : Session
        Is told what goes wrong.
    """

    def __init__(self, work: RoundWork, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Blind rounds")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._work, self._session = work, session
        self._rounds: list[BlindRound] = []
        self._done: list[dict[str, int]] = []
        self.list = QListWidget()
        self.list.setObjectName("rounds.list")
        self.list.setAccessibleName("Rounds")
        self.who = QComboBox()
        self.who.setObjectName("rounds.who")
        self.who.setAccessibleName("Who annotates")
        self._buttons = {
            name: _button(title, f"rounds.{name}", do)
            for name, title, do in (
                ("begin", "Annotate", self._begin),
                ("report", "Report", self._report),
                ("consensus", "Save consensus", self._consensus),
                ("undo", "Take it back", self._undo),
                ("new", "New round…", self._new),
            )
        }
        self._lay_out()
        self.list.currentRowChanged.connect(self._selected)
        work.made.connect(self._read)
        session.project_changed.connect(self._project_changed)
        self.finished.connect(self._finished)
        self._read()

    def _lay_out(self) -> None:
        as_whom, row = QHBoxLayout(), QHBoxLayout()
        as_whom.addWidget(PlainLabel("Annotate as"))
        as_whom.addWidget(self.who, 1)
        as_whom.addWidget(self._buttons["begin"])
        for name in ("report", "consensus", "undo", "new"):
            row.addWidget(self._buttons[name])
        layout = QVBoxLayout(self)
        layout.addWidget(paragraph(_WHAT))
        layout.addWidget(self.list)
        layout.addLayout(as_whom)
        layout.addLayout(row)
        self.resize(520, 320)

    @property
    def chosen(self) -> BlindRound | None:
        """The selected round."""
        row = self.list.currentRow()
        return self._rounds[row] if 0 <= row < len(self._rounds) else None

    def _read(self) -> None:
        known, row = self._work.rounds(), self.list.currentRow()
        self._rounds = [one for one, _ in known]
        self._done = [done for _, done in known]
        self.list.clear()
        for one, done in known:
            people = ", ".join(f"{name} {count}" for name, count in done.items())
            self.list.addItem(f"{one.name}: {counted(len(one.items), 'face')}; done by {people}")
        self.list.setCurrentRow(row if 0 <= row < len(known) else len(known) - 1)
        self._selected()

    def _project_changed(self, _project: Project | None) -> None:
        self.reject()  # the rounds were those of another

    def _finished(self, _code: int) -> None:
        self._work.made.disconnect(self._read, missing_ok=True)
        self._session.project_changed.disconnect(self._project_changed, missing_ok=True)

    def _selected(self, _row: int = 0) -> None:
        chosen = self.chosen
        self.who.clear()
        if chosen is not None:
            self.who.addItems(list(chosen.annotators))
        why = no_consensus = no_undo = "Make a round first."
        if chosen is not None:
            why = ""
            no_consensus = why_no_consensus(self._done[self.list.currentRow()])
            no_undo = self._work.why_no_undo(chosen)
        set_enabled(self._buttons["begin"], why, "Work through its faces.")
        set_enabled(self._buttons["report"], why, "Write and show how well people agree.")
        set_enabled(self._buttons["consensus"], no_consensus, _CONSENSUS)
        set_enabled(self._buttons["undo"], no_undo, "Take back the consensus that was saved last.")

    def _begin(self) -> None:
        chosen = self.chosen
        if chosen is not None and self._try(lambda: self._work.begin(chosen, self._author)):
            self.accept()

    @property
    def _author(self) -> str:
        return self.who.currentText()

    def _report(self) -> None:
        chosen = self.chosen
        if chosen is not None:
            self._try(lambda: self._work.report(chosen.name))

    def _consensus(self) -> None:
        chosen = self.chosen
        if chosen is not None:
            self._try(lambda: self._work.consensus(chosen.name))

    def _undo(self) -> None:
        chosen = self.chosen
        if chosen is not None:
            self._try(lambda: self._work.undo_consensus(chosen.name))

    def _new(self) -> None:
        NewRoundDialog(self._make, self._session.need_project().author, self).open()

    def _make(self, dialog: NewRoundDialog) -> None:
        self._try(
            lambda: self._work.make(
                dialog.name.text().strip(),
                dialog.annotators,
                dialog.count.value(),
                from_mean=dialog.mean.isChecked(),
            )
        )

    def _try(self, do: Callable[[], object]) -> bool:
        try:
            do()
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return False
        return True


class NewRoundDialog(QDialog):
    """Asks for a round's name, its annotators and how many faces.

    Parameters
    ----------
    make : callable
        Is given this dialog.
    author : str
        Who is likely to be one of the annotators.
    """

    def __init__(
        self, make: Callable[[NewRoundDialog], object], author: str, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New blind round")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.name, self.who = QLineEdit("pilot"), QLineEdit(f"{author}, ")
        self.name.setObjectName("round.name")
        self.who.setObjectName("round.annotators")
        self.who.setToolTip("Names of two people or more, with commas between them.")
        self.count = QSpinBox()
        self.count.setObjectName("round.count")
        self.count.setRange(1, _MOST_FACES)
        self.count.setValue(_FACES)
        self.mean = QCheckBox("Points start from the mean face, not from the model's fit")
        self.mean.setObjectName("round.mean")
        self.mean.setToolTip("The report says which it was: where points start, some will stay.")
        form = QFormLayout()
        form.addRow("Name", self.name)
        form.addRow("Annotators", self.who)
        form.addRow("Faces, at random", self.count)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.mean)
        layout.addWidget(answer_buttons(self, "Make the round", "round.make"))
        self.resize(440, 200)
        self.accepted.connect(lambda: make(self))

    @property
    def annotators(self) -> list[str]:
        """The names."""
        return [name.strip() for name in self.who.text().split(",") if name.strip()]


def show_rounds(parent: QWidget, session: Session, commands: Commands, work: RoundWork) -> None:
    """Let the command show this dialog, and pages that are written be shown."""
    commands.handle("queue.rounds", lambda: RoundsDialog(work, session, parent).open())
    work.written.connect(_show_page, thread="main")

    def allow(project: Project | None) -> None:
        commands.disable("queue.rounds", "" if project is not None else "Open a project first.")

    session.project_changed.connect(allow)
    allow(session.project)


def _show_page(page: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(page)))


def _button(title: str, name: str, do: Callable[[], object]) -> QPushButton:
    button = QPushButton(title)
    button.setObjectName(name)
    button.clicked.connect(lambda _checked: do())
    return button
