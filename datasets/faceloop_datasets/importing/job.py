"""What one import is about, and what it has found so far."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from faceloop_datasets.formats import FaceRecord, ImageRef, Refusal

if TYPE_CHECKING:
    from faceloop_datasets.progress import Monitor
    from faceloop_datasets.schemes.conversion import Conversion
    from faceloop_datasets.store.database import Database

    from .subject_assignment import AssignedSubjects
    from .subject_rules import SubjectRule


@dataclass(frozen=True)
class ImportTarget:
    """Where an import goes."""

    database: Database
    root: Path
    scheme: str
    conversion: Conversion


@dataclass
class ImportJob:
    """One import, step by step.

    Parameters
    ----------
    target : ImportTarget
        Where it goes.
    format : str
        Name of the format.
    monitor : Monitor
        Told each step; may stop the work between steps.
    copy : bool
        Copy pictures that lie in folders into the project too.
    assigns_subjects : bool
        Whether it decides whom the faces show; otherwise the records are believed.
    rule : SubjectRule, optional
        How it decides that; by what the format and the pictures say if there is none.
    images : Path, optional
        Folder with the pictures, if one was named.
    """

    target: ImportTarget
    format: str
    monitor: Monitor
    copy: bool = False
    assigns_subjects: bool = False
    rule: SubjectRule | None = None
    images: Path | None = None
    records: list[FaceRecord] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    unreadable: set[ImageRef] = field(default_factory=set)
    unchanged: set[int] = field(default_factory=set)
    looked_at: dict[int, bool] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    placed: dict[Path, str] = field(default_factory=dict)
    spare: dict[ImageRef, Path] = field(default_factory=dict)
    assigned: AssignedSubjects | None = None

    @property
    def source(self) -> str:
        """Source of the revisions."""
        return f"import:{self.format}"

    def origin(self, record: FaceRecord) -> str:
        """Origin of an item, see `items.Item`."""
        return f"{self.format}:{record.identity}"
