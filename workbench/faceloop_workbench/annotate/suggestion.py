"""What the model in use would say of points: drawn faintly, and taken if the person wants it.

Without Qt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import FaceloopError
from faceloop_datasets.wording import counted
from faceloop_workbench.services.background import Job

from .blind import blind_reason
from .start_commands import NO_FACE, NO_PICTURE, find_and_fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from faceloop_datasets import Monitor
    from faceloop_runtime import Fit
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.services.finding import Finding
    from faceloop_workbench.session import Session

    from .doubts import Doubts
    from .editor import FaceEditor

    Picture = NDArray[np.uint8]


class Suggestion:
    """Fits the model to the picture, without changing the face, and shows where it sees points.

    Those in doubt, or else those that are selected, or else all.

    Parameters
    ----------
    session : Session
        Knows the model.
    commands : Commands
        Where to register.
    editor : FaceEditor
        The face.
    doubts : Doubts
        Points in doubt.
    crowded : callable
        Whether the picture has other faces, one of which a search might find instead.
    picture : callable
        The picture of the face in work, (H, W, 3); None while it is not there.
    finding : callable
        How faces are found, and where fits start.
    """

    def __init__(
        self,
        session: Session,
        commands: Commands,
        editor: FaceEditor,
        doubts: Doubts,
        *,
        crowded: Callable[[], bool],
        picture: Callable[[], Picture | None],
        finding: Callable[[], Finding],
    ) -> None:
        self._session, self._commands, self._editor = session, commands, editor
        self._doubts, self._crowded = doubts, crowded
        self._picture, self._finding = picture, finding
        self._job: Job[Fit] | None = None
        self._points: tuple[int, ...] = ()
        self._fitted: NDArray[np.float64] | None = None
        self._model = ""
        commands.handle("annotate.suggest", self.toggle)
        commands.handle("annotate.take_suggestion", self.take)
        editor.loaded.connect(lambda _state: self._forget())
        self.update("")

    def close_down(self) -> None:
        """Wait for the fit under way."""
        if self._job is not None:
            self._job.cancel()
            self._job.wait()

    def update(self, no_model: str) -> None:
        """Say which of its commands can be done now, given why there may be no model."""
        no_face = NO_FACE if self._editor.state is None else ""
        no_picture = NO_PICTURE if self._picture() is None else ""
        blind = blind_reason(self._session)  # everybody starts from the same fit, if from one
        self._commands.disable("annotate.suggest", no_face or blind or no_model or no_picture)
        shown = self._fitted is not None and self._editor.faint is not None
        none = "" if shown else f"Show first what the model says ({self._key('annotate.suggest')})."
        self._commands.disable("annotate.take_suggestion", no_face or blind or none)

    def toggle(self) -> None:
        """Show what the model says, or no longer."""
        if self._fitted is not None and self._editor.faint is not None:
            self._forget()
            self._editor.suggest(None)
        elif self._job is None or not self._job.running:
            self._start()

    def take(self) -> None:
        """Put the points where the model sees them: they are the person's then."""
        fitted, points, model = self._fitted, self._points, self._model
        if fitted is None or self._editor.faint is None:
            return
        self._forget()
        self._editor.suggest(None)
        self._editor.place(points, fitted[list(points)], f"as {model} sees them")

    def _start(self) -> None:
        item, state, picture = self._editor.item, self._editor.state, self._picture()
        if item is None or state is None or picture is None:
            return
        try:
            chosen = self._session.model()
        except FaceloopError as error:
            self._session.tell(str(error), "warning")
            return
        near = state.points if state.present.any() else None
        here, finding = self._crowded(), self._finding()

        def work(_monitor: Monitor) -> Fit:
            return find_and_fit(chosen.model, picture, near, finding, from_points=here)

        def done(fit: Fit) -> None:
            now = self._editor.item
            if now is not None and now.id == item.id:
                self._show(fit, chosen.name)

        self._job = Job(work, "asking the model")
        self._job.done.connect(done, thread="main")
        self._job.failed.connect(
            lambda error: self._session.tell(str(error), "warning"), thread="main"
        )
        self._job.start()

    def _show(self, fit: Fit, model: str) -> None:
        self._fitted, self._model = fit.points, model
        self._points = self._asked()
        only = np.full_like(fit.points, np.nan)
        only[list(self._points)] = fit.points[list(self._points)]
        self._editor.suggest(only)
        key, count = self._key("annotate.take_suggestion"), counted(len(self._points), "point")
        self._session.tell(f"What {model} says of {count} is drawn faintly; {key} takes it.")

    def _asked(self) -> tuple[int, ...]:
        doubts = self._doubts
        about = (doubts.now,) if doubts.now is not None else doubts.points
        state = self._editor.state
        size = 0 if state is None else len(state.points)
        return about or self._editor.selection or tuple(range(size))

    def _forget(self) -> None:
        self._fitted = None

    def _key(self, name: str) -> str:
        return self._commands.key(name) or self._commands.table[name].title
