"""The ways to start a face, as commands: what each needs, and what it makes of it. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_datasets import FaceloopError, PointState
from faceloop_datasets.wording import counted
from faceloop_runtime import Fitter
from faceloop_runtime.quality.thresholds import POOR_ERROR
from faceloop_trainer.assist import initial_face
from faceloop_workbench.services import key_frames
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.contour_lines import contour_lines
from faceloop_workbench.services.error_text import error_text
from faceloop_workbench.services.finding import AUTOMATIC, Finding, start_name
from faceloop_workbench.services.finding_faces import find_new_faces, shown_faces

from .blind import blind_reason
from .mouse_editing import ClickRequest, FaceSketch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Annotation, Monitor
    from faceloop_runtime import FaceModel, Fit
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.session import Session

    from .editor import FaceEditor
    from .mouse_editing import MouseEditing

    Points = NDArray[np.float64]
    Picture = NDArray[np.uint8]
    Begin = Callable[[Points, str, str, Sequence[int]], bool]

NO_FACE = "No face is in work. Choose one in the tab Queue."
_NO_FRAME = "This face is in a picture of its own; it has no frames before it or after it."
NO_PICTURE = "The picture of this face is not there."


class StartCommands:
    """Carries out the commands that put a whole face, or half of it, on the picture.

    Parameters
    ----------
    session : Session
        Project, face in work and model.
    commands : Commands
        Where to register; a command that cannot be done says why.
    editor : FaceEditor
        What the face is given to.
    mouse : MouseEditing
        Asked for the three clicks.
    picture : callable
        The picture of the face in work, (H, W, 3); None while it is not there.
    finding : callable
        How faces are to be found, and where their fits start.

    Attributes
    ----------
    started : Signal()
        There is a new face to look at.
    """

    started = Signal()

    def __init__(
        self,
        session: Session,
        commands: Commands,
        editor: FaceEditor,
        mouse: MouseEditing,
        picture: Callable[[], Picture | None],
        *,
        finding: Callable[[], Finding] = Finding,
    ) -> None:
        self._session, self._commands, self._editor = session, commands, editor
        self._mouse, self._picture, self._finding = mouse, picture, finding
        self._job: Job[Fit] | None = None
        for name, do in (
            ("fit", self.fit),
            ("three_clicks", self.three_clicks),
            ("copy_previous", self.copy_previous),
            ("interpolate", self.interpolate),
            ("mirror", self.mirror),
        ):
            commands.handle(f"annotate.{name}", do)
        self._no_model = self._no_finder = ""
        session.project_changed.connect(self._check_model)
        session.models_changed.connect(self._check_model)
        self.update()

    def close_down(self) -> None:
        """Wait for the fit under way."""
        if self._job is not None:
            self._job.cancel()
            self._job.wait()

    @property
    def no_model(self) -> str:
        """Why there is no model to help with this project's faces; empty if there is one."""
        return self._no_model

    @property
    def no_finder(self) -> str:
        """Why nothing finds faces with this project's points; empty if something does."""
        return self._no_finder

    def update(self) -> None:
        """Say which commands can be done now, and why not the others."""
        item, state = self._editor.item, self._editor.state
        no_face = NO_FACE if item is None else ""
        no_frame = _NO_FRAME if item is not None and item.frame is None else ""
        no_picture = NO_PICTURE if self._picture() is None else ""
        blind = blind_reason(self._session)
        empty = state is not None and not state.present.any()
        no_half = "There are no points yet that could be mirrored." if empty else ""
        for name, reasons in {
            "fit": (no_face, self._no_model, no_picture),
            "three_clicks": (no_face, self._no_model, no_picture),
            "copy_previous": (no_face, blind, no_frame),
            "interpolate": (no_face, blind, no_frame),
            "mirror": (no_face, self._no_model, self._no_mirror(), no_half),
        }.items():
            self._commands.disable(f"annotate.{name}", next(filter(None, reasons), ""))

    def fit(self) -> None:
        """Fit the model in use, in the background.

        It looks for the face, unless the person has placed points: then it fits from where the
        face is now, and those stay.
        """
        item, picture, model = self._editor.item, self._picture(), self._model()
        if item is None or picture is None or model is None or self._busy:
            return
        if self._finished():
            key = self._commands.key("annotate.release")
            self._session.tell(
                f"Every point is where a person put it. Select some and release them ({key}) for "
                "the model to place."
            )
            return
        others = self.others()
        near, here = self._points(), self._placed() or bool(others)
        finding = self._finding()

        def work(_monitor: Monitor) -> Fit:
            another = others if near is None else []
            found = find_new_faces(model.model, picture, another, finding) if another else []
            if found:  # where there is none, the person means one that is known
                return min(found, key=lambda fit: fit.predicted_error)
            return find_and_fit(model.model, picture, near, finding, from_points=here)

        def done(fit: Fit) -> None:
            now, what = self._editor.item, f"Fit by {model.name}"
            if now is None or now.id != item.id:
                return
            points, known = self._editor.help.for_person(fit.points, item, model.model)
            if not self._placed():
                self._start(points, model.name, what)
            elif self._editor.refit(points, model.name, what) is not None:
                self.started.emit()
            like = f", moved as in {counted(known, 'corrected face')} of {item.subject}"
            poor = fit.predicted_error > POOR_ERROR
            self._session.tell(
                f"{what}, started from {start_name(fit.start)}; predicted error "
                f"{error_text(fit.predicted_error)}{like if known else ''}."
                f"{' Check it, or start with three clicks (T).' if poor else ''}",
                "warning" if poor else "info",
            )

        self._job = Job(work, "fitting a face")
        self._job.done.connect(done, thread="main")
        self._job.failed.connect(self._fail, thread="main")
        self._job.start()

    def three_clicks(self, begin: Begin | None = None) -> None:
        """Ask for two pupils and the chin, or the like; put the likeliest face there; fit it.

        Parameters
        ----------
        begin : callable, optional
            Puts the face there, as `FaceEditor.start` does with the one in work; returns whether
            it did.
        """
        model = self._model()
        if model is None or not self._editor.may_edit():
            return

        def done(clicks: Points) -> None:
            try:
                points = initial_face.from_clicks(model.model, clicks)
            except FaceloopError as error:
                self._fail(error)
            else:
                begun = (begin or self._start)(points, "three clicks", "Three clicks", clicked)
                if begun and not self._commands.why_not("annotate.fit"):
                    self.fit()  # from there; half the drags are saved

        places = initial_face.clicks_of(model.model.scheme)
        # A place that is one point's own was put by the person; the middle of several was not.
        clicked = [members[0] for _, members in places if len(members) == 1]
        wanted = tuple(name for name, _ in places)
        mean = model.model.pdm.mean
        sketch = FaceSketch(
            mean,
            contour_lines(model.model.scheme),
            np.array([mean[list(members)].mean(axis=0) for _, members in places]),
        )
        self._mouse.request_clicks(ClickRequest(wanted, self._session.tell, done, sketch))

    def copy_previous(self) -> None:
        """Start from the nearest earlier annotated frame."""
        item = self._editor.item
        if item is None:
            return
        found = key_frames.previous_annotated(self._session.need_project(), item)
        if found is None:
            self._session.tell("No earlier frame of this video is annotated.", "warning")
            return
        self._start(found.points, "previous frame", "From the previous frame")
        self._remind_of_hidden(found)

    def interpolate(self) -> None:
        """Start from the two annotated frames around this one."""
        item = self._editor.item
        if item is None:
            return
        found = key_frames.surrounding(self._session.need_project(), item)
        if found is None:
            self._session.tell(
                "There is no annotated frame on both sides of this one. Annotate one before it "
                "and one after it.",
                "warning",
            )
            return
        points = initial_face.interpolate(found.before.points, found.after.points, found.share)
        self._start(points, "key frames", "Between key frames")
        self._remind_of_hidden(found.before, found.after)

    def mirror(self) -> None:
        """Make one half of the face from the other: the selected one, or the better one."""
        state, model = self._editor.state, self._model()
        if state is None or model is None:
            return
        side = better_side(model.model, self._editor.selection, state.placed)
        try:
            points = initial_face.mirrored(model.model, state.points, state.states, side)
        except FaceloopError as error:
            self._fail(error)
            return
        self._editor.fill(points, "mirrored copy", f"Mirror the {side} half")
        self.started.emit()

    @property
    def _busy(self) -> bool:
        return self._job is not None and self._job.running

    def _placed(self) -> bool:
        state = self._editor.state
        return state is not None and bool(state.placed.any())

    def _finished(self) -> bool:
        state = self._editor.state
        return state is not None and bool(state.placed.all())

    def _points(self) -> Points | None:
        state = self._editor.state
        return None if state is None or not state.present.any() else state.points

    def others(self) -> list[Points]:
        """Where other faces of the picture are, one of which a search might find instead."""
        item = self._editor.item
        if item is None or item.media_id is None:
            return []
        there = shown_faces(self._session.need_project(), item.media_id, item.frame)
        return [f.points for f in there if f.points is not None and f.item.id != item.id]

    def _start(self, points: Points, source: str, what: str, placed: Sequence[int] = ()) -> bool:
        started = self._editor.start(points, source, what, placed) is not None
        if started:
            self.started.emit()
        return started

    def _remind_of_hidden(self, *copied: Annotation) -> None:
        """Select what was hidden there: a copy is only a guess, and does not say so itself."""
        hidden = np.any([one.states == PointState.OCCLUDED for one in copied], axis=0)
        if hidden.any():
            self._editor.select(np.flatnonzero(hidden))
            key = self._commands.key("annotate.occlude")
            self._session.tell(
                f"{counted(int(hidden.sum()), 'point is', 'points are')} occluded there, and "
                f"selected here: {key} marks {'it' if hidden.sum() == 1 else 'them'}."
            )

    def _model(self) -> ChosenModel | None:
        try:
            return self._session.model()
        except FaceloopError as error:
            self._fail(error)
            return None

    def _no_mirror(self) -> str:
        project = self._session.project
        if project is None or project.scheme.mirror:
            return ""
        return f"The scheme {project.scheme.name} does not say which points mirror each other."

    def _check_model(self, _project: object = None) -> None:
        self._no_finder = self._why_not(self._session.finder)
        self._no_model = self._no_finder or self._why_not(self._session.model)
        self.update()

    def _why_not(self, load: Callable[[], object]) -> str:
        if self._session.project is not None:
            try:
                load()
            except FaceloopError as error:
                return str(error)
        return ""

    def _fail(self, error: FaceloopError) -> None:
        self._session.tell(str(error), "warning")


def find_and_fit(
    model: FaceModel,
    picture: Picture,
    near: Points | None,
    finding: Finding = AUTOMATIC,
    *,
    from_points: bool,
) -> Fit:
    """Fit a model to the face in a picture.

    Parameters
    ----------
    model : FaceModel
        What to fit.
    picture : ndarray of uint8, shape (H, W) or (H, W, 3)
        Gray or RGB.
    near : ndarray, shape (N, 2), or None
        Points the face has already; used if no face is found.
    finding : Finding
        How a face is found, and where its fit starts.
    from_points : bool
        Do not look for a face: start from those points, if there are two.

    Raises
    ------
    FaceloopError
        If no face was found, and there are no points to start from; if there is no such detector,
        or the model cannot start so.
    """
    fitter, detector = Fitter(model, "cpu", finding.start), finding.make_detector()
    known = 0 if near is None else int((~np.isnan(near).any(axis=1)).sum())
    if near is None or known < 2:
        return initial_face.from_fit(fitter, detector, picture)
    if not from_points:
        try:
            return initial_face.from_fit(fitter, detector, picture)
        except FaceloopError:
            pass
    return fitter.fit(picture, near)


def better_side(model: FaceModel, selection: tuple[int, ...], placed: NDArray[np.bool_]) -> str:
    """Half of a face that a mirrored copy should be made from, ``left`` or ``right``.

    The half that most of the selected points lie in; without a selection, the one that has more
    points that a person has placed.
    """
    x = model.pdm.mean[:, 0]
    side = np.sign(x - x[list(model.scheme.mirror)])
    chosen = side[list(selection)].sum() if selection else side[placed].sum()
    return "right" if chosen > 0 else "left"
