"""What could be erased of one face and its subject, and erasing it. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.care import Erasure, find_erasure_target, plan_erasure
from faceloop_workbench.services.trained_on import trained_on

if TYPE_CHECKING:
    from faceloop_datasets import Monitor
    from faceloop_workbench.session import Session


@dataclass(frozen=True)
class ErasePlan:
    """The two erasures that a person chooses from.

    Parameters
    ----------
    face : Erasure
        Of one face alone.
    subject : Erasure
        Of all faces of its subject.
    models : tuple of str
        Models of the project that were trained on the subject.
    """

    face: Erasure
    subject: Erasure
    models: tuple[str, ...]


def plan_erasures(folder: str, item_id: int, monitor: Monitor) -> ErasePlan:
    """Look up what would go; it reads all backups in the project's folder, and some pictures.

    Raises
    ------
    ProjectError
        If there is no such face, or the project cannot be read.
    InputError
        If a backup cannot be read, and so not be cleaned.
    Cancelled
        If the monitor stopped it.
    """
    monitor.step(0, 3, "looking for this face")
    target = find_erasure_target(folder, item=item_id)
    face = plan_erasure(folder, target)
    monitor.step(1, 3, "looking for its subject")
    subject = plan_erasure(folder, find_erasure_target(folder, subject=target.subject))
    monitor.step(2, 3, "looking for models trained on it")
    with Project.open(folder) as project:
        models = tuple(trained_on(project, target.subject))
    monitor.step(3, 3, "looking for models trained on it")
    return ErasePlan(face, subject, models)


def leave_erased(session: Session, planned: Erasure) -> None:
    """Take the face in work out of it if it is to be erased: nobody shall edit it meanwhile."""
    item = session.item
    if item is None or item.subject != planned.target.subject:
        return
    if planned.target.item in (None, item.id):
        session.show(None)


def after_erasing(session: Session) -> None:
    """Close a face that is gone, and have all tabs read the faces again.

    An erasure that failed or was stopped may have erased too, and somebody may have gone back to
    the face while it was at work.
    """
    if session.project is None:
        return
    if session.item is not None:
        try:
            session.project.item(session.item.id)
        except FaceloopError:
            session.show(None)
    session.items_changed.emit()
