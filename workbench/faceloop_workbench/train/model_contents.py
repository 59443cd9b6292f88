"""What there is to see in a face model, as arrays and tables. Without Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from faceloop_datasets.subjects import plural
from faceloop_runtime.imaging.channels import CHANNELS
from faceloop_runtime.pdm3d import rotations
from faceloop_trainer.config import with_current_names
from faceloop_workbench.services.regularising import factors_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from faceloop_datasets import Scheme
    from faceloop_runtime import FaceModel
    from faceloop_runtime.pdm import PointDistributionModel
    from faceloop_runtime.pdm3d import ShapeModel3D
    from faceloop_runtime.responses.experts import PatchExperts

    from .model_list import ListedModel

    Points = NDArray[np.float64]
    Picture = NDArray[np.uint8]

_POSITIVE = np.array([224.0, 119.0, 28.0])
_NEGATIVE = np.array([59.0, 143.0, 214.0])
_NOTHING = np.array([38.0, 38.0, 40.0])
_MAP_NAMES = {
    "raw": ("raw",),
    "gradient": tuple(f"gradient {angle}°" for angle in range(0, 360, 60)),
    "lbp": ("lbp right", "lbp below", "lbp left", "lbp above"),
}
_NONE = "-"


def explained_variance(pdm: PointDistributionModel) -> NDArray[np.float64]:
    """Share of the kept variance that each component explains, shape (K,)."""
    shares: NDArray[np.float64] = pdm.variances / pdm.variances.sum()
    return shares


def shape_at(pdm: PointDistributionModel, sigmas: NDArray[np.float64]) -> Points:
    """Return the shape so many standard deviations along each component (K,), (N, 2)."""
    return pdm.shape(sigmas * np.sqrt(pdm.variances))


def space_shape_at(
    shape: ShapeModel3D, sigmas: NDArray[np.float64], yaw: float, pitch: float
) -> Points:
    """Return how a shape in space looks when it is turned.

    Parameters
    ----------
    shape : ShapeModel3D
        The model.
    sigmas : ndarray, shape (K,)
        Standard deviations along each mode.
    yaw, pitch : float
        In degrees.

    Returns
    -------
    ndarray, shape (N, 2)
    """
    turn = rotations(np.array([yaw, pitch, 0.0]))
    seen: Points = shape.shape(sigmas) @ turn[:2].T
    return seen


def channel_names(model: FaceModel) -> list[str]:
    """Name every channel map that the experts look at."""
    names = [name for family in model.channels for name in _MAP_NAMES[family]]
    assert len(names) == sum(CHANNELS[f] for f in model.channels)  # noqa: S101 - our own table
    return names


def point_weights(experts: PatchExperts) -> NDArray[np.float64]:
    """Return how much each landmark's own response counts, (N,), 0 for not at all.

    The calibrated gain of its response, times its reliability against the shape.
    """
    weights: NDArray[np.float64] = (experts.gain * experts.reliability).astype(np.float64)
    return weights


def gain_text(experts: PatchExperts, scheme: Scheme) -> str:
    """Say whose responses count most and least, and which landmarks have none."""
    weights = point_weights(experts)
    best, worst = int(weights.argmax()), int(weights.argmin())
    said = (
        "How much the response of each point counts: a blurred one counts less against "
        f"the shape. Most at {scheme.names[best]}, least at {scheme.names[worst]}."
    )
    none = [scheme.names[k] for k in np.flatnonzero(experts.reliability == 0)]
    if none:
        said += f" Never seen in training, so that only the shape places them: {', '.join(none)}."
    return said


def patch_pictures(experts: PatchExperts, landmark: int) -> list[Picture]:
    """Draw the filters of a landmark, one picture (P, P, 3) a channel, all on one scale.

    Orange is where the channel speaks for the landmark, blue where against it.
    """
    weights = experts.weights[landmark]
    return [coloured(w, _strongest(weights)) for w in weights]


def mosaic(
    model: FaceModel, experts: PatchExperts, channel: int, size: int
) -> tuple[Picture, NDArray[np.intp]]:
    """Draw the filters of all landmarks at their places in the mean face.

    Parameters
    ----------
    model : FaceModel
        Gives the mean shape.
    experts : PatchExperts
        One scale of it.
    channel : int
        The channel map.
    size : int
        Width and height of the picture.

    Returns
    -------
    picture : ndarray of uint8, shape (size, size, 3)
    centres : ndarray of int, shape (N, 2)
        Where each filter's centre is, ``(x, y)``.
    """
    half = experts.patch // 2
    low, high = model.pdm.mean.min(axis=0), model.pdm.mean.max(axis=0)
    zoom = (size - 2 * half - 3) / (high - low).max()
    centres = np.rint((model.pdm.mean - (low + high) / 2) * zoom + size / 2).astype(np.intp)
    picture = np.broadcast_to(_NOTHING.astype(np.uint8), (size, size, 3)).copy()
    most = _strongest(experts.weights[:, channel])
    for (x, y), filter_ in zip(centres, experts.weights[:, channel], strict=True):
        place = np.s_[y - half : y + half + 1, x - half : x + half + 1]
        picture[place] = coloured(filter_, most)
    return picture, centres


def coloured(values: NDArray[np.float32], most: float) -> Picture:
    """Draw values (H, W) from ``-most`` (blue) over 0 (dark) to ``most`` (orange), (H, W, 3)."""
    strength = np.clip(np.abs(values) / most, 0.0, 1.0)[..., None] ** 0.7
    end = np.where(values[..., None] > 0, _POSITIVE, _NEGATIVE)
    return np.asarray(np.rint(_NOTHING + strength * (end - _NOTHING)), dtype=np.uint8)


def _strongest(weights: NDArray[np.float32]) -> float:
    """Return the value drawn in full colour; a few outliers may be stronger."""
    return max(float(np.percentile(np.abs(weights), 99.5)), 1e-12)


@dataclass(frozen=True)
class Difference:
    """One thing that differs between two models, in words."""

    what: str
    old: str
    new: str


def differences(new: FaceModel, old: FaceModel) -> list[Difference]:
    """Tell what two models were made of, where that differs; settings, data and versions."""
    ours, theirs = _facts(new), _facts(old)
    names = [*ours, *(name for name in theirs if name not in ours)]
    return [
        Difference(name, theirs.get(name, _NONE), ours.get(name, _NONE))
        for name in names
        if ours.get(name) != theirs.get(name)
    ]


def mean_shape_distance(new: FaceModel, old: FaceModel) -> NDArray[np.float64]:
    """Distance between the two mean shapes at each point, in IOD, (N,)."""
    shift: NDArray[np.float64] = np.linalg.norm(new.pdm.mean - old.pdm.mean, axis=1)
    return shift


def mean_shape_text(shift: NDArray[np.float64], scheme: Scheme) -> str:
    """Say how far apart two mean shapes are."""
    most = int(shift.argmax())
    return (
        f"The mean shapes differ by {shift.mean():.4f} IOD on average, most at "
        f"{scheme.names[most]} ({shift[most]:.4f})."
    )


@dataclass(frozen=True, eq=False)
class PointErrors:
    """Errors of two models at each point, shape (N,), and whether on the same faces."""

    new: NDArray[np.float64]
    old: NDArray[np.float64]
    same_faces: bool


def point_errors(new: ListedModel, old: ListedModel) -> PointErrors | None:
    """Return what is known of the errors of two models at each point; None if one has none."""
    ours, theirs = new.comparison, old.comparison
    if ours is None or ours.new is None:
        return None
    if ours.old is not None and ours.old_name == old.name:
        return PointErrors(ours.new.points, ours.old.points, same_faces=True)
    if theirs is None or theirs.new is None:
        return None
    return PointErrors(ours.new.points, theirs.new.points, same_faces=False)


def _facts(model: FaceModel) -> dict[str, str]:
    made: Mapping[str, Any] = model.provenance
    about = model.summary()
    facts = {
        "faces": made.get("faces"),
        plural(str(made.get("subject_kind", "person"))): made.get("subjects"),
        "data": str(made.get("snapshot", _NONE))[:8],
        "components": len(model.pdm.variances),
        "regularisation": factors_text(model),
        "patch width": model.experts[0].patch,
        "parameters": about["parameters"],
        "start map": about["start_map"],
        "usual error of the start": _rounded(about["start_error"]),
        "templates of its own detector": about["own_detector"],
        "modes in space": about["shape3d"],
        "expressions": about["expressions"] or None,
        "expressions named rightly": _rounded(about["expression_accuracy"]),
    }
    facts |= {f"setting: {k}": v for k, v in with_current_names(made.get("config", {})).items()}
    facts |= {f"version: {k}": v for k, v in made.get("versions", {}).items()}
    return {name: _text(value) for name, value in facts.items()}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 3)


def _text(value: object) -> str:
    if value is None:
        return _NONE
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
