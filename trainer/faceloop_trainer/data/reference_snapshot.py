"""The reference snapshot: the state of a project that its trainings are cross-fitted on.

The correction of fits, and the estimation of their quality, are trained on out-of-fold fits
(`faceloop_trainer.crossfit`). Every corrected point changes all experts a little, and would so
change all of these thousands of fits. They are therefore made by experts of a snapshot: the faces
as they were when a tenth of them had last changed. So is the shape of faces in space. The shape
model in the plane, the experts and the correction
of the model itself are always trained on the current faces.

The snapshot is computed from the project's history, so that a training gives the same model whether
earlier ones left anything in the cache or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets.store.changes import HeadChange

_SHARE = 0.1
"""Share of the faces that may be new or changed before a new snapshot is taken."""
_IMPORT = "import:"


def snapshot_revision(changes: Sequence[HeadChange]) -> int | None:
    """Return the last revision of a project's reference snapshot; None if it has no revisions.

    Parameters
    ----------
    changes : sequence of Change
        The project's history, oldest first. All faces of an import count as one change.
    """
    snapshot: int | None = None
    known: set[int] = set()
    since: set[int] = set()
    for number, change in enumerate(changes, start=1):
        known.add(change.item_id)
        since.add(change.item_id)
        import_continues = (
            change.source.startswith(_IMPORT)
            and number < len(changes)
            and changes[number].source == change.source
            # Who corrects a face from Python may leave the source of its points as it was.
            and changes[number].item_id not in since
        )
        if not import_continues and len(since) > _SHARE * len(known):
            snapshot = change.revision_id
            since.clear()
    return snapshot
