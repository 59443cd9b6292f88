"""A face of a blind round: nobody's points but one's own, saved beside the face. Without Qt."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError, PointState, Revision

from .face_state import FaceState
from .saving import FaceSaver

if TYPE_CHECKING:
    from faceloop_datasets import Annotation, Item, Project
    from faceloop_workbench.session import BlindWork, Session

NO_REVISION = 0
"""Number of what is saved in a round: it is none of the face's revisions."""


BLIND = "In a blind round nobody's points and words are shown but one's own. Leave it first."


def blind_reason(session: Session) -> str:
    """Say why something is not to be shown now; empty without a blind round."""
    return "" if session.blind is None else BLIND


class BlindSaver(FaceSaver):
    """Saves the states of one face into a round.

    Parameters
    ----------
    project : Project
        Where the round is.
    item : Item
        The face.
    work : BlindWork
        The round, and who annotates.
    """

    blind = True

    def __init__(self, project: Project, item: Item, work: BlindWork) -> None:
        own = project.rounds.annotations(work.round, work.author)
        last = next((one for one in reversed(own) if one.item_id == item.id), None)
        start = project.rounds.starts(work.round).get(item.id)
        if start is None:
            raise FaceloopError(f"{item.name} is no longer in the round {work.round.name}.")
        self._work, self._start = work, start
        before = None if last is None else self._revision(item, last.annotation)
        super().__init__(project, item, before)

    @property
    def first_state(self) -> FaceState:
        """Where everybody starts."""
        return FaceState.estimated(self._start.points, self._work.round.start)

    @property
    def state(self) -> FaceState:
        """What this person has saved so far, or where everybody starts."""
        return self.first_state if self.head is None else FaceState.saved(self.head)

    def newer_revision(self) -> Revision | None:
        """Return None: what others do is not shown."""
        return None

    def _write(self, state: FaceState) -> Revision:
        annotation = state.annotation(self._project.scheme.name)
        work = self._work
        self._project.rounds.save(work.round, self.item.id, work.author, annotation)
        return self._revision(self.item, annotation)

    def _revision(self, item: Item, annotation: Annotation) -> Revision:
        hidden = annotation.states == PointState.OCCLUDED
        start = np.where(hidden[:, None], np.nan, self._start.points)
        return Revision(
            id=NO_REVISION,
            item_id=item.id,
            based_on=None,
            annotation=annotation,
            author=self._work.author,
            created=datetime.now(UTC),
            is_head=True,
            start=start,
        )
