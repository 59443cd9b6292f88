"""Checking a project's labels, and queueing the doubtful ones for a person's look."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets import Cancelled, FaceloopError, Progress

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from faceloop_datasets import CancelCheck, ProgressCallback, Project, QueueEntry, Reason
    from faceloop_trainer.labelcheck import Doubt

_WAITING = ("open", "claimed")
_REASON: Reason = "label-check"
_COMMAND = "from faceloop_workbench.cli import main; main()"
_LOOK_S = 0.2  # how often a person's wish to stop is looked for


@dataclass(frozen=True)
class LabelCheck:
    """What a check came to: faces looked at, doubtful ones, and new entries of the queue.

    ``mendable`` are the doubts that can be put right at once, by `mend_labels`.
    """

    faces: int
    doubtful: int
    queued: int
    mendable: tuple[Doubt, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.doubtful} of {self.faces} labels look doubtful; {self.queued} of them are new "
            "in the queue, each with what looks wrong."
        )


def check_apart(folder: Path, progress: ProgressCallback, cancel: CancelCheck) -> LabelCheck:
    """Check a project's labels, and queue the doubtful ones, in a process of its own.

    It trains on all cores for a while; a window that it ran in would stutter.

    Parameters
    ----------
    folder : Path
        The project.
    progress, cancel : callable
        Told that it goes on; asked whether to stop.

    Raises
    ------
    FaceloopError
        If the labels cannot be checked, with what the process said.
    Cancelled
        If ``cancel`` said so; the queue is as it was.
    """
    words = ["check-labels", "--project", str(folder), "--queue", "--json"]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and text
        [sys.executable, "-P", "-c", _COMMAND, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while True:
            progress(Progress(0, None, "comparing every label with all the others"))
            try:
                said, complaint = process.communicate(timeout=_LOOK_S)
            except subprocess.TimeoutExpired:
                if cancel():
                    process.send_signal(signal.SIGINT)
                    process.communicate()
                    raise Cancelled("The check was stopped; the queue is as it was.") from None
            else:
                break
    if process.returncode != 0:
        last = complaint.strip().splitlines()[-1:] or [f"exit code {process.returncode}"]
        raise FaceloopError(f"The labels could not be checked. {last[0].removeprefix('Error: ')}")
    found = json.loads(said)
    doubtful = found["doubtful"]
    mendable = tuple(_doubt(values) for values in doubtful if values["mend"] is not None)
    return LabelCheck(found["faces"], len(doubtful), found["queued"], mendable)


def _doubt(values: dict[str, Any]) -> Doubt:
    """Doubt that another process wrote as JSON."""
    from faceloop_trainer.labelcheck import Doubt, Mend  # noqa: PLC0415 - it brings the trainer

    mend = values["mend"]
    points = np.array(mend["points"], dtype=np.float64)  # None is NaN
    righted = Mend(mend["revision_id"], points, np.array(mend["states"], dtype=np.uint8))
    return Doubt(**values | {"points": tuple(values["points"]), "mend": righted})


def queue_doubts(project: Project, doubts: Iterable[Doubt]) -> list[QueueEntry]:
    """Put doubtful annotations into the review queue, each with the sentence on what looks wrong.

    An item that waits for another reason has both then. One that a person has skipped is shown
    again, unless it was skipped when it was known to look doubtful.

    Parameters
    ----------
    project : Project
        The project.
    doubts : iterable of Doubt
        From `faceloop_trainer.labelcheck.check_labels`; those that are not doubtful are left out.

    Returns
    -------
    list of QueueEntry
        Those that are new in the queue; what is said of the others is renewed.
    """
    told = {e.item_id for e in project.queue.list(None, reason=_REASON) if e.status in _WAITING}
    entries = [
        project.queue.add(doubt.item_id, _REASON, note=doubt.what, points=doubt.points)
        for doubt in doubts
        if doubt.doubtful
    ]
    return [e for e in entries if e.status in _WAITING and e.item_id not in told]
