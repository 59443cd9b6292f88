"""Faces whose subjects are being decided, and what makes several of them one subject."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from faceloop_datasets.staging import content_hash
from faceloop_datasets.store import items, subjects
from faceloop_datasets.store import media as media_store
from faceloop_datasets.subjects import distinct_name, path_subject

from .bursts import PicturedFace
from .same_picture import NEAR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from faceloop_datasets.formats import FaceRecord
    from faceloop_datasets.formats.record import ImageRef
    from faceloop_datasets.media.files import Media, MediaFile
    from faceloop_datasets.store.items import Item
    from faceloop_datasets.subjects import SubjectSource

    from .bursts import DisjointSets

_NUMBERED = re.compile(r" \(\d+\)$")
_GIVEN = ("format", "rule", "person")
"""Sources of subjects that somebody, or a format, has named: they are never joined."""


class AssignedFace:
    """A face that is imported, or that the project has already, with the subject it gets.

    Parameters
    ----------
    record : FaceRecord or None
        What is imported; None for a face that the project has and that is not imported again.
    item : Item or None
        The face in the project; None for a new one.
    media : Media or None
        Of a face without a record: its picture, with ``absolute`` where it is now.
    points : ndarray, shape (N, 2), or None
        Of a face without a record.

    Attributes
    ----------
    subject, source : str
        Whom it shows, and how that is known.
    changed : bool
        Whether that is something else than in the beginning.
    is_stranger : bool
        Whether it is new in a picture in which a person has told several people apart.
    """

    def __init__(
        self,
        record: FaceRecord | None,
        item: Item | None,
        media: Media | None = None,
        points: NDArray[np.float64] | None = None,
    ) -> None:
        self.record, self.item, self.media, self.points = record, item, media, points
        known = cast("FaceRecord | Item", record if item is None else item)
        self.subject, self.source = known.subject, known.subject_source
        self.changed = False
        self.is_stranger = False
        if record is not None:
            self.points = record.annotation.points

    @property
    def given(self) -> str | None:
        """Whom somebody, or a format, says that it shows."""
        return self.subject if self.source in _GIVEN else None

    @property
    def assigned_record(self) -> FaceRecord:
        """What is imported, with its subject."""
        record = cast("FaceRecord", self.record)
        return replace(record, subject=self.subject, subject_source=self.source)

    @property
    def root(self) -> str | None:
        """The folder or archive that was named."""
        if self.item is None and self.record is not None:
            return self.record.root
        return None if self.item is None else self.item.origin_root

    def name(self, subject: str, source: SubjectSource) -> None:
        """Give it a subject."""
        self.changed |= (subject, source) != (self.subject, self.source)
        self.subject, self.source = subject, source

    @property
    def in_video(self) -> bool:
        """Whether it is a frame of a video."""
        known = self.record or self.item
        return known is not None and known.frame is not None


class SubjectNames:
    """Names of subjects, and below which folders they mean somebody.

    Parameters
    ----------
    roots : mapping of str to set of (str or None)
        The folders that were named when the faces of each subject came; None if nobody knows.
    """

    def __init__(self, roots: dict[str, set[str | None]]) -> None:
        self._roots = roots

    def name_below(self, base: str, root: str, faces: Iterable[AssignedFace]) -> str:
        """Return the name of the subject that a path below ``root`` names."""
        here = {face.root for face in faces if face.item is not None}
        others = _Others(self._roots, here, locations(root, base))
        name = distinct_name(base, root, others)  # type: ignore[arg-type]
        self._roots[name].add(root)
        return name


@dataclass(frozen=True)
class _Others:
    """Names that mean somebody else."""

    roots: Mapping[str, set[str | None]]
    here: set[str | None]
    own_locations: set[str]

    def __contains__(self, name: str) -> bool:
        return any(
            self.own_locations.isdisjoint(locations(root, name))
            for root in self.roots.get(name, set()) - self.here
        )


def locations(root: str | None, name: str) -> set[str]:
    """Return the paths that a name may mean below a folder, or with the folder's name before it."""
    if not root:
        return {name} if root == "" else set()
    name = _NUMBERED.sub("", name)
    parts = Path(root).parts
    found = {str(Path(root, name))}
    for count in range(1, len(parts)):
        folders = "/".join(parts[-count:])
        if name == folders:
            found.add(root)
        elif name.startswith(f"{folders}/"):
            found.add(str(Path(root, name[len(folders) + 1 :])))
    return found


def taken_names(connection: Connection) -> SubjectNames:
    """Return the names of the project's subjects."""
    return SubjectNames(subjects.roots(connection))


@dataclass(frozen=True)
class Pictures:
    """Files of the pictures that an import asks for.

    Parameters
    ----------
    files : mapping of ImageRef to MediaFile
        Those that were looked at: all that the project does not have.
    """

    files: Mapping[ImageRef, MediaFile]

    def of(self, face: AssignedFace) -> Path | None:
        """File of a face's picture, or of its video."""
        if face.media is not None:
            return Path(face.media.absolute)
        ref = None if face.record is None else face.record.image
        if ref is None:
            return None
        if ref in self.files:
            return self.files[ref].path
        return ref.path.absolute() if ref.member is None else None

    def content(self, face: AssignedFace, file: Path) -> str:
        """Hash of what the file of a face holds."""
        if face.media is not None:
            return face.media.sha256
        ref = None if face.record is None else face.record.image
        if ref is not None and ref in self.files:
            return self.files[ref].sha256
        try:
            return content_hash(file)
        except OSError:
            return str(file)  # who needs it says that it is missing


def faces_there(
    connection: Connection,
    faces: Sequence[AssignedFace],
    pictures: Pictures,
    root: Path,
) -> list[AssignedFace]:
    """Faces that the project has, in the folders of the new pictures or of as many bytes."""
    new = [pictures.of(face) for face in faces if face.item is None]
    files = {file for file in new if file is not None}
    folders = {_folder(file) for file in files}
    sizes = {_size(file) for file in files}
    media = {
        m.id: replace(m, absolute=str(m.where(root)))
        for m in media_store.list_all(connection)
        if m.bytes in sizes or (m.kind == "image" and _folder(m.where(root)) in folders)
    }
    seen = {face.item.id for face in faces if face.item is not None}
    return [
        AssignedFace(None, item, media[cast("int", item.media_id)], points)
        for item, points in items.with_points(connection, sorted(media))
        if item.id not in seen
    ]


def _folder(file: Path) -> str:
    return os.path.realpath(file.parent)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1  # who needs it says that it is missing


def join_named(every: Sequence[AssignedFace], groups: DisjointSets) -> None:
    """Join what has one subject already, and the frames of one video."""
    first: dict[object, int] = {}
    for element, face in enumerate(every):
        if face.given is not None or face.is_stranger:
            continue
        keys: list[object] = [
            (face.root, face.subject) if face.item is None else face.subject,
        ]
        if face.in_video and face.record is not None:
            keys.append(face.record.image)
        for key in keys:
            groups.join(first.setdefault(key, element), element)


def join_copies(
    every: Sequence[AssignedFace], pictures: Pictures, groups: DisjointSets
) -> tuple[str, ...]:
    """Join faces in files of the same content; says where those show different given people."""
    by_size: dict[int, dict[Path, list[int]]] = defaultdict(lambda: defaultdict(list))
    for element, face in enumerate(every):
        file = pictures.of(face)
        if file is not None:
            by_size[_size(file)][file].append(element)
    clashes = []
    for files in by_size.values():
        contents: dict[str, list[tuple[Path, int]]] = defaultdict(list)
        for file, elements in files.items():
            content = pictures.content(every[elements[0]], file) if len(files) > 1 else ""
            contents[content].extend((file, element) for element in elements)
        for elements in files.values():
            _tell_apart(every, elements, groups)
        for same in contents.values():
            if all(every[element].item is not None for _, element in same):
                continue
            told = [one for one in same if not every[one[1]].is_stranger]
            (file, first), *rest = told
            for other, element in rest:
                if not groups.join(first, element):
                    clashes.append((file, every[first].subject, other, every[element].subject))
    return _clash_text(clashes)


def _tell_apart(
    every: Sequence[AssignedFace], elements: Sequence[int], groups: DisjointSets
) -> None:
    """Find new faces of a picture in which a person has told several people apart.

    They are joined with the one of those that they lie on; nobody knows whom others show.
    """
    people = [e for e in elements if every[e].source == "person"]
    if len({every[e].subject for e in people}) < 2:
        return
    for new in elements:
        face = every[new]
        if face.item is None and face.given is None:
            face.is_stranger = True
            twin = next((e for e in people if _lies_on(face, every[e])), None)
            if twin is not None:
                groups.join(twin, new)


def _lies_on(face: AssignedFace, other: AssignedFace) -> bool:
    """Whether points are nearly where those of another face of the picture are."""
    a, b = face.points, other.points
    if a is None or b is None or a.shape != b.shape:
        return False
    off = np.linalg.norm(a - b, axis=1)
    both = np.isfinite(off)
    if not both.any():
        return False
    return bool(off[both].mean() <= NEAR * max(float(np.ptp(b[both], axis=0).max()), 1.0))


def _clash_text(clashes: Sequence[tuple[Path, str, Path, str]]) -> tuple[str, ...]:
    if not clashes:
        return ()
    one, first, other, second = clashes[0]
    where = f"{one.name} and {other.name} are" if one != other else f"{one.name} is"
    more = f", and {len(clashes) - 1} more" if len(clashes) > 1 else ""
    said = (
        f"{where} one picture of two subjects, {first!r} and {second!r}{more}. They stay as they "
        "were given; merge them if they are one person (faceloop subjects merge)."
    )
    return (said,)


def shown_in(every: Sequence[AssignedFace], pictures: Pictures) -> dict[int, PicturedFace]:
    """Return what can be a frame of a burst: pictures whose people no format names."""
    found = {}
    for element, face in enumerate(every):
        file = pictures.of(face)
        if file is None or face.in_video or face.source == "format" or face.points is None:
            continue
        if not np.isfinite(face.points).all(axis=1).any():
            continue
        ref = None if face.record is None else face.record.image
        folder, stem = _folder(file), file.stem
        if ref is not None and ref.member is not None:
            folder, _, name = f"{ref.path.absolute()}:{ref.member}".rpartition("/")
            stem = Path(name).stem
        found[element] = PicturedFace(folder, stem, file, face.points, new=face.item is None)
    return found


def name_set(members: Sequence[AssignedFace], pictures: Pictures, taken: SubjectNames) -> None:
    """Give the faces of one set one subject, if something is new about it."""
    if all(face.item is not None for face in members):
        return
    given = next((face for face in members if face.given is not None), None)
    if given is not None:
        name, source = given.subject, given.source
    else:
        known = [face for face in members if face.item is not None]
        clip = len({pictures.of(f) for f in members}) > 1 or any(
            f.in_video or f.source == "video" for f in members
        )
        source = "video" if clip else "picture"
        if known:
            name = min(known, key=lambda face: cast("Item", face.item).id).subject
        else:
            first = cast("FaceRecord", members[0].record)
            name = taken.name_below(path_subject(members[0].subject), first.root, members)
    for face in members:
        if face.given is None:
            face.name(name, source)
