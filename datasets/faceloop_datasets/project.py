"""A project: one folder with everything a face model is made from."""

from __future__ import annotations

import getpass
import itertools
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import sample
from .care.backup import FOLDER as BACKUPS
from .care.backup import back_up_before_update
from .care.erasure import finish_erasure
from .errors import ProjectError, RevisionConflict, SchemeError, TrackConflict
from .expressions import check_expression
from .face import Face
from .faults import in_words
from .files import PROJECT, as_file_name
from .formats import FaceRecord, ImageRef, count_faces, read_faces, source_scheme
from .importing import from_project
from .importing.expression_table import TableLabels, read_expression_table
from .importing.fitting import left_out, not_there, points_do_not_fit, taken_by_number
from .importing.from_project import paired_faces, project_entries
from .importing.job import ImportTarget
from .importing.run import Import
from .importing.subject_plan import SubjectPlan, plan_subjects
from .importing.subject_rules import parse_rule
from .media.display import PictureDisplay
from .media.files import Media, MediaFile, check_shown, copy_in, find_lost, is_missing
from .media.video import Video
from .outputs import database_files
from .progress import Monitor
from .queue import ReviewQueue
from .rounds import BlindRounds
from .schemes.conversion import Conversion, conversions_beside
from .schemes.learning import learn_conversion
from .schemes.named import conversion_by_names, conversion_by_numbers, scheme_of_names
from .schemes.scheme import Scheme, need_points
from .staging import remove_leftovers
from .store import (
    approvals,
    bulk,
    chosen_sides,
    confirming,
    expressions,
    guard,
    imported,
    items,
    models,
    removals,
    roles,
    settings,
    subject_changes,
    subjects,
)
from .store import media as media_store
from .store import queue as queue_store
from .store.address import FOLDER, ProjectAddress
from .store.approvals import Approval
from .store.changes import HeadChange, changes
from .store.database import Database, write_anything
from .store.expressions import Expression, ExpressionChange
from .store.items import Item, Revision
from .store.overview import ItemSummary, summaries
from .store.removals import Removal
from .store.subjects import Subject
from .subjects import check_subject, named_by_person
from .tracks.folder import TRACKS, TrackFolder, fault_of_points
from .tracks.history import TrackHistory
from .tracks.track import Track
from .wording import counted, enumerated

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    import pandas as pd
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from .annotation import Annotation
    from .formats import Entry
    from .importing.report import ImportReport
    from .progress import ProgressLike
    from .store.bulk import Batch, NewRevision
    from .store.chosen_sides import Side
    from .store.models import ModelRecord
    from .store.roles import Role
    from .store.subject_changes import SubjectChange
    from .track_formats import ImportedTrack

_SCHEME = "scheme"
_CONVERSION = "conversion from "


class Project:
    """Media, items, annotations, models and the review queue of one effort.

    Make one with `create` or `open`; it is a context manager. A method that saves has the data
    on disk when it returns; a process killed at any moment leaves a project that opens and holds
    all that was saved.

    Attributes
    ----------
    path : Path
        The project's folder: of one on a server, that of its models, tracks and media.
    scheme : Scheme
        The landmark scheme of all its annotations; the project keeps its own copy.
    queue : ReviewQueue
        What a person should look at next.
    rounds : BlindRounds
        The same faces annotated by several people, blind.
    """

    def __init__(
        self, database: Database, address: ProjectAddress, path: Path, scheme: Scheme
    ) -> None:
        self._database = database
        self._address = address
        self.path = path
        self.scheme = scheme
        self.queue = ReviewQueue(database, scheme.name, len(scheme))
        self.rounds = BlindRounds(database, scheme.name, len(scheme))

    @classmethod
    def create(
        cls,
        path_or_url: str | Path,
        scheme: str | Path | Scheme = "face70",
        *,
        folder: str | Path | None = None,
        sample: bool = False,
    ) -> Self:
        """Make a new project in a folder, which may exist but may not be a project.

        Parameters
        ----------
        path_or_url : str or Path
            The folder, or the address of an empty database on a PostgreSQL server.
        scheme : str, Path or Scheme
            Name of a bundled scheme, the TOML file of one's own, or a scheme. Conversions that lie
            beside the file (``SOURCE-to-NAME.toml``) are kept for imports.
        folder : str or Path, optional
            With an address: the folder for media and models, which the project remembers.
        sample : bool
            Import the bundled sample faces.

        Raises
        ------
        ProjectError
            If the folder is a project already or cannot be written.
        SchemeError
            If there is no such scheme.
        """
        chosen = scheme if isinstance(scheme, Scheme) else Scheme.load(scheme)
        beside = conversions_beside(scheme)
        address = ProjectAddress.of(path_or_url, folder)
        root, where = address.need_folder(), address.where
        try:
            for needed in (root, root / "models", root / "media"):
                needed.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectError(
                f"The project folder {root} cannot be made ({in_words(error)}). Choose "
                "another folder."
            ) from error
        database = Database(address.url, where)
        try:
            with database.write() as connection:
                # Looked at inside the transaction: a kill before its end leaves an empty file,
                # which is no project yet.
                if database.exists(connection):
                    raise ProjectError(
                        f"{where} is a project already. Open it, or choose another folder."
                    )
                database.create(connection)
                settings.put(connection, _SCHEME, chosen.to_toml())
                if address.on_server:
                    settings.put(connection, FOLDER, str(root))
            project = cls(database, address, root, chosen)
            for conversion in beside:
                project.keep_conversion(conversion)
            if sample:
                project.import_sample()
        except BaseException:
            database.close()
            raise
        return project

    @classmethod
    def open(cls, path_or_url: str | Path, *, folder: str | Path | None = None) -> Self:
        """Open a project.

        Parameters
        ----------
        path_or_url : str or Path
            The project's folder, or the address of its database on a PostgreSQL server:
            ``postgresql://NAME@HOST/DATABASE``. Where the server is another computer, the
            connection is encrypted and the server proves who it is, unless ``sslmode`` says
            otherwise. A password is best left to ``~/.pgpass`` or ``PGPASSWORD``.
        folder : str or Path, optional
            With an address: the folder for media and models, where this computer has it under
            another path than the project remembers.

        Raises
        ------
        ProjectError
            If there is no project, it is damaged, or a newer faceloop made it.
        """
        address = ProjectAddress.of(path_or_url, folder)
        where = address.where
        if not address.on_server and not Path(where).is_file():
            raise ProjectError(_no_project(address.text))
        database = Database(address.url, where)
        try:
            with database.read() as connection:
                found = database.exists(connection)
            if not found:
                raise ProjectError(_no_project(where))
            database.migrate(before=lambda version: back_up_before_update(database.file, version))
            with database.read() as connection:
                guard.check_values(connection, where)
                text = settings.get(connection, _SCHEME)
                if text is None:
                    raise ProjectError(f"{where} does not say which landmark scheme it has.")
                scheme = Scheme.parse(text, where)
                guard.check_sizes(connection, where, len(scheme))
                root = address.find_folder(settings.get(connection, FOLDER))
            if database.file is not None:
                finish_erasure(database.file)
            for name in ("media", "models", TRACKS, BACKUPS):
                remove_leftovers(root / name)
            return cls(database, address, root, scheme)
        except BaseException:
            database.close()
            raise

    def replace_scheme(self, scheme: Scheme) -> None:
        """Correct the scheme: all but its name and the names of its points may change.

        Parameters
        ----------
        scheme : Scheme
            The scheme as it should be.

        Raises
        ------
        ProjectError
            If it has another name or other points, or nothing can be written.
        """
        if scheme.name != self.scheme.name or scheme.names != self.scheme.names:
            raise ProjectError(
                f"The scheme {scheme.name} has not the name and the points of the project's "
                f"scheme {self.scheme.name}, to which its annotations belong. Make a new project "
                "for other points."
            )
        with self._database.write() as connection:
            settings.put(connection, _SCHEME, scheme.to_toml())
        self.scheme = scheme

    @property
    def name(self) -> str:
        """Name of the project: that of its folder, or of its database on a server."""
        return self._address.name

    @property
    def address(self) -> str:
        """What opens it again, also in another process: its folder; or a server's address."""
        return self._address.text

    @property
    def cache(self) -> Path:
        """Folder of what can be made again; of a project on a server, this account's own."""
        return self._address.cache

    def require_role(self, role: Role) -> None:
        """Refuse who may not do something in a team's project, before work is done for it.

        Parameters
        ----------
        role : {"annotator", "reviewer", "owner"}
            The least that is needed; a project in a folder has no roles.

        Raises
        ------
        ProjectError
            If who opened the project has less.
        """
        with self._database.read() as connection:
            roles.require(connection, role, self._database.where)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Media

    def add_media(self, path: str | Path, *, copy: bool = False) -> Media:
        """Make an image or video known to the project.

        Parameters
        ----------
        path : str or Path
            The file. It stays where it is and is recognised by its content.
        copy : bool
            Copy it into the project's ``media`` folder.

        Raises
        ------
        InputError
            If it is neither an image nor a video that can be read, or a video that an older
            faceloop added and showed otherwise.
        ProjectError
            If the project cannot be written.
        """
        file = MediaFile.of(path)
        with self._database.read() as connection:
            known = media_store.find_content(connection, file.sha256)
        if known is not None:
            check_shown(known, file)
        if known is not None and not is_missing(known, self.path):
            return known
        if copy:
            file = copy_in(file, self.path / "media")
        with self._database.write() as connection:
            return media_store.add(connection, file, self.path)

    def media(self) -> list[Media]:
        """All media, in the order they came."""
        with self._database.read() as connection:
            return media_store.list_all(connection)

    def display(self, media_id: int) -> PictureDisplay:
        """How a person wants to see a picture, or the frames of a video.

        Parameters
        ----------
        media_id : int
            Number of the picture or video.

        Raises
        ------
        InputError
            If what the project says of it is damaged.
        """
        with self._database.read() as connection:
            return PictureDisplay.from_text(media_store.display(connection, media_id))

    def set_display(self, media_id: int, display: PictureDisplay) -> None:
        """Keep how a person wants to see a picture; nothing but the window's view asks for it.

        Parameters
        ----------
        media_id : int
            Number of the picture or video.
        display : PictureDisplay
            Brightness and the like.
        """
        with self._database.write() as connection:
            media_store.set_display(connection, media_id, display.text)

    def resolve(self, media: Media) -> Path:
        """Absolute path of a media file.

        Raises
        ------
        InputError
            If it is not where it was, or another file is there now.
        """
        return media.resolve(self.path)

    def relink(self, folder: str | Path) -> list[Media]:
        """Look for moved files, by content, in a folder and all below; returns those found."""
        with self._database.read() as connection:
            known = media_store.list_all(connection)
        lost = [m for m in known if is_missing(m, self.path)]
        found = find_lost(lost, Path(folder))
        with self._database.write() as connection:
            for number, path in found.items():
                media_store.move(connection, number, path, self.path)
            return [media_store.get(connection, number) for number in found]

    def files(self) -> Iterator[Path]:
        """Yield what nothing may be written over: see `faceloop_datasets.outputs`.

        Its database, models, tracks, backups, pictures and videos, wherever they are, and the
        annotation files that were imported; whether all of them are still there or not.
        """
        with self._database.read() as connection:
            records = models.list_models(connection, self._models)
            known = media_store.list_all(connection)
            sources = set(imported.sources(connection))
        if self._database.file is not None:
            yield from database_files(self._database.file)
        yield from (record.file for record in records)
        yield from self._tracks.files().values()
        yield from (self.path / BACKUPS).glob("*.zip")
        yield from (media.where(self.path) for media in known)
        for root, place in sources:
            yield from imported.source_files(root, place)

    # Items and annotations

    def add_item(
        self,
        media: Media | None,
        frame: int | None = None,
        *,
        name: str | None = None,
        subject: str | None = None,
    ) -> Item:
        """Add a face in an image or a video frame.

        Parameters
        ----------
        media : Media or None
            The picture; None for a shape without one.
        frame : int, optional
            Number of the frame; needed for a video.
        name, subject : str, optional
            By default the file's name with the frame's number, and with another number where a
            face of the picture has that name; and the subject of the faces that are in the file
            already, or the file's name, or as much of its path as no other has. Where a face of the
            picture has a person's name, the new one shows somebody else.

        Raises
        ------
        ProjectError
            If the frame is missing or out of range.
        """
        file = "shape" if media is None else media.name
        if media is not None and media.kind == "video":
            if frame is None or not 0 <= frame < media.frames:
                raise ProjectError(
                    f"Expected a frame 0..{media.frames - 1} of {media.name} but got {frame}."
                )
        elif frame is not None:
            raise ProjectError(f"{file} is no video; it has no frame {frame}.")
        default = file if frame is None else f"{file}#{frame}"
        with self._database.write() as connection:
            known = (
                named_by_person(subject)
                if subject
                else subjects.of_media(connection, media, name or default, frame)
            )
            if name is None and media is not None:
                there = items.of_media(connection, media.id, frame, with_removed=True)
                name = _told_apart(default, {item.name for item in there})
            return items.add_item(
                connection,
                media_id=None if media is None else media_store.get(connection, media.id).id,
                frame=frame,
                name=name or default,
                subject=known[0],
                subject_source=known[1],
            )

    def items(self, *, with_removed: bool = False) -> list[Item]:
        """All items, in the order they came; those that were removed only if asked for.

        Parameters
        ----------
        with_removed : bool
            Also those that were removed.
        """
        with self._database.read() as connection:
            return items.list_items(connection, with_removed=with_removed)

    def items_of(
        self, media_id: int, frame: int | None = None, *, with_removed: bool = False
    ) -> list[Item]:
        """Return the items in an image or video, or in one frame of it, in the order they came.

        Takes as long in a large project as in a small one.

        Parameters
        ----------
        media_id : int
            Number of the media; of one that is not there, nothing is returned.
        frame : int, optional
            Number of the frame of a video; all of them by default.
        with_removed : bool
            Whether those that were removed are asked for too.
        """
        with self._database.read() as connection:
            return items.of_media(connection, media_id, frame, with_removed=with_removed)

    def annotations_of(
        self, media_id: int, frame: int | None = None, *, with_removed: bool = False
    ) -> list[tuple[Item, Revision | None]]:
        """Return items as `items_of` does, each with the revision that counts; None if it has none.

        Two statements, however many faces the picture has.

        Parameters
        ----------
        media_id, frame, with_removed
            As in `items_of`.
        """
        with self._database.read() as connection:
            return items.heads_of_media(
                connection, media_id, frame, self.scheme.name, with_removed=with_removed
            )

    def item(self, item_id: int) -> Item:
        """Item by number.

        Parameters
        ----------
        item_id : int
            Number of the item.

        Raises
        ------
        ProjectError
            If there is none.
        """
        with self._database.read() as connection:
            return items.get_item(connection, item_id)

    def overview(self, *, with_removed: bool = False) -> list[ItemSummary]:
        """All items with their state and queue entry, in the order they came; quick.

        Parameters
        ----------
        with_removed : bool
            Also those that were removed.
        """
        with self._database.read() as connection:
            return summaries(connection, with_removed=with_removed)

    def summary(self, item_id: int) -> ItemSummary:
        """One item as in `overview`.

        Parameters
        ----------
        item_id : int
            Number of the item.

        Raises
        ------
        ProjectError
            If there is none.
        """
        with self._database.read() as connection:
            items.get_item(connection, item_id)
            return summaries(connection, item_id)[0]

    def remove(self, items: Iterable[int], author: str | None = None) -> int:
        """Take faces out: they leave queue, training, exports, counts and people held out.

        Nothing of them is lost: `bring_back` makes all of it as it was. What must not exist any
        more is erased, see `faceloop_datasets.care`.

        Parameters
        ----------
        items : iterable of int
            Numbers of the faces.
        author : str, optional
            By default the user of this computer.

        Returns
        -------
        int
            How many of them were there before.

        Raises
        ------
        ProjectError
            If there is no such item; nothing was changed.
        """
        return self._set_removed(items, author, removed=True)

    def bring_back(self, items: Iterable[int], author: str | None = None) -> int:
        """Bring faces back that `remove` took out; as there, and returns how many were out.

        Parameters
        ----------
        items : iterable of int
            Numbers of the items.
        author : str, optional
            Who does it; the account's name by default.
        """
        return self._set_removed(items, author, removed=False)

    def removals(self, item_id: int) -> list[Removal]:
        """Each time a face was removed or brought back, oldest first.

        Parameters
        ----------
        item_id : int
            Number of the item.
        """
        with self._database.read() as connection:
            return removals.history(connection, item_id)

    def _set_removed(self, numbers: Iterable[int], author: str | None, *, removed: bool) -> int:
        with self._database.write() as connection:
            changed = removals.set_removed(
                connection, list(numbers), author or default_author(), removed=removed
            )
        return len(changed)

    def item_media(self, item: Item) -> Media | None:
        """Media of an item; None if it has no picture."""
        if item.media_id is None:
            return None
        with self._database.read() as connection:
            return media_store.get(connection, item.media_id)

    def save(
        self,
        item_id: int,
        annotation: Annotation,
        based_on: int | None,
        author: str | None = None,
        *,
        action: str = "",
        start: NDArray[np.float64] | None = None,
    ) -> Revision:
        """Save an annotation as a new revision; on disk when this returns.

        Parameters
        ----------
        item_id : int
            The item.
        annotation : Annotation
            What to save, in the project's scheme.
        based_on : int or None
            The revision it was made from; None if the item had none.
        author : str, optional
            By default the user of this computer.
        action : str
            What was done, for people: "Move chin".
        start : ndarray, shape (N, 2), optional
            What assisted drags of this revision start from, in pixels. NaN where nothing was
            known, and where a person has put an OCCLUDED point; others that are OCCLUDED follow
            the model.

        Raises
        ------
        RevisionConflict
            If somebody else saved meanwhile. Both revisions are kept, theirs counts; to make
            this one count, save it again based on theirs.
        ProjectError
            If there is no such item, the scheme is another, or nothing can be written. The very
            same may be saved once more: if only the answer was lost, there is no second revision.
        """
        self._check(annotation)
        self._check_start(start)
        with self._database.write() as connection:
            self._check_base(connection, item_id, based_on)
            number, is_head = items.append(
                connection,
                item_id,
                annotation,
                based_on,
                author or default_author(),
                action=action,
                start=start,
            )
            head = items.get_item(connection, item_id).head
            saved = items.get_revision(connection, number, self.scheme.name, head)
        if not is_head:
            raise RevisionConflict(
                f"Item {item_id} was saved by somebody else: its revision is now {head}, this save "
                f"was based on {based_on}. Both are kept, this one as revision {number}. Look at "
                f"revision {head}, then save again based on it."
            )
        return saved

    def annotation(self, item_id: int) -> Revision | None:
        """Return the revision of an item that counts; None if nothing was saved yet.

        Parameters
        ----------
        item_id : int
            Number of the item.
        """
        with self._database.read() as connection:
            item = items.get_item(connection, item_id)
            if item.head is None:
                return None
            return items.get_revision(connection, item.head, self.scheme.name, item.head)

    def history(self, item_id: int) -> list[Revision]:
        """All revisions of an item, oldest first.

        Parameters
        ----------
        item_id : int
            Number of the item.
        """
        with self._database.read() as connection:
            item = items.get_item(connection, item_id)
            return items.history(connection, item, self.scheme.name)

    def faces(self, *, with_removed: bool = False) -> list[Face]:
        """Annotated faces that can train something, in the order the items came.

        A face without a picture is among them (it trains the shape); one whose points are all
        missing, or all guesses of a fit, is not. Nor is one that was removed, unless asked for.

        Parameters
        ----------
        with_removed : bool
            Also those that were removed.
        """
        with self._database.read() as connection:
            media = {m.id: m for m in media_store.list_all(connection)}
            heads = items.heads(connection, self.scheme.name, with_removed=with_removed)
            labels = expressions.labels(connection)
            sides = chosen_sides.read(connection)
        return self._that_train(heads, media, labels, sides)

    def faces_as_of(self, revision_id: int, now: Sequence[Face]) -> list[Face]:
        """Return what `faces` returned when a revision had just been saved.

        What was erased or removed since is not among them; subjects and expressions are those of
        today.

        Parameters
        ----------
        revision_id : int
            The revision.
        now : sequence of Face
            What `faces` returns today; those that have not changed are taken from there.
        """
        with self._database.read() as connection:
            counted = {
                c.item_id: c.revision_id
                for c in changes(connection)
                if c.revision_id <= revision_id
            }
            same = [face for face in now if counted.get(face.item_id) == face.revision_id]
            others = set(counted) - {face.item_id for face in same}
            numbers = sorted(counted[item_id] for item_id in others)
            media = {m.id: m for m in media_store.list_all(connection)} if numbers else {}
            heads = items.heads_among(connection, numbers, self.scheme.name)
            labels = expressions.labels(connection, sorted(others))
            sides = chosen_sides.read(connection)
        then = [*same, *self._that_train(heads, media, labels, sides)]
        return sorted(then, key=lambda face: face.item_id)

    def _that_train(
        self,
        heads: Iterable[tuple[Item, Revision]],
        media: Mapping[int, Media],
        labels: Mapping[int, str],
        sides: Mapping[int, str],
    ) -> list[Face]:
        return [
            self._face(item, revision, media, labels.get(item.id, ""), sides.get(item.id, ""))
            for item, revision in heads
            if revision.annotation.trains_shape.any()
        ]

    # All faces at once

    def estimates(self) -> NDArray[np.int64]:
        """Count the faces in which each point is only estimated, by a conversion, shape (N,).

        What a fit estimated is not counted: that is confirmed face by face.
        """
        with self._database.read() as connection:
            return confirming.estimates(connection, len(self.scheme))

    def confirm_points(
        self,
        points: Sequence[int],
        *,
        author: str | None = None,
        progress: ProgressLike = None,
    ) -> Batch:
        """Declare points right where they are, in all faces in which a conversion estimated them.

        They are visible then, or occluded where they lie outside the picture.
        One transaction: all or nothing, one new revision a face. What counts afterwards is a
        person's, so that importing the same file again changes nothing.

        Parameters
        ----------
        points : sequence of int
            Numbers of the landmarks.
        author : str, optional
            By default the user of this computer.
        progress : Monitor or callable, optional
            Told each step; a monitor may stop the work between steps.

        Returns
        -------
        Batch
            Which revisions, of how many faces; `undo_batch` takes it back.

        Raises
        ------
        ProjectError
            If there is no such landmark, or nothing can be written.
        Cancelled
            If the monitor stopped it; nothing was confirmed.
        """
        need_points(points, len(self.scheme), self.scheme.name)
        with self._database.write() as connection:
            return confirming.confirm(
                connection,
                self.scheme,
                points,
                author=author or default_author(),
                monitor=Monitor.of(progress),
            )

    def save_all(
        self,
        changes: Sequence[NewRevision],
        *,
        kind: str,
        action: str,
        author: str | None = None,
        progress: ProgressLike = None,
    ) -> Batch:
        """Save one new revision for each of many faces: all, or nothing if it fails.

        Faces that were changed since the revision that theirs is based on are left as they are.

        Parameters
        ----------
        changes : sequence of NewRevision
            At most one a face, in the project's scheme.
        kind, action : str
            What can be taken back by itself (`last_batch`), and what was done, for people.
        author : str, optional
            By default the user of this computer.
        progress : Monitor or callable, optional
            Told each step; a monitor may stop the work between steps.

        Returns
        -------
        Batch
            Which revisions, of how many faces; `undo_batch` takes it back.

        Raises
        ------
        ProjectError
            If the scheme is another, or nothing can be written.
        Cancelled
            If the monitor stopped it; nothing was saved.
        """
        for change in changes:
            self._check(change.annotation)
        with self._database.write() as connection:
            heads = {item.id: item.head for item in items.list_items(connection)}
            current = [c for c in changes if c.item_id in heads and heads[c.item_id] == c.based_on]
            return bulk.append_to_all(
                connection,
                current,
                kind=kind,
                action=action,
                author=author or default_author(),
                total=len(current),
                monitor=Monitor.of(progress),
            )

    def last_batch(self, kind: str = confirming.KIND) -> Batch | None:
        """Return what was last done to many faces at once; None if it was nothing, or taken back.

        Parameters
        ----------
        kind : str
            What was done; by default a confirmation.
        """
        with self._database.read() as connection:
            return bulk.last_batch(connection, kind)

    def undo_batch(
        self,
        batch: Batch,
        *,
        author: str | None = None,
        progress: ProgressLike = None,
    ) -> int:
        """Take back what was done to many faces at once; returns how many are as before.

        Faces that were changed since stay as they are. One transaction, one new revision a face.

        Parameters
        ----------
        batch : Batch
            From `last_batch`, or of the call that made it.
        author : str, optional
            By default the user of this computer.
        progress : Monitor or callable, optional
            Told each step; a monitor may stop the work between steps.

        Raises
        ------
        ProjectError
            If it was taken back already, or nothing can be written.
        Cancelled
            If the monitor stopped it; nothing was taken back.
        """
        with self._database.write() as connection:
            if bulk.last_batch(connection, batch.kind) != batch:
                raise ProjectError(
                    f"{batch.action} was taken back already, or another one came after it."
                )
            return bulk.undo_batch(
                connection,
                batch,
                self.scheme.name,
                author=author or default_author(),
                monitor=Monitor.of(progress),
            )

    def changes(self) -> list[HeadChange]:
        """Revisions that came to count, oldest first; conflicting ones are left out."""
        with self._database.read() as connection:
            return changes(connection)

    # Doubts that were settled

    def approve(
        self,
        item_id: int,
        points: Sequence[int] | None = None,
        author: str | None = None,
        *,
        revision_id: int | None = None,
    ) -> Approval:
        """Say that points of a face are right where they are, whatever finds them doubtful.

        It is remembered for ever: label check and review queue raise none of these points of this
        face again while it is within half a pixel of where it is now. What the queue says of them
        is settled; an entry that waits for nothing else is done.

        Parameters
        ----------
        item_id : int
            The face.
        points : sequence of int, optional
            Numbers of the landmarks; by default all that have a position.
        author : str, optional
            By default the user of this computer.
        revision_id : int, optional
            The revision that was looked at; by default the one that counts.

        Raises
        ------
        ProjectError
            If there is no such item, revision or landmark, or one of them has no position.
        """
        need_points(points or (), len(self.scheme), self.scheme.name)
        with self._database.write() as connection:
            seen = self._seen(connection, item_id, revision_id)
            chosen = self._present(seen, points)
            approvals.add(connection, item_id, seen.id, chosen, author or default_author())
            right = approvals.standing(connection, [item_id]).get(item_id, frozenset())
            whole = right >= set(np.flatnonzero(seen.annotation.present).tolist())
            queue_store.settle_points(connection, item_id, right, whole=whole, author=author)
            return approvals.history(connection, item_id)[-1]

    def withdraw_approval(
        self, item_id: int, points: Sequence[int] | None = None, author: str | None = None
    ) -> tuple[int, ...]:
        """Take back that points are right; returns those of which it had been said.

        The next label check may find them doubtful again. The review queue stays as it is.

        Parameters
        ----------
        item_id : int
            The face.
        points : sequence of int, optional
            Numbers of the landmarks; by default all.
        author : str, optional
            By default the user of this computer.

        Raises
        ------
        ProjectError
            If there is no such item or landmark, or nobody has said so of any of them.
        """
        need_points(points or (), len(self.scheme), self.scheme.name)
        with self._database.write() as connection:
            name = items.get_item(connection, item_id).name
            known = approvals.in_force(approvals.history(connection, item_id))
            gone = {k for one in known for k in one.points}
            gone &= gone if points is None else set(points)
            if not gone:
                raise ProjectError(
                    f"Nobody has said of these points of {name} that they are right."
                )
            by = author or default_author()
            approvals.add(connection, item_id, known[-1].revision_id, (), by)
            for one in known:
                if left := set(one.points) - gone:
                    approvals.add(connection, item_id, one.revision_id, sorted(left), one.author)
            return tuple(sorted(gone))

    def approvals(self, item_id: int) -> list[Approval]:
        """All that was said of a face's points in doubt, and taken back, oldest first.

        Parameters
        ----------
        item_id : int
            Number of the item.
        """
        with self._database.read() as connection:
            items.get_item(connection, item_id)
            return approvals.history(connection, item_id)

    def approved(self, item_ids: Iterable[int] | None = None) -> dict[int, frozenset[int]]:
        """Return the points that somebody said are right where they are now, by item.

        Parameters
        ----------
        item_ids : iterable of int, optional
            Numbers of the faces; by default all.
        """
        with self._database.read() as connection:
            return approvals.standing(connection, None if item_ids is None else list(item_ids))

    def _seen(self, connection: Connection, item_id: int, revision_id: int | None) -> Revision:
        """Return the revision of an item that a person looked at."""
        item = items.get_item(connection, item_id)
        number = item.head if revision_id is None else revision_id
        if number is None:
            raise ProjectError(f"{item.name} has no annotation yet that could be right.")
        self._check_base(connection, item_id, number)
        return items.get_revision(connection, number, self.scheme.name, item.head)

    def _present(self, revision: Revision, points: Sequence[int] | None) -> list[int]:
        present = revision.annotation.present
        if points is None:
            return [int(k) for k in np.flatnonzero(present)]
        absent = [k for k in points if not present[k]]
        if absent or not len(points):
            what = self.scheme.names[absent[0]] if absent else "no point"
            raise ProjectError(
                f"Expected points that have a position in revision {revision.id} but got {what}."
            )
        return [int(k) for k in points]

    # What is annotated, for other programs

    def records(self) -> Iterator[FaceRecord]:
        """Yield the annotated faces as the writers of formats take them."""
        for face in self.faces():
            yield FaceRecord(
                name=face.name,
                subject=face.subject,
                subject_source=face.subject_source,
                image=None if face.media is None else ImageRef(face.media),
                image_name=face.name if face.media is None else face.media.name,
                annotation=face.annotation,
                origin=f"item {face.item_id}",
                frame=face.frame,
                expression=face.expression,
            )

    def to_pandas(self) -> pd.DataFrame:
        """Return the annotated faces as a tidy table, a row a point.

        The columns are those of exported tables, `faceloop_datasets.formats.tidy.COLUMNS`: ``x``
        and ``y`` in pixels, NaN where missing.
        """
        from .formats.tidy import project_table  # noqa: PLC0415 - only who wants a table waits

        return project_table(self.records(), self.scheme)

    # Import

    def import_from(
        self,
        source_format: str,
        sources: Sequence[str | Path],
        *,
        images: str | Path | None = None,
        subjects: str | Path | None = None,
        progress: ProgressLike = None,
        dry_run: bool = False,
    ) -> ImportReport:
        """Import annotated faces; see `faceloop_datasets.formats` for the formats.

        One transaction: all or nothing. Repeating an import adds only what is new or has changed.
        Pictures in archives are unpacked to ``media/FORMAT``; those in folders stay there.

        Parameters
        ----------
        source_format : str
            Name of the format.
        sources : sequence of path
            Files, folders or archives.
        images : path, optional
            Folder with the pictures, where they do not lie beside the annotations.
        subjects : str or path, optional
            Whom the faces show: ``folder``, ``file``, a regular expression or a table (.csv), see
            `faceloop_datasets.importing.subject_rules`. By default the format's people, or else
            clips, bursts and single pictures. Given, it also changes faces that are here already,
            but never those whose subject a person has set.
        progress : Monitor or callable, optional
            Told each step; a monitor may stop the work between steps.
        dry_run : bool
            Only report what would be done.

        Raises
        ------
        InputError
            If the format is unknown, or a whole source or ``subjects`` cannot be used.
        PointsDoNotFit
            If the format's scheme cannot be converted to the project's; a SchemeError.
        Cancelled
            If the monitor stopped it; nothing was imported.
        ProjectError
            If the project cannot be written.
        """
        rule = None if subjects is None else parse_rule(subjects)
        scheme = source_scheme(source_format, sources)
        try:
            conversion = self.conversion_from_file(scheme)
        except SchemeError as error:
            raise points_do_not_fit(sources, scheme, self.scheme, self.path) from error
        entries = read_faces(source_format, sources, images=images)
        job = self._import(source_format, conversion, Monitor.of(progress))
        job.assigns_subjects, job.rule = True, rule
        job.images = None if images is None else Path(images)
        report = job.run(entries, count_faces(source_format, sources), dry_run=dry_run)
        return replace(
            report,
            points_left_out=left_out(conversion, scheme),
            points_not_there=not_there(conversion, self.scheme),
            points_by_number=taken_by_number(conversion, scheme, self.scheme),
        )

    def import_entries(
        self,
        source_format: str,
        entries: Iterable[Entry],
        *,
        scheme: str,
        copy: bool = False,
        progress: ProgressLike = None,
    ) -> ImportReport:
        """Import faces that a program made, like `import_from`.

        Parameters
        ----------
        source_format : str
            Name that tells these faces from those of other imports.
        entries : iterable of FaceRecord, Refusal or Skip
            The faces; their names are their identities, and their subjects are taken as they are.
        scheme : str
            Scheme of their annotations.
        copy : bool
            Copy their pictures to ``media/FORMAT``.
        progress : Monitor or callable, optional
            Told each step; a monitor may stop the work between steps.
        """
        conversion = self.conversion_from(scheme)
        job = self._import(source_format, conversion, Monitor.of(progress), copy=copy)
        return job.run(entries, None, dry_run=False)

    def import_project(
        self, other: Project, *, progress: ProgressLike = None, dry_run: bool = False
    ) -> ImportReport:
        """Import the annotated faces of another project, converted to the scheme of this one.

        Pictures stay where they are. Subjects are taken as they are; points that only a fit has
        placed are left out, and so are faces that are here already, annotated by somebody here.

        Parameters
        ----------
        other : Project
            Where the faces come from; it is only read.
        progress : Monitor or callable, optional
            Is told each step, and may stop it.
        dry_run : bool
            Only say what would come in.

        Raises
        ------
        SchemeError
            If there is no conversion; `learn_conversion` makes one.
        """
        brought = {item.id for item in self.items() if item.origin_root == str(other.path)}
        here = [face for face in self.faces() if face.item_id not in brought]
        entries = project_entries(other.faces(), other.path, here)
        conversion = self.conversion_from(other.scheme)
        job = self._import(from_project.FORMAT, conversion, Monitor.of(progress))
        return job.run(entries, None, dry_run=dry_run)

    # Conversions from other schemes

    def conversion_from(self, source: str | Scheme) -> Conversion:
        """Conversion to the project's scheme: the one that it keeps, or else that of faceloop.

        Parameters
        ----------
        source : str or Scheme
            The other scheme.

        Raises
        ------
        SchemeError
            If there is none, or the scheme has the name of the project's and other points.
        """
        name = source.name if isinstance(source, Scheme) else source
        return self._kept_conversion(name) or Conversion.load(source, self.scheme)

    def conversion_from_file(self, source: Scheme) -> Conversion:
        """Conversion from the points of a file: as `conversion_from`, else by number or name.

        Parameters
        ----------
        source : Scheme
            What `faceloop_datasets.formats.source_scheme` says of it.

        Raises
        ------
        SchemeError
            If there is none, and too few of the points are the project's by name.
        """
        kept = self._kept_conversion(source.name)
        own = not source.has_points_of(source.name)
        if kept is None and (own or source.names == self.scheme.names):
            mesh = Conversion.of_mesh(source, self.scheme)
            numbers = conversion_by_numbers(source, self.scheme)
            return mesh or numbers or conversion_by_names(source, self.scheme)
        return kept or Conversion.load(source, self.scheme)

    def _kept_conversion(self, name: str) -> Conversion | None:
        with self._database.read() as connection:
            kept = settings.get(connection, _CONVERSION + name)
        if kept is None or name == self.scheme.name:
            return None
        return Conversion.parse(kept, f"{self.name}: conversion from {name}")

    def keep_conversion(self, conversion: Conversion) -> None:
        """Keep a conversion to the project's scheme beside it: imports use it from now on.

        Raises
        ------
        SchemeError
            If it leads to another scheme.
        """
        size = len(conversion.weights)
        if (conversion.target, size) != (self.scheme.name, len(self.scheme)):
            raise SchemeError(
                f"The conversion leads to {conversion.target} with {size} points; expected one to "
                f"the scheme of {self.name}, {self.scheme.name} with {len(self.scheme)} points."
            )
        with self._database.write() as connection:
            settings.put(connection, _CONVERSION + conversion.source, conversion.to_toml())

    def learn_conversion(self, other: Project, *, progress: ProgressLike = None) -> Conversion:
        """Learn a conversion from another project's scheme, on the faces that both have.

        `keep_conversion` makes imports use it.

        Parameters
        ----------
        other : Project
            A project of the other scheme, with some of the same pictures.
        progress : Monitor or callable, optional
            Is told each step, and may stop it.

        Raises
        ------
        SchemeError
            If too few faces are annotated in both, or the other scheme has the name of this one
            and other points.
        Cancelled
            If the monitor stopped it.
        """
        monitor = Monitor.of(progress)
        monitor.step(0, None, "looking for faces that both have")
        faces = paired_faces(other.faces(), other.scheme, self.faces(), self.scheme)
        return learn_conversion(
            faces, lambda done, total: monitor.step(done, total, "learning the conversion")
        )

    def import_sample(self, *, progress: ProgressLike = None) -> ImportReport:
        """Import the bundled sample: 400 pictures of 100 people; hidden points are OCCLUDED.

        The pictures are copied: the installed package may vanish, the project stays.

        Parameters
        ----------
        progress : Monitor or callable, optional
            Is told each step, and may stop it.
        """
        return self.import_entries(
            sample.FORMAT, sample.sample_faces(), scheme=sample.SCHEME, copy=True, progress=progress
        )

    # Subjects

    def subjects(self) -> list[Subject]:
        """Whom the faces show, in the order the first face of each came."""
        with self._database.read() as connection:
            return subjects.list_subjects(connection)

    def set_subject(self, items: Iterable[int], name: str) -> int:
        """Say whom some faces show. Imports leave that as it is; revisions do not change.

        Parameters
        ----------
        items : iterable of int
            Numbers of the faces.
        name : str
            The subject, a new one or one that other faces have.

        Returns
        -------
        int
            How many of the faces showed somebody else before.

        Raises
        ------
        InputError
            If the name is empty, too long or no text.
        ProjectError
            If there is no such item.
        """
        known, numbers = named_by_person(check_subject(name)), set(items)
        action = f"{counted(len(numbers), 'face')} set to {known[0]!r}"
        with self._database.write() as connection:
            return subjects.set_subjects(connection, dict.fromkeys(numbers, known), action)

    def merge_subjects(self, names: Iterable[str], into: str) -> int:
        """Say that some subjects are one; as `set_subject` for all their faces.

        Parameters
        ----------
        names : iterable of str
            The subjects.
        into : str
            What they are called then: one of them, another one that there is, or a new name.

        Returns
        -------
        int
            How many faces had another subject before.

        Raises
        ------
        InputError
            If the name is empty, too long or no text.
        ProjectError
            If there is no such subject.
        """
        known, merged = named_by_person(check_subject(into)), list(names)
        action = f"{enumerated(list(map(repr, merged)))} merged into {known[0]!r}"
        with self._database.write() as connection:
            items = subjects.items_of(connection, merged)
            return subjects.set_subjects(connection, dict.fromkeys(items, known), action)

    def plan_subjects(self, rule: str, items: Iterable[int] | None = None) -> SubjectPlan:
        """Ask a rule whom faces show, without writing anything.

        Parameters
        ----------
        rule : str
            ``folder`` (each folder of pictures is a person), a pattern like ``{subject}_*.jpg``, a
            regular expression, or a table; see `faceloop_datasets.importing.subject_rules`.
        items : iterable of int, optional
            Numbers of the faces; all by default.

        Raises
        ------
        InputError
            If the rule is none.
        ProjectError
            If there is no such item.
        """
        known = {item.id: item for item in self.items()}
        chosen = known.keys() if items is None else list(items)
        lacking = next((k for k in chosen if k not in known), None)
        if lacking is not None:
            raise ProjectError(f"There is no item {lacking} in this project.")
        return plan_subjects([known[k] for k in chosen], self.media(), rule)

    def apply_subjects(self, plan: SubjectPlan) -> int:
        """Say that faces show whom a plan found; returns how many showed somebody else before.

        A face whose subject has changed since the plan was made stays as it is.

        Raises
        ------
        ProjectError
            If a face is there no more.
        """
        wanted = {face.item_id: (face.after, plan.source) for face in plan.found}
        seen = {face.item_id: face.before for face in plan.found}
        with self._database.write() as connection:
            now = subjects.of_items(connection, wanted)
            changed = {k for k, (name, _) in now.items() if name != seen[k]}
            wanted = {k: known for k, known in wanted.items() if k not in changed}
            action = f"{counted(len(wanted), 'face')} set by {plan.rule!r}"
            return subjects.set_subjects(connection, wanted, action)

    def chosen_sides(self) -> dict[int, Side]:
        """Sides of every split that people have chosen for faces, by the faces' numbers."""
        with self._database.read() as connection:
            return chosen_sides.read(connection)

    def choose_side(self, items: Iterable[int], side: Side | None) -> None:
        """Say that faces measure models and never train one, or the other way round.

        A split never cuts a subject: the side of one face is that of all faces of the person. A
        person with faces on both sides is held out.

        Parameters
        ----------
        items : iterable of int
            Numbers of the faces.
        side : {"held out", "training"} or None
            None leaves it to the subject's name again, as where nobody has chosen.

        Raises
        ------
        ProjectError
            If there is no such item; nothing was changed.
        """
        with self._database.write() as connection:
            chosen_sides.choose(connection, items, side)

    def last_subject_change(self) -> SubjectChange | None:
        """Return the last change of subjects by a person; None if it was taken back."""
        with self._database.read() as connection:
            return subject_changes.last(connection)

    def undo_subjects(self, change: SubjectChange | None = None) -> SubjectChange | None:
        """Take a change of subjects back, for faces that nobody has changed since.

        Parameters
        ----------
        change : SubjectChange, optional
            From `last_subject_change` when it was the last; by default the one that is it now.

        Returns
        -------
        SubjectChange or None
            What was taken back; None if there was nothing.
        """
        with self._database.write() as connection:
            return subjects.undo(connection, change)

    # Expressions

    def expressions(self) -> list[Expression]:
        """Vocabulary of the project: words in the order they were first given, with their faces."""
        with self._database.read() as connection:
            return expressions.vocabulary(connection)

    def expression(self, item_id: int) -> str:
        """Return what a face expresses; empty if nobody has said.

        Parameters
        ----------
        item_id : int
            Number of the item.
        """
        with self._database.read() as connection:
            return expressions.labels(connection, [item_id]).get(item_id, "")

    def expression_history(self, item_id: int) -> list[ExpressionChange]:
        """All that was said of a face's expression, oldest first.

        Parameters
        ----------
        item_id : int
            Number of the item.
        """
        with self._database.read() as connection:
            return expressions.history(connection, item_id)

    def set_expression(self, items: Iterable[int], label: str, author: str | None = None) -> int:
        """Say what some faces express. Imports leave that as it is; revisions do not change.

        Parameters
        ----------
        items : iterable of int
            Numbers of the faces.
        label : str
            A word of one's own, at most 40 characters; empty takes the label away.
        author : str, optional
            By default the user of this computer.

        Returns
        -------
        int
            How many of the faces had another label before.

        Raises
        ------
        InputError
            If the label is too long or no text of one line.
        ProjectError
            If there is no such item.
        """
        return self.set_expressions(dict.fromkeys(items, label), author)

    def set_expressions(self, labels: Mapping[int, str], author: str | None = None) -> int:
        """As `set_expression`, with a label for each face by its number; all or nothing.

        Parameters
        ----------
        labels : mapping of int to str
            Label by number of the item; an empty one takes it away.
        author : str, optional
            Who does it; the account's name by default.
        """
        wanted = {item: check_expression(label) for item, label in labels.items()}
        with self._database.write() as connection:
            return expressions.set_labels(connection, wanted, author or default_author())

    def import_expressions(self, file: str | Path, *, dry_run: bool = False) -> TableLabels:
        """Take labels from a table, see `faceloop_datasets.importing.expression_table`.

        As a person's: they take the place of labels that faces have, whoever gave them, and
        imports of annotations leave them as they are. Rows that are refused say nothing.

        Parameters
        ----------
        file : str or Path
            A table with a column ``expression``, as ``faceloop export csv`` writes it.
        dry_run : bool
            Only report what would be done.

        Returns
        -------
        TableLabels
            The labels by face, those before, and the rows that were refused.

        Raises
        ------
        InputError
            If the table cannot be read, or lacks a column.
        """
        said = read_expression_table(Path(file), self.overview())
        if not dry_run:
            self.set_expressions(said.labels)
        return said

    # Tracks

    def tracks(self) -> list[Media]:
        """Return the videos that have a track, in the order they came."""
        kept = self._tracks.files()
        return [media for media in self.media() if media.sha256 in kept]

    def track(self, media: Media) -> Track | None:
        """Return the track of a video; None if none is kept.

        Parameters
        ----------
        media : Media
            The video, of `media`.

        Raises
        ------
        InputError
            If its file is damaged.
        """
        history = self.track_history(media)
        return None if history is None else history.track

    def track_history(self, media: Media) -> TrackHistory | None:
        """Return the track of a video with what was done to it; None if none is kept.

        Parameters
        ----------
        media : Media
            The video, of `media`.

        Raises
        ------
        InputError
            If its file is damaged.
        """
        return self._tracks.read(media.sha256, self.scheme)

    def keep_track(self, track: Track | TrackHistory, said: str = "") -> TrackHistory:
        """Keep the track of a video with the project, in the place of the one there was.

        Parameters
        ----------
        track : Track or TrackHistory
            Of a video that the project knows. A history has to go on the one that is kept; a track
            alone goes on it, whatever it is by now.
        said : str
            What was done to it, for people, so that it can be undone; empty where it was only
            tracked further.

        Returns
        -------
        TrackHistory
            As it was kept.

        Raises
        ------
        ProjectError
            If the project does not know the video, or has other points.
        TrackConflict
            If somebody else wrote the track since this history was read; theirs is kept.
        InputError
            If the file cannot be written or could not be read again, or the one there was is
            damaged.
        """
        value = track.track if isinstance(track, TrackHistory) else track
        if value.sha256 not in {media.sha256 for media in self.media()}:
            raise ProjectError(
                f"The project {self.name} does not know the video of this track. Add it first."
            )
        given = track if isinstance(track, TrackHistory) else TrackHistory(track)
        if fault := fault_of_points(given, self.scheme):
            raise ProjectError(f"The project {self.name} cannot keep this track: {fault}.")
        with self._track_writing():
            if isinstance(track, TrackHistory):
                self.check_track(track)
                return self._tracks.write(track)
            before = self._tracks.read(track.sha256, self.scheme) or TrackHistory(track)
            return self._tracks.write(before.did(track, said) if said else before.went_on(track))

    def check_track(self, history: TrackHistory) -> None:
        """Check that nobody else wrote a track since it was read.

        Parameters
        ----------
        history : TrackHistory
            The track as it was read.

        Raises
        ------
        TrackConflict
            If somebody did.
        InputError
            If the file that is there is damaged.
        """
        if not self._tracks.is_current(history):
            names = [m.name for m in self.media() if m.sha256 == history.track.sha256]
            raise TrackConflict(
                f"The track of {enumerated(names) or 'this video'} was changed meanwhile, in "
                "another window or by a command. That change is kept; read the track again, then "
                "repeat yours."
            )

    def undo_track(self, media: Media) -> str | None:
        """Take back what was done last to the track of a video; returns it, None if nothing.

        Parameters
        ----------
        media : Media
            The video, of `media`.

        Raises
        ------
        InputError
            If its file is damaged or cannot be written.
        """
        with self._track_writing():
            history = self.track_history(media)
            if history is None or not history.done:
                return None
            self._tracks.write(history.undo())
        return history.done[-1].said

    def redo_track(self, media: Media) -> str | None:
        """Do again what was taken back last; returns it, None if nothing.

        Parameters
        ----------
        media : Media
            The video, of `media`.

        Raises
        ------
        InputError
            If its file is damaged or cannot be written.
        """
        with self._track_writing():
            history = self.track_history(media)
            if history is None or not history.undone:
                return None
            self._tracks.write(history.redo())
        return history.undone[-1].said

    @contextmanager
    def _track_writing(self) -> Iterator[None]:
        """Let nobody else write a track: what was read in the block is still there at its end."""
        with self._database.write() as connection:
            write_anything(connection)  # on PostgreSQL a transaction alone locks nothing
            yield

    def import_track(
        self,
        file: str | Path,
        video: str | Path,
        *,
        source_format: str = "",
        name: str = "",
        least: float = 0.0,
        dry_run: bool = False,
    ) -> ImportedTrack:
        """Put what another tool found in a video into the video's track, as faces of their own.

        The faces that the track has stay as they are, and `undo_track` takes the new ones back.
        Points come to the project's scheme as an import's do, see `conversion_from`.

        Parameters
        ----------
        file : path
            With the track; see `faceloop_datasets.track_formats`.
        video : path
            The video, which belongs to the project from then on.
        source_format : str
            Of the file; by default it is recognised.
        name : str
            What to call the face, where there is one only; by default what the file calls it.
        least : float
            Points of which the tool was less sure, from 0 to 1, are missing.
        dry_run : bool
            Only say what would come of it.

        Raises
        ------
        InputError
            If the file cannot be read, is of another video, or holds no points.
        SchemeError
            If its points are none of the project's.
        """
        # Their readers take tables, whose import takes a tenth of a second.
        from .track_formats import ImportedTrack, placed, read_track_file  # noqa: PLC0415

        found = read_track_file(Path(file), source_format)
        source = scheme_of_names(found.scheme, found.names, found.edges)
        conversion = self.conversion_from_file(source)
        history = self._track_to_edit(Path(video), found.tool)
        track, ids = placed(found, conversion, history.track, least=least, name=name)
        done = ImportedTrack.counted(found, Path(file), Path(video), (track, ids))
        done = replace(
            done,
            missing=not_there(conversion, self.scheme),
            points_left_out=left_out(conversion, source),
            points_by_number=taken_by_number(conversion, source, self.scheme),
        )
        if ids and not dry_run:
            self.add_media(video)
            self.keep_track(history.did(track, f"imported {Path(file).name}"))
        return done

    def _track_to_edit(self, video: Path, tool: str) -> TrackHistory:
        """Return the kept track of a video, or an empty one."""
        sha256 = MediaFile.of(video).sha256
        kept = self._tracks.read(sha256, self.scheme)
        if kept is not None:
            return kept
        with Video(video) as opened:
            times = np.array(opened.times, np.float64)
            return TrackHistory(Track(sha256, self.scheme.name, tool, float(opened.rate), times))

    # Models

    def models(self) -> list[ModelRecord]:
        """All models, oldest first."""
        with self._database.read() as connection:
            return models.list_models(connection, self._models)

    def model(self, which: int | str) -> ModelRecord:
        """Model by number or name; a text is a name first, and else a number if it is one.

        Parameters
        ----------
        which : int or str
            Number or name of the model.

        Raises
        ------
        ProjectError
            If there is none.
        """
        with self._database.read() as connection:
            return models.get(connection, which, self._models)

    def add_model(
        self, file: str | Path, metrics: Mapping[str, Any], note: str = ""
    ) -> ModelRecord:
        """Copy a model file into the project and register it; it is not active yet.

        Parameters
        ----------
        file : str or Path
            A complete model file. Its name without suffix becomes the model's name.
        metrics : mapping
            What was measured; plain values for JSON.
        note : str
            For people.

        Raises
        ------
        ProjectError
            If it cannot be copied.
        """
        target, digest = models.bring_in(Path(file), self._models)
        with self._database.write() as connection:
            number = models.register(
                connection,
                target,
                stem=Path(as_file_name(Path(file).name)).stem,
                sha256=digest,
                metrics=metrics,
                note=note,
            )
            return models.get(connection, number, self._models)

    @property
    def active_model(self) -> ModelRecord | None:
        """The model in use; None if none was chosen."""
        with self._database.read() as connection:
            return models.active(connection, self._models)

    def use_model(self, which: int | str) -> ModelRecord:
        """Make a model the one in use.

        Parameters
        ----------
        which : int or str
            Number or name of the model.

        Raises
        ------
        ProjectError
            If there is none of that number or name, or its file is missing or has changed.
        """
        with self._database.write() as connection:
            record = models.get(connection, which, self._models)
            models.use(connection, record)
            return record

    def use_starter(self) -> None:
        """Use none of the project's models: the starter model stands in, as before the first."""
        with self._database.write() as connection:
            models.use_none(connection)

    def note_model(self, which: int | str, note: str) -> ModelRecord:
        """Put another note, for people, on a model.

        Parameters
        ----------
        which : int or str
            Number or name of the model.
        note : str
            The new note.

        Raises
        ------
        ProjectError
            If there is none of that number or name.
        """
        with self._database.write() as connection:
            models.note(connection, models.get(connection, which, self._models), note)
            return models.get(connection, which, self._models)

    def pin_model(self, which: int | str, *, pinned: bool = True) -> ModelRecord:
        """Say that a model is to be kept: it cannot be deleted; or take that back.

        Parameters
        ----------
        which : int or str
            Number or name of the model.
        pinned : bool
            False takes it back.

        Raises
        ------
        ProjectError
            If there is none of that number or name.
        """
        with self._database.write() as connection:
            record = models.get(connection, which, self._models)
            models.pin(connection, record, pinned=pinned)
            return models.get(connection, which, self._models)

    def delete_model(self, which: int | str) -> int:
        """Delete a model and its file; returns the bytes that are free now.

        A file that another model of the same content has stays until that is deleted too. Reports
        stay, and annotations that began with its fits. Its name is never given to another model.

        Parameters
        ----------
        which : int or str
            Number or name of the model.

        Raises
        ------
        ProjectError
            If there is none of that number or name, it is in use or pinned, or its file cannot be
            deleted.
        """
        with self._database.write() as connection:
            record = models.get(connection, which, self._models)
            models.forget(connection, record)
        # The file last: who is killed in between leaves a file too many, not a model without one.
        with self._database.write() as connection:
            return models.remove_file(connection, record)

    @property
    def _tracks(self) -> TrackFolder:
        return TrackFolder(self.path)

    @property
    def _models(self) -> Path:
        return self.path / "models"

    def _import(
        self,
        name: str,
        conversion: Conversion,
        monitor: Monitor,
        *,
        copy: bool = False,
    ) -> Import:
        target = ImportTarget(self._database, self.path, self.scheme.name, conversion)
        return Import(target, name, monitor, copy)

    def _check(self, annotation: Annotation) -> None:
        if annotation.scheme != self.scheme.name or len(annotation) != len(self.scheme):
            raise ProjectError(
                f"Expected an annotation of {self.scheme.name} with {len(self.scheme)} points but "
                f"got one of {annotation.scheme} with {len(annotation)}. Convert it first."
            )

    def _check_start(self, start: NDArray[np.float64] | None) -> None:
        if start is not None and start.shape != (len(self.scheme), 2):
            raise ProjectError(
                f"Expected a start of {len(self.scheme)} points but got shape {start.shape}."
            )
        if start is not None and np.isinf(start).any():
            raise ProjectError(
                "Expected a finite start, NaN where missing, but got an infinite one."
            )

    def _check_base(self, connection: Connection, item_id: int, based_on: int | None) -> None:
        if based_on is not None and items.item_of_revision(connection, based_on) == item_id:
            return
        items.get_item(connection, item_id)  # where there is none, that is what is wrong
        if based_on is not None:
            raise ProjectError(f"Item {item_id} has no revision {based_on} to be based on.")

    def _face(
        self,
        item: Item,
        revision: Revision,
        media: Mapping[int, Media],
        expression: str,
        side: str,
    ) -> Face:
        picture = None if item.media_id is None else media.get(item.media_id)
        if picture is None and item.media_id is not None:
            raise guard.damaged(f"Item {item.id} ({item.name})", f"no media {item.media_id}")
        return Face(
            item_id=item.id,
            revision_id=revision.id,
            name=item.name,
            subject=item.subject,
            subject_source=item.subject_source,
            annotation=revision.annotation,
            media=None if picture is None else picture.where(self.path),
            frame=item.frame,
            media_sha256=None if picture is None else picture.sha256,
            video=None if picture is None else picture.shown,
            expression=expression,
            side=side,
        )


def _told_apart(name: str, known: Container[str]) -> str:
    """Return a name, with the first number from 2 on that tells it from those that are known."""
    if name not in known:
        return name
    return next(f"{name} ({k})" for k in itertools.count(2) if f"{name} ({k})" not in known)


def default_author() -> str:
    """Name of the user of this computer."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a user database
        return "unknown"


def _no_project(where: str) -> str:
    return (
        f"{where} is no project. Expected a folder with {PROJECT}, which faceloop init makes, or a "
        "database on a server, which faceloop server init makes into one."
    )
