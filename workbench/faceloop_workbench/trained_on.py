"""Which models of a project were trained on a subject's faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import ModelFileError
from faceloop_runtime import FaceModel
from faceloop_trainer.split import fingerprint

if TYPE_CHECKING:
    from faceloop_datasets import Project


def trained_on(project: Project, subject: str) -> list[str]:
    """Names of the models whose training people include a subject.

    A model keeps no names but a hash of each, which can be compared with that of a known name.
    A model that cannot be read is left out: nothing can use it either.
    """
    mark, names = fingerprint(subject), []
    for record in project.models():
        try:
            model = FaceModel.load(record.file)
        except ModelFileError:
            continue
        if mark in model.provenance.get("training_subjects", ()):
            names.append(record.name)
    return names
