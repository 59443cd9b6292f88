"""Texts about a face in the list: why it is there, how far it is annotated."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from faceloop_datasets.wording import counted, enumerated
from faceloop_workbench.services.people import HELD_OUT
from faceloop_workbench.services.queue_reasons import reason_word

from .claims import person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import ItemSummary

LABELS = {
    "labelled": "labelled",
    "unlabelled": "not labelled",
    "half": "half corrected",
    "estimated": "points to confirm",
}
"""How far a face is annotated. The last is none of its own: labelled and half corrected faces may
have points that nobody has confirmed, as after an import that had to estimate some."""


def reason_text(row: ItemSummary) -> str:
    """Why a face should be looked at, the worst first; empty if nobody asked for it."""
    return ", ".join(map(reason_word, row.reasons))


def sentence_text(row: ItemSummary) -> str:
    """Say what was found, where a sentence says it and the face still waits."""
    if row.status in ("done", "skipped"):
        return ""
    return " ".join(why.note for why in row.reasons if why.note)


def label_of(row: ItemSummary) -> str:
    """Key of `LABELS`: each face has one."""
    if not row.labelled:
        return "unlabelled"
    return "half" if row.half_corrected else "labelled"


def is_labelled(row: ItemSummary, key: str) -> bool:
    """Whether a key of `LABELS` says something of a face."""
    return row.estimated > 0 if key == "estimated" else label_of(row) == key


def label_text(row: ItemSummary) -> str:
    """How far a face is annotated, with what is left."""
    if not row.labelled:
        return LABELS["unlabelled"]
    left = f"{row.estimated} to confirm" if row.estimated else ""
    lacking = f"{row.missing} missing" if row.missing else ""
    word = LABELS["half"] if row.half_corrected else LABELS["labelled"]
    return ", ".join(part for part in (word, left, lacking) if part)


def expression_text(row: ItemSummary) -> str:
    """Return what a face expresses, to stand after another text; empty if nobody has said."""
    return f" · {row.expression}" if row.expression else ""


def subject_text(row: ItemSummary, *, held_out: bool) -> str:
    """Whom a face shows, and whether that person is held out.

    A subject that is only the name of the picture says nothing that the face's name does not.
    """
    file = PurePosixPath(row.media_path or "").name
    named = "" if row.subject in (row.name, file) else row.subject
    return " · ".join(part for part in (named, HELD_OUT if held_out else "") if part)


def status_text(row: ItemSummary) -> str:
    """Say what became of the face, or of its entry in the review queue."""
    if row.removed:
        return "removed"
    match row.status:
        case "claimed":
            return f"in work by {person(row.author)}" if row.author else "in work"
        case "skipped":
            return f"skipped: {row.said}" if row.said else "skipped"
        case "done":
            return "done"
    return ""


def missing_text(states: Sequence[int], names: Sequence[str], missing: int) -> str:
    """Name the points that are missing; empty if none is."""
    lacking = [names[k] for k, state in enumerate(states) if state == missing]
    if not lacking:
        return ""
    points = counted(len(lacking), "point is", "points are")
    return f"{points} missing: {enumerated(lacking)}"
