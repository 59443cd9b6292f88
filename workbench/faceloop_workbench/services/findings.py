"""What the faces held out tell of a new model beside its error: pixels, the starter's, the worst.

The starter is what everybody has without training: how much better a model is than it says what the
annotations of a project were good for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_runtime import FaceModel
from faceloop_trainer.cache import Cache
from faceloop_trainer.data.split import unseen_faces
from faceloop_trainer.evaluation.measure import measure
from faceloop_trainer.evaluation.protocol import EvaluationProtocol
from faceloop_trainer.evaluation.weak_spots import weak_spots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faceloop_datasets import Face, Monitor, Project, Scheme
    from faceloop_trainer import Evaluation
    from faceloop_trainer.data.faces import TrainingFace
    from faceloop_trainer.train import TrainingResult


def findings(
    project: Project, faces: Sequence[Face], result: TrainingResult, seed: int, monitor: Monitor
) -> dict[str, Any]:
    """Return what else to keep of a new model that was measured; empty if it was not.

    Parameters
    ----------
    project : Project
        Where it was trained.
    faces : sequence of Face
        All the project's.
    result : TrainingResult
        The training.
    seed : int
        That of the evaluation.
    monitor : Monitor
        Told each step.

    Returns
    -------
    dict
        ``pixels``: the mean error in pixels of the pictures; ``baseline``: mean NME of the starter
        on the same faces from the same starts, None where it has seen some of them or has other
        points; ``weak_spots``: as `faceloop_trainer.evaluation.weak_spots` finds them.
    """
    found = result.evaluation
    if found is None or not np.isfinite(found.errors).any():
        return {}
    spots = weak_spots(result.model, found, result.held_out, result.faces)
    return {
        "pixels": mean_pixels(project.scheme, faces, found),
        "baseline": _baseline(project, faces, result.held_out, seed, monitor),
        "weak_spots": [spot.to_dict() for spot in spots],
    }


def mean_pixels(scheme: Scheme, faces: Sequence[Face], found: Evaluation) -> float | None:
    """Return the mean error in pixels of the pictures as they are; None if no face was found."""
    items = set(found.items)
    size = {
        face.item_id: scheme.inter_ocular_distance(face.annotation.points)
        for face in faces
        if face.item_id in items
    }
    sizes = np.array([size.get(item, np.nan) for item in found.items])  # type: ignore[arg-type]
    pixels = sizes * np.where(np.isfinite(found.errors), found.errors, np.nan)
    return float(np.nanmean(pixels)) if np.isfinite(pixels).any() else None


def _baseline(
    project: Project,
    faces: Sequence[Face],
    shown: Sequence[TrainingFace],
    seed: int,
    monitor: Monitor,
) -> float | None:
    starter = FaceModel.starter()
    if starter.scheme.name != project.scheme.name:
        return None
    unseen = {face.item_id for face in unseen_faces(faces, starter.provenance)}
    if not all(face.item_id in unseen for face in shown):
        return None
    cache, protocol = Cache(project.cache), EvaluationProtocol(seed=seed)
    quiet = monitor.quiet()
    errors = measure(starter, shown, len(shown), protocol, cache=cache, progress=quiet).errors
    found = errors[np.isfinite(errors)]
    return float(found.mean()) if len(found) else None
