"""What a check of a project finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]

RESTORE = "Restore the project from a backup: faceloop restore."


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Parameters
    ----------
    severity : {"error", "warning", "note"}
        Something is lost or wrong; may become so; is worth knowing.
    what : str
        What is the matter; the same words for all things of the kind.
    where : str
        With which file, row or item.
    advice : str
        What to do.
    """

    severity: Severity
    what: str
    where: str
    advice: str
