"""Which poor frames of a video are worth a look: the worst, and no near-duplicates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .entries import QueueReason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

    from .entries import Reason


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
        Number of the shot, see `faceloop_datasets.media.video.ShotCounter`.
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


class QueuedFrame(NamedTuple):
    """A frame of the same video that has an entry of the review queue.

    Parameters
    ----------
    frame : int
        Number of the frame.
    waiting : bool
        Whether its entry is still to be looked at.
    shot : int
        Number of the shot in the video.
    time : float or None
        Seconds into the video; None if that is not known.
    points : ndarray, shape (N, 2), or None
        The fit in pixels of the frame; None if the face was lost.
    """

    frame: int
    waiting: bool
    shot: int
    time: float | None
    points: NDArray[np.float64] | None


def select_frames(
    candidates: Iterable[FrameCandidate],
    annotated: Collection[int],
    queued: Iterable[QueuedFrame],
    *,
    per_shot: int,
    seconds: float,
    shape: float,
) -> Iterator[FrameCandidate]:
    """Yield the frames of a video that are worth an entry, the worst first.

    Greedy: the worst remaining frame is taken unless it is annotated or queued already, its shot
    has ``per_shot`` entries waiting, or it is a near-duplicate of one that was taken or queued.

    Parameters
    ----------
    candidates : iterable of FrameCandidate
        Poor frames; of equally bad ones the first goes first.
    annotated : collection of int
        Numbers of the frames that have an annotation.
    queued : iterable of QueuedFrame
        Frames that are in the review queue, whatever became of them.
    per_shot : int
        Most waiting entries of one shot.
    seconds, shape : float
        A frame is a near-duplicate of another in its shot if it is closer than ``seconds`` and its
        shape, freed of position and size, is closer than ``shape`` (mean distance of the points in
        units of the shape's root mean square radius).
    """
    queued = list(queued)
    waiting = Counter(one.shot for one in queued if one.waiting)
    closed = {*annotated, *(one.frame for one in queued)}
    near = [(one.shot, one.time, _normalised(one.points)) for one in queued if one.time is not None]
    for candidate in sorted(candidates, key=lambda candidate: -candidate.why.priority):
        if candidate.frame in closed or waiting[candidate.shot] >= per_shot:
            continue
        own = _normalised(candidate.points)
        if any(
            shot == candidate.shot
            and abs(time - candidate.time) < seconds
            and _distance(own, other) < shape
            for shot, time, other in near
        ):
            continue
        closed.add(candidate.frame)
        waiting[candidate.shot] += 1
        near.append((candidate.shot, candidate.time, own))
        yield candidate


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
