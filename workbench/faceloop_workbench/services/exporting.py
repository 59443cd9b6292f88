"""Writing a project's annotated faces to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import Conversion
from faceloop_datasets.formats import get_writer, write_faces
from faceloop_datasets.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from faceloop_datasets import Project, Scheme
    from faceloop_datasets.formats import Written


def notes(written: Written) -> list[str]:
    """Say what a person should know of files that were written, a sentence each."""
    return [*filter(None, [_naming_note(written)]), *written.lost]


def _naming_note(written: Written) -> str:
    if not written.longer:
        return ""
    some = ", ".join(written.longer[:_SHOWN]) + (", …" if len(written.longer) > _SHOWN else "")
    has = counted(
        len(written.longer),
        "picture has the file name of another and is",
        "pictures have the file name of another and are",
    )
    return f"{has} called by the folder too: {some}."


_SHOWN = 3


def export_faces(project: Project, target_format: str, dest: Path) -> Written:
    """Write the annotated faces of a project.

    Raises
    ------
    InputError
        If the file cannot be written, lies in a project, or is one of the project's pictures or of
        the annotations that were imported.
    SchemeError
        If the format needs other points and there is no conversion.
    """
    return write_faces(
        target_format, project.records(), dest, scheme=project.scheme, keep=project.files()
    )


def estimated_note(scheme: Scheme, target_format: str) -> str:
    """Say how many points of a format are only estimated from a scheme; empty if none are."""
    native = get_writer(target_format).scheme
    if native is None or native == scheme.name:
        return ""
    conversion = Conversion.load(scheme, native)
    count, size = int(conversion.estimated.sum()), len(conversion.estimated)
    are = "is" if count == 1 else "are"
    return f"Converted from {scheme.name} to {native}: {count} of {size} points {are} estimated."
