"""Checking a project's labels, and queueing the doubtful ones for a person's look."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faceloop_datasets import Project, QueueEntry
    from faceloop_trainer.labelcheck import Doubt

_WAITING = ("open", "claimed")


def queue_doubts(project: Project, doubts: Iterable[Doubt]) -> list[QueueEntry]:
    """Put doubtful annotations into the review queue, each with the sentence on what looks wrong.

    An item that waits for another reason keeps it; one that a person has skipped stays skipped.

    Parameters
    ----------
    project : Project
        The project.
    doubts : iterable of Doubt
        From `faceloop_trainer.labelcheck.check_labels`; those that are not doubtful are left out.
    """
    known = {entry.item_id: entry for entry in project.queue.list(None)}
    entries = []
    for doubt in doubts:
        before = known.get(doubt.item_id)
        if not doubt.doubtful or (before is not None and before.status in _WAITING):
            continue
        entry = project.queue.add(doubt.item_id, "label-check", note=doubt.what)
        if entry.status == "open":
            entries.append(entry)
    return entries
