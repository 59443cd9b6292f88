"""Which face comes next: the list, the place in it, and what is done with a face. Without Qt."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from faceloop_datasets import FaceloopError, PointState
from faceloop_datasets.annotation import outside
from faceloop_workbench.services.history_text import REDO, UNDO
from faceloop_workbench.services.outcome_text import outside_text

from .claims import abandoned, person, window_name
from .face_texts import missing_text
from .listing import Counts, Listing
from .selection import MISSING, SHOWN, Selection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from faceloop_datasets import Item, ItemSummary, Project, QueueEntry, Revision
    from faceloop_workbench.annotate.editor import FaceEditor
    from faceloop_workbench.session import Session

SKIP_REASONS = ("no face", "too blurred", "face cut off", "duplicate")
"""Offered until a project has reasons of its own."""

_AHEAD = 2  # faces whose pictures are read before somebody asks


class Review:
    """The list of faces, the place in it, and the ways to go on.

    Parameters
    ----------
    session : Session
        Where the face in work is.
    editor : FaceEditor
        What confirms and saves it.

    Attributes
    ----------
    listed : Signal()
        The list holds other faces, or something in it has changed: read `rows` again.
    moved : Signal()
        Another place of the list, or a face outside it, is in work.
    """

    listed = Signal()
    moved = Signal()

    def __init__(self, session: Session, editor: FaceEditor) -> None:
        self._session, self._editor = session, editor
        self._author = window_name()
        self._selection = self._before_person = Selection()
        self._faces = Listing()
        self._missing: frozenset[int] = frozenset()
        self._stale = False
        self._place = 0  # of the face in work, or where it was before it left the list
        self._claimed: int | None = None
        self._back: int | None = None  # revision that `back` went to, until something else happens
        session.project_changed.connect(self._project_changed)
        session.items_changed.connect(self._outdate)
        session.queue_changed.connect(self._outdate)
        session.saved.connect(self._saved)
        session.labelled.connect(self._reread)
        session.face_changed.connect(self._reread)
        session.item_changed.connect(self._item_changed)

    # The list

    @property
    def selection(self) -> Selection:
        """What the list is asked to show."""
        return self._selection

    def select(self, **changes: Any) -> None:
        """Show other faces: parameters of `Selection`; the others stay as they are."""
        self._selection = replace(self._selection, **changes)
        self._select()
        self._list()

    def select_person(self, name: str | None) -> None:
        """Show all faces of a subject and nothing else, or with None what was shown before it."""
        if name is not None and self._selection.subject is None:
            self._before_person = self._selection
        elif name is None:
            self._selection = self._before_person
        self.select(**(asdict(Selection("all", subject=name)) if name is not None else {}))

    @property
    def rows(self) -> list[int]:
        """Items of the list, in its order."""
        self._refresh()
        return self._faces.rows

    def row(self, item_id: int) -> ItemSummary:
        """Return what is known about a face."""
        return self._faces.all[item_id]

    def knows(self, item_id: int) -> bool:
        """Whether there is such a face."""
        return item_id in self._faces.all

    def everybody(self) -> Iterable[ItemSummary]:
        """All faces of the project, whatever the list shows."""
        self._refresh()
        return self._faces.all.values()

    def of_person(self, name: str) -> list[int]:
        """Faces of a subject, in the order they came."""
        return [row.item_id for row in self.everybody() if row.subject == name]

    def is_mine(self, row: ItemSummary) -> bool:
        """Whether this window has the face of an entry in work."""
        return row.entry_id is not None and row.entry_id == self._claimed

    @property
    def faces(self) -> int:
        """Number of all faces in the project, but for those that were removed."""
        self._refresh()
        return len(self._faces.all) - self._faces.removed

    @property
    def removed(self) -> int:
        """Number of faces that were removed and can be brought back."""
        self._refresh()
        return self._faces.removed

    @property
    def place(self) -> int | None:
        """Place of the face in work in the list; None if it is not in it."""
        item = self._session.item
        rows = self.rows
        if item is None or self._place >= len(rows) or rows[self._place] != item.id:
            return None
        return self._place

    @property
    def missing_media(self) -> frozenset[int]:
        """Media whose file is not where it was."""
        return self._missing

    @missing_media.setter
    def missing_media(self, missing: Collection[int]) -> None:
        if self._missing != frozenset(missing):
            self._missing = frozenset(missing)
            if not missing and self._selection.media == MISSING:
                self._selection = replace(self._selection, media=None)
            self._select()
            self._list()

    @property
    def counts(self) -> Counts:
        """Entries of the review queue that are left, done and skipped, by reason."""
        self._refresh()
        return self._faces.counts

    @property
    def videos(self) -> dict[int, str]:
        """Videos that have faces: number and path."""
        self._refresh()
        return self._faces.videos

    @property
    def expressions(self) -> dict[str, int]:
        """How many faces express what, by label; the empty one for those that have none."""
        self._refresh()
        return {label: count for label, count in self._faces.expressions.items() if count}

    @property
    def skip_reasons(self) -> list[str]:
        """Reasons to skip that were given before, the most frequent first, or usual ones."""
        self._refresh()
        given = [note for note, count in self._faces.notes.most_common() if count]
        return given + [reason for reason in SKIP_REASONS if reason not in given]

    # Going on

    def next(self) -> bool:
        """Go to the next face of the list; returns whether there was one."""
        return self._go_to_free(range(self._after, len(self.rows)), "This is the end of the list.")

    def previous(self) -> bool:
        """Go to the previous face of the list; returns whether there was one."""
        start = min(self._place, len(self.rows)) - 1
        return self._go_to_free(range(start, -1, -1), "This is the beginning of the list.")

    def next_unlabelled(self) -> bool:
        """Go to the next face nobody has annotated: in the list, else in the whole project."""
        after = self._after
        ring = self.rows[after:] + self.rows[:after]
        for item_id in ring + list(self._faces.all):
            current = self._session.item is not None and item_id == self._session.item.id
            wanted = not self.row(item_id).labelled and not self.row(item_id).removed
            if not current and wanted and self._take_in_work(item_id):
                return True
        self._session.tell("Every face is labelled.")
        return False

    def next_doubtful(self) -> bool:
        """Go to the next face whose saved points are in doubt: in the list, else in the project."""
        after = self._after
        ring = self.rows[after:] + self.rows[:after]
        for item_id in dict.fromkeys([*ring, *self._faces.all]):
            current = self._session.item is not None and item_id == self._session.item.id
            if not current and is_doubtful(self.row(item_id)) and self._take_in_work(item_id):
                return True
        self._session.tell("No other face is in doubt.")
        return False

    def back(self) -> bool:
        """Go back to the face that was edited last; again, to the one edited before it."""
        self._refresh()
        here = None if self._session.item is None else self._session.item.id
        edited = {
            row.head: row.item_id
            for row in self._faces.all.values()
            if row.saved_by_person and row.head and row.item_id != here and not row.removed
        }
        earlier = [head for head in edited if self._back is None or head < self._back]
        if not earlier:
            self._session.tell("No other face was edited before this one.")
            return False
        head = max(earlier)  # revisions are numbered in the order they were saved
        self.go_to(edited[head])
        self._back = head
        return True

    def go_to(self, item_id: int) -> None:
        """Take a face in work, whoever else has it."""
        if item_id not in self._faces.all:  # of another window, and new
            self._reread(item_id)
        if not self._take_in_work(item_id):
            row = self.row(item_id)
            self._show(item_id)
            other = person(row.author or "somebody")
            self._session.tell(
                f"{row.name} is in work by {other} in another window too. What both save is kept; "
                "the later save is asked to look at the other first.",
                "warning",
            )

    def accept(self) -> bool:
        """Confirm all points of the face in work, close its entry and go on."""
        item = self._session.item
        if item is None:
            self._session.tell("No face is in work. Choose one in the list.", "warning")
            return False
        try:
            revision = self._editor.accept()
        except FaceloopError as error:
            self._session.tell(str(error), "error")
            return False
        if revision is None:
            return False
        self._close(item.id)
        said = _accepted(item.name, revision, self._project.scheme.names)
        said += self._outside(item, revision)
        self._go_on(said, "warning" if "missing" in said else "info")
        return True

    def _outside(self, item: Item, revision: Revision) -> str:
        """Say how many points are hidden since the picture does not reach there."""
        media = self._project.item_media(item)
        if media is None:
            return ""
        face = revision.annotation
        beyond = outside(face.points, (media.width, media.height))
        count = int((beyond & (face.states == PointState.OCCLUDED)).sum())
        return f" {outside_text(count)}" if count else ""

    def skip(self, reason: str) -> bool:
        """Put the face in work aside and go on."""
        item = self._session.item
        if item is None:
            self._session.tell("No face is in work. Choose one in the list.", "warning")
            return False
        entry_id = self.row(item.id).entry_id
        if entry_id is None:
            entry_id = self._project.queue.add(item.id, "manual").id
        self._project.queue.skip(entry_id, reason, person(self._author))
        self._claimed = None
        self._reread(item.id)
        self._go_on(f"{item.name} is skipped" + (f": {reason}." if reason else "."), "info")
        return True

    def add(self, item_id: int, note: str = "") -> None:
        """Put a face into the review queue by hand."""
        entry = self._project.queue.add(item_id, "manual", note=note)
        if self._session.item is not None and item_id == self._session.item.id:
            self._claim(entry.id)
        self._reread(item_id)
        self._session.tell(f"{self.row(item_id).name} is in the review queue.")

    def release_entry(self) -> None:
        """Leave the entry of the face in work to others."""
        number, self._claimed = self._claimed, None
        if number is None:
            return
        queue = self._project.queue
        try:
            entry = queue.release(number, self._author)
        except FaceloopError as error:
            # Others see it as in work and get it last; no reason to keep anybody from going on.
            self._session.tell(str(error), "warning")
        else:
            self._reread(entry.item_id)

    # How it works

    @property
    def _project(self) -> Project:
        return self._session.need_project()

    def _go_to_free(self, places: range, end: str) -> bool:
        rows = self.rows
        taken = []
        for item_id in [rows[place] for place in places]:
            if self.row(item_id).status != "claimed" and self._take_in_work(item_id):
                return True
            taken.append(item_id)
        if taken:
            # A window that was killed never gives its face back, so these come last, not never.
            self.go_to(taken[0])
            return True
        self._session.tell(self._end(end))
        return False

    def _end(self, end: str) -> str:
        if self._selection.show == "open" and not self.rows:
            return "Everything here is reviewed."
        return end

    def _go_on(self, said: str, level: str) -> None:
        """Go to the next face, or to the first if the rest of the list is done; then say it."""
        if self._after >= len(self.rows) and self._selection.show == "open":
            self._place = 0
        went = self.next() if self.rows else False
        end = "" if went else f" {self._end('This was the last of the list.')}"
        self._session.tell(said + end, level)

    @property
    def _after(self) -> int:
        """Place of the face that follows; of the first if none is in work."""
        return self._place + (self.place is not None)

    def _take_in_work(self, item_id: int) -> bool:
        """Take a face in work unless another window has it."""
        row = self.row(item_id)
        if row.entry_id is None or row.status not in SHOWN["open"] or row.removed:
            self._show(item_id)
            return True
        if row.entry_id == self._claimed:
            self._show(item_id)
            return True
        if not self._claim(row.entry_id):
            self._reread(item_id)
            return False
        self._reread(item_id)
        self._show(item_id)
        return True

    def _claim(self, entry_id: int) -> bool:
        """Claim an entry, and leave the one before to others; False if somebody else has it."""
        try:
            won = self._project.queue.claim(entry_id, self._author)
        except FaceloopError as error:
            # A project that cannot be written can still be looked at.
            self._session.tell(str(error), "warning")
            return True
        if won is not None:
            self.release_entry()
            self._claimed = entry_id
        return won is not None

    def _show(self, item_id: int) -> None:
        row = self.row(item_id)
        if self._claimed is not None and row.entry_id != self._claimed:
            self.release_entry()
        entry: QueueEntry | None = None
        if row.entry_id is not None and row.status != "done":
            entry = self._project.queue.get(row.entry_id)
        self._session.show(self._project.item(item_id), entry)
        self._session.prefetch(list(self._around()))

    def _around(self) -> Iterator[int]:
        for step in (*range(1, _AHEAD + 1), -1):
            place = self._place + step
            if 0 <= place < len(self._faces.rows):
                yield self._faces.rows[place]

    def _close(self, item_id: int) -> None:
        entry_id = self.row(item_id).entry_id
        if entry_id is not None:
            self._project.queue.done(entry_id, person(self._author))
        self._claimed = None
        self._reread(item_id)

    # Keeping up with what changes

    def _project_changed(self, project: Project | None) -> None:
        self._claimed, self._place, self._missing = None, 0, frozenset()
        self._selection = self._before_person = Selection()
        self._read()
        if project is not None:
            self._open_abandoned(project)
        self._arrange()
        if project is not None and not self._faces.rows:
            self._selection = Selection("all")
            self._select()
        self._list()

    def _open_abandoned(self, project: Project) -> None:
        try:
            for number, author in abandoned(self._faces.all.values()):
                project.queue.release(number, author)  # another window may be first
                self._stale = True
        except FaceloopError as error:
            self._session.tell(str(error), "warning")

    def _outdate(self) -> None:
        self._stale = True
        self.listed.emit()

    def _refresh(self) -> None:
        if self._stale:
            self._arrange()

    def _read(self) -> None:
        self._stale = False
        project = self._session.project
        found = [] if project is None else project.overview(with_removed=True)
        self._faces = Listing(found, self._selection, self._missing)

    def _select(self) -> None:
        self._faces.select(self._selection, self._missing)

    def _list(self) -> None:
        self._arrange()
        self.listed.emit()

    def _arrange(self) -> None:
        if self._stale:
            self._read()
        item = self._session.item
        place = None if item is None else self._faces.place(item.id)
        if place is not None:
            self._place = place
        self._place = min(self._place, len(self._faces.rows))

    def _reread(self, item_id: int) -> None:
        self._faces.put(self._project.summary(item_id))
        self._list()

    def _saved(self, revision: Revision) -> None:
        self._back = None
        row = self._faces.all.get(revision.item_id)
        if revision.action == f"{UNDO}Accept" and row is not None and row.status == "done":
            self._reopen(row)
        elif revision.action == f"{REDO}Accept" and row is not None and row.status in SHOWN["open"]:
            self._close(row.item_id)
        self._reread(revision.item_id)

    def _reopen(self, row: ItemSummary) -> None:
        """Let an entry wait again: its face is not accepted any more."""
        if row.entry_id is None:
            return
        try:
            self._project.queue.release(row.entry_id)
        except FaceloopError as error:
            self._session.tell(str(error), "warning")

    def _item_changed(self, item: object) -> None:
        self._back = None
        if item is None:
            self.release_entry()
        self._arrange()
        self.moved.emit()


def is_doubtful(row: ItemSummary) -> bool:
    """Whether a face waits since its saved points look wrong."""
    waits = row.status in ("open", "claimed")
    return waits and any(why.reason == "label-check" for why in row.reasons)


def _accepted(name: str, revision: Revision, names: tuple[str, ...]) -> str:
    states = revision.annotation.states.tolist()
    lacking = missing_text(states, names, PointState.MISSING)
    return f"{name} is accepted" + (f"; {lacking}." if lacking else ".")
