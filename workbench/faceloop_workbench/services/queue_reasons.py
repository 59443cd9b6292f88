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


FOUND = "found in the picture"
"""How the note begins of a face that the program found and a person kept."""


def reason_word(why: QueueReason) -> str:
    """Return what a reason is called."""
    return REASONS.get(why.reason, why.reason)


def reason_lines(reasons: Iterable[QueueReason]) -> list[str]:
    """Tell each reason with its sentence, or the predicted error."""
    return [_line(why) for why in reasons]


def predicted_error_text(row: ItemSummary | QueueReason) -> str:
    """Predicted error with its unit; empty where there is none."""
    return "" if row.predicted_error is None else error_text(row.predicted_error)


def _line(why: QueueReason) -> str:
    if why.note.startswith(FOUND):  # "manual" is the reason of all that no check brought
        return f"{why.note[:1].upper()}{why.note[1:]}"
    word, error = reason_word(why), predicted_error_text(why)
    said = why.note or (f"predicted error {error}" if error else "")
    return f"{word[:1].upper()}{word[1:]}{': ' if said else ''}{said}"
