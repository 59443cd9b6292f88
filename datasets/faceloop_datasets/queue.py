"""The review queue: what a person should look at next, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import ProjectError
from .review.entries import QueueReason
from .review.frames import select_frames
from .schemes.scheme import need_points
from .store import items, queue, subjects
from .subjects import named_by_person

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike
    from sqlalchemy import Connection

    from .media.files import Media
    from .review.entries import QueueEntry, Reason, Status
    from .review.frames import FrameCandidate
    from .store.database import Database


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
            The error that the model predicts, in units of IOD.
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
        fitted = queue.fit_columns(model, self._blob(fit), time, shot)
        with self._database.write() as connection:
            items.get_item(connection, item_id)
            return self._entry(connection, queue.put(connection, item_id, why, fitted))

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
        with self._database.write() as connection:
            annotated, there = queue.frames_of(connection, media.id)
            known = {item.frame: item for item in items.of_media(connection, media.id)}
            decided = named_by_person(subject) if subject else subjects.of_media(connection, media)
            numbers = []
            for candidate in select_frames(
                candidates, annotated, there, per_shot=per_shot, seconds=seconds, shape=shape
            ):
                fit = self._blob(candidate.points)
                fitted = queue.fit_columns(model, fit, candidate.time, candidate.shot)
                item = known.get(candidate.frame) or items.add_item(
                    connection,
                    media_id=media.id,
                    frame=candidate.frame,
                    name=f"{media.name}#{candidate.frame}",
                    subject=decided[0],
                    subject_source=decided[1],
                )
                numbers.append(queue.put(connection, item.id, candidate.why, fitted))
            return [self._entry(connection, number) for number in numbers]

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
        with self._database.read() as connection:
            return queue.list_entries(
                connection, self._scheme, status, reason, limit=limit, offset=offset
            )

    def count(self, status: Status | None = "open", *, reason: Reason | None = None) -> int:
        """How many entries `list` has in all.

        Parameters
        ----------
        status : str, optional
            As in `list`; None counts all.
        reason : str, optional
            Only those with this reason.
        """
        with self._database.read() as connection:
            return queue.count(connection, status, reason)

    def of_item(self, item_id: int) -> QueueEntry | None:
        """Entry of an item; None if it has none.

        Parameters
        ----------
        item_id : int
            Number of the item.
        """
        with self._database.read() as connection:
            return queue.of_item(connection, self._scheme, item_id)

    def next(self, author: str) -> QueueEntry | None:
        """Claim the first open entry; None if there is none. Of two claims one wins.

        Parameters
        ----------
        author : str
            Who claims it.
        """
        with self._database.write() as connection:
            number = queue.claim_first(connection, author)
            return None if number is None else self._entry(connection, number)

    def claim(self, number: int, author: str) -> QueueEntry | None:
        """Claim an open entry; None if it is no longer open. Of two claims one wins.

        Parameters
        ----------
        number : int
            Number of the entry.
        author : str
            Who claims it.

        Raises
        ------
        ProjectError
            If there is no such entry.
        """
        with self._database.write() as connection:
            claimed = queue.claim(connection, number, author)
            entry = self._entry(connection, number)
        return entry if claimed else None

    def get(self, number: int) -> QueueEntry:
        """Entry by number.

        Raises
        ------
        ProjectError
            If there is none.
        """
        with self._database.read() as connection:
            return self._entry(connection, number)

    def release(self, number: int, author: str | None = None) -> QueueEntry:
        """Open a claimed, done or skipped entry again.

        Parameters
        ----------
        number : int
            The entry.
        author : str, optional
            Only if it is claimed, and by them: what somebody else did to it meanwhile stays.
        """
        with self._database.write() as connection:
            queue.release(connection, number, author)
            return self._entry(connection, number)

    def done(self, number: int, author: str | None = None) -> QueueEntry:
        """Note that an entry was looked at and put right; by who claimed it if not said.

        Parameters
        ----------
        number : int
            Number of the entry.
        author : str, optional
            Who did it.
        """
        return self._close(number, "done", author=author)

    def skip(self, number: int, reason: str = "", author: str | None = None) -> QueueEntry:
        """Note that an entry is not worth looking at, and why.

        Parameters
        ----------
        number : int
            Number of the entry.
        reason : str
            Why, for people.
        author : str, optional
            Who says so.
        """
        return self._close(number, "skipped", author=author, said=reason)

    def settle(self, item_id: int, reason: Reason, author: str | None = None) -> None:
        """Note that a reason to look at an item holds no longer.

        It is taken from the item's entry, if that waits; one that has no other reason is done.

        Parameters
        ----------
        item_id : int
            Number of the item.
        reason : str
            The reason that is settled.
        author : str, optional
            Who says so.
        """
        with self._database.write() as connection:
            queue.settle(connection, item_id, reason, author)

    def _close(
        self, number: int, status: Status, *, author: str | None, said: str = ""
    ) -> QueueEntry:
        with self._database.write() as connection:
            queue.close(connection, number, status, author=author, said=said)
            return self._entry(connection, number)

    def _entry(self, connection: Connection, number: int) -> QueueEntry:
        return queue.get(connection, self._scheme, number)

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
