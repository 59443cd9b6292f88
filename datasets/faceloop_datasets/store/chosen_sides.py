"""Faces that a person has put on a side of every split: to measure models with, or to train them.

It stands in the settings, by the faces' numbers: a split never cuts a subject, so the face of a
person decides for all of them, whatever they are called later.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, get_args

from sqlalchemy import select

from faceloop_datasets.errors import ProjectError

from . import settings
from .guard import damaged
from .items import parts
from .tables import ItemRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

Side = Literal["held out", "training"]
"""``held out`` faces measure models and train none; those of ``training`` the other way round."""

KEY = "chosen-sides"
"""Setting that holds the numbers of the faces of each side, as JSON."""


def read(connection: Connection) -> dict[int, Side]:
    """Sides of the faces that somebody has chosen one for.

    Raises
    ------
    ProjectError
        If what is stored of them cannot be read.
    """
    stored = settings.get(connection, KEY)
    if stored is None:
        return {}
    try:
        values = json.loads(stored)
        found: dict[int, Side] = {k: side for side in get_args(Side) for k in values[side]}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise damaged("What the project remembers of who is held out", error) from error
    if not all(type(k) is int and 0 <= k < 1 << 31 for k in found):
        raise damaged("What the project remembers of who is held out", "a number is none of a face")
    return found


def choose(connection: Connection, numbers: Iterable[int], side: Side | None) -> None:
    """Put faces on a side, or with None leave them to the split again.

    Raises
    ------
    ProjectError
        If there is no such face; nothing was changed.
    """
    wanted = sorted(set(numbers))
    there: set[int] = set()
    for part in parts(wanted):
        there.update(connection.scalars(select(ItemRow.id).where(ItemRow.id.in_(part))))
    lacking = next((k for k in wanted if k not in there), None)
    if lacking is not None:
        raise ProjectError(f"There is no item {lacking} in this project. Nothing was changed.")
    sides = {k: old for k, old in read(connection).items() if k not in there}
    if side is not None:
        sides |= dict.fromkeys(wanted, side)
    if not sides:
        settings.drop(connection, KEY)
        return
    values = {one: sorted(k for k, s in sides.items() if s == one) for one in get_args(Side)}
    settings.put(connection, KEY, json.dumps(values))
