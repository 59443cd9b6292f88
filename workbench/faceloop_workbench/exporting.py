"""A project's annotated faces on their way to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.formats import FaceRecord, ImageRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faceloop_datasets import Project


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
        )
