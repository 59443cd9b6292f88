"""Why a face is in the review queue, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .error_text import error_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from faceloop_datasets import ItemSummary, QueueReason

REASONS = {
    "manual": "put here by hand",
    "lost-track": "face lost in the video",
    "poor-fit": "poor fit",
    "disagreement": "import disagrees",
    "label-check": "label looks wrong",
    "imported-estimate": "estimated by the import",
}
"""Why a face is in the review queue."""
KINDS = {**REASONS, "manual": "by hand, found or helpful"}
"""Reasons to choose faces by: no check brought those of the first, see `reason_word`."""

FOUND = "found in the picture"
"""How the note begins of a face that the program found and a person kept."""
HELPFUL = "would help the model"
"""How the note begins of a face that was chosen because a model would learn most from it."""


def reason_word(why: QueueReason) -> str:
    """Return what a reason is called: ``manual`` is that of all that no check brought."""
    return _beginning(why) or REASONS.get(why.reason, why.reason)


def reason_lines(reasons: Iterable[QueueReason]) -> list[str]:
    """Tell each reason with its sentence, or the predicted error."""
    return [_line(why) for why in reasons]


def predicted_error_text(row: ItemSummary | QueueReason) -> str:
    """Predicted error with its unit; empty where there is none."""
    return "" if row.predicted_error is None else error_text(row.predicted_error)


def _line(why: QueueReason) -> str:
    if _beginning(why):
        return f"{why.note[:1].upper()}{why.note[1:]}"
    word, error = reason_word(why), predicted_error_text(why)
    said = why.note or (f"predicted error {error}" if error else "")
    return f"{word[:1].upper()}{word[1:]}{': ' if said else ''}{said}"


def _beginning(why: QueueReason) -> str:
    """Say what put a face there that no check brought; empty if it was a person, or a check."""
    return next((known for known in (FOUND, HELPFUL) if why.note.startswith(known)), "")
