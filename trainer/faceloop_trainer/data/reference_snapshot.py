"""Which state of a project its trainings are cross-fitted on: the reference snapshot.

A training learns to correct fits, and to estimate their quality, from out-of-fold fits
(`faceloop_trainer.crossfit`). Every corrected point changes all experts a little, and so would
change all of these thousands of fits. They are therefore made by experts of a snapshot: the faces
as they were when last a tenth of them had changed. What a few corrections teach are the
shapes, the experts and the corrections of the model itself, which are always those of today.

The snapshot follows from the history that the project keeps anyway. Nothing needs to be remembered,
and a training gives the same model whether earlier ones left anything behind or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets.store.changes import Change

_SHARE = 0.1
"""Share of the faces that may be new or changed before a new snapshot is taken."""
_IMPORT = "import:"


def snapshot_revision(changes: Sequence[Change]) -> int | None:
    """Return the last revision of a project's reference snapshot; None if it has no revisions.

    Parameters
    ----------
    changes : sequence of Change
        The project's history, oldest first. The faces of one import count as one step.
    """
    snapshot: int | None = None
    known: set[int] = set()
    since: set[int] = set()
    for number, change in enumerate(changes, start=1):
        known.add(change.item_id)
        since.add(change.item_id)
        under_way = (
            change.source.startswith(_IMPORT)
            and number < len(changes)
            and changes[number].source == change.source
        )
        if not under_way and len(since) > _SHARE * len(known):
            snapshot = change.revision_id
            since.clear()
    return snapshot
