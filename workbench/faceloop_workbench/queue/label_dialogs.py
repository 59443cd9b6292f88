"""Checking the labels, mending what is explained, and taking that back: dialogs and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import Project
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.child import ChildJob
from faceloop_workbench.services.mending import kinds_text, last_mend, mend_labels, undo_mend
from faceloop_workbench.services.messages import CheckLabels
from faceloop_workbench.services.outcome_text import taken_back_text
from faceloop_workbench.widgets.text_dialog import TextDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from faceloop_datasets import Batch, Monitor
    from faceloop_trainer.labelcheck import CheckedLabel
    from faceloop_workbench.services.label_check import LabelCheck
    from faceloop_workbench.session import Session
    from faceloop_workbench.widgets.job_bar import JobBar

    from .review import Review


class LabelDialogs:
    """Checks a project's labels, and mends all that it can explain, as a person asks for it.

    Parameters
    ----------
    session : Session
        Where the project is open.
    review : Review
        Shows what was found.
    bar : JobBar
        Shows what runs.
    free : callable
        Whether nothing runs there; tells the person if something does.
    parent : QWidget
        What the dialogs belong to.
    """

    def __init__(
        self,
        session: Session,
        review: Review,
        bar: JobBar,
        free: Callable[[], bool],
        parent: QWidget,
    ) -> None:
        self._session, self._review, self._bar = session, review, bar
        self._free, self._parent = free, parent

    def check(self) -> None:
        """Look for annotations that look wrong, queue them, and offer to mend what can be."""
        if self._free():
            request = CheckLabels(self._session.need_project().address)
            self._bar.run(ChildJob(request, "Checking the labels"), self._checked)

    @property
    def why_no_undo(self) -> str:
        """Why no mend can be taken back; empty if one can."""
        project = self._session.project
        if project is None or last_mend(project) is not None:
            return ""
        return "No labels were mended that could be taken back."

    def undo(self) -> None:
        """Take the last mend back."""
        if self._free():
            folder = self._session.need_project().address

            def work(monitor: Monitor) -> tuple[Batch, int]:
                with Project.open(folder) as project:
                    return undo_mend(project, progress=monitor)

            self._bar.run(Job(work, "Taking the mend back"), lambda done: self._undone(*done))

    def _checked(self, found: LabelCheck) -> None:
        self._session.queue_changed.emit()
        if found.queued:
            self._review.select(show="open", reason="label-check", subject=None)
        self._session.tell(str(found))
        if found.mendable:
            self._offer(found.mendable)

    def _offer(self, doubts: tuple[CheckedLabel, ...]) -> None:
        lines = "\n".join(f"{doubt.name}: {doubt.what}" for doubt in doubts)
        text = (
            f"What is wrong with these is known exactly ({kinds_text(doubts)}), and can be put "
            f"right in all of them at once. It can be taken back.\n\n{lines}"
        )
        dialog = TextDialog("Labels that can be put right", text, self._parent)

        def mend() -> None:
            dialog.accept()
            self._mend(doubts)

        dialog.offer(f"Mend all {len(doubts)}", "labels.mend", mend)
        dialog.open()

    def _mend(self, doubts: tuple[CheckedLabel, ...]) -> None:
        if not self._free():
            return
        folder = self._session.need_project().address

        def work(monitor: Monitor) -> Batch:
            with Project.open(folder) as project:
                return mend_labels(project, doubts, progress=monitor)

        self._bar.run(Job(work, "Mending the labels"), self._mended)

    def _mended(self, batch: Batch) -> None:
        self._changed(f"{batch.action}: {_faces_are(batch.faces)} put right.")
        text = f"{batch.action}.\n\n{_faces_are(batch.faces)} put right, each as a new revision."
        dialog = TextDialog("Labels were put right", text, self._parent)

        def undo() -> None:
            dialog.accept()
            self.undo()

        dialog.offer("Take it back", "labels.take_back", undo)
        dialog.open()

    def _undone(self, batch: Batch, faces: int) -> None:
        self._changed(taken_back_text(batch, faces))

    def _changed(self, said: str) -> None:
        self._session.items_changed.emit()
        self._session.queue_changed.emit()
        if self._session.item is not None:  # its points may be others now
            self._session.show(self._session.item, self._session.entry)
        self._session.tell(said)


def _faces_are(count: int) -> str:
    return counted(count, "face is", "faces are")
