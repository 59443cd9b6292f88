"""Where a model errs most: a part of the face, heads that are turned one way, a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from faceloop_runtime.pdm3d.head_pose import NOISE
from faceloop_runtime.pdm3d.pose import poses_of
from faceloop_runtime.pdm3d.rotation import turns_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from faceloop_runtime import FaceModel
    from faceloop_trainer.data.faces import TrainingFace

    from .result import Evaluation

Kind = Literal["points", "pose", "subject"]
KINDS: tuple[Kind, ...] = ("points", "pose", "subject")

POSES = {
    "turned to the left": (0, -1, 20.0),
    "turned to the right": (0, 1, 20.0),
    "looking up": (1, -1, 15.0),
    "looking down": (1, 1, 15.0),
}
"""Name of a way to turn: which angle (0 yaw, 1 pitch), its sign, and from how many degrees on.

Left and right are the picture's."""
_WORSE = 1.25
"""What is worse by this factor than the rest is worth a sentence."""
_LEAST_FACES = 3
_KNOWN_POINTS = 6
"""A pose has as many parameters; a face with fewer known points has none."""


@dataclass(frozen=True)
class WeakSpot:
    """Something on which a model errs more than on the rest.

    Parameters
    ----------
    kind : {"points", "pose", "subject"}
        A group of points, a way in which heads are turned, or whom faces show.
    name : str
        The group's, a key of `POSES`, or the subject's.
    error : float
        Mean error there, in units of IOD.
    rest : float
        Mean error elsewhere.
    faces : int
        On how many held-out faces it was measured.
    trained : int or None
        Faces that the model was trained on and that are turned so; None of the other kinds.
    """

    kind: Kind
    name: str
    error: float
    rest: float
    faces: int
    trained: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Values for JSON; `WeakSpot(**values)` is the way back."""
        return asdict(self)


def weak_spots(
    model: FaceModel,
    evaluation: Evaluation,
    held_out: Sequence[TrainingFace],
    trained: Sequence[TrainingFace],
) -> list[WeakSpot]:
    """Find where a model errs most, on the faces it was measured on: a part, and a pose.

    Whom it errs most on is told by `weak_subject`: no file of a model's may hold a name.

    Parameters
    ----------
    model : FaceModel
        Its shapes in space tell how heads are turned; without them poses are not looked at.
    evaluation : Evaluation
        Its errors.
    held_out : sequence of TrainingFace
        The faces of ``evaluation``, in its order.
    trained : sequence of TrainingFace
        What it was trained on.
    """
    found = [_group(evaluation), _pose(model, evaluation, held_out, trained)]
    return [spot for spot in found if spot is not None]


def weak_subject(errors: Sequence[float], subjects: Sequence[str]) -> WeakSpot | None:
    """Find the subject whose faces a model errs on most; None if it errs alike on all.

    Parameters
    ----------
    errors : sequence of float
        Of each face that was measured; infinite where it was not found.
    subjects : sequence of str
        Whom each face shows.
    """
    names = np.array(subjects)
    many = [name for name, count in Counter(subjects).items() if count >= _LEAST_FACES]
    which = {name: names == name for name in many}
    return _worst("subject", _faces_and_rest(np.asarray(errors, float), which))


def turns(model: FaceModel, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return yaw and pitch in degrees, (F, 2), of faces with points (F, N, 2).

    NaN where points are, where too few of a face are known, and without shapes in space.
    """
    found = np.full((len(points), 2), np.nan)
    known = (~np.isnan(points).any(axis=2)).sum(axis=1) >= _KNOWN_POINTS
    if model.shape3d is not None and known.any():
        poses, correction = poses_of(model.shape3d, points[known], NOISE**2), model.pose_correction
        rotation = poses.rotation if correction is None else correction(poses.rotation, poses.z)
        found[known] = turns_of(rotation)[:, :2]
    return found


def is_turned(angles: NDArray[np.float64], name: str) -> NDArray[np.bool_]:
    """Tell which of the faces with yaw and pitch (F, 2) are turned as a key of `POSES` says."""
    axis, sign, least = POSES[name]
    return np.asarray(sign * angles[:, axis] > least)


def _group(evaluation: Evaluation) -> WeakSpot | None:
    errors, scheme = evaluation.point_errors, evaluation.scheme
    groups = {
        name: np.isin(np.arange(len(scheme)), list(members))
        for name, members in scheme.groups.items()
    }
    split = ((name, errors[:, there], errors[:, ~there]) for name, there in groups.items())
    return _worst("points", ((name, a, b, len(errors)) for name, a, b in split))


def _pose(
    model: FaceModel,
    evaluation: Evaluation,
    held_out: Sequence[TrainingFace],
    trained: Sequence[TrainingFace],
) -> WeakSpot | None:
    angles = turns(model, np.array([face.points for face in held_out]))
    which = {name: is_turned(angles, name) for name in POSES}
    spot = _worst("pose", _faces_and_rest(evaluation.errors, which))
    if spot is None or not trained:
        return spot
    learned = turns(model, np.array([face.points for face in trained]))
    count = int(is_turned(learned, spot.name).sum())
    return WeakSpot(spot.kind, spot.name, spot.error, spot.rest, spot.faces, count)


_Part = tuple[str, "NDArray[np.float64]", "NDArray[np.float64]", int]


def _faces_and_rest(
    errors: NDArray[np.float64], which: dict[str, NDArray[np.bool_]]
) -> Iterator[_Part]:
    found = np.isfinite(errors)
    for name, there in which.items():
        a, b = errors[there & found], errors[~there & found]
        if len(a) >= _LEAST_FACES and len(b) >= _LEAST_FACES:
            yield name, a, b, int(there.sum())


def _worst(kind: Kind, parts: Iterator[_Part]) -> WeakSpot | None:
    """Return the part whose mean error is the greatest, if it is so by a good deal."""
    known = [
        WeakSpot(kind, name, float(np.nanmean(a)), float(np.nanmean(b)), faces)
        for name, a, b, faces in parts
        if np.isfinite(a).any() and np.isfinite(b).any()
    ]
    worse = [spot for spot in known if spot.error >= _WORSE * spot.rest]
    return max(worse, key=lambda spot: spot.error, default=None)
