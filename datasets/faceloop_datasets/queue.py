"""The review queue: what a person should look at next, worst first."""

from __future__ import annotations

import builtins
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sqlalchemy import bindparam, func, insert, select, update

from .annotation import Annotation, PointState
from .errors import InputError, ProjectError
from .scheme import need_points
from .store import items, reasons, subjects
from .store.guard import damaged
from .store.reasons import QueueReason, Reason
from .store.tables import ItemRow, QueueReasonRow, QueueRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray
    from sqlalchemy import Connection, Row, Select

    from .media import Media
    from .store.database import Database

Status = Literal["open", "claimed", "done", "skipped"]

# What a person skipped stays skipped, unless somebody asks for it; or something is found about
# the saved points, which train, that the person had not been told.
_ASKED: Reason = "manual"
_ON_SAVED_POINTS: tuple[Reason, ...] = ("label-check", "disagreement")

# Built once: tracking runs them thousands of times.
_ADD = insert(QueueRow).returning(QueueRow.id)
_OF_ITEM = select(QueueRow.id, QueueRow.status).where(QueueRow.item_id == bindparam("item"))


@dataclass(frozen=True)
class QueueEntry:
    """One item to look at.

    Parameters
    ----------
    id : int
        Number of the entry.
    item_id : int
        The item.
    reasons : tuple of QueueReason
        Why, the worst first; at least one.
    model : str or None
        The model that fitted.
    status : str
        ``open``, ``claimed`` by `author`, ``done`` or ``skipped``.
    author : str or None
        Who has claimed or closed it.
    said : str
        Why a person skipped it.
    fit : Annotation or None
        The model's points, all ESTIMATED: what to start the correction from. Fits live here and
        not among the revisions, which are what people and imports said.
    time : float or None
        Seconds into the video.
    shot : int or None
        Number of the shot in the video.
    """

    id: int
    item_id: int
    reasons: tuple[QueueReason, ...]
    model: str | None
    status: Status
    author: str | None
    said: str
    fit: Annotation | None
    time: float | None
    shot: int | None

    @property
    def reason(self) -> Reason:
        """The worst reason, which ranks the entry."""
        return self.reasons[0].reason

    @property
    def predicted_error(self) -> float | None:
        """The predicted error of the worst reason, in units of IOD."""
        return self.reasons[0].predicted_error

    @property
    def note(self) -> str:
        """What a person said when skipping it, else the sentence of the worst reason."""
        return self.said or self.reasons[0].note


@dataclass(frozen=True, eq=False)
class FrameCandidate:
    """A video frame that the model fitted badly.

    Parameters
    ----------
    frame : int
        Number of the frame.
    time : float
        Seconds into the video.
    points : array_like, shape (N, 2), or None
        The fit in pixels of the frame; None if the face was lost.
    predicted_error : float or None
        Believed error in units of IOD; None if the face was lost.
    shot : int
        Number of the shot, see `faceloop_datasets.video.ShotCounter`.
    """

    frame: int
    time: float
    points: ArrayLike | None
    predicted_error: float | None
    shot: int = 0

    @property
    def reason(self) -> Reason:
        """Why it should be looked at."""
        return "lost-track" if self.points is None else "poor-fit"

    @property
    def why(self) -> QueueReason:
        """The same as a reason of an entry."""
        return QueueReason(self.reason, self.predicted_error)


class ReviewQueue:
    """The queue of one project. Get it as `faceloop_datasets.Project.queue`."""

    def __init__(self, database: Database, scheme: str, size: int) -> None:
        self._database = database
        self._scheme = scheme
        self._size = size

    def add(
        self,
        item_id: int,
        reason: Reason,
        *,
        predicted_error: float | None = None,
        model: str | None = None,
        fit: ArrayLike | None = None,
        note: str = "",
        points: Sequence[int] = (),
        time: float | None = None,
        shot: int | None = None,
    ) -> QueueEntry:
        """Put an item into the queue, or give the entry it has another reason.

        An entry that waits keeps its other reasons, and its status if it is claimed; a reason
        that it has already is renewed. One that was done is opened again, for this reason only.
        One that was skipped stays skipped, unless the reason is ``manual``, or it is one about the
        saved points (``label-check``, ``disagreement``) that was not there when it was skipped:
        who puts a poor fit aside has not said that the saved points are right.

        Parameters
        ----------
        item_id : int
            The item.
        reason : str
            Why.
        predicted_error : float, optional
            What the model believes its error is, in units of IOD.
        model : str, optional
            The model that fitted.
        fit : array_like, shape (N, 2), optional
            Its points in pixels. Model and fit take the place of those that the entry has.
        note : str
            A sentence on the reason, for people.
        points : sequence of int
            Numbers of the landmarks that the reason is about.
        time : float, optional
            Seconds into the video.
        shot : int, optional
            Number of the shot in the video.

        Raises
        ------
        ProjectError
            If there is no such item or landmark, or ``fit`` has not one position a point.
        """
        need_points(points, self._size, self._scheme)
        why = QueueReason(reason, predicted_error, note, tuple(int(k) for k in points))
        fitted = _fitted(model, self._blob(fit), time, shot)
        with self._database.write() as connection:
            items.get_item(connection, item_id)
            return self._entry(put(connection, item_id, why, fitted), connection)

    def add_frames(
        self,
        media: Media,
        candidates: Iterable[FrameCandidate],
        *,
        model: str | None = None,
        per_shot: int = 3,
        seconds: float = 2.0,
        shape: float = 0.08,
        subject: str | None = None,
    ) -> list[QueueEntry]:
        """Put the worst and most different frames of a video into the queue.

        Greedy: the worst remaining frame is taken unless its shot has ``per_shot`` entries
        waiting, or it is near a frame already taken both in time and in shape. Frames that were
        annotated or queued before count as taken, so tracking again adds no near-duplicates.

        Parameters
        ----------
        media : Media
            The video.
        candidates : iterable of FrameCandidate
            Poor frames.
        model : str, optional
            The model that fitted.
        per_shot : int
            Most waiting entries of one shot.
        seconds, shape : float
            A frame is a near-duplicate of another in its shot if it is closer than ``seconds``
            and its shape, freed of position and size, is closer than ``shape`` (mean distance of
            the points in units of the shape's root mean square radius).
        subject : str, optional
            Subject of new items; if not given that of the video's other faces, or the video.

        Returns
        -------
        list of QueueEntry
            New entries, worst first.
        """
        order = sorted(candidates, key=lambda candidate: -candidate.why.priority)
        with self._database.write() as connection:
            taken = _Taken(connection, media.id, per_shot, seconds, shape)
            whom = subjects.by_hand(subject) if subject else subjects.of_media(connection, media)
            entries = []
            for candidate in order:
                if not taken.admits(candidate):
                    continue
                taken.take(candidate)
                fit = self._blob(candidate.points)
                fitted = _fitted(model, fit, candidate.time, candidate.shot)
                item = taken.items.get(candidate.frame) or items.add_item(
                    connection,
                    media_id=media.id,
                    frame=candidate.frame,
                    name=f"{media.name}#{candidate.frame}",
                    subject=whom[0],
                    subject_source=whom[1],
                )
                number = put(connection, item.id, candidate.why, fitted)
                entries.append(self._entry(number, connection))
        return entries

    def list(
        self,
        status: Status | None = "open",
        *,
        reason: Reason | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[QueueEntry]:
        """Entries in the order they should be looked at.

        Parameters
        ----------
        status : str or None
            Entries of this status; None for all.
        reason : str, optional
            Entries that have this reason, be it their worst or not.
        limit, offset : int
            At most so many, after so many: a page of a long queue.
        """
        query = _of_kind(select(QueueRow.__table__), status, reason)
        query = query.order_by(QueueRow.priority.desc(), QueueRow.id)
        with self._database.read() as connection:
            return self._read(connection, query.limit(limit).offset(offset))

    def count(self, status: Status | None = "open", *, reason: Reason | None = None) -> int:
        """How many entries `list` has in all."""
        query = _of_kind(select(func.count()).select_from(QueueRow), status, reason)
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def of_item(self, item_id: int) -> QueueEntry | None:
        """Entry of an item; None if it has none."""
        query = select(QueueRow.__table__).where(QueueRow.item_id == item_id)
        with self._database.read() as connection:
            return next(iter(self._read(connection, query)), None)

    def next(self, author: str) -> QueueEntry | None:
        """Claim the first open entry; None if there is none. Of two claims one wins."""
        first = (
            select(QueueRow.id)
            .where(QueueRow.status == "open")
            .order_by(QueueRow.priority.desc(), QueueRow.id)
            .limit(1)
        )
        with self._database.write() as connection:
            while (number := connection.scalar(first)) is not None:
                claimed = connection.execute(
                    update(QueueRow)
                    .where(QueueRow.id == number, QueueRow.status == "open")
                    .values(status="claimed", author=author)
                )
                if claimed.rowcount == 1:
                    return self._entry(number, connection)
        return None

    def claim(self, number: int, author: str) -> QueueEntry | None:
        """Claim an open entry; None if it is no longer open. Of two claims one wins.

        Raises
        ------
        ProjectError
            If there is no such entry.
        """
        with self._database.write() as connection:
            claimed = connection.execute(
                update(QueueRow)
                .where(QueueRow.id == number, QueueRow.status == "open")
                .values(status="claimed", author=author)
            )
            entry = self._entry(number, connection)
        return entry if claimed.rowcount == 1 else None

    def get(self, number: int) -> QueueEntry:
        """Entry by number.

        Raises
        ------
        ProjectError
            If there is none.
        """
        with self._database.read() as connection:
            return self._entry(number, connection)

    def release(self, number: int, author: str | None = None) -> QueueEntry:
        """Open a claimed, done or skipped entry again.

        Parameters
        ----------
        number : int
            The entry.
        author : str, optional
            Only if it is claimed, and by them: what somebody else did to it meanwhile stays.
        """
        chosen = QueueRow.id == number
        if author is not None:
            chosen &= (QueueRow.status == "claimed") & (QueueRow.author == author)
        with self._database.write() as connection:
            opened = update(QueueRow).where(chosen).values(status="open", author=None, said="")
            connection.execute(opened)
            return self._entry(number, connection)

    def done(self, number: int, author: str | None = None) -> QueueEntry:
        """Note that an entry was looked at and put right; by who claimed it if not said."""
        return self._change(number, status="done", **_given(author=author))

    def skip(self, number: int, reason: str = "", author: str | None = None) -> QueueEntry:
        """Note that an entry is not worth looking at, and why."""
        return self._change(number, status="skipped", **_given(said=reason, author=author))

    def _change(self, number: int, **values: str | None) -> QueueEntry:
        with self._database.write() as connection:
            connection.execute(update(QueueRow).where(QueueRow.id == number).values(values))
            return self._entry(number, connection)

    def _entry(self, number: int, connection: Connection) -> QueueEntry:
        query = select(QueueRow.__table__).where(QueueRow.id == number)
        for entry in self._read(connection, query):
            return entry
        raise ProjectError(f"There is no entry {number} in the review queue.")

    def _read(self, connection: Connection, query: Select[Any]) -> builtins.list[QueueEntry]:
        rows = connection.execute(query).all()
        why = reasons.of_entries(connection, [row.id for row in rows])
        return [self._decode(row, why.get(row.id, ())) for row in rows]

    def _decode(self, row: Row[Any], why: tuple[QueueReason, ...]) -> QueueEntry:
        values = dict(row._mapping)
        del values["priority"]
        blob = values.pop("points")
        if not why:
            raise damaged(f"Entry {values['id']} of the review queue", "it has no reason")
        fit = None
        if blob is not None:
            try:
                points = items.decode_points(blob)
                states = np.full(len(points), PointState.ESTIMATED)
                fit = Annotation(self._scheme, points, states, f"fit:{values['model'] or ''}")
            except (ValueError, InputError) as error:
                raise damaged(f"Entry {values['id']} of the review queue", error) from error
        return QueueEntry(**values, reasons=why, fit=fit)

    def _blob(self, points: ArrayLike | None) -> bytes | None:
        if points is None:
            return None
        xy = np.asarray(points, dtype="<f8")
        if xy.shape != (self._size, 2) or not np.isfinite(xy).all():
            raise ProjectError(
                f"Expected a fit of {self._size} finite points ({self._scheme}) but got an array "
                f"of shape {xy.shape}."
            )
        return xy.tobytes()


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _fitted(
    model: str | None, fit: bytes | None, time: float | None, shot: int | None
) -> dict[str, object]:
    """Columns of an entry that come with a fit: a model's opinion is new as a whole."""
    where = {"time": time, "shot": shot}
    known: dict[str, object] = {name: value for name, value in where.items() if value is not None}
    if model is None and fit is None:
        return known
    return {"model": model, "points": fit, **known}


def _of_kind(query: Select[Any], status: Status | None, reason: Reason | None) -> Select[Any]:
    if status is not None:
        query = query.where(QueueRow.status == status)
    if reason is not None:
        having = select(QueueReasonRow.queue_id).where(QueueReasonRow.reason == reason)
        query = query.where(QueueRow.id.in_(having))
    return query


def put(
    connection: Connection,
    item_id: int,
    reason: QueueReason,
    fitted: Mapping[str, object] = MappingProxyType({}),
) -> int:
    """Give the entry of an item a reason, as `ReviewQueue.add` says; returns its number."""
    known = connection.execute(_OF_ITEM, {"item": item_id}).one_or_none()
    if known is None:
        new = {"item_id": item_id, "status": "open", "priority": reason.priority, "said": ""}
        number = connection.execute(_ADD, {**new, **fitted}).scalar_one()
    else:
        number, status = known
        if status == "skipped" and not _opens(connection, number, reason):
            return number
        values = dict(fitted)
        if status in ("done", "skipped"):
            reasons.clear(connection, number)
            fresh = {"status": "open", "author": None, "said": "", "model": None, "points": None}
            values = fresh | values
        if values:
            connection.execute(update(QueueRow).where(QueueRow.id == number).values(values))
    reasons.put(connection, number, reason)
    return number


def _opens(connection: Connection, number: int, reason: QueueReason) -> bool:
    """Whether a reason opens an entry that was skipped."""
    if reason.reason == _ASKED:
        return True
    known = reasons.kinds(connection, number)
    return reason.reason in _ON_SAVED_POINTS and reason.reason not in known


class _Taken:
    """Frames of a video that need no near-duplicates."""

    def __init__(
        self, connection: Connection, media_id: int, per_shot: int, seconds: float, shape: float
    ) -> None:
        self._per_shot, self._seconds, self._shape = per_shot, seconds, shape
        rows = connection.execute(select(ItemRow.__table__).where(ItemRow.media_id == media_id))
        self.items = {row.frame: items.Item(**row._mapping) for row in rows}
        self._annotated = {f for f, item in self.items.items() if item.head is not None}
        self._waiting: Counter[int] = Counter()
        self._frames: list[tuple[int, float, NDArray[np.float64] | None]] = []
        self._queued: set[int] = set()
        queued = (
            select(QueueRow.__table__, ItemRow.frame)
            .join(ItemRow, ItemRow.id == QueueRow.item_id)
            .where(ItemRow.media_id == media_id)
        )
        for row in connection.execute(queued):
            self._queued.add(row.frame)
            if row.status in ("open", "claimed"):
                self._waiting[row.shot or 0] += 1
            if row.time is not None:
                points = None if row.points is None else items.decode_points(row.points)
                self._frames.append((row.shot or 0, row.time, _normalised(points)))

    def admits(self, candidate: FrameCandidate) -> bool:
        """Whether a frame is worth an entry beside those taken."""
        if candidate.frame in self._annotated or candidate.frame in self._queued:
            return False
        if self._waiting[candidate.shot] >= self._per_shot:
            return False
        shape = _normalised(candidate.points)
        return not any(
            shot == candidate.shot
            and abs(time - candidate.time) < self._seconds
            and _distance(shape, other) < self._shape
            for shot, time, other in self._frames
        )

    def take(self, candidate: FrameCandidate) -> None:
        """Count a frame as taken."""
        self._queued.add(candidate.frame)
        self._waiting[candidate.shot] += 1
        self._frames.append((candidate.shot, candidate.time, _normalised(candidate.points)))


def _normalised(points: ArrayLike | None) -> NDArray[np.float64] | None:
    if points is None:
        return None
    xy = np.asarray(points, dtype=np.float64)
    xy = xy - xy.mean(axis=0)
    radius = max(float(np.sqrt((xy**2).sum(axis=1).mean())), 1e-9)
    unit: NDArray[np.float64] = xy / radius
    return unit


def _distance(a: NDArray[np.float64] | None, b: NDArray[np.float64] | None) -> float:
    # Two lost frames are alike; a lost one and a found one are not.
    if a is None or b is None:
        return 0.0 if a is b else np.inf
    return float(np.linalg.norm(a - b, axis=1).mean())
