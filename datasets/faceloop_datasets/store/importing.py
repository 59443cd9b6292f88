"""One import: read everything, bring the pictures in, then write in one transaction.

Reading and unpacking take minutes and hold no lock; the transaction at the end takes a second.
A process killed before its commit leaves the project as it was.
"""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import update

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
from .settling import Settled, Settling
from .staging import place, staging, sync_folder
from .tables import SchemaVersion

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from faceloop_datasets.annotation import Annotation
    from faceloop_datasets.conversion import Conversion
    from faceloop_datasets.formats import Entry
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
        if self.settles:
            self._settle()
        if dry_run:
            with self.target.database.read() as connection:
                return replace(_Writer(self, connection, {}).compare(), dry_run=True)
        folder = self.target.root / "media"
        with staging(folder) as scratch, self._tidying(folder / self.format):
            files = self._pictures(scratch, folder / self.format)
            step(self.progress, self.cancel, 0, None, "writing the project")
            warnings = self._back_up()
            with self.target.database.write() as connection:
                self._bring_again(files, folder / self.format)
                report = _Writer(self, connection, files).write()
        return replace(report, warnings=(*warnings, *report.warnings))

    def _settle(self) -> None:
        """Decide whom the faces show."""
        with self.target.database.read() as connection:
            origins = [self.origin(record) for record in self.records]
            known = items.imported(connection, origins, self.source, self.target.scheme)
        found = [known.get(origin) for origin in origins]
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
        self.whom = settling.settle(
            self.records, [None if one is None else one.item for one in found]
        )
        self.records = self.whom.records
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
                files[ref] = replace(file, path=place(source, folder / ref.name, file.sha256))

    def _read(self, entries: Iterable[Entry], total: int | None) -> None:
        names: set[str] = set()
        for number, entry in enumerate(entries):
            if number % _BATCH == 0:
                step(self.progress, self.cancel, number, total, f"reading {self.format}")
            match entry:
                case FaceRecord():
                    self._take(entry, names)
                case Refusal():
                    self.refused.append(entry)
                case Skip():
                    self.skipped[entry.reason] += 1

    def _take(self, record: FaceRecord, names: set[str]) -> None:
        if record.name in names:
            reason = f"There is a second face named {record.name!r}. Only the first is used."
            self.refused.append(_refusal(record, reason))
            return
        names.add(record.name)
        if not is_text(record.name + record.subject):
            self.refused.append(_refusal(record, f"The name {record.name!r} is no text."))
            return
        converted = self.target.conversion.apply(record.annotation)
        self.records.append(replace(record, annotation=with_source(converted, self.source)))

    @property
    def source(self) -> str:
        """Source of the revisions."""
        return f"import:{self.format}"

    def _pictures(self, scratch: Path, folder: Path) -> dict[ImageRef, MediaFile]:
        """Examine, and bring in, the pictures that the project does not have yet."""
        with self.target.database.read() as connection:
            settled = self._settled(connection)
        wanted = sorted(
            {r.image for r in self.records if r.image and self.origin(r) not in settled},
            key=lambda ref: (ref.path, ref.member or ""),
        )
        unpacked = self._unpack(wanted, scratch)
        files: dict[ImageRef, MediaFile] = {}
        for number, ref in enumerate(wanted):
            if number % _BATCH == 0:
                step(self.progress, self.cancel, number, len(wanted), "checking pictures")
            path = unpacked.get(ref, ref.path)
            try:
                file = MediaFile.of(path)
                if file.kind == "image":
                    read_image(path, "gray")  # a damaged one should be found now, not in training
            except InputError as error:
                self._refuse_picture(ref, str(error).replace(str(path), str(ref)))
                continue
            files[ref] = self._bring_in(file, ref, folder, scratch)
        if self.placed:
            try:
                sync_folder(folder)
            except OSError as error:
                raise ProjectError(f"{folder} cannot be written ({error}).") from error
        return files

    def _settled(self, connection: Connection) -> set[str]:
        """Origins of the faces to import whose picture is where it should be."""
        pictures = media_store.of_origins(
            connection, [self.origin(record) for record in self.records]
        )
        return {
            origin
            for origin, media in pictures.items()
            if not media_store.is_missing(media, self.target.root)
        }

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
            target = place(source, folder / ref.name, file.sha256)
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
        """Identity of an imported face in the project."""
        return f"{self.format}:{record.name}"


class _Writer:
    """Writes what was read, or only compares it, inside one transaction."""

    def __init__(
        self, job: Import, connection: Connection, files: dict[ImageRef, MediaFile]
    ) -> None:
        self._job = job
        self._connection = connection
        self._files = files
        origins = [job.origin(record) for record in job.records]
        self._known = items.imported(connection, origins, job.source, job.target.scheme)
        self._media: dict[str, int] = {}

    def compare(self) -> ImportReport:
        """Report what writing would do."""
        return self._report(Counter(self._fate(record)[0] for record in self._job.records))

    def write(self) -> ImportReport:
        """Write every face that is new or has changed."""
        counts: Counter[str] = Counter()
        for number, record in enumerate(self._job.records):
            if number % _BATCH == 0:
                total = len(self._job.records)
                step(self._job.progress, self._job.cancel, number, total, "writing the project")
            counts[self._write(record)] += 1
        if self._job.whom is not None:
            subjects.change(self._connection, self._job.whom.changes, spare_by_hand=True)
        return self._report(counts)

    def _write(self, record: FaceRecord) -> str:
        fate, item = self._fate(record)
        media_id = self._media_id(record)
        if item is None:
            item = items.add_item(
                self._connection,
                media_id=media_id,
                frame=record.frame,
                name=record.name,
                subject=record.subject,
                subject_source=record.subject_source,
                origin=self._job.origin(record),
            )
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

    def _append(self, record: FaceRecord, item: items.Item) -> None:
        source = self._job.source
        items.append(self._connection, item.id, record.annotation, item.head, source)
        if (record.annotation.states == PointState.ESTIMATED).any():
            self._enqueue(item, "imported-estimate", "")

    def _append_aside(self, record: FaceRecord, item: items.Item) -> None:
        # A person's correction stays the head: what is based on nothing never becomes the head
        # of an item that has one.
        source = self._job.source
        items.append(self._connection, item.id, record.annotation, None, source)
        self._enqueue(item, "disagreement", f"{record.origin} has changed since its correction.")

    def _enqueue(self, item: items.Item, reason: queue.Reason, note: str) -> None:
        values = {
            "reason": reason,
            "predicted_error": None,
            "priority": queue.priority(reason, None),
            "note": note,
        }
        queue.put(self._connection, item.id, values)

    def _fate(self, record: FaceRecord) -> tuple[str, items.Item | None]:
        """Decide between new, unchanged, updated and kept_aside."""
        known = self._known.get(self._job.origin(record))
        if known is None:
            return "new", None
        if known.last == record.annotation:
            return "unchanged", known.item
        return ("updated" if known.counts else "kept_aside"), known.item

    def _media_id(self, record: FaceRecord) -> int | None:
        file = self._files.get(record.image) if record.image else None
        if file is None:
            return None
        if file.sha256 not in self._media:
            known = media_store.add(self._connection, file, self._job.target.root)
            self._media[file.sha256] = known.id
        return self._media[file.sha256]

    def _report(self, counts: Counter[str]) -> ImportReport:
        job = self._job
        states = [r.annotation.states for r in job.records]
        flat = np.concatenate(states) if states else np.zeros(0, np.uint8)
        absent = [r.image_name for r in job.records if r.image is None]
        unreadable = sum(r.image in job.unreadable for r in job.records)
        whom = job.whom
        return ImportReport(
            format=job.format,
            faces=len(job.records),
            new=counts["new"],
            unchanged=counts["unchanged"],
            updated=counts["updated"],
            kept_aside=counts["kept_aside"],
            points=flat.size,
            points_missing=int((flat == PointState.MISSING).sum()),
            points_estimated=int((flat == PointState.ESTIMATED).sum()),
            shape_only=len(absent) + unreadable,
            images_not_found=tuple(dict.fromkeys(absent)),
            refused=tuple(job.refused),
            skipped=dict(job.skipped),
            subjects=len({r.subject for r in job.records}),
            subject_rules=() if whom is None else whom.rules,
            subjects_changed=0 if whom is None else len(whom.changes),
            warnings=() if whom is None else whom.warnings,
        )


def _refusal(record: FaceRecord, reason: str) -> Refusal:
    file, _, line = record.origin.rpartition(":")
    known = file and line.isdigit()
    return Refusal(Path(file if known else record.origin), int(line) if known else 0, reason)


def with_source(annotation: Annotation, source: str) -> Annotation:
    """Return the same annotation with another source."""
    return type(annotation)(annotation.scheme, annotation.points, annotation.states, source)
