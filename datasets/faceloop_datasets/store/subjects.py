"""Subjects of a project: whom its faces show, how that is known, and changing it.

Nothing here touches a revision: what was annotated stays, only whom it shows changes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from sqlalchemy import bindparam, func, select, update

from faceloop_datasets.errors import ProjectError
from faceloop_datasets.subjects import (
    distinct_name,
    how_known,
    kind_of,
    named_by_person,
    no_such_subject,
)

from .items import NOT_REMOVED, parts
from .tables import ItemRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from faceloop_datasets.media.files import Media
    from faceloop_datasets.subjects import SubjectSource

_CHANGE = (
    update(ItemRow)
    .where(ItemRow.id == bindparam("item"))
    .values(subject=bindparam("whom"), subject_source=bindparam("how"))
)
_CHANGE_OTHERS = _CHANGE.where(ItemRow.subject_source != "person")


@dataclass(frozen=True)
class Subject:
    """One subject of a project.

    Parameters
    ----------
    name : str
        What it is called.
    sources : tuple of str
        How that is known of its faces, see `faceloop_datasets.subjects.SubjectSource`.
    items : tuple of int
        Numbers of its faces.
    pictures : int
        Pictures, or frames of videos, that they are in.
    """

    name: str
    sources: tuple[SubjectSource, ...]
    items: tuple[int, ...]
    pictures: int

    @property
    def kind(self) -> str:
        """What it is: ``person``, ``picture``, ``clip`` or ``subject``."""
        return kind_of(self.sources)

    @property
    def how(self) -> str:
        """How it is known, in words."""
        return how_known(self.sources)


def list_subjects(connection: Connection) -> list[Subject]:
    """All subjects, in the order their first faces came."""
    query = (
        select(ItemRow.subject, ItemRow.subject_source, ItemRow.id, ItemRow.media_id, ItemRow.frame)
        .where(NOT_REMOVED)
        .order_by(ItemRow.id)
    )
    found: dict[str, list[tuple[str, int, tuple[int | None, int | None]]]] = defaultdict(list)
    for name, source, item, media, frame in connection.execute(query):
        found[name].append((source, item, (media, frame)))
    return [
        Subject(
            name,
            cast("tuple[SubjectSource, ...]", tuple(sorted({source for source, _, _ in rows}))),
            tuple(item for _, item, _ in rows),
            len({where for _, _, where in rows if where[0] is not None}),
        )
        for name, rows in found.items()
    ]


def roots(connection: Connection) -> dict[str, set[str | None]]:
    """Return the folders that imports named, by the subjects they brought; None if not known."""
    found: dict[str, set[str | None]] = defaultdict(set)
    for subject, root in connection.execute(select(ItemRow.subject, ItemRow.origin_root)):
        found[subject].add(root)
    return found


def change(
    connection: Connection,
    changes: Mapping[int, tuple[str, SubjectSource]],
    *,
    keep_named_by_person: bool = False,
) -> None:
    """Give items other subjects; ``keep_named_by_person`` spares those that a person has set."""
    rows = [{"item": k, "whom": name, "how": how} for k, (name, how) in changes.items()]
    if rows:
        connection.execute(_CHANGE_OTHERS if keep_named_by_person else _CHANGE, rows)


def set_subject(connection: Connection, numbers: Sequence[int], name: str) -> int:
    """Say whom some items show, as a person does; returns how many showed somebody else.

    Raises
    ------
    ProjectError
        If there is no such item.
    """
    before: dict[int, str] = {}
    for part in parts(sorted(set(numbers))):
        query = select(ItemRow.id, ItemRow.subject).where(ItemRow.id.in_(part))
        before |= {row.id: row.subject for row in connection.execute(query)}
    lacking = sorted(set(numbers) - set(before))
    if lacking:
        raise ProjectError(f"There is no item {lacking[0]} in this project. Nothing was changed.")
    change(connection, dict.fromkeys(before, named_by_person(name)))
    return sum(subject != name for subject in before.values())


def items_of(connection: Connection, names: Sequence[str]) -> list[int]:
    """Items of some subjects, removed ones too: brought back, they show whom they should.

    Raises
    ------
    ProjectError
        If there is no such subject.
    """
    query = select(ItemRow.subject, func.count()).group_by(ItemRow.subject)
    known = [name for name, _ in connection.execute(query)]
    for name in names:
        if name not in known:
            raise ProjectError(no_such_subject(name, known))
    found: list[int] = []
    for part in parts(names):
        found += connection.scalars(select(ItemRow.id).where(ItemRow.subject.in_(part)))
    return sorted(found)


def of_media(
    connection: Connection, media: Media | None, name: str = "shape", frame: int | None = None
) -> tuple[str, SubjectSource]:
    """Return the subject of a face that is added to a picture or video, and how it is known.

    It is that of the faces which are there already, if it is one; otherwise the file's name, or as
    much of its path as no other subject has. Two faces in one picture or frame are two people:
    where one there has a person's name, it is not the new one's. A face without a picture is called
    by its ``name``.
    """
    if media is None:
        return distinct_name(name, "", set(connection.scalars(select(ItemRow.subject)))), "picture"
    there = select(ItemRow.subject, ItemRow.subject_source, ItemRow.frame).where(
        ItemRow.media_id == media.id, NOT_REMOVED
    )
    known = connection.execute(there.order_by(ItemRow.id)).all()
    beside = any(
        where == frame and kind_of([source]) == "person" for _, source, where in known
    ) and (frame is not None or media.kind == "image")
    if len({name for name, *_ in known}) == 1 and not beside:
        return known[0][0], cast("SubjectSource", known[0][1])
    others = select(ItemRow.subject).where(
        (ItemRow.media_id != media.id) | ItemRow.media_id.is_(None)
    )
    folder = str(Path(media.absolute).parent)
    name = distinct_name(media.name, folder, set(connection.scalars(others.distinct())))
    return name, "video" if media.kind == "video" else "picture"
