"""The face in work: its points, what a person did to them, and saving each change. Without Qt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from faceloop_datasets import FaceloopError, PointState
from faceloop_runtime.geometry import Similarity
from faceloop_workbench.services.annotation_source import FIT, source_text
from faceloop_workbench.services.history_text import BACK
from faceloop_workbench.services.outcome_text import outside_text

from .blind import NO_REVISION, BlindSaver
from .face_state import FaceState
from .model_help import ModelHelp
from .saving import FaceSaver, SaveStatus, UnsavedFaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Item, Project, QueueEntry, Revision
    from faceloop_workbench.session import Session

    Points = NDArray[np.float64]

__all__ = ["FaceEditor", "FaceState"]


class FaceEditor:
    """Edits the face in work; every change is on disk, as a revision, when it returns.

    A drag goes in two steps: `drag` and `transform` show what it would do, without saving, until
    `drop` makes it a change or `cancel` forgets it. All else is a change at once.

    Attributes
    ----------
    loaded : Signal(FaceState or None)
        Another face is in work, or the one in work was read again.
    edited : Signal(FaceState, FaceState, str)
        State before, state after, and what was done: an undo stack keeps these.
    shown : Signal(FaceState)
        What is to be drawn has changed: by an edit, while dragging, or another revision is
        looked at.
    selected : Signal(tuple of int)
        Other points are selected.
    save_status_changed : Signal(SaveStatus)
        A change is on disk, or could not be written.
    conflict : Signal(Revision or None)
        Somebody else saved this face meanwhile; None when that is settled.
    assisted : bool
        Whether the points that nobody has placed follow those that are dragged.
    help : ModelHelp
        Where those belong, by the model in use.
    """

    loaded = Signal(object)
    edited = Signal(object, object, str)
    shown = Signal(object)
    selected = Signal(tuple)
    save_status_changed = Signal(SaveStatus)
    conflict = Signal(object)

    def __init__(self, session: Session) -> None:
        self._session = session
        self.assisted = True
        self._saver: FaceSaver | None = None
        self._unsaved = UnsavedFaces()
        self._unsaved.told.connect(session.tell)
        self._unsaved.saved.connect(self._report)
        self._state: FaceState | None = None
        self._preview: tuple[FaceState, str] | None = None
        self._viewing: Revision | None = None
        self._suggested: Points | None = None
        self._read: list[Revision] | None = None
        self._selection: tuple[int, ...] = ()
        self.help = ModelHelp(session)
        session.item_changed.connect(self._load)
        session.project_changed.connect(self._forget)

    # What is there

    @property
    def state(self) -> FaceState | None:
        """The face as it is after the last change; None if no face is in work."""
        return self._state

    @property
    def drawn(self) -> FaceState | None:
        """The face as it is to be drawn: a drag under way, another's that is looked at, or it."""
        if self._preview is not None:
            return self._preview[0]
        return self._state if self._theirs_seen is None else FaceState.saved(self._theirs_seen)

    @property
    def faint(self) -> Points | None:
        """Points to be drawn faintly beside it, (N, 2): an old revision, or what a model says."""
        if self._viewing is None or self._theirs_seen is not None:
            return self._suggested
        return self._viewing.annotation.points

    @property
    def _theirs_seen(self) -> Revision | None:
        """What somebody else saved meanwhile, while it is looked at to decide."""
        seen, theirs = self._viewing, self.theirs
        known = seen is not None and theirs is not None and seen.id == theirs.id
        return theirs if known else None

    def first_state(self) -> FaceState:
        """Face in work before anybody saved it: the fit of its queue entry, or nothing."""
        project, item = self._session.need_project(), self.item
        if isinstance(self._saver, BlindSaver):
            return self._saver.first_state
        entry = None if item is None else project.queue.of_item(item.id)
        if entry is not None and entry.fit is not None:
            return self._of_entry(entry, item)
        return FaceState.empty(len(project.scheme))

    def is_unsaved(self, item_id: int) -> bool:
        """Whether a face waits to be written, or decided."""
        if self.item is not None and self.item.id == item_id:
            return self._saver is not None and self._saver.waiting is not None
        return item_id in self._unsaved

    @property
    def item(self) -> Item | None:
        """The face in work."""
        return None if self._saver is None else self._saver.item

    @property
    def save_status(self) -> SaveStatus:
        """Whether the state is on disk."""
        return SaveStatus("untouched") if self._saver is None else self._saver.status

    @property
    def theirs(self) -> Revision | None:
        """Revision of somebody else that waits for a decision."""
        return None if self._saver is None else self._saver.theirs

    @property
    def viewing(self) -> Revision | None:
        """Revision that is looked at: an old one faintly, one to decide about as the face."""
        return self._viewing

    @property
    def selection(self) -> tuple[int, ...]:
        """Selected points, in order."""
        return self._selection

    @property
    def dragging(self) -> bool:
        """Whether a drag is under way."""
        return self._preview is not None

    def may_edit(self) -> bool:
        """Whether there is a face that can be changed now; the person is told what hinders."""
        return self._editable() is not None

    # Selection

    def select(self, indices: Iterable[int]) -> None:
        """Select points."""
        chosen = tuple(sorted({int(k) for k in indices}))
        if chosen != self._selection:
            self._selection = chosen
            self.selected.emit(chosen)

    def select_next(self, step: int) -> int | None:
        """Select the next point (+1) or the one before (-1); returns it."""
        if self._state is None:
            return None
        size = len(self._state.points)
        edge = -1 if step > 0 else 0
        last = (
            (self._selection[-1] if step > 0 else self._selection[0]) if self._selection else edge
        )
        number = (last + step) % size
        self.select([number])
        return number

    # Dragging

    def drag(self, index: int, xy: Points, *, alone: bool = False) -> None:
        """Show a point at another place, and the others following; `drop` saves it.

        A missing point is placed this way too.

        Parameters
        ----------
        index : int
            The point.
        xy : ndarray, shape (2,)
            Where to.
        alone : bool
            The others stay, also if drags are assisted.
        """
        state = self._editable()
        if state is not None and np.isfinite(xy).all():
            moved = state.placed_at([index], np.asarray(xy, dtype=np.float64)[None])
            self._show(self._help(moved, alone=alone), f"Move {self._names([index])}")

    def transform(self, transform: Similarity, what: str = "Move", *, alone: bool = False) -> None:
        """Show the selected points moved, turned or scaled; `drop` saves it.

        Moving the whole face aligns it and confirms no point; moving some places those.
        """
        state = self._editable()
        chosen = [] if state is None else [k for k in self._selection if state.present[k]]
        if state is None or not chosen:
            return
        if len(chosen) == int(state.present.sum()):
            self._show(state.transformed(transform), f"{what} the face")
            return
        moved = state.placed_at(chosen, transform.apply(state.points[chosen]))
        self._show(self._help(moved, alone=alone), f"{what} {self._names(chosen)}")

    def nudge(self, dx: float, dy: float) -> None:
        """Show the selected points a little further than they are shown; `drop` saves it."""
        before, drawn = self._state, self.drawn
        chosen = [k for k in self._selection if before is not None and before.present[k]]
        if before is None or drawn is None or not chosen:
            return
        so_far = drawn.points[chosen[0]] - before.points[chosen[0]]
        self.transform(Similarity(tx=float(so_far[0]) + dx, ty=float(so_far[1]) + dy), alone=True)

    def drop(self) -> Revision | None:
        """Make the drag under way a change."""
        if self._preview is None:
            return None
        state, what = self._preview
        self._preview = None
        return self._commit(state, what)

    def cancel(self) -> None:
        """Forget the drag under way, or stop looking at an old revision."""
        if self._preview is not None or self.faint is not None:
            self._preview = self._viewing = self._suggested = None
            self._redraw()

    # Changes

    def toggle_occluded(self) -> Revision | None:
        """Mark the selected points as hidden, or as not hidden if all of them are."""
        state = self._editable()
        if state is None or not self._selection:
            return None
        toggled = state.occlusion_toggled(self._selection)
        hides = (toggled.states == PointState.OCCLUDED)[list(self._selection)].any()
        what = f"{'Occlude' if hides else 'Uncover'} {self._names(self._selection)}"
        return self._commit(toggled, what)

    def remove(self) -> Revision | None:
        """Mark the selected points as missing."""
        state = self._editable()
        if state is None or not self._selection:
            return None
        return self._commit(
            state.without(self._selection), f"Remove {self._names(self._selection)}"
        )

    def bring_back(self, indices: Sequence[int]) -> Revision | None:
        """Let the model place missing points."""
        state = self._editable()
        model = self.help.model() if state is not None else None
        if state is None or model is None or not state.present.any():
            return None
        points = model.model.pdm.complete(state.points)
        there = state.brought_back(indices, points, model.name)
        # Where they would go with the next drag, which would make them jump otherwise.
        points = self.help.improve(there).points
        back = state.brought_back(indices, points, model.name)
        return self._commit(back, f"Bring back {self._names(indices)}")

    def confirm(self) -> Revision | None:
        """Declare the selected points right where they are."""
        state = self._editable()
        if state is None or not self._selection:
            return None
        confirmed = self._seen(state, state.confirmed(self._selection))
        return self._commit(confirmed, f"Confirm {self._names(self._selection)}")

    def release(self) -> Revision | None:
        """Let the model move the selected points again."""
        state = self._editable()
        if state is None or not self._selection:
            return None
        model = self.help.model()
        name = "model" if model is None else model.name
        free = self._help(state.released(self._selection, name), alone=model is None)
        return self._commit(free, f"Release {self._names(self._selection)}")

    def start(
        self, points: Points, source: str, what: str, placed: Sequence[int] = ()
    ) -> Revision | None:
        """Put a whole face where there was another or none.

        Parameters
        ----------
        points : ndarray, shape (N, 2)
            NaN where missing.
        source : str
            What placed them: the name of a model, or for people what was done.
        what : str
            Name of the change.
        placed : sequence of int
            Points that the person has put where they are; nothing else is confirmed.
        """
        if self._editable() is None:
            return None
        state = FaceState.estimated(points, source)
        return self._commit(state.placed_at(placed, points[list(placed)]), what)

    def refit(self, points: Points, source: str, what: str) -> Revision | None:
        """Give the points that nobody has placed, missing ones too, a fit (N, 2).

        Where the fit is wrong about those that were placed, help corrects it as after a drag.
        """
        state = self._editable()
        if state is None:
            return None
        return self._commit(self._help(state.refitted(points, source), alone=False), what)

    def place(self, indices: Sequence[int], points: Points, how: str) -> Revision | None:
        """Put some points where a person agrees that they are, (K, 2); ``how`` is for people."""
        state = self._editable()
        if state is None or not len(indices):
            return None
        what = f"Move {self._names(indices)} {how}"
        return self._commit(state.placed_at(indices, points), what)

    def fill(self, points: Points, source: str, what: str) -> Revision | None:
        """Give some points another, unconfirmed place; those that stay keep all they have."""
        state = self._editable()
        if state is None:
            return None
        fresh = FaceState.estimated(points, source)
        moved = ~(points == state.points).all(axis=1) & fresh.present
        return self._commit(
            FaceState(
                np.where(moved[:, None], points, state.points),
                np.where(moved, fresh.states, state.states).astype(np.uint8),
                state.placed & ~moved,
                fresh.points,
                fresh.source if moved.any() else state.source,
            ),
            what,
        )

    def change(self, make: Callable[[FaceState], FaceState], what: str) -> Revision | None:
        """Make of the face what a function makes of its state; ``what`` is what was done."""
        state = self._editable()
        return None if state is None else self._commit(self._seen(state, make(state)), what)

    def restore(self, state: FaceState, what: str) -> Revision | None:
        """Bring back a state, as undo and redo do; ``what`` names that in the history only."""
        if self._editable() is None:
            return None
        return self._commit(state, what, undoable=False)

    def restore_revision(self, revision: Revision) -> Revision | None:
        """Bring back an old revision as the newest one."""
        if self._editable() is None:
            return None
        what = revision.action or source_text(revision.source)
        return self._commit(FaceState.saved(revision), f"{BACK}{what}")

    def accept(self) -> Revision | None:
        """Confirm all points as the person's own and save.

        Returns
        -------
        Revision or None
            None if no face is in work, it has no points, or it could not be saved; the person was
            told.
        """
        state = self._editable()
        if state is None:
            return None
        if not state.present.any():
            self._session.tell("This face has no points yet. Start it with a fit.", "warning")
            return None
        accepted = self._seen(state, state.accepted())
        same = accepted.is_same_as(state) and self.save_status.kind == "saved"
        saved = self.save_status.revision if same else self._commit(accepted, "Accept")
        if saved is not None and state.missing:
            count = len(state.missing)
            self._session.tell(f"Accepted; still missing: {self._names(state.missing)} ({count}).")
        return saved

    # Other revisions

    def history(self) -> list[Revision]:
        """Revisions of the face in work, newest first."""
        if self._saver is None or self._saver.blind:
            return []
        if self._read is not None:
            return self._read
        return self._session.need_project().history(self._saver.item.id)[::-1]

    def view(self, revision: Revision | None) -> None:
        """Show another revision without changing anything; None to show none."""
        self._preview, self._viewing = None, revision
        self._redraw()

    def suggest(self, points: Points | None) -> None:
        """Show faintly where a model sees points (N, 2), NaN where it is not asked; None to end."""
        self._suggested = points
        self._redraw()

    def synchronise(self) -> None:
        """Show what other windows have saved, and write again what could not be written."""
        self._unsaved.retry()
        if self._saver is None or self.dragging:
            return
        try:
            saved, newer = self._saver.retry(), self._saver.newer_revision()
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return
        if saved is not None:
            self._report(saved)
        if newer is not None:
            self._adopt(newer)

    def keep_mine(self) -> Revision | None:
        """End a conflict: the own face counts, the other revision stays in the history."""
        if self._saver is None:
            return None
        saved = self._saver.keep_mine()
        return self._settled(saved)

    def take_theirs(self) -> None:
        """End a conflict: the other's face counts, the own stays in the history."""
        theirs = None if self._saver is None else self._saver.take_theirs()
        if theirs is not None:
            self.conflict.emit(None)
            self._adopt(theirs)

    # Inside

    def _load(self, item: Item | None) -> None:
        self._leave()
        project = self._session.project
        if item is not None and project is not None:
            try:
                self._open(project, item)
                self._read = self.history()  # once for all who look at it now: it may be long
            except FaceloopError as error:
                self._read = []
                self._session.tell(str(error), "error")
        if self._saver is not None:
            self._saver.changed.connect(self._kept)
        self.loaded.emit(self._state)
        self._read = None
        self.conflict.emit(self.theirs)
        self.save_status_changed.emit(self.save_status)
        self._redraw()

    def _leave(self) -> None:
        saver = self._saver
        if saver is not None:
            saver.changed.disconnect(self._kept)
            self._unsaved.add(saver)
        self._saver = self._state = self._preview = self._viewing = self._suggested = None
        self.select(())

    def _forget(self, _project: Project | None) -> None:
        self._unsaved.clear()

    def _open(self, project: Project, item: Item) -> None:
        work = self._session.blind
        if work is not None and item.id in work.round.items:
            blind = BlindSaver(project, item, work)
            self._saver, self._state = blind, blind.state
            return
        waiting = self._unsaved.pop(item.id)
        if waiting is not None:
            self._saver, self._state = waiting, waiting.waiting
            return
        head, entry = project.annotation(item.id), self._session.entry
        if head is not None:
            self._state = FaceState.saved(head)
        elif entry is not None and entry.item_id == item.id and entry.fit is not None:
            self._state = self._of_entry(entry, item)
        else:
            self._state = FaceState.empty(len(project.scheme))
        self._saver = FaceSaver(project, item, head)

    def _of_entry(self, entry: QueueEntry, item: Item | None) -> FaceState:
        """Face of the fit in the queue, without what fits of this person are always wrong by."""
        assert entry.fit is not None  # noqa: S101 - the callers look
        fit, person = entry.fit, self.help.person
        if person is not None and fit.source == f"{FIT}{person.name}":
            fit = replace(fit, points=self.help.for_person(fit.points, item, person.model)[0])
        return FaceState.of(fit)

    def _editable(self) -> FaceState | None:
        """State to change; None if there is none, or something has to be decided first."""
        if self.theirs is not None:
            self._session.tell("Somebody else saved this face: keep yours or take theirs.", "error")
            return None
        if self._viewing is not None:
            self._viewing = None
            self._redraw()
        return self._state

    def _show(self, state: FaceState, what: str) -> None:
        self._preview = (state, what)
        self.shown.emit(state)

    def _redraw(self) -> None:
        self.shown.emit(self.drawn)

    def _commit(self, after: FaceState, what: str, *, undoable: bool = True) -> Revision | None:
        """Save a change; ``what`` names it in the history and for undo."""
        before, after, self._preview = self._state, after.as_reopened(), None
        if self._saver is None or before is None:
            return None
        self._state, same = after, after.is_same_as(before)
        if same and self._saver.waiting is None:
            self._redraw()
            return self._saver.status.revision
        saved = self._saver.save(after, what)
        if undoable and not same:
            self.edited.emit(before, after, what)
        self._redraw()
        return self._settled(saved)

    def _settled(self, saved: Revision | None) -> Revision | None:
        self.conflict.emit(self.theirs)
        if saved is not None:
            self._report(saved)
        return saved

    def _report(self, saved: Revision) -> None:
        if saved.id != NO_REVISION:
            self._session.saved.emit(saved)

    def _adopt(self, revision: Revision) -> None:
        """Show what somebody else has saved; undo brings the own face back."""
        before = self._state
        self._state = FaceState.saved(revision)
        self._viewing = None
        if before is not None and not before.is_same_as(self._state):
            self.edited.emit(before, self._state, f"Saved by {revision.author} elsewhere")
        self._session.tell(f"{revision.author} has saved this face elsewhere; it is shown.")
        self._redraw()

    def _kept(self, kept: SaveStatus) -> None:
        self.save_status_changed.emit(kept)

    def _help(self, state: FaceState, *, alone: bool) -> FaceState:
        if alone or not self.assisted:
            return state
        return self.help.improve(state, afresh=not self.dragging)

    def _seen(self, before: FaceState, after: FaceState) -> FaceState:
        """Have points that were confirmed outside the picture hidden, and say how many."""
        media = None if self.item is None else self._session.need_project().item_media(self.item)
        if media is None:
            return after
        marked = after.outside_hidden((media.width, media.height))
        newly = (marked.states == PointState.OCCLUDED) & (before.states != PointState.OCCLUDED)
        if not newly.any():
            return after
        self._session.tell(outside_text(int(newly.sum())))
        return marked

    def _names(self, indices: Sequence[int]) -> str:
        names = self._session.need_project().scheme.names
        if len(indices) == 1:
            return names[indices[0]]
        return f"{len(indices)} points"
