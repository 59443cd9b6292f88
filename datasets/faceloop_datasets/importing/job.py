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
        Whether it decides whom the faces show; otherwise the records say it.
    rule : SubjectRule, optional
        How it decides that; by what the format and the pictures say if there is none.
    images : Path, optional
        Folder with the pictures, if one was named.

    Attributes
    ----------
    records : list of FaceRecord
        Faces that were read.
    refused : list of Refusal
        Rows and pictures that cannot be used.
    skipped : Counter of str
        Rows left out on purpose, by reason.
    unreadable : set of ImageRef
        Pictures that cannot be read; only the shape of their faces is used.
    unchanged : set of int
        Places among the records of faces that the project has as they are.
    content_checked : dict of int to bool
        Whether a media file has the content that was annotated, by the number of the media.
    without_frame : set of str
        Annotations of frames that their video does not have; see `annotation_place`.
    copied_pictures : dict of Path to str
        Pictures copied into the project, and the hash of their content.
    source_pictures : dict of ImageRef to Path
        Files of pictures that the project's folder had already.
    assigned : AssignedSubjects or None
        Which subjects the faces show.
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
    content_checked: dict[int, bool] = field(default_factory=dict)
    without_frame: set[str] = field(default_factory=set)
    copied_pictures: dict[Path, str] = field(default_factory=dict)
    source_pictures: dict[ImageRef, Path] = field(default_factory=dict)
    assigned: AssignedSubjects | None = None

    @property
    def source(self) -> str:
        """Source of the revisions."""
        return f"import:{self.format}"

    def origin(self, record: FaceRecord) -> str:
        """Origin of an item, see `items.Item`."""
        return f"{self.format}:{record.identity}"
