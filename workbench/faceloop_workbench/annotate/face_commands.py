"""Adding faces to the picture in work, finding and removing them, as commands. Without Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import FaceloopError, Project
from faceloop_datasets.wording import counted, enumerated
from faceloop_workbench.services.background import Job
from faceloop_workbench.services.finding_faces import fit_in_box, take_fits
from faceloop_workbench.services.queue_reasons import FOUND

from .face_state import FaceState
from .later_work import named, work_on
from .mouse_editing import BoxRequest
from .start_commands import NO_FACE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from faceloop_datasets import Conversion, Item, Media, Monitor
    from faceloop_runtime import Fit
    from faceloop_workbench.commands import Commands
    from faceloop_workbench.services.finding import Finding
    from faceloop_workbench.services.model_choice import ChosenModel
    from faceloop_workbench.session import Session

    from .editor import FaceEditor
    from .later_work import Work
    from .mouse_editing import MouseEditing
    from .picture_faces import PictureFaces
    from .start_commands import StartCommands

    Points = NDArray[np.float64]
    Picture = NDArray[np.uint8]
    Corners = tuple[NDArray[np.float64], NDArray[np.float64]]
    NoteDone = Callable[[str, Callable[[], object], Callable[[], object]], None]

_NO_PICTURE = "This face has no picture that others could be in."
_ALONE = "This picture has no other face."


class FaceCommands:
    """Carries out the commands that add faces to a picture, find them, and remove them.

    Parameters
    ----------
    session : Session
        Project, face in work and model.
    commands : Commands
        Where to register; a command that cannot be done says why.
    editor : FaceEditor
        The face in work; one without points is started before another is added.
    mouse : MouseEditing
        Asked for the box.
    faces : PictureFaces
        The faces of the picture.
    starts : StartCommands
        Asked for the three clicks.
    picture : callable
        The picture of the face in work, (H, W, 3); None while it is not there.
    finding : callable
        How faces are to be found, and where their fits start.
    note : callable
        Given what was done, what takes it back, and what does it again: an undo stack keeps it.
    """

    def __init__(  # noqa: PLR0917 - the parts of the tab that it works with
        self,
        session: Session,
        commands: Commands,
        editor: FaceEditor,
        mouse: MouseEditing,
        faces: PictureFaces,
        starts: StartCommands,
        *,
        picture: Callable[[], Picture | None],
        finding: Callable[[], Finding],
        note: NoteDone,
    ) -> None:
        self._session, self._commands, self._editor = session, commands, editor
        self._mouse, self._faces, self._starts = mouse, faces, starts
        self._picture, self._finding, self._note = picture, finding, note
        self._job: Job[list[Fit]] | None = None
        self._keeping: Job[list[Item]] | None = None
        self._found_by = ""  # name of the model that fitted the faces which were found
        for name, do in (
            ("next_face", lambda: faces.step(1)),
            ("previous_face", lambda: faces.step(-1)),
            ("find_faces", self.find),
            ("add_face", self.add_in_box),
            ("add_by_clicks", lambda: starts.three_clicks(self._add)),
            ("keep_found", self.keep),
            ("drop_found", lambda: faces.propose(())),
            ("remove_face", self.remove),
            ("bring_face_back", self.bring_back),
        ):
            commands.handle(f"annotate.{name}", lambda do=do: self._try(do))
        mouse.clicked_beside.connect(faces.click)
        faces.changed.connect(self.update)
        self.update()

    def close_down(self) -> None:
        """Wait for what is under way."""
        for job in (self._job, self._keeping):
            if job is not None:
                job.cancel()
                job.wait()

    def update(self) -> None:
        """Say which commands can be done now, and why not the others."""
        item, here = self._editor.item, self._faces.in_work
        no_face = NO_FACE if item is None else ""
        no_picture = _NO_PICTURE if item is not None and item.media_id is None else ""
        no_model = self._starts.no_model
        present = self._faces.present
        blind = self._faces.hidden
        alone = _ALONE if all(face is here for face in present) else ""
        none = "" if self._faces.proposals else "No faces were found that wait for an answer."
        gone = here is not None and here.item.removed
        adding = (no_face, blind, no_picture, no_model)
        for name, reasons in {
            "next_face": (no_face, blind, alone),
            "previous_face": (no_face, blind, alone),
            "find_faces": (*adding[:-1], self._starts.no_finder),
            "add_face": adding[:-1],  # an empty one without a model
            "add_by_clicks": adding,
            "keep_found": (none,),
            "drop_found": (none,),
            "remove_face": (no_face, blind, "This face was removed already." if gone else ""),
            "bring_face_back": (no_face, blind, "" if gone else "This face was not removed."),
        }.items():
            self._commands.disable(f"annotate.{name}", next(filter(None, reasons), ""))

    # Adding

    def add_in_box(self) -> None:
        """Ask for a box; the model in use fits the face in it, which is then a new one.

        Without a model for these points the new face is empty, to be placed by hand.
        """
        if self._starts.no_model:
            self._add_empty()
            return
        model, picture = self._model(), self._picture()
        if model is None or picture is None or self._busy or not self._editor.may_edit():
            return
        finding = self._finding()

        def fit(corners: Corners) -> None:
            self._start(
                lambda _monitor: [fit_in_box(model.model, picture, corners, finding)],
                "fitting a face",
                lambda fits: self._add_fit(fits[0], model.name),
            )

        self._mouse.request_box(BoxRequest("the new face", self._session.tell, fit))

    def _add_empty(self) -> None:
        """Take a new face of this picture in work that has no points yet."""
        media, here = self._media(), self._editor.item
        if media is None or here is None or not self._editor.may_edit():
            return
        if self._is_empty:
            self._session.tell("This face has no points yet. Place them before adding another.")
            return
        new = self._session.need_project().add_item(media, here.frame)
        self._session.face_changed.emit(new.id)
        self._session.face_wanted.emit(new.id)
        self._note_done("Add an empty face", [new.id], removed=False)
        self._session.tell("A new face without points. Click them in the list Missing points.")

    def _add_fit(self, fit: Fit, model: str) -> None:
        if self._add(fit.points, model, f"Fit by {model}"):
            self._session.tell(
                f"Fit by {model}; predicted error {fit.predicted_error:.3f}. Move what is wrong."
            )

    def _add(self, points: Points, source: str, what: str, placed: Sequence[int] = ()) -> bool:
        """Put a new face there and take it in work; it is the one in work if that has no points.

        Parameters as those of `FaceEditor.start`.
        """
        if self._is_empty:
            return self._editor.start(points, source, what, placed) is not None
        media, here = self._media(), self._editor.item
        if media is None or here is None:
            return False
        project, state = self._session.need_project(), FaceState.estimated(points, source)
        state = state.placed_at(placed, points[list(placed)]) if placed else state
        state, what = state.as_reopened(), f"Add a face: {what}"
        new = project.add_item(media, here.frame)
        annotation = state.annotation(project.scheme.name)
        project.save(new.id, annotation, None, action=what, start=state.start)
        self._session.face_changed.emit(new.id)
        self._session.face_wanted.emit(new.id)
        self._note_done(what, [new.id], removed=False)
        return True

    # Finding

    def find(self) -> None:
        """Look for all faces of the picture that are not known yet, in the background."""
        finder, picture, item = self._session.finder(), self._picture(), self._editor.item
        if picture is None or item is None or self._busy:
            return
        known, finding = self._faces.known_points, self._finding()
        state = self._editor.state
        if state is not None and state.present.any():
            known.append(state.points)
        self._found_by = finder.chosen.name
        self._session.tell("Looking for faces…")
        self._start(
            lambda _monitor: finder.find(picture, known, finding),
            "finding faces",
            lambda fits: self._propose(fits, finder.conversion),
        )

    def _propose(self, fits: Sequence[Fit], conversion: Conversion | None) -> None:
        self._faces.propose(fits)
        if not fits:
            self._session.tell("No other face was found in this picture.")
            return
        keep, drop = (self._commands.key(f"annotate.{name}_found") for name in ("keep", "drop"))
        from_ = f", with points converted from {conversion.source}" if conversion else ""
        self._session.tell(
            f"{counted(len(fits), 'face')} found{from_}. Click those that are none, then keep the "
            f"others ({keep}); or drop all ({drop})."
        )

    def keep(self) -> None:
        """Make the found faces that are wanted faces of the project; forget the others.

        The first may be for the face in work; the others are written in the background.
        """
        fits = [one.fit for one in self._faces.proposals if one.wanted]
        media, here, model = self._media(), self._editor.item, self._found_by
        if media is None or here is None:
            return
        self._faces.propose(())
        first = fits.pop(0) if fits and self._is_empty else None
        if first is not None:
            self._editor.start(first.points, model, f"Found face, fit by {model}")
        if not fits:
            self._tell_kept(int(first is not None))
            return
        there = {face.item.id for face in self._faces.present}
        project, frame = self._session.need_project(), here.frame

        def kept(items: list[Item]) -> None:
            if self._session.project is not project:
                return  # they are there when it is opened again
            for item in items:
                self._session.face_changed.emit(item.id)
            added = [item.id for item in items if item.id not in there]
            if added:
                what = f"Keep {counted(len(added), 'found face')}"
                self._note_done(what, added, removed=False)
            self._tell_kept(len(items) + (first is not None))

        self._keeping = Job(
            lambda _monitor: _write_found(project.address, media, frame, fits, model),
            "keeping the faces that were found",
        )
        self._keeping.done.connect(lambda items: self._try(lambda: kept(items)), thread="main")
        self._keeping.failed.connect(self._fail, thread="main")
        self._keeping.start()

    def _tell_kept(self, count: int) -> None:
        self._session.tell(f"{counted(count, 'face')} kept." if count else "No face was kept.")

    # Removing

    def remove(self) -> None:
        """Take the face in work out of the project, and go to another of its picture."""
        item = self._editor.item
        if item is None:
            return
        self._set_removed([item.id], removed=True)
        if self._faces.others:
            self._session.face_wanted.emit(self._faces.others[0].item.id)
        self._note_done(f"Remove face {item.id}", [item.id], removed=True)
        key = self._commands.key("annotate.undo")
        self._session.tell(
            f"Face {item.id} ({item.name}) is removed. It is kept, and can be brought back: {key}, "
            "or in the list of removed faces."
        )

    def bring_back(self) -> None:
        """Make the face in work, which was removed, part of the project again."""
        item = self._editor.item
        if item is not None:
            self._set_removed([item.id], removed=False)
            self._session.tell(f"Face {item.id} ({item.name}) is back.")

    def _set_removed(self, numbers: list[int], *, removed: bool) -> None:
        project = self._session.need_project()
        (project.remove if removed else project.bring_back)(numbers)
        for number in numbers:
            self._session.face_changed.emit(number)

    def _note_done(self, what: str, numbers: list[int], *, removed: bool) -> None:
        """Have undo take back what made faces removed, or there."""
        project = self._session.need_project()
        known = {number: work_on(project, number) for number in numbers}

        def make(said: str, *, gone: bool) -> None:
            self._try(lambda: self._go_back(known, f"{said}: {what}", removed=gone))

        self._note(
            what,
            lambda: make("Took back", gone=not removed),
            lambda: make("Done again", gone=removed),
        )

    def _go_back(self, known: Mapping[int, Work], said: str, *, removed: bool) -> None:
        """Remove faces as undo does, but for those that were changed since; or bring them back."""
        project = self._session.need_project()
        kept = [n for n, work in known.items() if removed and self._is_changed(n, work)]
        done = [number for number in known if number not in kept]
        names = {n: named(project.item(n)) for n in known}
        self._set_removed(done, removed=removed)
        parts = [said] if done else []
        if done:
            how = "removed" if removed else "back"
            verb = "is" if len(done) == 1 else "are"
            parts.append(f"{enumerated([names[n] for n in done])} {verb} {how}")
        if kept:
            key = self._commands.key("annotate.remove_face")
            verb, it = ("was", "it") if len(kept) == 1 else ("were", "them")
            whom = enumerated([names[n] for n in kept])
            parts.append(f"{whom} {verb} changed since; remove {it} by {key}")
        self._session.tell("; ".join(parts) + ".", "warning" if kept else "info")

    def _is_changed(self, number: int, work: Work) -> bool:
        project = self._session.need_project()
        return self._editor.is_unsaved(number) or work_on(project, number) != work

    # Inside

    @property
    def _is_empty(self) -> bool:
        """Whether the face in work has no points yet, so that it is the first to be filled."""
        state = self._editor.state
        return state is not None and not state.present.any()

    @property
    def _busy(self) -> bool:
        return self._job is not None and self._job.running

    def _media(self) -> Media | None:
        item = self._editor.item
        return None if item is None else self._session.need_project().item_media(item)

    def _model(self) -> ChosenModel | None:
        try:
            return self._session.model()
        except FaceloopError as error:
            self._fail(error)
            return None

    def _start(
        self,
        work: Callable[[Monitor], list[Fit]],
        name: str,
        done: Callable[[list[Fit]], None],
    ) -> None:
        """Work in the background; what comes of it counts while the same picture is in work."""
        begun = self._editor.item

        def finish(fits: list[Fit]) -> None:
            now = self._editor.item
            if begun is None or now is None:
                return
            if (now.media_id, now.frame) == (begun.media_id, begun.frame):
                self._try(lambda: done(fits))

        self._job = Job(work, name)
        self._job.done.connect(finish, thread="main")
        self._job.failed.connect(self._fail, thread="main")
        self._job.start()

    def _try(self, do: Callable[[], object]) -> None:
        try:
            do()
        except FaceloopError as error:
            self._session.tell(str(error), "error")

    def _fail(self, error: FaceloopError) -> None:
        self._session.tell(str(error), "warning")


def _write_found(
    folder: str, media: Media, frame: int | None, fits: Sequence[Fit], model: str
) -> list[Item]:
    """Make fits faces of a project, and begin the history of those that are new."""
    with Project.open(folder) as project:
        taken = take_fits(project, media, frame, fits, model=model, note=FOUND)
        for item, fit in zip(taken, fits, strict=True):
            if item.head is None:
                state = FaceState.estimated(fit.points, model)
                annotation = state.as_reopened().annotation(project.scheme.name)
                what = f"Found face, fit by {model}"
                project.save(item.id, annotation, None, action=what, start=state.start)
        return taken
