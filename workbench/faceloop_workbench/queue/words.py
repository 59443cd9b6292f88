"""What the list calls things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .claims import person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Summary

REASONS = {
    "manual": "put here by hand",
    "lost-track": "face lost in the video",
    "poor-fit": "poor fit",
    "disagreement": "import disagrees",
    "label-check": "label looks wrong",
    "imported-estimate": "estimated by the import",
}
"""Why a face is in the review queue."""

LABELS = {
    "labelled": "labelled",
    "unlabelled": "not labelled",
    "half": "half corrected",
}
"""How far a face is annotated."""

_NAMED = 3  # points that a sentence names before it only counts


def reason_text(row: Summary) -> str:
    """Why a face should be looked at; empty if nobody asked for it."""
    return "" if row.reason is None else REASONS.get(row.reason, row.reason)


def error_text(row: Summary) -> str:
    """Predicted error in per cent of the inter-ocular distance."""
    return "" if row.predicted_error is None else f"{100 * row.predicted_error:.1f} %"


def label_of(row: Summary) -> str:
    """Key of `LABELS`."""
    if not row.labelled:
        return "unlabelled"
    return "half" if row.half_corrected else "labelled"


def label_text(row: Summary) -> str:
    """How far a face is annotated, with what is left."""
    if not row.labelled:
        return LABELS["unlabelled"]
    left = f"{row.estimated} to confirm" if row.estimated else ""
    lacking = f"{row.missing} missing" if row.missing else ""
    word = LABELS["half"] if row.half_corrected else LABELS["labelled"]
    return ", ".join(part for part in (word, left, lacking) if part)


def status_text(row: Summary) -> str:
    """Say what became of the entry in the review queue."""
    match row.status:
        case "claimed":
            return f"in work by {person(row.author)}" if row.author else "in work"
        case "skipped":
            return f"skipped: {row.note}" if row.note else "skipped"
        case "done":
            return "done"
    return ""


def missing_text(states: Sequence[int], names: Sequence[str], missing: int) -> str:
    """Name the points that are missing; empty if none is."""
    lacking = [names[k] for k, state in enumerate(states) if state == missing]
    if not lacking:
        return ""
    named = ", ".join(lacking[:_NAMED])
    more = len(lacking) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    points = "1 point is" if len(lacking) == 1 else f"{len(lacking)} points are"
    return f"{points} missing: {named}{rest}"
