"""Writing what an import has read, or only saying what that would do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from faceloop_datasets.annotation import PointState
from faceloop_datasets.formats import FaceRecord, ImageRef, Refusal
from faceloop_datasets.review.entries import QueueReason
from faceloop_datasets.store import expressions, imported, items, queue, subjects
from faceloop_datasets.store import media as media_store
from faceloop_datasets.store.imported import MatchCandidate, picture_key

from .matching import FaceMatching, Unmatched, annotation_place
from .report import ImportReport
from .same_picture import split_place

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from faceloop_datasets.annotation import Annotation
    from faceloop_datasets.media.files import MediaFile

    from .job import ImportJob

_BATCH = 50  # entries between two steps of the monitor
_MANY = 500  # new faces, which are written together

ImportOutcome = Literal["new", "unchanged", "updated", "kept_aside"]


def _replaced(record: FaceRecord) -> str:
    return (
        f"{record.image} is not the picture that these points were imported with. Put that back, "
        "or save points that were made for this one."
    )


class ImportWriter:
    """Writes what was read, or only compares it, inside one transaction."""

    def __init__(
        self, job: ImportJob, connection: Connection, files: dict[ImageRef, MediaFile]
    ) -> None:
        self._job = job
        self._connection = connection
        self._files = files
        self._media: dict[str, int] = {}
        self._labels: dict[int, str] = {}
        self._updated: list[str] = []
        self._read: dict[int, imported.ImportedItem] = {}
        self._refused: list[Refusal] = []
        self._places = {annotation_place(r.root, r.identity) for r in job.records}
        self._outcomes = self._match_records()

    def _match_records(self) -> dict[int, tuple[ImportOutcome, imported.ImportedItem | None]]:
        """Decide what becomes of each face; those that cannot be decided are refused."""
        job = self._job
        found = FaceMatching(
            imported.match_candidates(self._connection, job.format), self._last_of, self._picture_of
        ).decide(job.records)
        numbers = [one.item_id for one in found if isinstance(one, MatchCandidate)]
        known = self._imported(numbers)
        outcomes: dict[int, tuple[ImportOutcome, imported.ImportedItem | None]] = {}
        for number, (record, one) in enumerate(zip(job.records, found, strict=True)):
            if one is Unmatched.REPLACED:
                self._refused.append(record.refusal(_replaced(record)))
            elif isinstance(one, MatchCandidate):
                there = known[one.item_id]
                outcomes[number] = self._outcome(record, there), there
            else:
                outcomes[number] = "new", None
        return outcomes

    @property
    def known(self) -> dict[int, items.Item | None]:
        """Items of the faces that are written, by their place among the records."""
        return {k: None if one is None else one.item for k, (_, one) in self._outcomes.items()}

    def _outcome(self, record: FaceRecord, known: imported.ImportedItem) -> ImportOutcome:
        if known.last == record.annotation:
            return "unchanged"
        item = known.item
        elsewhere = (item.origin_root, split_place(item.origin or "")[0]) != (
            record.root, split_place(self._job.origin(record))[0]
        )  # fmt: skip
        # An older copy of the file says nothing new; at its own place it was put back.
        if elsewhere and imported.was_imported_before(
            self._connection, item.id, self._job.source, record.annotation
        ):
            return "unchanged"
        return "updated" if known.is_head else "kept_aside"

    def _last_of(self, numbers: Iterable[int]) -> dict[int, Annotation | None]:
        wanted = set(numbers)
        return {number: one.last for number, one in self._imported(wanted).items()}

    def _imported(self, numbers: Iterable[int]) -> dict[int, imported.ImportedItem]:
        """Items by number, each read once in this transaction."""
        job, wanted = self._job, set(numbers)
        unread = sorted(wanted - self._read.keys())
        self._read |= imported.imported_items(
            self._connection, unread, job.source, job.target.scheme
        )
        return {number: self._read[number] for number in wanted}

    def _picture_of(self, record: FaceRecord) -> str | None:
        file = self._file(record)
        return None if file is None else picture_key(file.sha256, record.frame)

    def _file(self, record: FaceRecord) -> MediaFile | None:
        if record.image is None or self._is_without_frame(record):
            return None
        return self._files.get(record.image)

    def _is_without_frame(self, record: FaceRecord) -> bool:
        without = self._job.without_frame
        return bool(without) and annotation_place(record.root, record.identity) in without

    def compare(self) -> ImportReport:
        """Report what writing would do."""
        for number, (outcome, _) in self._outcomes.items():
            if outcome == "updated":
                self._updated.append(self._job.records[number].name)
        return self._report(Counter(outcome for outcome, _ in self._outcomes.values()))

    def write(self) -> ImportReport:
        """Write every face that is new or has changed."""
        job, counts = self._job, Counter[str]()
        new = [number for number, (_, known) in self._outcomes.items() if known is None]
        counts["new"] = len(new)
        for first in range(0, len(new), _MANY):
            job.monitor.step(first, len(self._outcomes), "writing the project")
            self._write_new(new[first : first + _MANY])
        there = [
            (job.records[number], outcome, known)
            for number, (outcome, known) in self._outcomes.items()
            if known is not None
        ]
        for done, (record, outcome, known) in enumerate(there, len(new)):
            if done % _BATCH == 0:
                job.monitor.step(done, len(self._outcomes), "writing the project")
            became = self._write(record, outcome, known)
            counts[became] += 1
            if became == "updated":
                self._updated.append(record.name)
        expressions.set_imported(self._connection, self._labels, self._job.source)
        if self._job.assigned is not None:
            subjects.change(self._connection, self._job.assigned.changes, keep_named_by_person=True)
        return self._report(counts)

    def _write_new(self, numbers: Sequence[int]) -> None:
        records = [self._job.records[number] for number in numbers]
        faces = [items.NewFace(self._values(record), record.annotation) for record in records]
        added = items.add_faces(self._connection, faces, self._job.source)
        for item_id, record in zip(added, records, strict=True):
            if record.expression:
                self._labels[item_id] = record.expression

    def _write(
        self, record: FaceRecord, outcome: ImportOutcome, known: imported.ImportedItem
    ) -> ImportOutcome:
        media_id = self._media_id(record)
        item = known.item
        self._update_origin(record, item)
        if record.expression:
            self._labels[item.id] = record.expression
        gains_picture = item.media_id is None and media_id is not None
        if gains_picture:
            items.set_media(self._connection, item.id, media_id, record.frame)
        if outcome == "unchanged":
            return "updated" if gains_picture else outcome
        if outcome == "kept_aside":
            self._append_aside(record, item)
        else:
            self._append(record, item)
        return outcome

    def _values(self, record: FaceRecord) -> dict[str, object]:
        media_id = self._media_id(record)
        return {
            "media_id": media_id,
            "frame": None if media_id is None else record.frame,
            "name": record.name,
            "subject": record.subject,
            "subject_source": record.subject_source,
            "origin": self._job.origin(record),
            "origin_root": record.root,
        }

    def _update_origin(self, record: FaceRecord, item: items.Item) -> None:
        """Note the place of a face whose old one is not known, not there, or another face's now."""
        root, origin = item.origin_root, self._job.origin(record)
        if (root, item.origin) == (record.root, origin):
            return
        if (
            root is None
            or root == record.root
            or self._is_imported_now(item)
            or not Path(root).exists()
        ):
            imported.set_origin(self._connection, item.id, origin, record.root)

    def _is_imported_now(self, item: items.Item) -> bool:
        """Whether the place of an item is that of a face of this import."""
        path = (item.origin or "").removeprefix(f"{self._job.format}:")
        return annotation_place(item.origin_root or "", path) in self._places

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
        records = [job.records[number] for number in self._outcomes]
        states = [record.annotation.states for record in records]
        flat = np.concatenate(states) if states else np.zeros(0, np.uint8)
        absent = [r.image_name for r in records if r.image is None]
        unreadable = sum(r.image in job.unreadable or self._is_without_frame(r) for r in records)
        assigned = job.assigned
        return ImportReport(
            format=job.format,
            faces=len(self._outcomes),
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
            subject_rules=() if assigned is None else assigned.rules,
            subjects_changed=0 if assigned is None else len(assigned.changes),
            expressions=sum(bool(r.expression) for r in records),
            warnings=() if assigned is None else assigned.warnings,
        )
