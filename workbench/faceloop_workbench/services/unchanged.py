"""Whether a training would only make a model once more: known before what trains is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets.wording import counted, enumerated
from faceloop_trainer.data.inputs import changed_since, inputs_of, training_inputs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, ModelRecord, Project
    from faceloop_trainer import TrainingConfig


def unchanged_since(
    project: Project, config: TrainingConfig, faces: Sequence[Face] | None = None
) -> ModelRecord | None:
    """Return the newest model that a training would only make once more; None if there is none.

    It was trained in this project, with these settings and this version of faceloop, on the
    annotations, subjects and pictures that would train now, and its file is there. Faces that are
    held out may be others; a model that was measured on those of now goes before. A picture that
    was replaced since by another file trains nothing any more; one that had been may be back.

    Parameters
    ----------
    project : Project
        Where the faces are.
    config : TrainingConfig
        Settings of the training.
    faces : sequence of Face, optional
        The project's, if they are at hand.
    """
    models = [record for record in project.models() if "inputs" in record.metrics]
    if not models:
        return None
    faces = project.faces() if faces is None else faces
    for key, hash_of in (("inputs", inputs_of), ("training_inputs", training_inputs_of)):
        known = [record for record in models if key in record.metrics]
        now = hash_of(project, config, faces) if known else ""
        same = [record for record in known if record.metrics[key] == now]
        for record in reversed(same):
            if record.file.is_file():
                changed = changed_since(faces, record.created)
                lacked = bool(changed) and record.metrics.get("unusable")
                return None if lacked or any(changed.values()) else record
    return None


def replaced_text(project: Project, faces: Sequence[Face]) -> list[str]:
    """Say which pictures were replaced since the newest model, in a sentence; none if none."""
    models = project.models()
    changed = changed_since(faces, models[-1].created) if models else {}
    replaced = [file.name for file, other in changed.items() if other]
    if not replaced:
        return []
    what = counted(
        len(replaced),
        "picture is not the one that was annotated, and trains",
        "pictures are not those that were annotated, and train",
    )
    return [f"{what} nothing: {enumerated(replaced)}."]


def unchanged_text(record: ModelRecord, active: ModelRecord | None) -> str:
    """Say that a training would make nothing new."""
    used = active is not None and active.id == record.id
    own = "" if used else f" {record.name} is not in use."
    return f"Nothing that trains has changed since {record.name}; no model made.{own}"
