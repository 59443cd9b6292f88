"""Which faces of a project would help its model most, once somebody has corrected them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from faceloop_datasets import PointState
from faceloop_datasets.wording import counted
from faceloop_trainer.evaluation.weak_spots import is_turned, turns

from .queue_reasons import HELPFUL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from faceloop_datasets import Face, ItemSummary, Project
    from faceloop_runtime import FaceModel
    from faceloop_trainer.evaluation.weak_spots import WeakSpot

MOST = 20
"""So many are put into the queue at once: an hour's work."""


@dataclass(frozen=True)
class NextFaces:
    """Faces to correct next.

    Parameters
    ----------
    items : tuple of int
        Numbers of the faces, the most useful first; at most `MOST`.
    text : str
        Why these, in one sentence; empty without any.
    """

    items: tuple[int, ...] = ()
    text: str = ""


def next_faces(
    project: Project,
    faces: Sequence[Face],
    held: Collection[str],
    spots: Sequence[WeakSpot],
    model: FaceModel | None,
) -> NextFaces:
    """Choose the faces that would help most.

    Those that train nothing yet come first: faces with a picture and no confirmed point, of people
    who are not held out. Those turned as the model's weak spot lead, where a fit tells it, then
    those with the worst predicted error. Where there are none, it is those with estimated points
    in the part of the face that the model is worst at.

    Parameters
    ----------
    project : Project
        Where the faces are.
    faces : sequence of Face
        Its annotated faces.
    held : collection of str
        Keys of the subjects that are held out.
    spots : sequence of WeakSpot
        Where the model errs most.
    model : FaceModel or None
        Tells how the heads of fitted faces are turned.
    """
    rows = [row for row in project.overview() if row.media_id is not None]
    open_rows = [row for row in rows if (row.subject or row.name) not in held]
    useful = {f.item_id for f in faces if f.annotation.trains_patches.any()}
    idle = [row for row in open_rows if row.item_id not in useful and row.status != "skipped"]
    if idle:
        return _idle(project, idle, spots, model)
    return _estimated(project, open_rows, spots)


def put_into_queue(project: Project, chosen: NextFaces) -> int:
    """Put faces into the review queue with the reason for it; returns how many."""
    for item in chosen.items:
        project.queue.add(item, "manual", note=f"{HELPFUL}. {chosen.text}")
    return len(chosen.items)


def _idle(
    project: Project,
    idle: Sequence[ItemSummary],
    spots: Sequence[WeakSpot],
    model: FaceModel | None,
) -> NextFaces:
    turned = _turned(project, idle, spots, model)
    ranked = sorted(idle, key=lambda row: (row.item_id not in turned, -(row.predicted_error or 0)))
    name = next((spot.name for spot in spots if spot.kind == "pose"), "")
    some = f", {len(turned)} of them {name}" if turned else ""
    has = "has" if len(idle) == 1 else "have"
    text = (
        f"{counted(len(idle), 'face')} {has} no confirmed point and taught the model nothing "
        f"yet{some}: correct {'it' if len(idle) == 1 else 'them'} first."
    )
    return NextFaces(tuple(row.item_id for row in ranked[:MOST]), text)


def _turned(
    project: Project,
    idle: Sequence[ItemSummary],
    spots: Sequence[WeakSpot],
    model: FaceModel | None,
) -> set[int]:
    """Return the faces whose fit in the queue is turned as the weak spot."""
    name = next((spot.name for spot in spots if spot.kind == "pose"), None)
    if name is None or model is None:
        return set()
    waiting = {row.item_id for row in idle}
    entries = [e for e in project.queue.list() if e.item_id in waiting]
    known = {e.item_id: e.fit.points for e in entries if e.fit is not None}
    if not known:
        return set()
    there = is_turned(turns(model, np.array(list(known.values()))), name)
    return {item for item, hit in zip(known, there, strict=True) if hit}


def _estimated(
    project: Project, rows: Sequence[ItemSummary], spots: Sequence[WeakSpot]
) -> NextFaces:
    group = next((spot.name for spot in spots if spot.kind == "points"), None)
    members = project.scheme.groups.get(group, ()) if group is not None else ()
    counts = {row.item_id: _count_estimated(row, members) for row in rows}
    some = sorted((item for item, n in counts.items() if n), key=lambda item: -counts[item])
    if group is None or not some:
        return NextFaces()
    has = "has" if len(some) == 1 else "have"
    text = (
        f"{counted(len(some), 'face')} {has} only estimated points there ({group}): "
        "correct or confirm those."
    )
    return NextFaces(tuple(some[:MOST]), text)


def _count_estimated(row: ItemSummary, members: Sequence[int]) -> int:
    if row.states is None:
        return 0
    return sum(row.states[k] == PointState.ESTIMATED for k in members)
