"""Measuring a copy of a model on the faces that the model itself was measured on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceloop_datasets import TrainingError
from faceloop_trainer import TrainingConfig
from faceloop_trainer.cache import Cache
from faceloop_trainer.config import with_current_names
from faceloop_trainer.data.faces import load_faces
from faceloop_trainer.data.split import split_faces, unseen_faces
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol

from .messages import with_tuples

if TYPE_CHECKING:
    from faceloop_datasets import Monitor, Project
    from faceloop_runtime import FaceModel
    from faceloop_trainer import Evaluation


def measured_as_original(
    project: Project, copy: FaceModel, faces: object, monitor: Monitor
) -> Evaluation | None:
    """Measure a copy where its original was measured: same faces, same starts.

    A training holds out a share of the people, which its settings tell; a model that came from
    elsewhere was measured on all people that it was not trained on.

    Parameters
    ----------
    project : Project
        Where the faces are.
    copy : FaceModel
        The copy; its provenance says how the original was trained.
    faces : object
        On how many faces the project's record says that the original was measured.
    monitor : Monitor
        Told each step.

    Returns
    -------
    Evaluation or None
        None if those that a training would hold out are not so many faces: the original was
        measured otherwise, or faces have been added since.
    """
    config = _settings(copy)
    if config is None or copy.scheme.name != project.scheme.name:
        return None
    every, cache = project.faces(), Cache(project.cache)
    unseen = {face.item_id for face in unseen_faces(every, copy.provenance)}
    held = [face for face in split_faces(every, config).held_out if face.item_id in unseen]
    loaded, _ = load_faces(
        copy.scheme, held, config.scales[-1], seed=config.seed, cache=cache, progress=monitor
    )
    testing = [face for face in loaded if face.measures]
    if not testing or len(testing) != faces:
        return None
    protocol = EvaluationProtocol(seed=config.seed)
    return measure(copy, testing, len(testing), protocol, cache=cache, progress=monitor)


def _settings(model: FaceModel) -> TrainingConfig | None:
    """Return the settings that a model was trained with; None if they cannot be known."""
    known = model.provenance.get("config")
    if not isinstance(known, dict):
        return None
    try:  # a model file may hold anything
        return TrainingConfig(**with_tuples(with_current_names(known)))
    except (TypeError, TrainingError):
        return None
