"""Measuring, in the background, what fits are always wrong by in the face in work. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError, Project
from faceloop_trainer.assist.error_covariance import errors_in_model_frame
from faceloop_trainer.assist.fit_errors import fitted_and_true
from faceloop_trainer.assist.person import ENOUGH, expected_error
from faceloop_workbench.services.background import Job

from .model_help import KnownPerson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Face, Item, Monitor
    from faceloop_runtime import FaceModel
    from faceloop_workbench.session import Session

    from .editor import FaceEditor


class PersonLearning:
    """Fits the model in use to other faces of the person in work that are annotated already.

    It begins when a face is opened, and fits each face once for each model; what it finds moves
    the next fits of that person, until somebody else's face is in work.

    Parameters
    ----------
    session : Session
        The open project, its model and the face in work.
    editor : FaceEditor
        Is given what was learned.
    """

    def __init__(self, session: Session, editor: FaceEditor) -> None:
        self._session, self._editor = session, editor
        self._job: Job[KnownPerson | None] | None = None
        self._model: FaceModel | None = None
        self._errors: dict[int, NDArray[np.float64]] = {}  # of faces, by revision
        session.item_changed.connect(self._learn)
        session.project_changed.connect(self._forget)

    def close_down(self) -> None:
        """Stop learning."""
        if self._job is not None:
            self._job.cancel()
            self._job.wait()

    def _forget(self, _project: Project | None) -> None:
        self.close_down()
        self._job = self._model = self._editor.help.person = None
        self._errors = {}

    def _learn(self, item: Item | None) -> None:
        project = self._session.project
        if project is None or item is None:
            return
        try:
            chosen = self._session.model()
        except FaceloopError:
            return
        if self._job is not None:
            self._job.cancel()
        model = chosen.model
        if model is not self._model:
            self._model, self._errors = model, {}
        folder, known = project.address, self._errors

        def work(monitor: Monitor) -> KnownPerson | None:
            faces = others_of_person(folder, item)
            found = [_error(model, face, known, monitor) for face in faces]
            errors = np.array([error for error in found if error is not None])
            if not len(errors):
                return None
            expected = expected_error(errors)
            return KnownPerson(model, chosen.name, item.subject, expected, len(errors))

        def done(person: KnownPerson | None) -> None:
            if model is self._model:
                self._editor.help.person = person

        self._job = Job(work, "learning how the model is wrong in this person's face")
        self._job.done.connect(done, thread="main")
        self._job.start()


def others_of_person(folder: str, item: Item) -> list[Face]:
    """Return the other annotated faces of an item's person, the last annotated at most."""
    with Project.open(folder) as project:
        faces = [f for f in project.faces() if f.subject == item.subject and f.item_id != item.id]
    return sorted(faces, key=lambda face: face.revision_id)[-ENOUGH:]


def _error(
    model: FaceModel, face: Face, known: dict[int, NDArray[np.float64]], monitor: Monitor
) -> NDArray[np.float64] | None:
    """Return what a fit is wrong by, (N, 2) in the model frame; None if nothing can be fitted."""
    if face.revision_id not in known:
        pairs = list(fitted_and_true(model, [face], monitor))
        nothing = np.full(model.pdm.mean.shape, np.nan)
        known[face.revision_id] = errors_in_model_frame(model.pdm, pairs)[0] if pairs else nothing
    error = known[face.revision_id]
    return error if np.isfinite(error).any() else None
