"""Which models of a project were trained on a subject's faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import ModelFileError
from faceloop_runtime import FaceModel
from faceloop_trainer.data.split import fingerprint, picture_fingerprints, trained_fingerprints

if TYPE_CHECKING:
    from faceloop_datasets import Project


def trained_on(project: Project, subject: str) -> list[str]:
    """Names of the models whose training people include a subject.

    A model keeps no names and no pictures but a hash of each, which can be compared with that of a
    known one.
    A model that cannot be read is left out: nothing can use it either.
    """
    # Those that were removed since too: a model may have seen them before.
    faces = [f for f in project.faces(with_removed=True) if f.subject == subject]
    marks, names = {fingerprint(subject)} | picture_fingerprints(faces), []
    for record in project.models():
        try:
            model = FaceModel.load(record.file)
        except ModelFileError:
            continue
        if not marks.isdisjoint(trained_fingerprints(model.provenance)):
            names.append(record.name)
    return names
