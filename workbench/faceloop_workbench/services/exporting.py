"""Writing a project's annotated faces to a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faceloop_datasets import Conversion
from faceloop_datasets.formats import FaceRecord, ImageRef, longer_names, write_faces
from faceloop_datasets.formats.writers import NATIVE
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from faceloop_datasets import Project, Scheme


@dataclass(frozen=True)
class Exported:
    """What was written.

    Parameters
    ----------
    faces : int
        How many faces.
    longer : list of str
        Names of the pictures whose file names others have too.
    """

    faces: int
    longer: list[str]

    @property
    def naming_note(self) -> str:
        """What is to be said about names; empty if all pictures have their own."""
        if not self.longer:
            return ""
        some = ", ".join(self.longer[:_SHOWN]) + (", …" if len(self.longer) > _SHOWN else "")
        has = counted(
            len(self.longer),
            "picture has the file name of another and is",
            "pictures have the file name of another and are",
        )
        return f"{has} called by the folder too: {some}."


_SHOWN = 3


def export_faces(project: Project, target_format: str, dest: Path) -> Exported:
    """Write the annotated faces of a project.

    Raises
    ------
    InputError
        If the file cannot be written, lies in a project, or is one of the project's pictures or of
        the annotations that were imported.
    SchemeError
        If the format needs other points and there is no conversion.
    """
    faces = list(face_records(project))
    count = write_faces(target_format, faces, dest, scheme=project.scheme, keep=project.files())
    return Exported(count, longer_names(target_format, faces))


def estimated_note(scheme: Scheme, target_format: str) -> str:
    """Say how many points of a format are only estimated from a scheme; empty if none are."""
    native = NATIVE.get(target_format)
    if native is None or native == scheme.name:
        return ""
    conversion = Conversion.load(scheme, native)
    count, size = int(conversion.estimated.sum()), len(conversion.estimated)
    are = "is" if count == 1 else "are"
    return f"Converted from {scheme.name} to {native}: {count} of {size} points {are} estimated."


def face_records(project: Project) -> Iterator[FaceRecord]:
    """Yield the annotated faces as the writers of formats take them."""
    for face in project.faces():
        yield FaceRecord(
            name=face.name,
            subject=face.subject,
            image=None if face.media is None else ImageRef(face.media),
            image_name=face.name if face.media is None else face.media.name,
            annotation=face.annotation,
            origin=f"item {face.item_id}",
            frame=face.frame,
            expression=face.expression,
        )
