"""What was measured of a model, checked before it is used. Without Qt.

A project may come from a stranger, and these figures are shown, drawn and computed with. What is
not as a training writes it is left out, and the model counts as not measured.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from faceloop_datasets import FaceloopError
from faceloop_datasets.plain import is_count, is_number
from faceloop_datasets.subjects import KINDS
from faceloop_trainer import TrainingConfig
from faceloop_trainer.config import with_current_names
from faceloop_trainer.evaluation.weak_spots import KINDS as KINDS_OF_SPOTS
from faceloop_trainer.evaluation.weak_spots import POSES, WeakSpot
from faceloop_workbench.services.messages import with_tuples

if TYPE_CHECKING:
    from collections.abc import Mapping


def checked_metrics(metrics: Mapping[str, Any], points: int) -> dict[str, Any]:
    """Return the metrics of a model by today's names, without what cannot be used.

    Parameters
    ----------
    metrics : mapping
        As the project has them.
    points : int
        How many points its scheme has.
    """
    settings = metrics.get("settings")
    if isinstance(settings, dict):
        metrics = {**metrics, "settings": with_current_names(settings)}
    doubted = {
        "nme_mean": is_number(metrics.get("nme_mean"))
        and is_count(metrics.get("faces"))
        and is_count(metrics.get("subjects")),
        "subject_kind": metrics.get("subject_kind") in KINDS,
        "trained_faces": is_count(metrics.get("trained_faces")),
        "stages": _is_training(metrics),
        "comparison": _is_comparison(metrics.get("comparison"), points),
        "inputs": isinstance(metrics.get("inputs"), str),
        "training_inputs": isinstance(metrics.get("training_inputs"), str),
        "pixels": _is_error(metrics.get("pixels")),
        "baseline": _is_error(metrics.get("baseline")),
        "weak_spots": _are_spots(metrics.get("weak_spots")),
    }
    return {key: value for key, value in metrics.items() if doubted.get(key, True)}


def _is_error(value: object) -> bool:
    return is_number(value) and value >= 0


def _are_spots(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_spot, value))


def _is_spot(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {f.name for f in fields(WeakSpot)}:
        return False
    pose = value["kind"] == "pose"
    return (
        value["kind"] in KINDS_OF_SPOTS
        and isinstance(value["name"], str)
        and _is_error(value["error"])
        and _is_error(value["rest"])
        and is_count(value["faces"])
        and (value["trained"] is None or is_count(value["trained"]))
        and (not pose or value["name"] in POSES)
    )


def _is_training(metrics: Mapping[str, Any]) -> bool:
    stages, settings = metrics.get("stages"), metrics.get("settings")
    return (
        is_count(metrics.get("trained_faces"))
        and isinstance(settings, dict)
        and _are_settings(settings)
        and isinstance(stages, list)
        and all(_is_stage(stage) for stage in stages)
    )


def _are_settings(values: dict[str, Any]) -> bool:
    try:
        TrainingConfig(**with_tuples(values))
    except (FaceloopError, TypeError):  # TypeError: there is no such setting
        return False
    return True


def _is_stage(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"what", "seconds", "marks"}:
        return False
    marks, seconds = value["marks"], value["seconds"]
    return (
        isinstance(value["what"], str)
        and is_number(seconds)
        and seconds >= 0
        and isinstance(marks, list)
        and all(isinstance(m, list) and len(m) == 2 and all(map(is_number, m)) for m in marks)
    )


def _is_comparison(value: object, points: int) -> bool:
    if not isinstance(value, dict):
        return False
    return (
        value.keys() - {"kind"} == {"new", "old", "old_name", "people", "use", "because"}
        and value.get("kind", "person") in KINDS
        and all(value[m] is None or _is_measured(value[m], points) for m in ("new", "old"))
        and isinstance(value["old_name"], str)
        and is_count(value["people"])
        and isinstance(value["use"], bool)
        and isinstance(value["because"], str)
    )


def _is_measured(value: object, points: int) -> bool:
    if not isinstance(value, dict) or value.keys() != {"errors", "points", "figures"}:
        return False
    errors, by_point, figures = value["errors"], value["points"], value["figures"]
    return (
        isinstance(errors, list)
        and all(error is None or (is_number(error) and error >= 0) for error in errors)
        and isinstance(by_point, list)
        and len(by_point) == points
        and all(error is None or is_number(error) for error in by_point)
        and isinstance(figures, dict)
        and all(v is None or isinstance(v, str) or is_number(v) for v in figures.values())
        and is_count(figures.get("failures", 0))
        and not any(isinstance(figures.get(k), str) for k in ("nme_mean", "nme_median", "auc_08"))
    )
