"""Working through a blind round, making one, and what comes of it. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.blind_rounds import (
    choose_faces,
    done_by,
    make_round,
    removed_text,
    report_round,
    save_consensus,
    undo_consensus,
    why_no_undo,
    without_removed,
)
from faceloop_workbench.services.model_choice import choose_model
from faceloop_workbench.session import BlindWork

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from faceloop_datasets import Monitor
    from faceloop_datasets.store.rounds import BlindRound
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.session import Session

    from .editor import FaceEditor

_CLOSING = 5.0


class RoundWork:
    """Goes through the faces of a round: the keys of the queue do that meanwhile.

    Attributes
    ----------
    changed : Signal()
        Another round is worked on, or none, or another face, or one is done.
    made : Signal()
        There are other rounds, or more is known of one.
    written : Signal(Path)
        A page was written.
    turned : Signal()
        A round was begun or left: what is undone on one side is not undone on the other.
    """

    changed = Signal()
    made = Signal()
    written = Signal(object)
    turned = Signal()

    def __init__(self, session: Session, commands: Commands, editor: FaceEditor) -> None:
        self._session, self._commands, self._editor = session, commands, editor
        self._done: set[int] = set()
        self._job: Job[object] | None = None
        session.project_changed.connect(self._project_changed)
        session.item_changed.connect(self._item_changed)
        session.ask_before_closing(self._loss)

    # One round

    @property
    def text(self) -> str:
        """What is worked on, in one sentence; empty without a round."""
        work, item = self._session.blind, self._session.item
        if work is None:
            return ""
        items = work.round.items
        place = items.index(item.id) + 1 if item is not None and item.id in items else 0
        where = f"face {place} of {len(items)}" if place else counted(len(items), "face")
        return (
            f"Blind round “{work.round.name}” as {work.author}: {where}, {len(self._done)} done. "
            "Nobody's points but yours are shown."
        )

    def begin(self, round_: BlindRound, author: str) -> None:
        """Work on a round, from its first face that this person has not done."""
        project = self._session.need_project()
        round_, _ = without_removed(project, round_)
        if not round_.items:
            raise FaceloopError(f"All faces of {round_.name} were removed from the project.")
        own = project.rounds.annotations(round_, author)
        self._done = {one.item_id for one in own}
        self._session.show(None)
        self._session.blind = BlindWork(round_, author)
        self.turned.emit()
        self._commands.divert(
            {
                "queue.next": lambda: self.go(1),
                "queue.previous": lambda: self.go(-1),
                "queue.accept": self.accept,
                "queue.skip": lambda: self.go(1),
                "queue.next_unlabelled": lambda: self.go(1),
                "queue.next_doubtful": lambda: self.go(1),
            }
        )
        left = [item for item in round_.items if item not in self._done]
        self._show((left or list(round_.items))[0])

    def leave(self) -> None:
        """Work on no round."""
        self._session.show(None)
        self._end()

    def accept(self) -> None:
        """Confirm all points of the face, and go on to the next that is not done."""
        work, item = self._session.blind, self._session.item
        if work is None or item is None or self._editor.accept() is None:
            return
        self._done.add(item.id)
        left = [one for one in work.round.items if one not in self._done]
        if left:
            after = [one for one in left if _after(work.round.items, one, item.id)]
            self._show((after or left)[0])
        else:
            self._session.tell(f"All faces of {work.round.name} are done. Thank you.")
            self.changed.emit()

    def go(self, step: int) -> None:
        """Go to the next face of the round (+1) or to the one before (-1)."""
        work, item = self._session.blind, self._session.item
        if work is None:
            return
        items = work.round.items
        place = items.index(item.id) if item is not None and item.id in items else -step
        self._show(items[min(max(place + step, 0), len(items) - 1)])

    def _show(self, item_id: int) -> None:
        self._session.show(self._session.need_project().item(item_id))
        self._session.tab_wanted.emit("annotate")
        self.changed.emit()

    def _end(self) -> None:
        self._session.blind = None
        self.turned.emit()
        self._commands.divert({})
        self.changed.emit()

    def _item_changed(self, _item: object) -> None:
        self.changed.emit()

    def _project_changed(self, _project: Project | None) -> None:
        self._end()

    # All rounds

    def rounds(self) -> list[tuple[BlindRound, dict[str, int]]]:
        """All rounds, with the faces that are there, and how many each person has done."""
        project = self._session.need_project()
        return [
            (without_removed(project, one)[0], done_by(project, one))
            for one in project.rounds.all()
        ]

    def why_no_undo(self, round_: BlindRound) -> str:
        """Say why no consensus of a round can be taken back; empty if one can."""
        return why_no_undo(self._session.need_project(), round_)

    @property
    def busy(self) -> bool:
        """Whether a round is being made, or something of one."""
        return self._job is not None

    def _loss(self) -> str:
        if self._job is None:
            return ""
        name = f"{self._job.name[:1].upper()}{self._job.name[1:]}"
        return f"{name} is under way. It is stopped, and what it has not finished is lost."

    def make(self, name: str, annotators: Sequence[str], count: int, *, from_mean: bool) -> None:
        """Make a round of faces chosen at random, in a thread."""

        def work(project: Project, monitor: Monitor) -> str:
            made = make_round(
                project,
                name,
                annotators,
                choose_faces(project, count),
                choose_model(None, project),
                from_mean=from_mean,
                chosen="at random by subject, seed 0",
                author=project.author,
                progress=monitor,
            )
            return f"Made the round “{made.name}” of {counted(len(made.items), 'face')}."

        self._run(work, "making a blind round")

    def report(self, name: str) -> None:
        """Write the page on a round, in a thread."""

        def work(project: Project, _monitor: Monitor) -> str:
            round_ = project.rounds.get(name)
            files = report_round(project, round_)
            self.written.emit(files[0])
            return f"The page on {name} is {files[0]}.{_left_out(project, round_)}"

        self._run(work, f"comparing the annotators of {name}")

    def consensus(self, name: str) -> None:
        """Save what people agree on as the faces' own annotations, in a thread."""

        def work(project: Project, monitor: Monitor) -> str:
            round_ = project.rounds.get(name)
            batch, doubtful = save_consensus(project, round_, progress=monitor)
            if not batch.faces:
                return f"Nothing was saved: no face of {name} has annotations to agree on."
            return (
                f"Saved the consensus of {counted(batch.faces, 'face')}. In {len(doubtful)} of "
                f"them people differ; those are in the queue.{_left_out(project, round_)}"
            )

        self._run(work, f"the consensus of {name}")

    def undo_consensus(self, name: str) -> None:
        """Take a round's consensus back, if it was saved last, in a thread."""

        def work(project: Project, monitor: Monitor) -> str:
            faces = undo_consensus(project, project.rounds.get(name), progress=monitor)
            return f"The consensus was taken back from {counted(faces, 'face')}."

        self._run(work, "taking the consensus back")

    def close_down(self) -> None:
        """Wait for what runs."""
        if self._job is not None:
            self._job.cancel()
            self._job.wait(_CLOSING)

    def _run(self, work: Callable[[Project, Monitor], str], name: str) -> None:
        path = self._session.need_project().address
        if self._job is not None:
            raise FaceloopError(f"{self._job.name[:1].upper()}{self._job.name[1:]} is under way.")

        def opened(monitor: Monitor) -> object:
            with Project.open(path) as project:
                return work(project, monitor)

        job = self._job = Job(opened, name)
        job.done.connect(self._said, thread="main")
        job.failed.connect(self._failed, thread="main")
        job.ended.connect(self._ended, thread="main")
        job.start()

    def _said(self, text: object) -> None:
        self._session.tell(str(text))
        self._session.items_changed.emit()
        self._session.queue_changed.emit()

    def _failed(self, error: FaceloopError) -> None:
        self._session.tell(str(error), "error")

    def _ended(self) -> None:
        self._job = None
        self.made.emit()


def _after(items: Sequence[int], one: int, other: int) -> bool:
    return items.index(one) > items.index(other)


def _left_out(project: Project, round_: BlindRound) -> str:
    said = removed_text(without_removed(project, round_)[1])
    return f" {said}." if said else ""
