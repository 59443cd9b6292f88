"""Saving each change of a face at once; what cannot be written is tried again. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from psygnal import Signal

from faceloop_datasets import FaceloopError, RevisionConflict

if TYPE_CHECKING:
    from faceloop_datasets import Item, Project, Revision

    from .face_state import FaceState


@dataclass(frozen=True)
class SaveStatus:
    """Whether what is shown is on disk.

    Parameters
    ----------
    kind : str
        ``untouched`` (nothing to save), ``saved``, ``unsaved`` (writing failed) or ``conflict``
        (saved beside somebody else's revision, which counts).
    why : str
        For people: what failed.
    revision : Revision or None
        The revision that is shown, or was last saved.
    """

    kind: Literal["untouched", "saved", "unsaved", "conflict"]
    why: str = ""
    revision: Revision | None = None


class FaceSaver:
    """Saves the states of one face, each based on the last.

    Parameters
    ----------
    project : Project
        Where to.
    item : Item
        The face.
    head : Revision or None
        What the first state is made from.

    Attributes
    ----------
    changed : Signal(SaveStatus)
        Something was saved, or could not be.
    """

    changed = Signal(SaveStatus)
    blind = False
    """Whether it saves into a blind round, see `faceloop_workbench.annotate.blind`."""

    def __init__(self, project: Project, item: Item, head: Revision | None) -> None:
        self._project, self.item = project, item
        self.head = head
        self.theirs: Revision | None = None
        self.waiting: FaceState | None = None
        self._action = ""
        self.status = SaveStatus("untouched" if head is None else "saved", revision=head)

    def save(self, state: FaceState, action: str) -> Revision | None:
        """Save a state; None if that failed or met somebody else's revision.

        What could not be written is kept in `waiting`, and tried again by `retry`.

        Parameters
        ----------
        state : FaceState
            The face, with what assisted drags of it start from.
        action : str
            What was done, for people.
        """
        self._action = action
        try:
            saved = self._write(state)
        except RevisionConflict as conflict:
            self.waiting = state
            self.theirs = self._project.annotation(self.item.id)
            self._note(SaveStatus("conflict", str(conflict), self.theirs))
        except FaceloopError as error:
            self.waiting = state
            self._note(SaveStatus("unsaved", str(error), self.head))
        else:
            self.head, self.waiting = saved, None
            self._note(SaveStatus("saved", revision=saved))
            return saved
        return None

    def retry(self) -> Revision | None:
        """Try again to write what could not be written."""
        if self.waiting is None or self.theirs is not None:
            return None
        return self.save(self.waiting, self._action)

    def newer_revision(self) -> Revision | None:
        """Return the revision that somebody else has saved since; the next state is based on it."""
        if self.waiting is not None:
            return None
        number = self._project.item(self.item.id).head
        if number is None or (self.head is not None and number == self.head.id):
            return None
        self.head = self._project.annotation(self.item.id)
        self._note(SaveStatus("saved", revision=self.head))
        return self.head

    def keep_mine(self) -> Revision | None:
        """End a conflict: the own state is to count."""
        mine = self.waiting
        if mine is None or self.theirs is None:
            return None
        self.head, self.theirs = self.theirs, None
        return self.save(mine, self._action)

    def take_theirs(self) -> Revision | None:
        """End a conflict: the other's revision is to count."""
        theirs = self.theirs
        if theirs is not None:
            self.head, self.theirs, self.waiting = theirs, None, None
            self._note(SaveStatus("saved", revision=theirs))
        return theirs

    def _write(self, state: FaceState) -> Revision:
        return self._project.save(
            self.item.id,
            state.annotation(self._project.scheme.name),
            None if self.head is None else self.head.id,
            action=self._action,
            start=state.start,
        )

    def _note(self, status: SaveStatus) -> None:
        self.status = status
        self.changed.emit(status)


class UnsavedFaces:
    """Faces that were left before they could be written, or decided.

    Attributes
    ----------
    told : Signal(str, str)
        Something the person should know, and how bad it is.
    saved : Signal(Revision)
        One of them could be written.
    """

    told = Signal(str, str)
    saved = Signal(object)

    def __init__(self) -> None:
        self._savers: dict[int, FaceSaver] = {}

    def add(self, saver: FaceSaver) -> None:
        """Keep what could not be written of a face that is no longer in work."""
        if saver.waiting is None or self._written(saver):
            return
        # What waits for a round is not the face's own: it is never opened as that.
        self._savers[-saver.item.id if saver.blind else saver.item.id] = saver
        name = saver.item.name
        if saver.theirs is None:
            self.told.emit(f"{name} is not saved, trying again: {saver.status.why}", "error")
        else:
            self.told.emit(
                f"{name} is undecided: what {saver.theirs.author} saved counts, yours is in its "
                "history.",
                "warning",
            )

    def retry(self) -> None:
        """Try to write them."""
        self._savers = {k: v for k, v in self._savers.items() if not self._written(v)}

    def pop(self, item_id: int) -> FaceSaver | None:
        """Return and forget the saver of a face that is in work again; None if there is none."""
        return self._savers.pop(item_id, None)

    def __contains__(self, item_id: int) -> bool:
        """Whether a face is one of them."""
        return item_id in self._savers

    def clear(self) -> None:
        """Forget them: the project is closed."""
        self._savers.clear()

    def _written(self, saver: FaceSaver) -> bool:
        revision = saver.retry()
        if revision is not None:
            self.saved.emit(revision)
        return revision is not None
