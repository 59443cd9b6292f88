"""Which faces of an import the project has already.

A face is what it says: its points, and the picture that they belong to. Where it lies only helps
to tell what has changed from what is new. From strong to weak:

1. At the same place (folder or archive, path below it, place in the file) is the same face, changed
   or not, unless its picture is another one: then the file was used again for another face.
2. Equal points of an equal picture elsewhere are the same face: files that were copied or moved, or
   named from another folder.
3. Other points of an equal picture at the same path elsewhere are a copy that was corrected, if
   most faces of that place are known from one other place. Else they are somebody else's annotation
   of that picture, and a face of its own.

Where a file has several faces of a picture, its place says only which picture it is; which of its
faces is decided by their points, see `same_picture`.

Points at their place whose picture alone is another one may belong to the old picture: nobody can
tell, so that they are `REPLACED`.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from enum import Enum
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.store.imported import MatchCandidate

from .same_picture import PlacedFace, is_near, pair_faces, split_place

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from faceloop_datasets.annotation import Annotation
    from faceloop_datasets.formats import FaceRecord


_PLAIN = re.compile(r"[^/.\n][^/\n]*(?:/[^/.\n][^/\n]*)*")
"""A path that is written as `PurePosixPath` would write it: no part of it is empty, or a dot."""


class Unmatched(Enum):
    """What a face is that the project does not have."""

    NEW = "new"
    REPLACED = "replaced"


class FaceMatching:
    """Finds the faces of one import among those that imports of its format brought before.

    Parameters
    ----------
    candidates : sequence of Candidate
        The faces that are there; each is given to one face of the import at most.
    last_of : callable
        What the last import said of some items, by number.
    picture_of : callable
        Picture of a face of the import, as in `MatchCandidate`; None if that is not known.
    """

    def __init__(
        self,
        candidates: Sequence[MatchCandidate],
        last_of: Callable[[Iterable[int]], Mapping[int, Annotation | None]],
        picture_of: Callable[[FaceRecord], str | None],
    ) -> None:
        self._candidates = candidates
        self._last_of, self._picture_of = last_of, picture_of
        self._last: dict[int, Annotation | None] = {}
        self._found: dict[int, MatchCandidate] = {}
        self._assigned: set[int] = set()

    def decide(self, records: Sequence[FaceRecord]) -> list[MatchCandidate | Unmatched]:
        """Say of each face which one of the project it is."""
        if not self._candidates:
            return [Unmatched.NEW] * len(records)
        places = _by(
            self._candidates, lambda c: None if c.root is None else annotation_place(c.root, c.path)
        )
        pictures = _Pictures(records, places, self._same_place)
        self._match_in_pictures(records, pictures)
        self._match(
            records,
            lambda r: () if pictures.of(r) else places.get(_place(r), ()),
            self._same_place,
        )
        once = Counter(record.former_path for record in records)
        old = _by(self._candidates, lambda c: c.path if c.root is None else None)
        self._match(
            records,
            lambda r: old.get(r.former_path, ()),
            lambda r, c: self._has_former_path(r, c, alone=once[r.former_path] == 1),
        )
        alike = self._alike(records)
        self._match(records, alike, self._same_content)
        self._match_corrected(records, alike)
        return [
            self._found.get(number)
            or self._unmatched(record, pictures.of(record) or places.get(_place(record), ()))
            for number, record in enumerate(records)
        ]

    def _match_in_pictures(self, records: Sequence[FaceRecord], pictures: _Pictures) -> None:
        self._read(c for _, there in pictures.several.values() for c in there)
        for numbers, there in pictures.several.values():
            faces = [PlacedFace(_key(records[n]), records[n].annotation) for n in numbers]
            known = [PlacedFace(split_place(c.path)[1], self._last[c.item_id]) for c in there]
            pairs = pair_faces(
                faces, known,
                lambda a, b, n=numbers, c=there: self._same_place(  # type: ignore[misc]
                    records[n[a]], c[b]
                ),
            )  # fmt: skip
            for number, k in pairs.items():
                self._assign(numbers[number], there[k])

    def _match(
        self,
        records: Sequence[FaceRecord],
        candidates: Callable[[FaceRecord], Iterable[MatchCandidate]],
        fits: Callable[[FaceRecord, MatchCandidate], bool],
    ) -> None:
        waiting = [(n, r, list(candidates(r))) for n, r in self._waiting(records)]
        self._read(c for _, _, some in waiting for c in some)
        for number, record, some in waiting:
            free = [c for c in some if c.item_id not in self._assigned and fits(record, c)]
            if free:
                self._assign(number, max(free, key=lambda c: self._rank(record, c)))

    def _waiting(self, records: Sequence[FaceRecord]) -> list[tuple[int, FaceRecord]]:
        return [(n, r) for n, r in enumerate(records) if n not in self._found]

    def _read(self, candidates: Iterable[MatchCandidate]) -> None:
        self._last |= self._last_of({c.item_id for c in candidates} - self._last.keys())

    def _assign(self, number: int, candidate: MatchCandidate) -> None:
        self._found[number] = candidate
        self._assigned.add(candidate.item_id)

    def _rank(self, record: FaceRecord, candidate: MatchCandidate) -> tuple[bool, bool, int, int]:
        return (
            self._unchanged(record, candidate),
            self._agree(record, candidate) is True,
            common_tail(record.identity, candidate.path),
            candidate.item_id,
        )

    # Whether a face is the one of the project

    def _same_place(self, record: FaceRecord, candidate: MatchCandidate) -> bool:
        return self._agree(record, candidate) is not False

    def _has_former_path(
        self, record: FaceRecord, candidate: MatchCandidate, *, alone: bool
    ) -> bool:
        """Older versions knew a face by the last parts of its path, which several may share."""
        agree = self._agree(record, candidate)
        return agree or (agree is None and (alone or self._unchanged(record, candidate)))

    def _same_content(self, record: FaceRecord, candidate: MatchCandidate) -> bool:
        agree = self._agree(record, candidate)
        return agree is not False and self._unchanged(record, candidate)

    def _alike(self, records: Sequence[FaceRecord]) -> Callable[[FaceRecord], list[MatchCandidate]]:
        """Return what finds the faces of an equal picture, or without one but of an equal name."""
        waiting = [record for _, record in self._waiting(records)]
        pictures = {self._picture_of(record) for record in waiting}
        names = {last_part(record.identity) for record in waiting}
        by_picture = _by(self._candidates, lambda c: c.picture if c.picture in pictures else None)
        by_name = _by(
            self._candidates, lambda c: last_part(c.path) if last_part(c.path) in names else None
        )

        def find(record: FaceRecord) -> list[MatchCandidate]:
            picture = self._picture_of(record)
            equal = by_picture.get(picture, []) if picture is not None else []
            named = by_name.get(last_part(record.identity), [])
            return [*equal, *(c for c in named if picture is None or c.picture is None)]

        return find

    def _match_corrected(
        self,
        records: Sequence[FaceRecord],
        alike: Callable[[FaceRecord], list[MatchCandidate]],
    ) -> None:
        """Take changed copies where most faces of their place are known from one other place."""
        roots = {c.item_id: c.root for c in self._candidates}
        moved = Counter((records[n].root, roots[c.item_id]) for n, c in self._found.items())
        changed: dict[tuple[str, str | None], list[tuple[int, MatchCandidate]]] = defaultdict(list)
        waiting = self._waiting(records)
        numbered = self._numbered(records) if waiting else set()
        for number, record in waiting:
            for candidate in alike(record):
                same = last_part(record.identity) == last_part(candidate.path)
                if {_picture(_place(record)), _picture(_known_place(candidate))} & numbered:
                    same = same and is_near(record.annotation, self._last[candidate.item_id])
                if same and self._agree(record, candidate):
                    changed[record.root, candidate.root].append((number, candidate))
        for places, pairs in changed.items():
            for number, candidate in pairs if moved[places] >= len(pairs) else ():
                if number not in self._found and candidate.item_id not in self._assigned:
                    self._assign(number, candidate)

    def _numbered(self, records: Sequence[FaceRecord]) -> set[str]:
        """Pictures of several faces, here or in the project: an equal number says little there."""
        places = {_place(record) for record in records} | set(map(_known_place, self._candidates))
        return {picture for picture, count in Counter(map(_picture, places)).items() if count > 1}

    def _unmatched(self, record: FaceRecord, there: Iterable[MatchCandidate]) -> Unmatched:
        replaced = any(self._unchanged(record, candidate) for candidate in there)
        return Unmatched.REPLACED if replaced else Unmatched.NEW

    def _agree(self, record: FaceRecord, candidate: MatchCandidate) -> bool | None:
        """Whether both have the same picture; None if it is not known of both."""
        own = self._picture_of(record)
        if own is None or candidate.picture is None:
            return None
        return own == candidate.picture

    def _unchanged(self, record: FaceRecord, candidate: MatchCandidate) -> bool:
        return self._last[candidate.item_id] == record.annotation


class _Pictures:
    """Pictures of which a file has, or had, several faces.

    Attributes
    ----------
    several : dict of str to tuple
        Numbers of the faces now, and those that are known, by the place of the picture.
    """

    def __init__(
        self,
        records: Sequence[FaceRecord],
        places: Mapping[Hashable, list[MatchCandidate]],
        same_picture: Callable[[FaceRecord, MatchCandidate], bool],
    ) -> None:
        known: dict[str, list[MatchCandidate]] = defaultdict(list)
        for place, some in places.items():
            known[_picture(str(place))] += some
        now: dict[str, list[int]] = defaultdict(list)
        for number, record in enumerate(records):
            now[_picture(_place(record))].append(number)
        self.several = {
            place: (numbers, there)
            for place, numbers in now.items()
            if (there := known.get(place))
            and not _is_one([records[n] for n in numbers], there, same_picture)
        }

    def of(self, record: FaceRecord) -> Sequence[MatchCandidate]:
        """Known faces of the picture of one; none if its place says which one it is."""
        return self.several.get(_picture(_place(record)), ((), ()))[1]


def _is_one(
    records: Sequence[FaceRecord],
    there: Sequence[MatchCandidate],
    same_picture: Callable[[FaceRecord, MatchCandidate], bool],
) -> bool:
    """Whether a picture has, and had, one face, as most do: its place says which one it is."""
    if len(records) > 1:
        return False
    (record,) = records
    if len(there) > 1:
        there = [c for c in there if same_picture(record, c)]
    return len(there) <= 1 and all(split_place(c.path)[1] == _key(record) for c in there)


def _key(record: FaceRecord) -> str:
    return split_place(record.identity)[1]


def _place(record: FaceRecord) -> str:
    return annotation_place(record.root, record.identity)


def _known_place(candidate: MatchCandidate) -> str:
    return annotation_place(candidate.root or "", candidate.path)


def _picture(place: str) -> str:
    return split_place(place)[0]


def annotation_place(root: str, path: str) -> str:
    """Where an annotation is, however the folder above it was divided into root and path."""
    folder = _folder(root)
    if _PLAIN.fullmatch(path) and not folder.endswith("/"):  # of most: in a tenth of the time
        return f"{folder}/{path}"
    return f"{PurePosixPath(folder) / path}"


@lru_cache(maxsize=64)
def _folder(root: str) -> str:
    return f"{PurePosixPath(os.path.normcase(root).replace(os.sep, '/'))}"


def last_part(path: str) -> str:
    """Name of the annotation file, or of the row in it, without folders."""
    return re.split("[/:]", path)[-1]


def common_tail(a: str, b: str) -> int:
    """How many parts of two paths agree, from the last one upwards."""
    count = 0
    for one, other in zip(reversed(a.split("/")), reversed(b.split("/")), strict=False):
        if one != other:
            break
        count += 1
    return count


def _by(
    candidates: Sequence[MatchCandidate], key: Callable[[MatchCandidate], Hashable]
) -> dict[Hashable, list[MatchCandidate]]:
    found: dict[Hashable, list[MatchCandidate]] = defaultdict(list)
    for candidate in candidates:
        value = key(candidate)
        if value is not None:
            found[value].append(candidate)
    return found
