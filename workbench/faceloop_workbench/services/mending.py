"""Putting right, in all faces at once, what the label check can explain; and taking it back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from faceloop_datasets import Annotation, NewRevision, ProjectError

from .annotation_source import mended_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Batch, ProgressLike, Project
    from faceloop_trainer.labelcheck import CheckedLabel

_KIND = "mend"
"""Batches of revisions that come from here."""
_WORDS = {
    "turned": "turned",
    "mirrored": "mirrored",
    "shifted": "shifted",
    "other-picture": "of another picture",
    "exchanged": "with left and right exchanged",
}
"""What is put right, for people."""


def mendable(doubts: Sequence[CheckedLabel]) -> list[CheckedLabel]:
    """Doubts of which it is known exactly how to put them right."""
    return [doubt for doubt in doubts if doubt.mend is not None]


def kinds_text(doubts: Sequence[CheckedLabel]) -> str:
    """Say how many faces of each kind there are: ``10 turned, 2 mirrored``."""
    counts = Counter(doubt.kind for doubt in doubts)
    return ", ".join(
        f"{count} {_WORDS.get(kind, kind)}" for kind, count in counts.most_common() if count
    )


def mend_labels(
    project: Project,
    doubts: Sequence[CheckedLabel],
    *,
    progress: ProgressLike = None,
) -> Batch:
    """Put all faces right of which it is known how: one new revision each, or none at all.

    What counts afterwards is a person's, so that importing the same files again does not bring
    the mistake back; a fit stays one. Faces that were changed since the check are left as they
    are, and so is the review queue, but for entries that said nothing else.

    Parameters
    ----------
    project : Project
        The project that was checked.
    doubts : sequence of CheckedLabel
        From `faceloop_trainer.labelcheck.check_labels`.
    progress : Monitor or callable, optional
        Told each step; a monitor may stop the work between steps.

    Returns
    -------
    Batch
        What `undo_mend` takes back.

    Raises
    ------
    ProjectError
        If nothing can be written.
    Cancelled
        If the monitor stopped it; nothing was mended.
    """
    chosen = mendable(doubts)
    sources = {face.item_id: face.annotation.source for face in project.faces()}
    changes = [
        _revision(project, doubt, sources[doubt.item_id])
        for doubt in chosen
        if doubt.item_id in sources
    ]
    batch = project.save_all(
        changes,
        kind=_KIND,
        action=f"Mend labels: {kinds_text(chosen)}",
        progress=progress,
    )
    _settle(project, {change.item_id for change in changes})
    return batch


def undo_mend(
    project: Project,
    *,
    progress: ProgressLike = None,
) -> tuple[Batch, int]:
    """Take the last mend back; returns it, and how many faces are as they were before it.

    Raises
    ------
    ProjectError
        If there is none to take back, or nothing can be written.
    Cancelled
        If the monitor stopped it; nothing was taken back.
    """
    batch = last_mend(project)
    if batch is None:
        raise ProjectError("There is no mend of labels in this project that could be taken back.")
    faces = project.undo_batch(batch, progress=progress)
    _reopen(project, batch)
    return batch, faces


def last_mend(project: Project) -> Batch | None:
    """Return the last mend that was not taken back; None if there is none."""
    return project.last_batch(_KIND)


def _revision(project: Project, doubt: CheckedLabel, source: str) -> NewRevision:
    assert doubt.mend is not None  # noqa: S101 - as `mendable` chose
    mend = doubt.mend
    annotation = Annotation(project.scheme.name, mend.points, mend.states, mended_source(source))
    return NewRevision(doubt.item_id, annotation, mend.revision_id)


def _reopen(project: Project, batch: Batch) -> None:
    """Let the faces wait again whose entries the mend has closed."""
    closed = [e for e in project.queue.list("done", reason="label-check") if e.author is None]
    if not closed:
        return
    own = range(batch.first, batch.last + 1)
    mended = {change.item_id for change in project.changes() if change.revision_id in own}
    for entry in closed:
        if entry.item_id in mended:
            project.queue.release(entry.id)


def _settle(project: Project, item_ids: set[int]) -> None:
    """Close the entries of faces that wait for nothing else."""
    for entry in project.queue.list("open", reason="label-check"):
        if entry.item_id in item_ids and len(entry.reasons) == 1:
            project.queue.done(entry.id)
