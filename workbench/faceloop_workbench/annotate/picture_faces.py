"""The faces of the picture in work: which there are, and going from one to another. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from psygnal import Signal

from faceloop_datasets import FaceloopError, PointState
from faceloop_datasets.subjects import kind_of
from faceloop_datasets.wording import counted
from faceloop_workbench.services.finding_faces import shown_faces

from .blind import blind_reason
from .face_colours import face_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from faceloop_datasets import Annotation, Item, Removal, Revision
    from faceloop_runtime import Fit
    from faceloop_workbench.session import Session

    Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PictureFace:
    """A face of the picture in work.

    Parameters
    ----------
    item : Item
        The face.
    annotation : Annotation or None
        Its points; None if it has none.
    colour : (int, int, int)
        RGB that tells it from the others.
    """

    item: Item
    annotation: Annotation | None
    colour: tuple[int, int, int]

    @property
    def points(self) -> Points | None:
        """Where it is, shape (N, 2), in pixels; None if it has no points."""
        if self.annotation is None or not self.annotation.present.any():
            return None
        return self.annotation.points

    @property
    def person(self) -> str:
        """Whom it shows, if that is known; empty where the subject is but a file's name."""
        known = kind_of([self.item.subject_source]) == "person"
        return self.item.subject if known else ""

    @property
    def label(self) -> str:
        """Its number, and whom it shows."""
        return f"{self.item.id} {self.person}".strip()

    @property
    def to_go(self) -> str:
        """How many points nobody has confirmed, in words."""
        if self.annotation is None or not self.annotation.present.any():
            return "no points yet"
        left = int((self.annotation.states == PointState.ESTIMATED).sum())
        missing = int((self.annotation.states == PointState.MISSING).sum())
        said = f"{counted(left, 'point')} to go" if left else "confirmed"
        return f"{said}, {missing} missing" if missing else said


@dataclass(frozen=True, eq=False)
class Proposal:
    """A face that was found and that nobody has kept yet, and whether it is to be kept."""

    fit: Fit
    wanted: bool = True


class PictureFaces:
    """The faces of the picture in work, and faces that were found in it.

    Parameters
    ----------
    session : Session
        Project and face in work; another face is asked for there.

    Attributes
    ----------
    changed : Signal()
        There are others, or one of them is otherwise.
    named : Signal(str, callable, callable)
        A face was named: what was done, what takes it back, and what does it again.
    """

    changed = Signal()
    named = Signal(str, object, object)

    def __init__(self, session: Session) -> None:
        self._session = session
        self._all: tuple[PictureFace, ...] = ()
        self._proposals: tuple[Proposal, ...] = ()
        self._picture: tuple[int | None, int | None] | None = None
        self._with_removed = False
        session.item_changed.connect(self._item_changed)
        session.saved.connect(self._saved)
        session.face_changed.connect(lambda _item_id: self.read())
        session.items_changed.connect(self.read)
        session.queue_changed.connect(self.read)

    # What is there

    @property
    def hidden(self) -> str:
        """Why none is shown; empty if they are."""
        return blind_reason(self._session)

    @property
    def faces(self) -> list[PictureFace]:
        """Those to list, in the order they came; removed ones if they are to be shown."""
        here = self.in_work
        return [f for f in self._all if self._with_removed or not f.item.removed or f is here]

    @property
    def present(self) -> list[PictureFace]:
        """Those that were not removed."""
        return [face for face in self._all if not face.item.removed]

    @property
    def others(self) -> list[PictureFace]:
        """Those to draw besides the one in work."""
        here = self._session.item
        return [face for face in self.present if here is None or face.item.id != here.id]

    @property
    def in_work(self) -> PictureFace | None:
        """The face in work."""
        here = self._session.item
        return next((f for f in self._all if here is not None and f.item.id == here.id), None)

    @property
    def removed(self) -> int:
        """How many were removed from the picture."""
        return len(self._all) - len(self.present)

    @property
    def removal(self) -> Removal | None:
        """Who removed the face in work, and when; None if it is there."""
        here, project = self.in_work, self._session.project
        if here is None or project is None or not here.item.removed:
            return None
        return next(iter(project.removals(here.item.id)[::-1]), None)

    @property
    def reader(self) -> str:
        """Who looks at them: see `Project.author`."""
        return self._session.need_project().author

    @property
    def known_points(self) -> list[Points]:
        """Where faces are known in the picture, removed ones too, but for the one in work."""
        here = self.in_work
        return [f.points for f in self._all if f.points is not None and f is not here]

    @property
    def with_removed(self) -> bool:
        """Whether removed faces are listed too."""
        return self._with_removed

    @with_removed.setter
    def with_removed(self, wanted: bool) -> None:
        self._with_removed = wanted
        self.changed.emit()

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """Faces that were found and that nobody has kept or dropped yet."""
        return self._proposals

    def propose(self, fits: Sequence[Fit]) -> None:
        """Show faces that were found, all to be kept; none to drop those there are."""
        self._proposals = tuple(Proposal(fit) for fit in fits)
        self.changed.emit()

    def want(self, number: int, *, wanted: bool) -> None:
        """Say whether a found face is to be kept."""
        changed = list(self._proposals)
        if changed[number].wanted != wanted:
            changed[number] = Proposal(changed[number].fit, wanted)
            self._proposals = tuple(changed)
            self.changed.emit()

    # Going from one to another

    def go_to(self, item_id: int) -> None:
        """Take a face of the picture in work."""
        here = self._session.item
        if here is None or here.id != item_id:
            self._session.face_wanted.emit(item_id)

    def step(self, by: int) -> None:
        """Take the next (+1) or the previous (-1) face of the picture in work."""
        numbers = [face.item.id for face in self.present]
        if not numbers:
            return
        here = self._session.item
        known = here is not None and here.id in numbers
        at = numbers.index(here.id) if here is not None and known else -1 if by > 0 else 0
        self.go_to(numbers[(at + by) % len(numbers)])

    def click(self, xy: Points) -> None:
        """Go to the face that a place of the picture is on; found ones are kept, or not."""
        here = self.in_work
        there: list[tuple[Points, PictureFace | int]] = [
            (face.points, face) for face in self.present if face.points is not None
        ]
        there += [(one.fit.points, number) for number, one in enumerate(self._proposals)]
        hit = [(points, what) for points, what in there if _is_inside(points, xy)]
        if not hit:
            return
        _, what = min(hit, key=lambda one: _distance(one[0], xy))
        if isinstance(what, int):
            self.want(what, wanted=not self._proposals[what].wanted)
        elif what is not here:
            self.go_to(what.item.id)

    def name(self, item_id: int, subject: str) -> None:
        """Say whom a face shows; `named` tells how to take that back."""
        subject = subject.strip()
        face = next((f for f in self._all if f.item.id == item_id), None)
        if face is None or not subject or subject == face.person:
            return
        project, what = self._session.need_project(), f"Name face {item_id} {subject}"

        def say() -> bool:
            return self._name(item_id, lambda: project.set_subject([item_id], subject))

        if not say():
            self.changed.emit()  # what was typed is not there
            return
        change = project.last_subject_change()

        def take_back() -> None:
            if self._name(item_id, lambda: project.undo_subjects(change)):
                self._session.tell(f"Took back: {what}.")

        def again() -> None:
            if say():
                self._session.tell(f"Done again: {what}.")

        self.named.emit(what, take_back, again)

    def _name(self, item_id: int, change: Callable[[], object]) -> bool:
        """Change whom a face shows; returns whether that is on disk."""
        try:
            change()
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return False
        self._session.face_changed.emit(item_id)
        return True

    # Keeping up

    def read(self) -> None:
        """Read the faces of the picture again; `changed` tells if any is otherwise."""
        before = [self._seen_of(face) for face in self._all]
        self._all = self._read()
        if [self._seen_of(face) for face in self._all] != before:
            self.changed.emit()

    def _seen_of(self, face: PictureFace) -> tuple[object, ...]:
        """Return what the list and the picture show of a face; the one in work is drawn apart."""
        here = self._session.item
        in_work = here is not None and face.item.id == here.id
        item = replace(face.item, head=None) if in_work else face.item
        return item, face.to_go, face.points is None

    def _read(self) -> tuple[PictureFace, ...]:
        item, project = self._session.item, self._session.project
        if item is None or project is None or self.hidden:
            return ()
        try:
            if item.media_id is None:
                head = project.annotation(item.id)
                return (_alone(project.item(item.id), head),)
            found = shown_faces(project, item.media_id, item.frame)
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return ()
        return tuple(
            PictureFace(face.item, face.annotation, face_colour(place))
            for place, face in enumerate(found)
        )

    def _item_changed(self, item: Item | None) -> None:
        picture = None if item is None else (item.media_id, item.frame)
        if picture != self._picture:
            self._picture, self._proposals = picture, ()
        self._all = self._read()
        self.changed.emit()

    def _saved(self, revision: Revision) -> None:
        before = self._all
        self._all = tuple(_with_head(face, revision) for face in before)
        if [self._seen_of(face) for face in self._all] != [self._seen_of(f) for f in before]:
            self.changed.emit()


def _alone(item: Item, head: Revision | None) -> PictureFace:
    return PictureFace(item, None if head is None else head.annotation, face_colour(0))


def _with_head(face: PictureFace, revision: Revision) -> PictureFace:
    """Give a face the revision that counts now, if that is one of it."""
    if face.item.id != revision.item_id:
        return face
    item = replace(face.item, head=revision.id)
    return replace(face, item=item, annotation=revision.annotation)


def _distance(points: Points, xy: Points) -> float:
    """How far a place is from the middle of a face, in what it takes up."""
    size = np.nanmax(points, axis=0) - np.nanmin(points, axis=0)
    return float(np.linalg.norm(xy - np.nanmean(points, axis=0)) / max(float(size.max()), 1.0))


def _is_inside(points: Points, xy: Points) -> bool:
    """Whether a place lies in the hull of points (N, 2), NaN where missing."""
    known = points[~np.isnan(points).any(axis=1)].astype(np.float32)
    if len(known) < 3:
        return False
    hull = cv2.convexHull(known)
    return cv2.pointPolygonTest(hull, (float(xy[0]), float(xy[1])), measureDist=False) >= 0
