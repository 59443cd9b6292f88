"""Points that a conversion estimated, confirmed in all faces at once.

A conversion estimates the same few points in every face it brings: who has looked at some of them
and finds them right can say so of all. What a fit estimated is a model's opinion of one face, and
is confirmed face by face.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import and_, func, or_, select

from faceloop_datasets.annotation import FIT_SOURCES, Annotation, PointState, outside

from . import bulk
from .guard import damaged
from .items import NOT_REMOVED, parts
from .tables import ItemRow, MediaRow, RevisionRow

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
_WITH_SIZES = (
    select(RevisionRow.__table__, MediaRow.width, MediaRow.height)
    .join(ItemRow, ItemRow.id == RevisionRow.item_id)
    .outerjoin(MediaRow, MediaRow.id == ItemRow.media_id)
)


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
    """Declare some points right wherever a conversion estimated them.

    They are visible; those that lie outside their picture, where nobody sees them, are occluded.
    The revisions are a person's (``manual``), so that a repeated import changes nothing: it
    compares with what it last brought, and what counts is not its own any more.
    """
    chosen = np.array(sorted(set(points)), int)
    numbers = _estimated_in(connection, chosen)
    changes = _Changes(connection, scheme.name, chosen)
    batch = bulk.append_to_all(
        connection,
        changes.of(numbers),
        kind=KIND,
        action=f"Confirm {_named(scheme, chosen)}",
        author=author,
        total=len(numbers),
        monitor=monitor,
    )
    return replace(batch, outside=changes.outside)


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


class _Changes:
    """Makes the revisions of a confirmation, and counts the points outside their pictures."""

    def __init__(self, connection: Connection, scheme: str, points: NDArray[np.int64]) -> None:
        self._connection, self._scheme, self._points = connection, scheme, points
        self.outside = 0

    def of(self, numbers: Sequence[int]) -> Iterator[bulk.NewRevision]:
        """Confirm the points of some revisions."""
        for part in parts(numbers):
            query = _WITH_SIZES.where(RevisionRow.id.in_(part)).order_by(RevisionRow.id)
            for row in self._connection.execute(query).all():
                yield self._confirmed(row)

    def _confirmed(self, row: Row[Any]) -> bulk.NewRevision:
        before = bulk.stored_annotation(row, self._scheme)
        states, sure = before.states.copy(), self._points[before.converted[self._points]]
        states[sure] = PointState.VISIBLE
        if row.width is not None:
            beyond = sure[outside(before.points[sure], (row.width, row.height))]
            states[beyond] = PointState.OCCLUDED
            self.outside += len(beyond)
        confirmed = Annotation(self._scheme, before.points, states, "manual")
        return bulk.NewRevision(row.item_id, confirmed, row.id, bulk.stored_start(row))
