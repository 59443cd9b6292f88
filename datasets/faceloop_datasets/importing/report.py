"""What an import did."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faceloop_datasets.formats import Refusal


@dataclass(frozen=True)
class ImportReport:
    """Counts and complaints of one import.

    Parameters
    ----------
    format : str
        What was read.
    faces : int
        Faces read; each is new, unchanged, updated or kept aside.
    new, unchanged, updated : int
        Faces that were not in the project, were there as they are, or got a new revision or
        their picture.
    updated_faces : tuple of str
        Names of the faces that were updated.
    kept_aside : int
        Faces that changed in the source after a person had corrected them here: the correction
        stays, the import is in the history, and the face is in the review queue.
    points, points_missing, points_estimated : int
        Points of all faces read, in the project's scheme; those without a position, and those
        that a conversion estimated.
    shape_only : int
        Faces without a picture.
    images_not_found : tuple of str
        Names of the pictures that these faces ask for.
    refused : tuple of Refusal
        Rows and pictures that cannot be used: file, line, reason.
    skipped : mapping of str to int
        Rows left out on purpose, by reason.
    dry_run : bool
        Whether nothing was written.
    warnings : tuple of str
        What went wrong beside it: no backup could be made first, one picture is of two people.
    subjects : int
        Whom the faces read show: how many.
    subject_rules : tuple of str
        How that is known, one sentence each, with how many there are.
    subjects_changed : int
        Faces of the project that got another subject.
    expressions : int
        Faces read whose file says what they express.
    points_left_out, points_not_there : tuple of str
        Names of the points of the file that the project has no place for, and of points of the
        project that the file says nothing of: they are missing in these faces.
    points_by_number : str
        For what numbered points were taken, one sentence; empty if they have names.
    """

    format: str
    faces: int = 0
    new: int = 0
    unchanged: int = 0
    updated: int = 0
    updated_faces: tuple[str, ...] = ()
    kept_aside: int = 0
    points: int = 0
    points_missing: int = 0
    points_estimated: int = 0
    shape_only: int = 0
    images_not_found: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    dry_run: bool = False
    warnings: tuple[str, ...] = ()
    subjects: int = 0
    subject_rules: tuple[str, ...] = ()
    subjects_changed: int = 0
    expressions: int = 0
    points_left_out: tuple[str, ...] = ()
    points_not_there: tuple[str, ...] = ()
    points_by_number: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = asdict(self)
        values["warnings"] = list(self.warnings)
        values["subject_rules"] = list(self.subject_rules)
        values["updated_faces"] = list(self.updated_faces)
        values["points_left_out"] = list(self.points_left_out)
        values["points_not_there"] = list(self.points_not_there)
        values["images_not_found"] = list(self.images_not_found)
        values["refused"] = [
            {"file": str(r.file), "line": r.line, "reason": r.reason} for r in self.refused
        ]
        return values
