"""Confirming points of an import in all faces at once, and taking it back: dialog and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.outcome_text import outside_text, taken_back_text

from .confirm_dialog import ConfirmDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from faceloop_datasets import Batch, Monitor
    from faceloop_workbench.session import Session
    from faceloop_workbench.widgets.job_bar import JobBar

_NOTHING = "There is no confirmation in all faces that could be taken back."


class ConfirmDialogs:
    """Asks which points, confirms them, and offers to take that back.

    Parameters
    ----------
    session : Session
        Where the project is open.
    bar : JobBar
        Shows what runs.
    free : callable
        Whether nothing runs there; tells the person if something does.
    offer : callable
        Is given what can be taken back now, for people; an empty text if nothing can.
    parent : QWidget
        What the dialog belongs to.
    """

    def __init__(
        self,
        session: Session,
        bar: JobBar,
        free: Callable[[], bool],
        offer: Callable[[str], object],
        parent: QWidget,
    ) -> None:
        self._session, self._bar, self._free, self._parent = session, bar, free, parent
        self._offer = offer

    def confirm(self) -> None:
        """Ask which points of an import are right in all faces, and confirm them."""
        if self._free():
            folder = self._session.need_project().address

            def work(_monitor: Monitor) -> NDArray[np.int64]:
                with Project.open(folder) as project:
                    return project.estimates()

            self._bar.run(Job(work, "Looking for estimated points"), self._ask)

    @property
    def why_no_undo(self) -> str:
        """Why no confirmation can be taken back; empty if one can."""
        project = self._session.project
        return "" if project is None or project.last_batch() is not None else _NOTHING

    def undo(self) -> None:
        """Take the last confirmation back."""
        if self._free():
            folder = self._session.need_project().address

            def work(monitor: Monitor) -> tuple[Batch, int]:
                with Project.open(folder) as project:
                    batch = project.last_batch()
                    if batch is None:
                        raise FaceloopError(_NOTHING)
                    return batch, project.undo_batch(batch, progress=monitor)

            self._bar.run(Job(work, "Taking the confirmation back"), self._undone)

    def _ask(self, found: NDArray[np.int64]) -> None:
        project = self._session.project
        counts = {k: int(faces) for k, faces in enumerate(found) if faces}
        if project is None or not counts:
            self._session.tell("No point is only estimated by an import.")
            return
        chosen = counts if len(counts) == 1 else ()
        ConfirmDialog(project.scheme, counts, chosen, self._confirm, self._parent).open()

    def _confirm(self, points: list[int]) -> None:
        if not self._free():
            return
        folder = self._session.need_project().address

        def work(monitor: Monitor) -> Batch:
            with Project.open(folder) as project:
                return project.confirm_points(points, progress=monitor)

        self._bar.run(Job(work, "Confirming in all faces"), self._confirmed)

    def _confirmed(self, batch: Batch) -> None:
        self._show_changes()
        faces = counted(batch.faces, "face")
        self._session.tell(
            f"{batch.action}: done in {faces}. {outside_text(batch.outside)}".strip()
        )
        self._offer(f"{batch.action} in {faces}" if batch.faces else "")

    def _undone(self, done: tuple[Batch, int]) -> None:
        self._show_changes()
        self._session.tell(taken_back_text(*done))
        self._offer("")

    def _show_changes(self) -> None:
        """Show the faces as they are now, that in work first: nobody else has changed it."""
        project, item = self._session.project, self._session.item
        if project is not None and item is not None:
            self._session.show(project.item(item.id), self._session.entry)
        self._session.items_changed.emit()
