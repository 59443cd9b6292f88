"""Measuring, in the background, which errors fits of the model in use make. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError, Project
from faceloop_trainer.assist.fit_errors import error_covariance
from faceloop_workbench.services.background import Job

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from faceloop_datasets import Monitor
    from faceloop_runtime import FaceModel
    from faceloop_workbench.session import Session

    from .editor import FaceEditor

_FEWEST = 20  # annotated faces, below which the general errors are as good


class FitErrorLearning:
    """Fits the model in use to the faces that are annotated already, in the background.

    It takes some seconds, so it begins with the first change of a face, once for each model. What
    it finds makes help while dragging better; until then, and where it fails, help does without.

    Parameters
    ----------
    session : Session
        The open project and its model.
    editor : FaceEditor
        Is given what was learned.
    """

    def __init__(self, session: Session, editor: FaceEditor) -> None:
        self._session, self._editor = session, editor
        self._job: Job[NDArray[np.float64] | None] | None = None
        self._learning: FaceModel | None = None
        editor.edited.connect(self._edited)
        session.project_changed.connect(self._forget)

    def close_down(self) -> None:
        """Stop learning."""
        if self._job is not None:
            self._job.cancel()
            self._job.wait()

    def _forget(self, _project: Project | None) -> None:
        self.close_down()
        self._job = self._learning = self._editor.help.errors = None

    def _edited(self, _before: object, _after: object, _what: str) -> None:
        project = self._session.project
        try:
            model = self._session.model().model
        except FaceloopError:
            return
        if project is None or model is self._learning:
            return
        self.close_down()
        self._learning, folder = model, project.address

        def work(monitor: Monitor) -> NDArray[np.float64] | None:
            with Project.open(folder) as own:
                faces = own.faces()
            if len(faces) < _FEWEST:
                return None
            return error_covariance(model, faces, progress=monitor)

        def done(errors: NDArray[np.float64] | None) -> None:
            if errors is not None and model is self._learning:
                self._editor.help.errors = (model, errors)

        self._job = Job(work, "learning how the model is wrong")
        self._job.done.connect(done, thread="main")
        self._job.start()
