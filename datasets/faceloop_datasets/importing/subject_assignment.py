"""Whom imported faces show, decided before anything is written.

The reader says what the files say; a rule, or else what the pictures show, decides the rest:
frames of one video, clip or burst and copies of one picture are one subject, also with faces that
came earlier; and below another folder an equal name is another subject.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError
from faceloop_datasets.subjects import check_subject, count_of, path_subject
from faceloop_datasets.wording import counted

from .bursts import DisjointSets, join_bursts
from .same_subject import (
    AssignedFace,
    Pictures,
    SubjectNames,
    faces_there,
    join_copies,
    join_named,
    name_set,
    shown_in,
    taken_names,
)
from .subject_rules import FacePaths, NoSubject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from faceloop_datasets.formats import FaceRecord
    from faceloop_datasets.formats.record import ImageRef
    from faceloop_datasets.media.files import MediaFile
    from faceloop_datasets.store.database import Database
    from faceloop_datasets.store.items import Item
    from faceloop_datasets.subjects import SubjectSource

    from .subject_rules import SubjectRule

NAMING = {
    "muct": "MUCT's file names (i, then the person's three digits)",
    "clmtools": "MUCT's file names, where pictures have them (i, then the person's three digits)",
    "csv": "the column subject of the table",
    "parquet": "the column subject of the table",
    "imm": "IMM's file names (the person's number before the hyphen)",
}
"""Where the names of people come from, by format."""


@dataclass(frozen=True)
class AssignedSubjects:
    """What was decided.

    Parameters
    ----------
    records : list of FaceRecord
        Faces with their subjects; those that are known already have the project's.
    refused : list of (FaceRecord, str)
        Faces that the rule gives no subject, and why.
    changes : mapping of int to (str, SubjectSource)
        Items of the project that get another subject.
    rules : tuple of str
        How the subjects are known, one sentence each, with how many there are.
    subjects : int
        How many subjects the faces show.
    warnings : tuple of str
        What a person should look at.
    """

    records: list[FaceRecord]
    refused: list[tuple[FaceRecord, str]]
    changes: Mapping[int, tuple[str, SubjectSource]]
    rules: tuple[str, ...]
    subjects: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class SubjectAssignment:
    """How subjects are to be decided.

    Parameters
    ----------
    database : Database
        The project's.
    root : Path
        The project's folder.
    format : str
        What is imported.
    rule : SubjectRule or None
        What a person asked for.
    images : Path or None
        Folder with the pictures, if one was named.
    tick : callable
        Told how many runs of pictures were compared, of how many; may raise.
    """

    database: Database
    root: Path
    format: str
    rule: SubjectRule | None
    images: Path | None
    tick: Callable[[int, int], object]

    def assign(
        self,
        records: Sequence[FaceRecord],
        known: Sequence[Item | None],
        files: Mapping[ImageRef, MediaFile],
    ) -> AssignedSubjects:
        """Decide whom faces show.

        Parameters
        ----------
        records : sequence of FaceRecord
            The faces that are imported.
        known : sequence of Item or None
            Those of them that the project has.
        files : mapping of ImageRef to MediaFile
            Pictures that were looked at.
        """
        with self.database.read() as connection:
            taken = taken_names(connection)
        refused: list[tuple[FaceRecord, str]] = []
        if self.rule is None:
            faces = self._as_read(records, known)
        else:
            faces, refused = self._by_rule(self.rule, records, known, taken)
        others: list[AssignedFace] = []
        warnings: tuple[str, ...] = ()
        if self.rule is not None or any(face.item is None for face in faces):
            others, warnings = self._join(faces, Pictures(files), taken)
        return AssignedSubjects(
            records=[face.assigned_record for face in faces],
            refused=refused,
            changes={
                face.item.id: (face.subject, face.source)
                for face in (*faces, *others)
                if face.item is not None and face.changed
            },
            rules=tuple(self._sentences(faces)),
            subjects=len({face.subject for face in faces}),
            warnings=warnings,
        )

    def _as_read(
        self, records: Sequence[FaceRecord], known: Sequence[Item | None]
    ) -> list[AssignedFace]:
        faces = [AssignedFace(record, item) for record, item in zip(records, known, strict=True)]
        for face, record in zip(faces, records, strict=True):
            if face.item is None and face.in_video and face.source != "video":
                face.name(path_subject(FacePaths.of(record, self.images).picture), "video")
        return faces

    def _by_rule(
        self,
        rule: SubjectRule,
        records: Sequence[FaceRecord],
        known: Sequence[Item | None],
        taken: SubjectNames,
    ) -> tuple[list[AssignedFace], list[tuple[FaceRecord, str]]]:
        faces, refused = [], []
        places = [FacePaths.of(record, self.images) for record in records]
        for record, item, named in zip(records, known, rule.assign(places), strict=True):
            face = AssignedFace(record, item)
            if item is not None and item.subject_source == "person":
                faces.append(face)
                continue
            if isinstance(named, NoSubject):
                refused.append((record, f"{named.reason}."))
                continue
            try:
                name = path_subject(named) if rule.derived else check_subject(named)
            except InputError as error:
                refused.append((record, str(error)))
                continue
            if rule.derived:
                name = taken.name_below(name, record.root, [face])
            face.name(name, rule.source)
            faces.append(face)
        return faces, refused

    def _join(
        self, faces: Sequence[AssignedFace], pictures: Pictures, taken: SubjectNames
    ) -> tuple[list[AssignedFace], tuple[str, ...]]:
        """Join what is one subject, and name what nobody has named."""
        with self.database.read() as connection:
            others = faces_there(connection, faces, pictures, self.root)
        every = [*faces, *others]
        groups = DisjointSets([face.given for face in every])
        clashes = join_copies(every, pictures, groups)
        if self.rule is None:
            join_named(every, groups)
            join_bursts(shown_in(every, pictures), groups, self.tick)
            sets = defaultdict(list)
            for element, face in enumerate(every):
                sets[groups.representative(element)].append(face)
            for members in sets.values():
                name_set(members, pictures, taken)
        return others, clashes

    def _sentences(self, faces: Sequence[AssignedFace]) -> Iterator[str]:
        counts: Counter[str] = Counter(face.source for face in faces)
        subjects: dict[str, set[str]] = defaultdict(set)
        for face in faces:
            subjects[face.source].add(face.subject)
        told = any(f.record and f.record.subject_source == "format" for f in faces)
        naming = NAMING.get(self.format, self.format)
        said = {
            "rule": "the rule of an import" if self.rule is None else self.rule.sentence,
            "format": f"names of people from {naming}"
            if told
            else "people as the faces that are here already name them",
            "person": "set by hand",
            "video": "frames of one video, clip or burst, and copies of one picture, are one",
            "picture": "each picture its own (names of pictures, not of people)",
        }
        for source, sentence in said.items():
            if counts[source]:
                number = count_of(len(subjects[source]), _WORDS[source])
                shown = counted(counts[source], "face")
                yield f"{sentence}: {number}, {shown}"


_WORDS = {
    "rule": "person",
    "format": "person",
    "person": "person",
    "video": "clip",
    "picture": "picture",
}
