"""Which state of a project its trainings rehearse on.

A training learns to correct and to judge fits from fits to people whom its experts have not seen
(`faceloop_trainer.crossfit.crossfit`). Every corrected point changes all experts a little, and so would
change all of these thousands of fits. They are therefore made by experts of the project's base: the
faces as they were when last a tenth of them had changed. What a few corrections teach are the
shapes, the experts and the corrections of the model itself, which are always those of today.

The base follows from the history that the project keeps anyway. Nothing needs to be remembered, and
a training gives the same model whether earlier ones left anything behind or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets.store.changes import Change

_SHARE = 0.1
"""Share of the faces that may be new or changed before the base moves on."""
_IMPORT = "import:"


def base_revision(changes: Sequence[Change]) -> int | None:
    """Return the revision at which a project's base ends; None if it has no revisions.

    Parameters
    ----------
    changes : sequence of Change
        The project's history, oldest first. The faces of one import count as one step.
    """
    base: int | None = None
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
            base = change.revision_id
            since.clear()
    return base
