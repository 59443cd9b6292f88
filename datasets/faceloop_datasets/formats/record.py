"""What a reader hands over: faces, rows it had to refuse, rows it left out on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceloop_datasets.annotation import Annotation
    from faceloop_datasets.subjects import SubjectSource


@dataclass(frozen=True, order=True)
class ImageRef:
    """Where the picture of a face is: a file, or a member of an archive.

    Parameters
    ----------
    path : Path
        The image file, or the archive that holds it.
    member : str, optional
        Name of the member, if ``path`` is an archive. Get members with
        `faceloop_datasets.archive.extract_members`, all of one archive in one call.
    """

    path: Path
    member: str | None = None

    @property
    def name(self) -> str:
        """File name of the picture, without folders."""
        return PurePosixPath(self.member).name if self.member is not None else self.path.name

    def __str__(self) -> str:
        return str(self.path) if self.member is None else f"{self.path}:{self.member}"


@dataclass(frozen=True)
class FaceRecord:
    """One annotated face as it stands in a file.

    Parameters
    ----------
    name : str
        For people.
    subject : str
        Person or photograph. Faces with the same subject never stand on both sides of a
        split into training and test.
    image : ImageRef or None
        The picture; None if it was not found (a face that can train the shape only).
    image_name : str
        File name of the picture as the annotation gives it, found or not.
    annotation : Annotation
        Points in pixels of the picture, in the format's own scheme.
    origin : str
        ``file:line`` for messages.
    frame : int, optional
        Frame number, if the picture is a video.
    subject_source : str
        How the subject is known, see `faceloop_datasets.subjects.SubjectSource`.
    root : str
        The folder or archive that was named, as an absolute path; empty for faces that come from
        no file.
    path : str
        Identity of the face below ``root``: the whole path of its annotation with ``/``, and its
        place inside that file after a colon. The name if it comes from no file.
    former_path : str
        What faceloop 0.1 knew it by, so that what that imported is recognised.
    expression : str
        What the face expresses, in the words of the file; empty if it does not say.
    """

    name: str
    subject: str
    image: ImageRef | None
    image_name: str
    annotation: Annotation
    origin: str
    frame: int | None = None
    subject_source: SubjectSource = "picture"
    root: str = ""
    path: str = ""
    former_path: str = ""
    expression: str = ""

    @property
    def identity(self) -> str:
        """What tells it from the other faces below its root."""
        return self.path or self.name

    def refusal(self, reason: str) -> Refusal:
        """Return the refusal of this face, at its line."""
        file, _, line = self.origin.rpartition(":")
        known = file and line.isdigit()
        return Refusal(Path(file if known else self.origin), int(line) if known else 0, reason)


@dataclass(frozen=True)
class Refusal:
    """A row that cannot be used, and why. The rest of the file is read on."""

    file: Path
    line: int
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{where}: {self.reason}"


@dataclass(frozen=True)
class Skip:
    """A row left out on purpose. Nothing is wrong with it; a report counts it by reason."""

    file: Path
    line: int
    reason: str


Entry = FaceRecord | Refusal | Skip
