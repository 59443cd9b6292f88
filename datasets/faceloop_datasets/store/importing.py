"""One import: read everything, bring the pictures in, then write in one transaction.

Reading and unpacking take minutes and hold no lock; the transaction at the end takes a second.
A process killed before its commit leaves the project as it was.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from sqlalchemy import select, update

from faceloop_datasets import media as media_store
from faceloop_datasets import queue
from faceloop_datasets.annotation import PointState
from faceloop_datasets.archive import extract_members
from faceloop_datasets.care.backup import back_up_before
from faceloop_datasets.errors import FaceloopError, InputError, ProjectError
from faceloop_datasets.files import is_text
from faceloop_datasets.formats import FaceRecord, ImageRef, Refusal, Skip
from faceloop_datasets.images import read_image
from faceloop_datasets.media import MediaFile
from faceloop_datasets.progress import step
from faceloop_datasets.report import ImportReport

from . import items, subjects
from .reasons import QueueReason
from .recognition import Candidate, Recognition, Unmatched, place
from .settling import Settled, Settling
from .staging import place as put_in_place
from .staging import staging, sync_folder
from .tables import ItemRow, MediaRow, SchemaVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from faceloop_datasets.annotation import Annotation
    from faceloop_datasets.conversion import Conversion
    from faceloop_datasets.formats import Entry
    from faceloop_datasets.media import Media
    from faceloop_datasets.progress import CancelCheck, ProgressCallback
    from faceloop_datasets.subject_rules import SubjectRule

    from .database import Database

_BATCH = 50  # entries between two looks at progress and cancel


@dataclass(frozen=True)
class Target:
    """Where an import goes."""

    database: Database
    root: Path
    scheme: str
    conversion: Conversion


@dataclass
class Import:
    """One import, step by step.

    Parameters
    ----------
    target : Target
        Where it goes.
    format : str
        Name of the format.
    copy : bool
        Copy pictures that lie in folders into the project too.
    progress, cancel : callable, optional
        See `faceloop_datasets.progress`.
    settles : bool
        Whether it decides whom the faces show; otherwise the records are believed.
    rule : SubjectRule, optional
        How it decides that; by what the format and the pictures say if there is none.
    images : Path, optional
        Folder with the pictures, if one was named.
    """

    target: Target
    format: str
    copy: bool = False
    progress: ProgressCallback | None = None
    cancel: CancelCheck | None = None
    settles: bool = False
    rule: SubjectRule | None = None
    images: Path | None = None
    records: list[FaceRecord] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    unreadable: set[ImageRef] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    placed: dict[Path, str] = field(default_factory=dict)
    spare: dict[ImageRef, Path] = field(default_factory=dict)
    whom: Settled | None = None

    def run(self, entries: Iterable[Entry], total: int | None, *, dry_run: bool) -> ImportReport:
        """Carry it out.

        Raises
        ------
        Cancelled
            If ``cancel`` said so; nothing was imported.
        InputError
            If a source cannot be read at all.
        ProjectError
            If the project cannot be written.
        """
        self._read(entries, total)
        if dry_run:
            files = self._pictures()
            self._settle(files)
            with self.target.database.read() as connection:
                return replace(_Writer(self, connection, files).compare(), dry_run=True)
        folder = self.target.root / "media"
        with staging(folder) as scratch, self._tidying(folder / self.format):
            files = self._pictures(scratch, folder / self.format)
            self._settle(files)
            step(self.progress, self.cancel, 0, None, "writing the project")
            warnings = self._back_up()
            with self.target.database.write() as connection:
                self._bring_again(files, folder / self.format)
                report = _Writer(self, connection, files).write()
        return replace(report, warnings=(*warnings, *report.warnings))

    def _settle(self, files: dict[ImageRef, MediaFile]) -> None:
        """Decide whom the faces show, now that it is known which ones the project has."""
        if not self.settles:
            return
        with self.target.database.read() as connection:
            known = _Writer(self, connection, files).known
        settling = Settling(
            self.target.database,
            self.target.root,
            self.format,
            self.rule,
            self.images,
            lambda done, total: step(
                self.progress, self.cancel, done, total, "comparing numbered pictures"
            ),
        )
        self.whom = settling.settle([self.records[k] for k in known], list(known.values()), files)
        undecided = [record for k, record in enumerate(self.records) if k not in known]
        self.records = [*self.whom.records, *undecided]
        self.refused += [_refusal(record, reason) for record, reason in self.whom.refused]

    def _back_up(self) -> tuple[str, ...]:
        """Copy the database first; returns what went wrong, which an import survives.

        It only ever adds, in one transaction: to refuse it for want of a copy would lose more.
        """
        file = self.target.database.file
        if file is None:  # a server has backups of its own
            return ()
        try:
            back_up_before(self.target.root, file, "import")
        except FaceloopError as error:
            return (f"No backup was made before this import: {error}",)
        return ()

    @contextmanager
    def _tidying(self, folder: Path) -> Iterator[None]:
        """Take away the pictures that were brought in, if nothing is to be written about them."""
        try:
            yield
        except BaseException:
            # Where that fails they stay, and are found by the next import.
            with suppress(FaceloopError, OSError):
                self._take_away(folder)
            raise

    def _take_away(self, folder: Path) -> None:
        # A transaction whose end was not written for sure is found again by who opens the project
        # next, with its pictures; unless something was written since, here.
        with self.target.database.write() as connection:
            connection.execute(update(SchemaVersion).values(version=SchemaVersion.version))
        # No other import can write meanwhile: one that needs a picture knows it by now, or looks
        # for it after this.
        with self.target.database.write() as connection:
            for path, content in self.placed.items():
                if media_store.find_content(connection, content) is None:
                    path.unlink(missing_ok=True)
            folder.rmdir()  # unless other imports have pictures there

    def _bring_again(self, files: dict[ImageRef, MediaFile], folder: Path) -> None:
        """Bring pictures that were there already, and that a cancelled import took away since."""
        for ref, source in self.spare.items():
            file = files[ref]
            if not file.path.is_file():
                files[ref] = replace(
                    file, path=put_in_place(source, folder / ref.name, file.sha256)
                )

    def _read(self, entries: Iterable[Entry], total: int | None) -> None:
        places: set[str] = set()
        for number, entry in enumerate(entries):
            if number % _BATCH == 0:
                step(self.progress, self.cancel, number, total, f"reading {self.format}")
            match entry:
                case FaceRecord():
                    self._take(entry, places)
                case Refusal():
                    self.refused.append(entry)
                case Skip():
                    self.skipped[entry.reason] += 1

    def _take(self, record: FaceRecord, places: set[str]) -> None:
        where = place(record.root, record.identity)
        if where in places:
            reason = f"There is a second face named {record.name!r}. Only the first is used."
            self.refused.append(_refusal(record, reason))
            return
        places.add(where)
        if not is_text(record.identity + record.name + record.subject):
            self.refused.append(_refusal(record, f"The name {record.name!r} is no text."))
            return
        converted = self.target.conversion.apply(record.annotation)
        self.records.append(replace(record, annotation=with_source(converted, self.source)))

    @property
    def source(self) -> str:
        """Source of the revisions."""
        return f"import:{self.format}"

    def _pictures(
        self, scratch: Path | None = None, folder: Path | None = None
    ) -> dict[ImageRef, MediaFile]:
        """Examine, and bring in, the pictures that the project does not have yet.

        Without folders to put them, pictures in archives are left out and none is brought in.
        """
        with self.target.database.read() as connection:
            self.settled = self._settled(connection)
        wanted = sorted(
            {r.image for k, r in enumerate(self.records) if r.image and k not in self.settled},
            key=lambda ref: (ref.path, ref.member or ""),
        )
        if scratch is None:
            wanted = [ref for ref in wanted if ref.member is None]
        unpacked = {} if scratch is None else self._unpack(wanted, scratch)
        files: dict[ImageRef, MediaFile] = {}
        for number, ref in enumerate(wanted):
            if number % _BATCH == 0:
                step(self.progress, self.cancel, number, len(wanted), "checking pictures")
            path = unpacked.get(ref, ref.path)
            try:
                file = MediaFile.of(path)
                if file.kind == "image":
                    read_image(path, "gray")  # a damaged one should be found now, not in training
                self._check_frames(ref, file)
            except InputError as error:
                self._refuse_picture(ref, str(error).replace(str(path), str(ref)))
                continue
            files[ref] = file
            if scratch is not None and folder is not None:
                files[ref] = self._bring_in(file, ref, folder, scratch)
        if self.placed and folder is not None:
            try:
                sync_folder(folder)
            except OSError as error:
                raise ProjectError(f"{folder} cannot be written ({error}).") from error
        return files

    def _settled(self, connection: Connection) -> set[int]:
        """Faces to import that are here as they are, with their picture where it should be."""
        there: dict[str, Candidate] = {}
        for one in candidates(connection, self.format):
            if one.root is not None:
                there[place(one.root, one.path)] = one  # the newest of a place
        found = {
            k: there[where].item_id
            for k, record in enumerate(self.records)
            if (where := place(record.root, record.identity)) in there
        }
        numbers = sorted(set(found.values()))
        known = items.imported(connection, numbers, self.source, self.target.scheme)
        pictures = media_store.of_items(connection, numbers)
        return {
            k
            for k, number in found.items()
            if known[number].last == self.records[k].annotation
            and number in pictures
            and self._is_there(pictures[number], self.records[k])
        }

    def _is_there(self, media: Media, record: FaceRecord) -> bool:
        """Whether a picture is where it was, and the annotation asks for that file still."""
        if media_store.is_missing(media, self.target.root) or record.image is None:
            return not media_store.is_missing(media, self.target.root)
        copied = record.image.member is not None or self.copy
        return copied or _is_file(media.where(self.target.root), record.image.path)

    def _check_frames(self, ref: ImageRef, file: MediaFile) -> None:
        """Refuse annotations of frames that a video does not have."""
        for record in self.records:
            if record.image == ref and record.frame is not None and record.frame >= file.frames:
                self.absent.add(place(record.root, record.identity))
                reason = (
                    f"{ref} has {file.frames} frames; there is no frame {record.frame + 1}. Only "
                    "the shape of this face is used."
                )
                self.refused.append(_refusal(record, reason))

    def _unpack(self, wanted: Sequence[ImageRef], scratch: Path) -> dict[ImageRef, Path]:
        """Take members out of the archives, each archive in one pass."""
        found: dict[ImageRef, Path] = {}
        archives = sorted({ref.path for ref in wanted if ref.member is not None})
        for number, archive in enumerate(archives):
            refs = {ref.member: ref for ref in wanted if ref.path == archive and ref.member}
            what = f"unpacking {archive.name}"
            paths = extract_members(
                archive,
                refs,
                scratch / str(number),
                lambda done, total, what=what: step(  # type: ignore[misc]
                    self.progress, self.cancel, done, total, what
                ),
            )
            found.update({refs[member]: path for member, path in paths.items()})
        return found

    def _bring_in(self, file: MediaFile, ref: ImageRef, folder: Path, scratch: Path) -> MediaFile:
        unpacked = ref.member is not None
        if not unpacked and not self.copy:
            return file
        try:
            source = file.path if unpacked else scratch / file.sha256
            if not unpacked:
                shutil.copyfile(file.path, source)
            target = put_in_place(source, folder / ref.name, file.sha256)
        except OSError as error:
            raise ProjectError(f"{ref} cannot be copied to {folder} ({error}).") from error
        if source.exists():  # there was such a picture already
            self.spare[ref] = source
        else:
            self.placed[target] = file.sha256
        return replace(file, path=target)

    def _refuse_picture(self, ref: ImageRef, reason: str) -> None:
        self.unreadable.add(ref)
        self.refused.extend(
            _refusal(record, f"{reason} Only the shape of this face is used.")
            for record in self.records
            if record.image == ref
        )

    def origin(self, record: FaceRecord) -> str:
        """Origin of an item, see `items.Item`."""
        return f"{self.format}:{record.identity}"


class _Writer:
    """Writes what was read, or only compares it, inside one transaction."""

    def __init__(
        self, job: Import, connection: Connection, files: dict[ImageRef, MediaFile]
    ) -> None:
        self._job = job
        self._connection = connection
        self._files = files
        self._media: dict[str, int] = {}
        self._updated: list[str] = []
        self._refused: list[Refusal] = []
        self._places = {place(r.root, r.identity) for r in job.records}
        self._fates = self._recognise()

    def _recognise(self) -> dict[int, tuple[Fate, items.Imported | None]]:
        """Decide what becomes of each face; those that cannot be decided are refused."""
        job = self._job
        found = Recognition(
            candidates(self._connection, job.format), self._last_of, self._picture_of
        ).decide(job.records)
        numbers = [one.item_id for one in found if isinstance(one, Candidate)]
        known = items.imported(self._connection, numbers, job.source, job.target.scheme)
        fates: dict[int, tuple[Fate, items.Imported | None]] = {}
        for number, (record, one) in enumerate(zip(job.records, found, strict=True)):
            if one is Unmatched.REPLACED:
                self._refused.append(_refusal(record, _replaced(record)))
            elif isinstance(one, Candidate):
                there = known[one.item_id]
                fates[number] = _fate(record, there), there
            else:
                fates[number] = "new", None
        return fates

    @property
    def known(self) -> dict[int, items.Item | None]:
        """Items of the faces that are written, by their place among the records."""
        return {k: None if one is None else one.item for k, (_, one) in self._fates.items()}

    def _last_of(self, numbers: Iterable[int]) -> dict[int, Annotation | None]:
        job = self._job
        known = items.imported(self._connection, sorted(numbers), job.source, job.target.scheme)
        return {number: one.last for number, one in known.items()}

    def _picture_of(self, record: FaceRecord) -> str | None:
        file = self._file(record)
        return None if file is None else picture_key(file.sha256, record.frame)

    def _file(self, record: FaceRecord) -> MediaFile | None:
        if record.image is None or place(record.root, record.identity) in self._job.absent:
            return None
        return self._files.get(record.image)

    def compare(self) -> ImportReport:
        """Report what writing would do."""
        for number, (fate, _) in self._fates.items():
            if fate == "updated":
                self._updated.append(self._job.records[number].name)
        return self._report(Counter(fate for fate, _ in self._fates.values()))

    def write(self) -> ImportReport:
        """Write every face that is new or has changed."""
        counts: Counter[str] = Counter()
        for done, number in enumerate(self._fates):
            if done % _BATCH == 0:
                total = len(self._fates)
                step(self._job.progress, self._job.cancel, done, total, "writing the project")
            record = self._job.records[number]
            fate = self._write(record, *self._fates[number])
            counts[fate] += 1
            if fate == "updated":
                self._updated.append(record.name)
        if self._job.whom is not None:
            subjects.change(self._connection, self._job.whom.changes, spare_by_hand=True)
        return self._report(counts)

    def _write(self, record: FaceRecord, fate: Fate, known: items.Imported | None) -> Fate:
        media_id = self._media_id(record)
        item = self._add(record, media_id) if known is None else known.item
        self._follow(record, item)
        gains_picture = item.media_id is None and media_id is not None
        if gains_picture:
            items.set_media(self._connection, item.id, media_id, record.frame)
        if fate == "unchanged":
            return "updated" if gains_picture else fate
        if fate == "kept_aside":
            self._append_aside(record, item)
        else:
            self._append(record, item)
        return fate

    def _add(self, record: FaceRecord, media_id: int | None) -> items.Item:
        return items.add_item(
            self._connection,
            media_id=media_id,
            frame=None if media_id is None else record.frame,
            name=record.name,
            subject=record.subject,
            subject_source=record.subject_source,
            origin=self._job.origin(record),
            origin_root=record.root,
        )

    def _follow(self, record: FaceRecord, item: items.Item) -> None:
        """Note the place of a face whose old one is not known, not there, or another face's now."""
        root, origin = item.origin_root, self._job.origin(record)
        if (root, item.origin) == (record.root, origin):
            return
        if root is None or root == record.root or self._is_given(item) or not Path(root).exists():
            items.set_origin(self._connection, item.id, origin, record.root)

    def _is_given(self, item: items.Item) -> bool:
        """Whether the place of an item is that of a face of this import."""
        path = (item.origin or "").removeprefix(f"{self._job.format}:")
        return place(item.origin_root or "", path) in self._places

    def _append(self, record: FaceRecord, item: items.Item) -> None:
        source = self._job.source
        items.append(self._connection, item.id, record.annotation, item.head, source)

    def _append_aside(self, record: FaceRecord, item: items.Item) -> None:
        # A person's correction stays the head: what is based on nothing never becomes the head
        # of an item that has one.
        source = self._job.source
        items.append(self._connection, item.id, record.annotation, None, source)
        note = f"{record.origin} has changed since its correction."
        queue.put(self._connection, item.id, QueueReason("disagreement", note=note))

    def _media_id(self, record: FaceRecord) -> int | None:
        file = self._file(record)
        if file is None:
            return None
        if file.sha256 not in self._media:
            known = media_store.add(self._connection, file, self._job.target.root)
            self._media[file.sha256] = known.id
        return self._media[file.sha256]

    def _report(self, counts: Counter[str]) -> ImportReport:
        job = self._job
        records = [job.records[number] for number in self._fates]
        states = [record.annotation.states for record in records]
        flat = np.concatenate(states) if states else np.zeros(0, np.uint8)
        absent = [r.image_name for r in records if r.image is None]
        unreadable = sum(
            r.image in job.unreadable or place(r.root, r.identity) in job.absent for r in records
        )
        whom = job.whom
        return ImportReport(
            format=job.format,
            faces=len(self._fates),
            new=counts["new"],
            unchanged=counts["unchanged"],
            updated=counts["updated"],
            updated_faces=tuple(self._updated),
            kept_aside=counts["kept_aside"],
            points=flat.size,
            points_missing=int((flat == PointState.MISSING).sum()),
            points_estimated=int((flat == PointState.ESTIMATED).sum()),
            shape_only=len(absent) + unreadable,
            images_not_found=tuple(dict.fromkeys(absent)),
            refused=(*job.refused, *self._refused),
            skipped=dict(job.skipped),
            subjects=len({r.subject for r in records}),
            subject_rules=() if whom is None else whom.rules,
            subjects_changed=0 if whom is None else len(whom.changes),
            warnings=() if whom is None else whom.warnings,
        )


Fate = Literal["new", "unchanged", "updated", "kept_aside"]


def _fate(record: FaceRecord, known: items.Imported) -> Fate:
    if known.last == record.annotation:
        return "unchanged"
    return "updated" if known.counts else "kept_aside"


def _replaced(record: FaceRecord) -> str:
    return (
        f"{record.image} is not the picture that these points were imported with. Put that back, "
        "or save points that were made for this one."
    )


def candidates(connection: Connection, source_format: str) -> list[Candidate]:
    """Faces that imports of a format brought, oldest first."""
    start = f"{source_format}:"
    query = (
        select(ItemRow.id, ItemRow.origin_root, ItemRow.origin, MediaRow.sha256, ItemRow.frame)
        .outerjoin(MediaRow, MediaRow.id == ItemRow.media_id)
        .where(ItemRow.origin.startswith(start, autoescape=True))
        .order_by(ItemRow.id)
    )
    return [
        Candidate(number, root, (origin or "").removeprefix(start), picture_key(sha256, frame))
        for number, root, origin, sha256, frame in connection.execute(query)
    ]


def picture_key(sha256: str | None, frame: int | None) -> str | None:
    """Return what a picture shows, as in `Candidate`."""
    return sha256 if sha256 is None or frame is None else f"{sha256}#{frame}"


def _is_file(path: Path, other: Path) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)


def _refusal(record: FaceRecord, reason: str) -> Refusal:
    file, _, line = record.origin.rpartition(":")
    known = file and line.isdigit()
    return Refusal(Path(file if known else record.origin), int(line) if known else 0, reason)


def with_source(annotation: Annotation, source: str) -> Annotation:
    """Return the same annotation with another source."""
    return type(annotation)(annotation.scheme, annotation.points, annotation.states, source)
