"""What was last changed about whom faces show, so that it can be taken back.

It stands in the settings, as the last change of many points does (`faceloop_datasets.store.bulk`);
an erasure drops it, since names of people are in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from faceloop_datasets.subjects import SubjectSource

from . import settings
from .guard import damaged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

KEY = "last-subjects"
"""Setting that holds it, as JSON."""


@dataclass(frozen=True)
class SubjectChange:
    """Subjects that were changed at once.

    Parameters
    ----------
    action : str
        What was done, for people.
    before : mapping of int to (str, SubjectSource)
        What the items' subjects were, and how they were known.
    after : mapping of int to str
        What they are called since then.
    """

    action: str
    before: Mapping[int, tuple[str, SubjectSource]]
    after: Mapping[int, str]


def remember(connection: Connection, change: SubjectChange) -> None:
    """Keep a change until the next one."""
    rows = [[k, *known, change.after[k]] for k, known in change.before.items()]
    settings.put(connection, KEY, json.dumps({"action": change.action, "items": rows}))


def forget(connection: Connection) -> None:
    """Keep none."""
    settings.drop(connection, KEY)


def last(connection: Connection) -> SubjectChange | None:
    """Return the last change that was not taken back; None if there is none.

    Raises
    ------
    ProjectError
        If what is stored of it cannot be read.
    """
    stored = settings.get(connection, KEY)
    if stored is None:
        return None
    try:
        values = json.loads(stored)
        rows = [_row(row) for row in values["items"]]
        action = values["action"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged("What the project remembers of the last subjects", error) from error
    if not isinstance(action, str):
        raise damaged("What the project remembers of the last subjects", "its action is no text")
    before = {item: (name, source) for item, name, source, _ in rows}
    return SubjectChange(action, before, {item: after for item, *_, after in rows})


def _row(row: Any) -> tuple[int, str, SubjectSource, str]:
    item, name, source, after = row
    texts = isinstance(name, str) and isinstance(after, str) and source in get_args(SubjectSource)
    if type(item) is not int or not 0 <= item < 1 << 31 or not texts:
        raise ValueError(f"a row is {row!r:.60}")
    return item, name, source, after
