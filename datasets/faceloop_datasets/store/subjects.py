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
    no_such_subject,
)

from . import subject_changes
from .items import NOT_REMOVED, parts
from .subject_changes import SubjectChange
from .tables import ItemRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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


def set_subjects(
    connection: Connection, wanted: Mapping[int, tuple[str, SubjectSource]], action: str
) -> int:
    """Say whom some items show, as a person does; returns how many showed somebody else.

    What they showed before is remembered: `subject_changes.undo` brings it back.

    Parameters
    ----------
    connection : Connection
        That of `Database.write`.
    wanted : mapping of int to (str, SubjectSource)
        The subject of each item, and how it is known.
    action : str
        What is done, for people.

    Raises
    ------
    ProjectError
        If there is no such item.
    """
    before = of_items(connection, wanted)
    lacking = sorted(set(wanted) - set(before))
    if lacking:
        raise ProjectError(f"There is no item {lacking[0]} in this project. Nothing was changed.")
    others = {k: known for k, known in before.items() if known != wanted[k]}
    change(connection, {k: wanted[k] for k in others})
    if others:
        after = {k: wanted[k][0] for k in others}
        subject_changes.remember(connection, SubjectChange(action, others, after))
    return sum(name != wanted[k][0] for k, (name, _) in others.items())


def undo(connection: Connection, wanted: SubjectChange | None = None) -> SubjectChange | None:
    """Take back a change, where nobody has changed it since; by default the last, and forget that.

    Returns
    -------
    SubjectChange or None
        What was taken back, with the items that are as they were; None if there was nothing.
    """
    last = subject_changes.last(connection)
    taken = wanted or last
    if taken is None:
        return None
    now = of_items(connection, taken.before)
    still = [k for k, (name, _) in now.items() if name == taken.after[k]]
    change(connection, {k: taken.before[k] for k in still})
    if taken == last:
        subject_changes.forget(connection)
    return SubjectChange(
        taken.action, {k: taken.before[k] for k in still}, {k: taken.after[k] for k in still}
    )


def of_items(
    connection: Connection, numbers: Iterable[int]
) -> dict[int, tuple[str, SubjectSource]]:
    """Subjects of items, and how they are known; items that are not there are left out."""
    found: dict[int, tuple[str, SubjectSource]] = {}
    for part in parts(sorted(set(numbers))):
        query = select(ItemRow.id, ItemRow.subject, ItemRow.subject_source)
        rows = connection.execute(query.where(ItemRow.id.in_(part)))
        found |= {row.id: (row.subject, cast("SubjectSource", row.subject_source)) for row in rows}
    return found


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
