"""Points that a conversion estimated, confirmed in all faces at once.

A conversion estimates the same few points in every face it brings: who has looked at some of them
and finds them right can say so of all. What a fit estimated is a model's opinion of one face, and
is confirmed face by face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import and_, func, or_, select

from faceloop_datasets.annotation import FIT_SOURCES, Annotation, PointState

from . import bulk
from .guard import damaged
from .items import NOT_REMOVED, parts
from .tables import ItemRow, RevisionRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row

    from faceloop_datasets.progress import Monitor
    from faceloop_datasets.schemes.scheme import Scheme

KIND = "confirmation"
"""The batches of `faceloop_datasets.store.bulk` that come from here."""

_CONVERTED = and_(*(~RevisionRow.source.startswith(s, autoescape=True) for s in FIT_SOURCES))
_COUNTS = (ItemRow.head == RevisionRow.id) & NOT_REMOVED


def estimates(connection: Connection, size: int) -> NDArray[np.int64]:
    """Count the faces in which each of ``size`` points is an estimate of a conversion, (N,)."""
    query = select(RevisionRow.states).join(ItemRow, _COUNTS).where(_CONVERTED)
    stored = connection.scalars(query).all()
    if any(len(states) != size for states in stored):
        raise damaged("A saved annotation", f"it has not the {size} points of the scheme")
    states = np.frombuffer(b"".join(stored), np.uint8).reshape(-1, size)
    counts: NDArray[np.int64] = (states == PointState.ESTIMATED).sum(axis=0)
    return counts


def confirm(
    connection: Connection,
    scheme: Scheme,
    points: Sequence[int],
    *,
    author: str,
    monitor: Monitor,
) -> bulk.Batch:
    """Declare some points visible wherever a conversion estimated them.

    The revisions are a person's (``manual``), so that a repeated import changes nothing: it
    compares with what it last brought, and what counts is not its own any more.
    """
    chosen = np.array(sorted(set(points)), int)
    numbers = _estimated_in(connection, chosen)
    changes = _confirmed(connection, scheme.name, chosen, numbers)
    return bulk.append_to_all(
        connection,
        changes,
        kind=KIND,
        action=f"Confirm {_named(scheme, chosen)}",
        author=author,
        total=len(numbers),
        monitor=monitor,
    )


def _named(scheme: Scheme, points: NDArray[np.int64]) -> str:
    return scheme.names[points[0]] if len(points) == 1 else f"{len(points)} points"


def _estimated_in(connection: Connection, points: NDArray[np.int64]) -> list[int]:
    """Revisions that count and have an estimate of a conversion among some points."""
    if not len(points):
        return []
    state = bytes([PointState.ESTIMATED])
    any_of = or_(*(func.substr(RevisionRow.states, int(k) + 1, 1) == state for k in points))
    query = select(RevisionRow.id).join(ItemRow, _COUNTS).where(_CONVERTED, any_of)
    return list(connection.scalars(query.order_by(RevisionRow.id)))


def _confirmed(
    connection: Connection, scheme: str, points: NDArray[np.int64], numbers: Sequence[int]
) -> Iterator[bulk.NewRevision]:
    for part in parts(numbers):
        query = select(RevisionRow.__table__).where(RevisionRow.id.in_(part))
        for row in connection.execute(query.order_by(RevisionRow.id)).all():
            yield _as_confirmed(row, scheme, points)


def _as_confirmed(row: Row[Any], scheme: str, points: NDArray[np.int64]) -> bulk.NewRevision:
    before = bulk.stored_annotation(row, scheme)
    states = before.states.copy()
    states[points[before.converted[points]]] = PointState.VISIBLE
    confirmed = Annotation(scheme, before.points, states, "manual")
    return bulk.NewRevision(row.item_id, confirmed, row.id, bulk.stored_start(row))
