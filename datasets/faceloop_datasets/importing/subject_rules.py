"""Whose faces are imported: the rules that a person chooses from with ``--subjects``.

``folder``
    The folder of the picture is the person: its whole path below what was named. Where the picture
    lies in none, the folder of its annotation, or else the one that was named.
``file``
    Each picture file is a subject of its own, also where pictures are frames of one clip.
``TABLE.csv``
    Two columns, picture and subject, with or without a header. A row belongs to the picture of that
    path below what was named, or else to the only one whose path ends like it.
a pattern with ``{subject}``
    Like the end of the path, from the beginning of a file's or folder's name on: ``{subject}_*``
    finds anna in ``day1/anna_3.jpg``, ``{subject}/*`` the folder of the picture. ``*`` stands for
    any letters, ``?`` for one, neither for a ``/``.
a regular expression
    Searched in the path of the picture, then in that of the annotation. The group ``subject``, or
    the first one, or all that it matches, names the person.

Without a rule a format may name people (MUCT's file names, IMM's, the sample's identities); else
frames of one video, clip or burst are one subject, and every other picture is its own.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar, Protocol

from faceloop_datasets.errors import InputError
from faceloop_datasets.formats._places import folded
from faceloop_datasets.formats._rows import read_text
from faceloop_datasets.searching import search_all
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets.formats import FaceRecord
    from faceloop_datasets.subjects import SubjectSource

_PICTURE_HEADS = {"picture", "image", "path", "file", "filename", "name"}
_RULES = (
    "folder, file, a pattern with {subject}, a regular expression or a table (.csv) of pictures "
    "and subjects"
)
_SUBJECT_HEADS = {"subject", "person", "people", "id", "identity"}


@dataclass(frozen=True)
class FacePaths:
    """Where a face is, as rules see it: paths with ``/`` and without what comes before.

    Parameters
    ----------
    picture : str
        Path of the picture below the folder that was named, or below that of the pictures.
    annotation : str
        Path of the annotation, and its place in the file.
    root : str
        Name of the folder or archive that was named.
    """

    picture: str
    annotation: str
    root: str

    @classmethod
    def of(cls, record: FaceRecord, images: Path | None) -> FacePaths:
        """Find the place of a face; ``images`` is the folder of the pictures, if one was named."""
        return cls(_picture_path(record, images), _slashes(record.identity), Path(record.root).name)


@dataclass(frozen=True)
class NoSubject:
    """A face that a rule gives no subject, and why."""

    reason: str


class SubjectRule(Protocol):
    """Gives faces their subjects."""

    @property
    def derived(self) -> bool:
        """Whether the names are paths, which mean somebody else below another folder."""

    @property
    def source(self) -> SubjectSource:
        """How subjects are known then; names of files stay what they are."""

    @property
    def sentence(self) -> str:
        """What it does, for people."""

    def assign(self, places: Sequence[FacePaths]) -> list[str | NoSubject]:
        """Return the subject of each face, or why it has none."""


def parse_rule(text: str | Path) -> SubjectRule:
    """Read what a person wrote after ``--subjects``.

    Raises
    ------
    InputError
        If the regular expression is none, or the table cannot be used.
    """
    text = str(text).strip()
    match text.lower():
        case "folder":
            return _Folder()
        case "file":
            return _File()
        case "":
            raise InputError(f"The rule for subjects is empty. Expected {_RULES}.")
        case lower if lower.endswith(".csv"):
            return _read_table(Path(text))
    return _Pattern(text, _like(text) if _placeholders(text) else _compiled(text))


def _placeholders(text: str) -> list[str]:
    """Names in braces; a regular expression has only numbers there."""
    return re.findall(r"\{([^\W\d]\w*)\}", text)


def _like(text: str) -> re.Pattern[str]:
    """Compile a pattern with a placeholder.

    Raises
    ------
    InputError
        If it has another placeholder than ``{subject}``, or that more than once.
    """
    found = _placeholders(text)
    other = next((name for name in found if name != "subject"), None)
    if other is not None or len(found) > 1:
        what = "{subject} twice" if other is None else f"the placeholder {{{other}}}"
        raise InputError(f"The pattern '{text}' has {what}; expected {{subject}}, once.")
    parts = re.split(r"(\{subject\}|\*|\?)", text)
    stands_for = {"{subject}": r"(?P<subject>[^/]+?)", "*": r"[^/]*", "?": r"[^/]"}
    return re.compile(
        r"(?:^|/)" + "".join(stands_for.get(part) or re.escape(part) for part in parts) + r"\Z"
    )


def _compiled(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise InputError(
            f"'{text}' is no regular expression ({error}). Expected {_RULES}."
        ) from error


@dataclass(frozen=True)
class _Folder:
    derived = True
    source: ClassVar[SubjectSource] = "rule"
    sentence = "the folder of each picture is one person"

    def assign(self, places: Sequence[FacePaths]) -> list[str | NoSubject]:
        return [self._folder(place) for place in places]

    @staticmethod
    def _folder(place: FacePaths) -> str | NoSubject:
        file = place.annotation.split(":", 1)[0]
        for path in (place.picture, file):
            if (folder := PurePosixPath(path).parent.as_posix()) != ".":
                return folder
        return place.root or NoSubject(f"{place.picture} lies in no folder that names a person")


@dataclass(frozen=True)
class _File:
    derived = True
    source: ClassVar[SubjectSource] = "picture"
    sentence = "each picture file is a subject of its own"

    def assign(self, places: Sequence[FacePaths]) -> list[str | NoSubject]:
        return [place.picture for place in places]


@dataclass(frozen=True)
class _Pattern:
    written: str
    pattern: re.Pattern[str]
    derived = False
    source: ClassVar[SubjectSource] = "rule"

    @property
    def sentence(self) -> str:
        return f"the expression '{self.written}' finds each person's name in the path"

    def assign(self, places: Sequence[FacePaths]) -> list[str | NoSubject]:
        group = "subject" if "subject" in self.pattern.groupindex else min(self.pattern.groups, 1)
        paths = [*(place.picture for place in places), *(place.annotation for place in places)]
        found = search_all(self.pattern.pattern, paths, group, written=self.written)
        both = zip(found[: len(places)], found[len(places) :], strict=True)
        names = [next((name for name in pair if name and name.strip()), None) for pair in both]
        return [
            name or NoSubject(f"'{self.written}' finds no name in {place.picture}")
            for name, place in zip(names, places, strict=True)
        ]


@dataclass(frozen=True)
class _Table:
    file: Path
    rows: tuple[tuple[int, str, str], ...]  # line, path, subject
    derived = False
    source: ClassVar[SubjectSource] = "rule"

    @property
    def sentence(self) -> str:
        return f"the table {self.file.name} names the person of each picture"

    def assign(self, places: Sequence[FacePaths]) -> list[str | NoSubject]:
        exact: dict[str, list[int]] = defaultdict(list)
        for row, (_, path, _) in enumerate(self.rows):
            exact[path].append(row)
            exact[folded(path)] += [row] if folded(path) != path else []
        found = [
            exact.get(p.picture) or exact.get(p.annotation) or exact.get(folded(p.picture)) or []
            for p in places
        ]
        used = {row for rows in found for row in rows}
        tails, pictures = self._tails(used), Counter[int]()
        for path in {p.picture for p, rows in zip(places, found, strict=True) if not rows}:
            pictures.update(self._ending(path, tails))
        return [
            self._one(place, rows or self._ending(place.picture, tails), pictures)
            for place, rows in zip(places, found, strict=True)
        ]

    def _tails(self, used: set[int]) -> dict[str, list[int]]:
        """Rows that no picture's whole path has, by their last part."""
        tails: dict[str, list[int]] = defaultdict(list)
        for row, (_, path, _) in enumerate(self.rows):
            if row not in used:
                tails[folded(PurePosixPath(path).name)].append(row)
        return tails

    def _ending(self, path: str, tails: dict[str, list[int]]) -> list[int]:
        near = tails.get(folded(PurePosixPath(path).name), ())
        return [row for row in near if _ends_alike(folded(path), folded(self.rows[row][1]))]

    def _one(self, place: FacePaths, rows: list[int], pictures: Counter[int]) -> str | NoSubject:
        lines = " and ".join(str(self.rows[row][0]) for row in rows[:3])
        if not rows:
            return NoSubject(f"{self.file.name} has no row for {place.picture}")
        if len({self.rows[row][2] for row in rows}) > 1:
            return NoSubject(f"lines {lines} of {self.file.name} fit {place.picture} and disagree")
        if any(pictures[row] > 1 for row in rows):
            return NoSubject(
                f"line {lines} of {self.file.name} fits {max(pictures[r] for r in rows)} pictures, "
                f"among them {place.picture}; write the path out"
            )
        return self.rows[rows[0]][2]


def _read_table(file: Path) -> _Table:
    text = read_text(file)
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    rows = []
    try:
        for line, cells in _cells(text, separator):
            while len(cells) > 2 and not cells[-1]:
                cells.pop()
            if len(cells) != 2:
                raise InputError(
                    f"{file}:{line}: {counted(len(cells), 'column')}; expected 2: picture and "
                    "subject."
                )
            rows.append((line, _slashes(cells[0]), cells[1]))
    except csv.Error as error:
        raise InputError(f"{file} is no table that can be read ({error}).") from error
    heads = rows and (rows[0][1].lower() in _PICTURE_HEADS and rows[0][2].lower() in _SUBJECT_HEADS)
    rows = rows[1:] if heads else rows
    if not rows:
        raise InputError(f"{file} has no rows; expected two columns: picture and subject.")
    for line, path, subject in rows:
        if not path or not subject:
            raise InputError(f"{file}:{line}: a cell is empty; expected a picture and a subject.")
    return _Table(file, tuple(rows))


def _cells(text: str, separator: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return [
        (reader.line_num, [cell.strip() for cell in cells])
        for cells in reader
        if any(cell.strip() for cell in cells)
    ]


def _ends_alike(path: str, row: str) -> bool:
    one, other = path.split("/"), row.split("/")
    count = min(len(one), len(other))
    return one[-count:] == other[-count:]


def _slashes(path: str) -> str:
    path = path.replace("\\", "/")
    while path.startswith("./"):
        path = path[2:]
    return path


def _picture_path(record: FaceRecord, images: Path | None) -> str:
    if record.image is None:
        return _slashes(str(_folder_of(record) / _slashes(record.image_name)))
    if record.image.member is not None:
        return _slashes(record.image.member)
    named = [folder.absolute() for folder in (images, _root(record)) if folder is not None]
    path = record.image.path.absolute()
    below = [path.relative_to(folder) for folder in named if path.is_relative_to(folder)]
    # of two folders that hold it, the deeper one was named for the pictures
    return min(below, key=lambda p: len(p.parts)).as_posix() if below else path.name


def _folder_of(record: FaceRecord) -> PurePosixPath:
    """Folder of an annotation file below what was named."""
    file, root = Path(record.origin.rpartition(":")[0]).absolute(), _root(record)
    if root is None or not file.is_relative_to(root):
        return PurePosixPath()
    return PurePosixPath(file.relative_to(root).parent.as_posix())


def _root(record: FaceRecord) -> Path | None:
    return Path(record.root).absolute() if record.root else None
