"""Whom the faces of a project would show by a rule, to look at before anything is written.

The rules are those of an import (`subject_rules`). They see the path of a picture below the folder
that all pictures of the project share, then the name of the face and the annotation's path.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from faceloop_datasets.errors import InputError
from faceloop_datasets.subjects import check_subject, path_subject

from .subject_rules import FacePaths, NoSubject, parse_rule

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from faceloop_datasets.media.files import Media
    from faceloop_datasets.store.items import Item
    from faceloop_datasets.subjects import SubjectSource

    from .subject_rules import SubjectRule


@dataclass(frozen=True)
class PlannedSubject:
    """What a rule says of one face.

    Parameters
    ----------
    item_id : int
        The face.
    path : str
        What the rule looked at: its picture below the folder that all share, or its name.
    before : str
        Whom it shows now.
    after : str
        Whom it would show; as before if the rule finds nobody.
    why_not : str
        Why the rule finds nobody; empty if it does.
    """

    item_id: int
    path: str
    before: str
    after: str
    why_not: str = ""

    @property
    def changes(self) -> bool:
        """Whether it would show somebody else."""
        return self.before != self.after


@dataclass(frozen=True)
class SubjectPlan:
    """What a rule says of all faces, before anything is written.

    Parameters
    ----------
    rule : str
        The rule, as a person wrote it.
    sentence : str
        What it does, for people.
    source : SubjectSource
        How the subjects are known then.
    faces : tuple of PlannedSubject
        Every face that was asked about, in the order they came.
    """

    rule: str
    sentence: str
    source: SubjectSource
    faces: tuple[PlannedSubject, ...]

    @cached_property
    def found(self) -> tuple[PlannedSubject, ...]:
        """Faces of which the rule says whom they show."""
        return tuple(face for face in self.faces if not face.why_not)

    @cached_property
    def changed(self) -> tuple[PlannedSubject, ...]:
        """Faces that would show somebody else."""
        return tuple(face for face in self.faces if face.changes)

    @cached_property
    def refused(self) -> tuple[PlannedSubject, ...]:
        """Faces of which the rule says nothing; they stay as they are."""
        return tuple(face for face in self.faces if face.why_not)

    @cached_property
    def subjects(self) -> Counter[str]:
        """How many faces each subject that the rule finds would get."""
        return Counter(face.after for face in self.found)


def plan_subjects(items: Sequence[Item], media: Collection[Media], rule: str) -> SubjectPlan:
    """Ask a rule whom faces show.

    Parameters
    ----------
    items : sequence of Item
        The faces.
    media : collection of Media
        All pictures and videos of the project, also of other faces.
    rule : str
        ``folder``, ``file``, a pattern, a regular expression or a table, see `subject_rules`.

    Raises
    ------
    InputError
        If the rule is none.
    """
    parsed = parse_rule(rule)
    places = _places(items, media)
    found = parsed.assign(places)
    faces = tuple(
        _planned(item, place, name, parsed)
        for item, place, name in zip(items, places, found, strict=True)
    )
    # Who looks at the plan and takes it has said so by hand; names of files stay names of files.
    source: SubjectSource = "picture" if parsed.source == "picture" else "person"
    return SubjectPlan(rule.strip(), parsed.sentence, source, faces)


def _planned(
    item: Item, place: FacePaths, name: str | NoSubject, rule: SubjectRule
) -> PlannedSubject:
    if isinstance(name, NoSubject):
        return PlannedSubject(item.id, place.picture, item.subject, item.subject, name.reason)
    try:
        subject = check_subject(path_subject(name) if rule.derived else name)
    except InputError as error:
        return PlannedSubject(item.id, place.picture, item.subject, item.subject, str(error))
    return PlannedSubject(item.id, place.picture, item.subject, subject)


def _places(items: Sequence[Item], media: Collection[Media]) -> list[FacePaths]:
    shared = shared_folder(media)
    below = {m.id: _below(m, shared) for m in media}
    return [_place(item, below.get(item.media_id or 0, "")) for item in items]


def _place(item: Item, picture: str) -> FacePaths:
    origin = (item.origin or "").partition(":")[2]
    return FacePaths(picture or item.name, origin or item.name, "")


def shared_folder(media: Collection[Media]) -> Path | None:
    """Deepest folder that all pictures and videos outside the project lie in or below."""
    folders = {PurePath(m.absolute).parent for m in media if not _copied(m)}
    try:
        return Path(os.path.commonpath(folders)) if folders else None
    except ValueError:  # on different drives
        return None


def _below(media: Media, shared: Path | None) -> str:
    """Return the path of a picture below the shared folder; none of a copy in the project."""
    if _copied(media):
        return ""
    path = PurePath(media.absolute)
    inside = shared is not None and path.is_relative_to(shared)
    return (path.relative_to(shared) if inside and shared else path).as_posix()


def _copied(media: Media) -> bool:
    return media.path.startswith("media/")
