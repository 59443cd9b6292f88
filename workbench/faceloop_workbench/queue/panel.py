"""The tab Queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from faceloop_datasets import FaceloopError
from faceloop_workbench.widgets.basic import not_none
from faceloop_workbench.widgets.file_dialogs import dropped_paths
from faceloop_workbench.widgets.job_bar import JobBar
from faceloop_workbench.widgets.scroll import fill_scrolled

from .care_dialogs import CareDialogs
from .confirm_dialogs import ConfirmDialogs
from .import_dialog import ImportDialog
from .people_dialogs import PeopleDialogs
from .project_dialogs import ProjectDialogs
from .review import Review
from .skip_dialog import SkipDialog
from .start_panel import StartPanel
from .work_panel import WorkPanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QDragEnterEvent, QDropEvent

    from faceloop_datasets import Project
    from faceloop_workbench.annotate.editor import FaceEditor
    from faceloop_workbench.annotate.held_out_marks import HeldOutMarks
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

_NO_FACE = "No face is in work. Choose one in the list."
_ON_FACE = ("queue.accept", "queue.skip", "queue.add", "queue.erase")
_ON_LIST = (
    "queue.next",
    "queue.previous",
    "queue.next_unlabelled",
    "queue.subject",
    "queue.next_doubtful",
    "queue.back",
)
_ON_PROJECT = (
    "queue.back_up",
    "queue.check_project",
    "queue.confirm_points",
    "queue.people",
    "queue.subject_rule",
    "queue.undo_subjects",
)


class QueuePanel(QWidget):
    """The tab Queue: which face comes next, and where faces come from.

    Parameters
    ----------
    session : Session
        What is worked on.
    commands : Commands
        Those that begin with ``queue.`` are done here.
    editor : FaceEditor
        Saves the face in work.
    marks : HeldOutMarks
        Which faces no training gets.
    """

    def __init__(
        self, session: Session, commands: Commands, editor: FaceEditor, marks: HeldOutMarks
    ) -> None:
        super().__init__()
        self._session, self._commands = session, commands
        self.review = Review(session, editor)
        self._bar = JobBar()
        self._bar.failed.connect(lambda error: session.tell(str(error), "error"))
        self._bar.cancelled.connect(lambda name: session.tell(f"{name}: stopped."))
        self._dialogs = ProjectDialogs(session, self.review, self._bar, self)
        self._care = CareDialogs(session, self._bar, self._dialogs.free, self)
        self._start = StartPanel(self._dialogs)
        self._work = WorkPanel(self.review, marks, commands, self._dialogs)
        self._people = PeopleDialogs(
            session,
            self.review,
            marks,
            self,
            bar=self._bar,
            free=self._dialogs.free,
            selected=self._work.list.selected,
        )
        self._confirming = ConfirmDialogs(
            session, self._bar, self._dialogs.free, self._work.offer_undo, self
        )
        self._nothing_confirmed = ""
        self._work.list.chosen.connect(lambda item_id: self._do(self.review.go_to, item_id))
        self._pages = QStackedWidget()
        self._pages.addWidget(self._start)
        self._pages.addWidget(self._work)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self._bar)
        fill_scrolled(self, body)
        session.ask_before_closing(self._bar.loss)
        self.setAcceptDrops(True)
        # One save tells of several changes: the list is read once, when all have been told.
        self._reading = QTimer(self)
        self._reading.setSingleShot(True)
        self._reading.timeout.connect(self._read)
        self._connect()
        self._project_changed(session.project)

    def close_down(self) -> None:
        """Stop what runs in the background."""
        self._reading.stop()
        for dialog in self.findChildren(ImportDialog):
            dialog.close_down()
        self._dialogs.close_down()
        self._people.close_down()
        self._bar.close_down()
        self._work.list.faces.close()

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:  # noqa: N802
        """Take files (Qt's name)."""
        if dropped_paths(event):
            not_none(event).acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:  # noqa: N802
        """Open, add or import the files that were dropped (Qt's name)."""
        not_none(event).acceptProposedAction()
        self._dialogs.drop(dropped_paths(event))

    def _connect(self) -> None:
        review, session = self.review, self._session
        for name, do in (
            ("queue.next", review.next),
            ("queue.previous", review.previous),
            ("queue.next_unlabelled", review.next_unlabelled),
            ("queue.next_doubtful", review.next_doubtful),
            ("queue.back", review.back),
            ("queue.accept", review.accept),
            ("queue.skip", self._skip),
            ("queue.add", self._add),
            ("queue.back_up", self._care.back_up),
            ("queue.check_project", self._care.check),
            ("queue.erase", self._care.erase),
            ("queue.confirm_points", self._confirming.confirm),
            ("queue.undo_confirm", self._confirming.undo),
            ("queue.people", self._people.show_people),
            ("queue.subject", self._people.ask_subject),
            ("queue.subject_rule", self._people.ask_rule),
            ("queue.undo_subjects", self._people.undo),
        ):
            self._commands.handle(name, lambda do=do: self._do(do))
        session.project_changed.connect(self._project_changed)
        session.items_changed.connect(self._items_changed)
        session.item_changed.connect(self._enable)
        session.face_wanted.connect(lambda item_id: self._do(self.review.go_to, item_id))
        review.listed.connect(self._read_soon)
        review.moved.connect(self._work.list.follow)

    def _do(self, what: Callable[..., object], *args: object) -> None:
        try:
            what(*args)
        except FaceloopError as error:
            self._session.tell(str(error), "error")

    def _skip(self) -> None:
        item = self._session.item
        if item is not None:
            reasons = self.review.skip_reasons
            SkipDialog(
                item.name, reasons, lambda reason: self._do(self.review.skip, reason), self
            ).open()

    def _add(self) -> None:
        item = self._session.item
        if item is not None:
            self.review.add(item.id)

    def _project_changed(self, project: Project | None) -> None:
        self._work.list.faces.set_project(project)
        self._work.name(project)
        self._pages.setCurrentWidget(self._start if project is None else self._work)
        if project is None:
            self._start.read()
        self._dialogs.look_for_missing()
        self._enable()
        self._reading.start()

    def _items_changed(self) -> None:
        self._work.list.faces.forget_pictures()
        self._dialogs.look_for_missing()
        self._read()  # at once: a list that is drawn must hold no face that is gone

    def _read_soon(self) -> None:
        self._reading.start()

    def _read(self) -> None:
        self._do(self._work.read)
        self._do(self._read_confirmed)
        self._enable()

    def _read_confirmed(self) -> None:
        self._nothing_confirmed = self._confirming.why_no_undo

    def _enable(self, _item: object = None) -> None:
        project, item = self._session.project, self._session.item
        closed = "" if project is not None else "No project is open."
        empty = closed or ("" if self.review.faces else "The project has no faces yet.")
        for name in _ON_PROJECT:
            self._commands.disable(name, closed)
        self._commands.disable("queue.undo_confirm", closed or self._nothing_confirmed)
        for name in _ON_LIST:
            self._commands.disable(name, empty)
        for name in _ON_FACE:
            self._commands.disable(name, empty or ("" if item is not None else _NO_FACE))
