"""Keeping a project's data safe, as a person asks for it: dialogs and jobs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_documents_dir

from faceloop_datasets.care import back_up, check_project, erase
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.care_text import (
    after_erasing_text,
    backup_text,
    check_summary,
    check_text,
    erased_text,
)
from faceloop_workbench.widgets.text_dialog import TextDialog

from .backup_dialog import BackupDialog
from .erase_dialog import EraseDialog
from .erase_plan import after_erasing, leave_erased, plan_erasures

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from faceloop_datasets import Monitor
    from faceloop_datasets.care import BackupReport, CheckReport, Erasure
    from faceloop_workbench.session import Session
    from faceloop_workbench.widgets.job_bar import JobBar

    from .erase_plan import ErasePlan


class CareDialogs:
    """Backs a project up, checks it, and erases faces.

    Parameters
    ----------
    session : Session
        Where the project is open.
    bar : JobBar
        Shows what runs.
    free : callable
        Whether nothing runs there; tells the person if something does.
    parent : QWidget
        What the dialogs belong to.
    """

    def __init__(
        self, session: Session, bar: JobBar, free: Callable[[], bool], parent: QWidget
    ) -> None:
        self._session, self._bar, self._free, self._parent = session, bar, free, parent
        documents = Path(user_documents_dir())
        self._folder = documents if documents.is_dir() else Path.home()

    def back_up(self) -> None:
        """Ask where, and copy the project into a file there."""
        if self._free():
            BackupDialog(self._folder, self._back_up, self._parent).open()

    def check(self, *, hashes: bool = False) -> None:
        """Check the project, with or without reading all pictures, and show what was found."""
        if self._free():
            folder = self._session.need_project().address

            def work(monitor: Monitor) -> CheckReport:
                return check_project(folder, hashes=hashes, progress=monitor)

            job = Job(work, "Checking the project")
            self._bar.run(job, lambda report: self._checked(report, hashes=hashes))

    def erase(self) -> None:
        """Ask whether to erase the face in work or its subject, and do so."""
        item = self._session.item
        if item is not None and self._free():
            folder = self._session.need_project().address
            job = Job(partial(plan_erasures, folder, item.id), "Looking what would be erased")
            self._bar.run(job, self._ask)

    def _back_up(self, dest: Path, with_media: bool) -> None:
        if not self._free():
            return
        self._folder = dest
        folder = self._session.need_project().address

        def work(monitor: Monitor) -> BackupReport:
            return back_up(folder, dest, with_media=with_media, progress=monitor)

        self._bar.run(Job(work, "Backing up"), self._backed_up)

    def _backed_up(self, report: BackupReport) -> None:
        self._session.tell(backup_text(report), "warning" if report.missing else "info")

    def _checked(self, report: CheckReport, *, hashes: bool) -> None:
        self._session.tell(check_summary(report), "info" if report.sound else "warning")
        dialog = TextDialog("Check of the project", check_text(report), self._parent)
        if not hashes:

            def again() -> None:
                dialog.accept()
                self.check(hashes=True)

            dialog.offer("Read all pictures too", "report.again", again)
        dialog.open()

    def _ask(self, plan: ErasePlan) -> None:
        EraseDialog(plan, lambda chosen: self._erase(chosen, plan.models), self._parent).open()

    def _erase(self, planned: Erasure, models: tuple[str, ...]) -> None:
        if not self._free():
            return
        folder = self._session.need_project().address

        def work(monitor: Monitor) -> Erasure:
            return erase(folder, planned, progress=monitor)

        leave_erased(self._session, planned)
        job = Job(work, "Erasing for good")
        for end in (job.failed, job.cancelled):  # before the bar hears of it, and tells
            end.connect(lambda *_: after_erasing(self._session), thread="main")
        self._bar.run(job, lambda done: self._erased(done, models))

    def _erased(self, done: Erasure, models: tuple[str, ...]) -> None:
        after_erasing(self._session)
        said = f"Erased for good: {erased_text(done)}."
        self._session.tell(
            f"{said} Something is left of it." if done.left else said,
            "warning" if done.left else "info",
        )
        TextDialog("Erased for good", after_erasing_text(done, models), self._parent).open()
