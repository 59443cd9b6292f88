"""One import: read everything, bring the pictures in, then write in one transaction.

Reading and unpacking take minutes and hold no lock; the transaction at the end takes a second.
A process killed before its commit leaves the project as it was.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.archive import extract_members
from faceloop_datasets.care.backup import back_up_before
from faceloop_datasets.errors import FaceloopError, InputError, ProjectError
from faceloop_datasets.faults import in_words
from faceloop_datasets.files import is_text
from faceloop_datasets.formats import FaceRecord, ImageRef, Refusal, Skip
from faceloop_datasets.matlab import MAT_SUFFIX, extract_pictures
from faceloop_datasets.media.files import MediaFile, is_missing
from faceloop_datasets.media.images import read_image
from faceloop_datasets.staging import content_hash, move_into_place, staging, sync_folder
from faceloop_datasets.store import imported
from faceloop_datasets.store import media as media_store
from faceloop_datasets.store.database import write_anything
from faceloop_datasets.wording import counted

from .job import ImportJob
from .matching import annotation_place
from .report import ImportReport
from .subject_assignment import SubjectAssignment
from .writing import ImportWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from faceloop_datasets.annotation import Annotation
    from faceloop_datasets.formats import Entry
    from faceloop_datasets.media.files import Media


_BATCH = 50  # entries between two steps of the monitor


@dataclass
class Import(ImportJob):
    """One import, step by step."""

    _by_picture: dict[ImageRef, list[FaceRecord]] = field(default_factory=lambda: defaultdict(list))

    def run(self, entries: Iterable[Entry], total: int | None, *, dry_run: bool) -> ImportReport:
        """Carry it out.

        Raises
        ------
        Cancelled
            If the monitor stopped it; nothing was imported.
        InputError
            If a source cannot be read at all.
        ProjectError
            If the project cannot be written.
        """
        self._read(entries, total)
        if dry_run:
            files = self._pictures()
            self._assign_subjects(files)
            with self.target.database.read() as connection:
                return replace(ImportWriter(self, connection, files).compare(), dry_run=True)
        folder = self.target.root / "media"
        with staging(folder) as scratch, self._removing_on_failure(folder / self.format):
            files = self._pictures(scratch, folder / self.format)
            self._assign_subjects(files)
            self.monitor.step(0, None, "writing the project")
            warnings = self._back_up()
            with self.target.database.write() as connection:
                self._restore_copies(files, folder / self.format)
                report = ImportWriter(self, connection, files).write()
        return replace(report, warnings=(*warnings, *report.warnings))

    def _assign_subjects(self, files: dict[ImageRef, MediaFile]) -> None:
        """Decide whom the faces show, now that it is known which ones the project has."""
        if not self.assigns_subjects:
            return
        with self.target.database.read() as connection:
            known = ImportWriter(self, connection, files).known
        assignment = SubjectAssignment(
            self.target.database,
            self.target.root,
            self.format,
            self.rule,
            self.images,
            lambda done, total: self.monitor.step(done, total, "comparing numbered pictures"),
        )
        self.assigned = assignment.assign(
            [self.records[k] for k in known], list(known.values()), files
        )
        undecided = [record for k, record in enumerate(self.records) if k not in known]
        self.records = [*self.assigned.records, *undecided]
        self.refused += [record.refusal(reason) for record, reason in self.assigned.refused]

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
    def _removing_on_failure(self, folder: Path) -> Iterator[None]:
        """Remove the pictures that were copied into the project, if the import fails."""
        try:
            yield
        except BaseException:
            # Where that fails they stay, and are found by the next import.
            with suppress(FaceloopError, OSError):
                self._remove_copies(folder)
            raise

    def _remove_copies(self, folder: Path) -> None:
        # A transaction whose end was not written for sure is found again by who opens the project
        # next, with its pictures; unless something was written since, here.
        with self.target.database.write() as connection:
            write_anything(connection)
        # No other import can write meanwhile: one that needs a picture knows it by now, or looks
        # for it after this.
        with self.target.database.write() as connection:
            for path, content in self.copied_pictures.items():
                if media_store.find_content(connection, content) is None:
                    path.unlink(missing_ok=True)
            folder.rmdir()  # unless other imports have pictures there

    def _restore_copies(self, files: dict[ImageRef, MediaFile], folder: Path) -> None:
        """Copy pictures that were there already, and that a cancelled import has removed since."""
        for ref, source in self.source_pictures.items():
            file = files[ref]
            if not file.path.is_file():
                files[ref] = replace(
                    file, path=move_into_place(source, folder / ref.name, file.sha256)
                )

    def _read(self, entries: Iterable[Entry], total: int | None) -> None:
        places: set[str] = set()
        for number, entry in enumerate(entries):
            if number % _BATCH == 0:
                self.monitor.step(number, total, f"reading {self.format}")
            match entry:
                case FaceRecord():
                    self._add_record(entry, places)
                case Refusal():
                    self.refused.append(entry)
                case Skip():
                    self.skipped[entry.reason] += 1

    def _add_record(self, record: FaceRecord, places: set[str]) -> None:
        where = annotation_place(record.root, record.identity)
        if where in places:
            reason = f"There is a second face named {record.name!r}. Only the first is used."
            self.refused.append(record.refusal(reason))
            return
        places.add(where)
        if not is_text(record.identity + record.name + record.subject):
            self.refused.append(record.refusal(f"The name {record.name!r} is no text."))
            return
        converted = self.target.conversion.apply(record.annotation)
        self.records.append(replace(record, annotation=with_source(converted, self.source)))

    def _pictures(
        self, scratch: Path | None = None, folder: Path | None = None
    ) -> dict[ImageRef, MediaFile]:
        """Examine, and bring in, the pictures that the project does not have yet.

        Without folders to put them, pictures in archives are left out and none is brought in.
        """
        with self.target.database.read() as connection:
            self.unchanged = self._unchanged(connection)
        wanted = sorted(
            {r.image for k, r in enumerate(self.records) if r.image and k not in self.unchanged},
            key=lambda ref: (ref.path, ref.member or ""),
        )
        if scratch is None:
            wanted = [ref for ref in wanted if ref.member is None]
        unpacked = {} if scratch is None else self._unpack(wanted, scratch)
        files: dict[ImageRef, MediaFile] = {}
        for number, ref in enumerate(wanted):
            if number % _BATCH == 0:
                self.monitor.step(number, len(wanted), "checking pictures")
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
                files[ref] = self._copy_into_project(file, ref, folder, scratch)
        if self.copied_pictures and folder is not None:
            try:
                sync_folder(folder)
            except OSError as error:
                raise ProjectError(f"{folder} cannot be written ({in_words(error)}).") from error
        return files

    def _unchanged(self, connection: Connection) -> set[int]:
        """Faces to import that are here as they are, with their picture where it should be."""
        there: dict[str, imported.MatchCandidate] = {}
        for one in imported.match_candidates(connection, self.format):
            if one.root is not None:
                there[annotation_place(one.root, one.path)] = one  # the newest of a place
        found = {
            k: there[where].item_id
            for k, record in enumerate(self.records)
            if (where := annotation_place(record.root, record.identity)) in there
        }
        numbers = sorted(set(found.values()))
        known = imported.imported_items(connection, numbers, self.source, self.target.scheme)
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
        if is_missing(media, self.target.root) or not self._is_unchanged(media):
            return False
        if record.image is None:
            return True
        copied = record.image.member is not None or self.copy
        return copied or _is_file(media.where(self.target.root), record.image.path)

    def _is_unchanged(self, media: Media) -> bool:
        """Whether a file is the one that was annotated: another may have as many bytes."""
        if media.id not in self.content_checked:
            found = content_hash(media.where(self.target.root))
            self.content_checked[media.id] = found == media.sha256
        return self.content_checked[media.id]

    def _check_frames(self, ref: ImageRef, file: MediaFile) -> None:
        """Refuse annotations of frames that a video does not have."""
        for record in self._of_picture(ref):
            if record.frame is not None and record.frame >= file.frames:
                self.without_frame.add(annotation_place(record.root, record.identity))
                reason = (
                    f"{ref} has {counted(file.frames, 'frame')}; there is no frame "
                    f"{record.frame}. Only the shape of this face is used."
                )
                self.refused.append(record.refusal(reason))

    def _unpack(self, wanted: Sequence[ImageRef], scratch: Path) -> dict[ImageRef, Path]:
        """Take members out of the archives, each archive in one pass."""
        found: dict[ImageRef, Path] = {}
        archives = sorted({ref.path for ref in wanted if ref.member is not None})
        for number, archive in enumerate(archives):
            refs = {ref.member: ref for ref in wanted if ref.path == archive and ref.member}
            what = f"unpacking {archive.name}"
            is_mat = archive.suffix.lower() == MAT_SUFFIX
            paths = (extract_pictures if is_mat else extract_members)(
                archive,
                refs,
                scratch / str(number),
                lambda done, total, what=what: self.monitor.step(  # type: ignore[misc]
                    done, total, what
                ),
            )
            found.update({refs[member]: path for member, path in paths.items()})
        return found

    def _copy_into_project(
        self, file: MediaFile, ref: ImageRef, folder: Path, scratch: Path
    ) -> MediaFile:
        unpacked = ref.member is not None
        if not unpacked and not self.copy:
            return file
        try:
            source = file.path if unpacked else scratch / file.sha256
            if not unpacked:
                shutil.copyfile(file.path, source)
            target = move_into_place(source, folder / ref.name, file.sha256)
        except OSError as error:
            raise ProjectError(
                f"{ref} cannot be copied to {folder} ({in_words(error)})."
            ) from error
        if source.exists():  # there was such a picture already
            self.source_pictures[ref] = source
        else:
            self.copied_pictures[target] = file.sha256
        return replace(file, path=target)

    def _refuse_picture(self, ref: ImageRef, reason: str) -> None:
        self.unreadable.add(ref)
        self.refused.extend(
            record.refusal(f"{reason} Only the shape of this face is used.")
            for record in self._of_picture(ref)
        )

    def _of_picture(self, ref: ImageRef) -> list[FaceRecord]:
        if not self._by_picture:
            for record in self.records:
                if record.image is not None:
                    self._by_picture[record.image].append(record)
        return self._by_picture[ref]


def _is_file(path: Path, other: Path) -> bool:
    return os.path.realpath(path) == os.path.realpath(other)


def with_source(annotation: Annotation, source: str) -> Annotation:
    """Return the same annotation with another source."""
    if annotation.source == source:
        return annotation
    return type(annotation)(annotation.scheme, annotation.points, annotation.states, source)
