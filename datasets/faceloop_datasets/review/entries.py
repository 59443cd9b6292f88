"""What is in the review queue: faces to look at, and why; the worst first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from faceloop_datasets.annotation import Annotation

Status = Literal["open", "claimed", "done", "skipped"]

Reason = Literal[
    "imported-estimate", "poor-fit", "lost-track", "disagreement", "label-check", "manual"
]
"""``imported-estimate`` is of older versions: an import queues no finished face any more."""

# Where a reason without a predicted error stands among those that have one, in units of IOD.
# A lost face fits worse than any fit that was found. What an import estimated comes last.
_UNPREDICTED: dict[str, float] = {
    "manual": 2.0,
    "lost-track": 1.0,
    "disagreement": 0.2,
    "label-check": 0.1,
    "poor-fit": 0.05,
    "imported-estimate": -1.0,
}


class QueueReason(NamedTuple):
    """One reason to look at a face.

    A named tuple and not a data class: a list of ten thousand faces is made ten times as fast.

    Parameters
    ----------
    reason : str
        Why.
    predicted_error : float or None
        The error that the model predicts, in units of IOD.
    note : str
        A sentence on it, for people.
    points : tuple of int
        Numbers of the landmarks that it is about; none if it is about the whole face.
    """

    reason: Reason
    predicted_error: float | None = None
    note: str = ""
    points: tuple[int, ...] = ()

    @property
    def priority(self) -> float:
        """Place in the queue: the predicted error, or what its absence means."""
        if self.predicted_error is None or not np.isfinite(self.predicted_error):
            return _UNPREDICTED[self.reason]
        return float(self.predicted_error)


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
