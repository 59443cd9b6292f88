"""Checking a project's labels, and queueing the doubtful ones for a person's look."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import TrainingError
from faceloop_datasets.wording import counted

from .mending import mendable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from faceloop_datasets import Project, QueueEntry, Reason
    from faceloop_datasets.progress import ProgressLike
    from faceloop_trainer.labelcheck import CheckedLabel

_WAITING = ("open", "claimed")
_REASON: Reason = "label-check"


@dataclass(frozen=True)
class LabelCheck:
    """What a check came to: faces looked at, doubtful ones, and new entries of the queue.

    ``mendable`` are the doubts that can be put right at once, by `mend_labels`.
    """

    faces: int
    doubtful: int
    queued: int
    mendable: tuple[CheckedLabel, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.doubtful} of {counted(self.faces, 'label')} "
            f"{'looks' if self.doubtful == 1 else 'look'} doubtful; "
            f"{counted(self.queued, 'of them is', 'of them are')} new "
            "in the queue, each with what looks wrong."
        )

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON; `from_dict` is the way back."""
        counts = {"faces": self.faces, "doubtful": self.doubtful, "queued": self.queued}
        return {**counts, "mendable": [_doubt_values(doubt) for doubt in self.mendable]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LabelCheck:
        """Read what `to_dict` made."""
        mendable = tuple(_doubt(doubt) for doubt in values["mendable"])
        return cls(values["faces"], values["doubtful"], values["queued"], mendable)


def check_and_queue(
    project: Project,
    *,
    progress: ProgressLike = None,
) -> LabelCheck:
    """Check a project's labels, and queue the doubtful ones.

    Parameters
    ----------
    project : Project
        The project.
    progress : Monitor or callable, optional
        Told each step; asked between steps.

    Raises
    ------
    TrainingError
        If there are too few faces to compare.
    Cancelled
        If the monitor stopped it; the queue is as it was.
    """
    from faceloop_trainer.labelcheck import check_labels  # noqa: PLC0415 - it brings the trainer

    try:
        doubts = check_labels(project, progress=progress)
    except TrainingError as error:
        raise TrainingError(f"The labels could not be checked. {error}") from error
    doubtful = [doubt for doubt in doubts if doubt.doubtful]
    queued = queue_doubts(project, doubts)
    return LabelCheck(len(doubts), len(doubtful), len(queued), tuple(mendable(doubtful)))


def queue_doubts(project: Project, doubts: Iterable[CheckedLabel]) -> list[QueueEntry]:
    """Put doubtful annotations into the review queue, each with the sentence on what looks wrong.

    An item that waits for another reason has both then. One that a person has skipped is shown
    again, unless it was skipped when it was known to look doubtful. An entry of a face that looks
    right now waits for that no longer.

    Parameters
    ----------
    project : Project
        The project.
    doubts : iterable of CheckedLabel
        From `faceloop_trainer.labelcheck.check_labels`, all of them.

    Returns
    -------
    list of QueueEntry
        Those that are new in the queue; what is said of the others is renewed.
    """
    told = {e.item_id for e in project.queue.list(None, reason=_REASON) if e.status in _WAITING}
    found = list(doubts)
    for doubt in found:
        if doubt.item_id in told and not doubt.doubtful:
            project.queue.settle(doubt.item_id, _REASON)
    entries = [
        project.queue.add(doubt.item_id, _REASON, note=doubt.what, points=doubt.points)
        for doubt in found
        if doubt.doubtful
    ]
    return [e for e in entries if e.status in _WAITING and e.item_id not in told]


def _doubt_values(doubt: CheckedLabel) -> dict[str, Any]:
    """Values for JSON; the points of a missing landmark are None there, and NaN here."""
    values = asdict(doubt)
    mend = values["mend"]
    points = [[None if np.isnan(v) else float(v) for v in point] for point in mend["points"]]
    return {**values, "mend": {**mend, "points": points, "states": mend["states"].tolist()}}


def _doubt(values: Mapping[str, Any]) -> CheckedLabel:
    from faceloop_trainer.labelcheck import CheckedLabel, Correction  # noqa: PLC0415 - it brings the trainer

    mend = values["mend"]
    points = np.array(mend["points"], dtype=np.float64)
    righted = Correction(mend["revision_id"], points, np.array(mend["states"], dtype=np.uint8))
    return CheckedLabel(**{**values, "points": tuple(values["points"]), "mend": righted})
