"""People of a project: the view of them, naming and joining them, and taking that back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import QTimer

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.outcome_text import subjects_back_text
from faceloop_workbench.services.people import list_people

from .people_dialog import PeopleDialog
from .subject_dialog import SubjectDialog
from .subject_rule_dialog import SubjectRuleDialog
from .thumbnails import Thumbnails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qtpy.QtWidgets import QWidget

    from faceloop_datasets import Monitor, SubjectChange, SubjectPlan
    from faceloop_datasets.store.chosen_sides import Side
    from faceloop_workbench.annotate.held_out_marks import HeldOutMarks
    from faceloop_workbench.services.people import Person
    from faceloop_workbench.session import Session
    from faceloop_workbench.widgets.job_bar import JobBar

    from .review import Review

Result = TypeVar("Result")
_READ_MS = 300  # changes that come soon after each other are read once


class PeopleDialogs:
    """Shows the people, and does what a person asks for with whom faces show.

    Parameters
    ----------
    session : Session
        Where the project is open.
    review : Review
        The list of faces.
    marks : HeldOutMarks
        Found out again when subjects have changed.
    parent : QWidget
        What the dialogs belong to.
    bar : JobBar
        Shows what runs.
    free : callable
        Whether nothing runs there; tells the person if something does.
    selected : callable
        Faces that are selected in the list.
    """

    def __init__(
        self,
        session: Session,
        review: Review,
        marks: HeldOutMarks,
        parent: QWidget,
        *,
        bar: JobBar,
        free: Callable[[], bool],
        selected: Callable[[], list[int]],
    ) -> None:
        self._session, self._review, self._marks = session, review, marks
        self._bar, self._free, self._selected, self._parent = bar, free, selected, parent
        self._people: PeopleDialog | None = None
        self._job: Job[tuple[list[Person], str]] | None = None
        self._reading = QTimer(parent)
        self._reading.setSingleShot(True)
        self._reading.setInterval(_READ_MS)
        self._reading.timeout.connect(self._read)
        session.project_changed.connect(self._close)
        for signal in (session.items_changed, session.queue_changed, session.models_changed):
            signal.connect(self._read_soon)

    def close_down(self) -> None:
        """Close what is open, and wait for what runs."""
        self._close(None)
        for dialog in self._parent.findChildren(SubjectRuleDialog):
            dialog.close_down()
        if self._job is not None:
            self._job.wait()

    def show_people(self) -> None:
        """Open the people view, or bring it to the front."""
        project = self._session.need_project()
        if self._people is None:
            dialog = PeopleDialog(self._review, Thumbnails(project.address), self._parent)
            dialog.chosen.connect(self._list_faces)
            dialog.named.connect(self._name_people)
            dialog.held_out.connect(self._choose_side)
            dialog.by_rule.connect(self.ask_rule)
            dialog.undone.connect(self.undo)
            dialog.finished.connect(self._forget)
            self._people = dialog
            self._read()
        self._people.show()
        self._people.raise_()

    def ask_subject(self) -> None:
        """Ask whom the selected faces show, or the one in work."""
        items = self._faces()
        if not items:
            self._session.tell("No face is selected. Choose one in the list.", "warning")
            return
        rows = [self._review.row(item) for item in items]
        names = {row.subject for row in rows}
        question = "Whom does this face show?"
        if len(items) > 1:
            question = f"Whom do these {len(items)} faces show?"
        suggested = names.pop() if len(names) == 1 else ""
        self._ask_name(question, items, suggested, lambda name: self._set(items, name))

    def ask_rule(self) -> None:
        """Ask for folders or a pattern, and show what comes of it."""
        folder = self._session.need_project().address
        selected = self._selected()
        SubjectRuleDialog(folder, selected, self._apply, self._above()).open()

    def undo(self) -> None:
        """Take the last change of subjects back."""

        def work(project: Project) -> str:
            last = project.last_subject_change()
            done = project.undo_subjects()
            if last is None or done is None:
                raise FaceloopError("There is no change of subjects that could be taken back.")
            return subjects_back_text(done, len(last.before))

        self._run(work, "Taking the subjects back", self._changed)

    # What is asked for

    def _list_faces(self, name: str) -> None:
        self._review.select_person(name)
        self._session.tab_wanted.emit("queue")

    def _name_people(self, names: Sequence[str]) -> None:
        items = [item for name in names for item in self._review.of_person(name)]
        question = f"What is {names[0]} called?"
        if len(names) > 1:
            question = f"These {len(names)} are one person. What is the name?"
        self._ask_name(question, items, names[0], lambda name: self._merge(names, name))

    def _ask_name(
        self, question: str, items: Sequence[int], suggested: str, done: Callable[[str], object]
    ) -> None:
        chosen = set(items)
        others = Counter(
            row.subject for row in self._review.everybody() if row.item_id not in chosen
        )
        dialog = SubjectDialog(question, len(items), others, suggested, self._above())
        dialog.accepted.connect(lambda: done(dialog.name))
        dialog.open()

    def _set(self, items: Sequence[int], name: str) -> None:
        here = self._session.need_project()

        def work(project: Project) -> tuple[str, SubjectChange | None]:
            changed = project.set_subject(items, name)
            said = f"{counted(len(items), 'face')} of {name.strip()} now; {changed} changed."
            return said, project.last_subject_change() if changed else None

        def done(said: tuple[str, SubjectChange | None]) -> None:
            self._changed(said[0])
            if said[1] is not None and self._session.project is here:
                self._note(here, said[1], items, name.strip())

        self._run(work, "Setting subjects", done)

    def _note(
        self, project: Project, change: SubjectChange, items: Sequence[int], name: str
    ) -> None:
        """Let undo in the tab Annotate take it back, if the face in work is one of them."""
        item = self._session.item
        if item is None or item.id not in change.before:
            return
        whom = f"face {item.id}" if len(items) == 1 else counted(len(items), "face")

        def take_back() -> None:
            done = project.undo_subjects(change)
            if done is not None:
                self._named_again(item.id, subjects_back_text(done, len(change.before)))

        def again() -> None:
            project.set_subject(items, name)
            self._named_again(item.id, f"Done again: {change.action}.")

        self._session.noted.emit(
            f"Name {whom} {name}", lambda: self._try(take_back), lambda: self._try(again)
        )

    def _named_again(self, item_id: int, said: str) -> None:
        """Show whom faces show now; the one in work stays as it is looked at."""
        self._session.face_changed.emit(item_id)
        self._session.queue_changed.emit()
        self._marks.read()
        self._session.tell(said)

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except FaceloopError as error:
            self._session.tell(str(error), "error")

    def _merge(self, names: Sequence[str], into: str) -> None:
        def work(project: Project) -> str:
            changed = project.merge_subjects(names, into)
            return f"{counted(changed, 'face')} got the name {into.strip()}."

        self._run(work, "Setting subjects", self._changed)

    def _choose_side(self, names: Sequence[str], side: Side | None) -> None:
        items = [item for name in names for item in self._review.of_person(name)]

        def work(project: Project) -> str:
            project.choose_side(items, side)
            people = names[0] if len(names) == 1 else f"{len(names)} people"
            how = f": {side} from the next training on" if side else ": the name decides again"
            return f"{people}{how}."

        self._run(work, "Choosing who is held out", self._changed)

    def _apply(self, plan: SubjectPlan) -> None:
        def work(project: Project) -> str:
            changed = project.apply_subjects(plan)
            return f"{counted(changed, 'face')} got another subject."

        self._run(work, "Setting subjects", self._changed)

    def _run(
        self,
        work: Callable[[Project], Result],
        name: str,
        then: Callable[[Result], object],
    ) -> None:
        """Change subjects in a thread; ``then`` is given what the work returns."""
        if not self._free():
            return
        folder = self._session.need_project().address

        def job(_monitor: Monitor) -> Result:
            with Project.open(folder) as project:
                return work(project)

        self._bar.run(Job(job, name), then)

    def _changed(self, said: str) -> None:
        project, item = self._session.project, self._session.item
        if project is not None and item is not None:  # it may show somebody else now
            self._session.show(project.item(item.id), self._session.entry)
        self._session.queue_changed.emit()
        self._marks.read()
        self._session.tell(said)

    # The view

    def _read_soon(self) -> None:
        if self._people is not None:
            self._reading.start()

    def _read(self) -> None:
        project = self._session.project
        if project is None or self._people is None:
            return
        if self._job is not None and self._job.running:
            self._reading.start()
            return
        folder = project.address

        def work(_monitor: Monitor) -> tuple[list[Person], str]:
            with Project.open(folder) as opened:
                last = opened.last_subject_change()
                return list_people(opened), "" if last is None else last.action

        job = self._job = Job(work, "reading the people")
        job.done.connect(lambda found: self._show(job, *found), thread="main")
        job.failed.connect(lambda error: self._session.tell(str(error), "error"), thread="main")
        job.start()

    def _show(
        self, job: Job[tuple[list[Person], str]], people: Sequence[Person], last: str
    ) -> None:
        if self._people is not None and job is self._job:
            self._people.show_people(people)
            self._people.offer_undo(last)

    def _above(self) -> QWidget:
        """Window that a dialog belongs to: it must not open behind the people view."""
        return self._parent if self._people is None else self._people

    def _faces(self) -> list[int]:
        selected = self._selected()
        item = self._session.item
        return selected or ([] if item is None else [item.id])

    def _close(self, _project: object) -> None:
        self._reading.stop()
        if self._people is not None:
            self._people.close_down()
            self._people.close()

    def _forget(self, _result: int) -> None:
        self._people = None
